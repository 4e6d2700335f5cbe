//! Every kind of proposal, and the reasons to refuse it.

use parlour_core::{
    model::{Role, RoomId, RoomKind, UserId},
    status::Status,
};
use parlour_server::store::{Account, Change, Outcome, PageStart, RoomLimits, direct_room, sqlite::Options};

use crate::{
    people::{LILI, NOBODY, People, TIM, account, create, direct, id, member, message, nick},
    world::{ALL, FAST, NOW, OTHER, TOM, World, new, propose},
};

const LOBBY: RoomId = RoomId::LOBBY;

#[test]
fn nick_is_held_by_one_account() {
    let mut people = People::new();
    let other = UserId([4; 16]);
    people.refuse(other, account("TOM", None), Status::NickTaken);
    people.refuse(other, account("t0m", None), Status::NickConfusable);
    people.refuse(other, account("", None), Status::BadParameters);
    people.refuse(TOM, account("ann", None), Status::BadParameters);
    people.accept(other, account("ann", None));
    people.refuse(other, nick("tim", None), Status::NickTaken);
    // The spelling of the own one may change, and a freed nick may be taken.
    people.accept(TOM, nick("Tom", None));
    people.unchanged(TOM, nick("Tom", None));
    people.accept(TOM, nick("bob", None));
    people.accept(other, nick("t0m", None));
    people.refuse(TOM, nick("tom", None), Status::NickConfusable);
    assert_eq!((&*people.account(TOM).nick, &*people.account(other).nick), ("bob", "t0m"));
    people.refuse(NOBODY, nick("max", None), Status::NoSuchAccount);
}

#[test]
fn nick_is_taken_from_the_named_account_only() {
    let mut people = People::new();
    let other = UserId([4; 16]);
    people.refuse(other, account("tom", Some(TIM)), Status::NickTaken);
    people.refuse(other, account("tom", Some(NOBODY)), Status::NickTaken);
    people.accept(other, account("tom", Some(TOM)));
    // It shows the nick still, but does not hold it.
    let tom = Account { user: TOM, nick: "tom".into(), holds_nick: false };
    assert_eq!(people.account(TOM), tom);
    assert_eq!(people.world.read.holders("tom").unwrap(), [people.account(other)]);
    people.refuse(TOM, nick("tom", None), Status::NickTaken);
    // One that looks like it is taken in the same way. Others keep theirs.
    people.accept(LILI, nick("ti\u{307}m", Some(TIM)));
    assert!(!people.account(TIM).holds_nick);
    people.accept(TIM, nick("max", Some(LILI)));
    assert!(people.account(LILI).holds_nick);
    // It takes back what is free again.
    people.accept(other, nick("ann", None));
    people.accept(TOM, nick("tom", None));
    assert!(people.account(TOM).holds_nick);
}

#[test]
fn resent_creation_of_an_account_is_known() {
    let mut people = People::new();
    let creation = propose(500, UserId([4; 16]), account("ann", None));
    let place = new(&people.world.append(std::slice::from_ref(&creation))[0]);
    assert_eq!(people.world.append(std::slice::from_ref(&creation)), [Outcome::Known(place)]);
    let other = propose(500, UserId([4; 16]), account("max", None));
    assert_eq!(people.world.append(&[other]), [Outcome::Refused(Status::MessageIdReused)]);
}

#[test]
fn resent_creation_of_a_room_invites_the_same_people() {
    let mut people = People::new();
    let creation = |people: &[UserId]| propose(500, TOM, create(1, RoomKind::Private, "plans", people));
    let place = new(&people.world.append(&[creation(&[TIM, LILI])])[0]);
    // The creator and repetitions do not count, nor does the order.
    assert_eq!(people.world.append(&[creation(&[LILI, TIM, TOM, LILI])]), [Outcome::Known(place)]);
    for other in [&[TIM][..], &[TIM, LILI, NOBODY], &[]] {
        let refused = [Outcome::Refused(Status::MessageIdReused)];
        assert_eq!(people.world.append(&[creation(other)]), refused, "{other:?}");
    }
    assert_eq!(people.role(LILI, id(1)), Role::Invited);
}

#[test]
fn names_of_public_rooms_are_unique() {
    let mut people = People::new();
    people.refuse(TIM, create(1, RoomKind::Public, "OTHER", &[]), Status::RoomNameTaken);
    people.refuse(TIM, create(1, RoomKind::Public, "0ther", &[]), Status::RoomNameConfusable);
    people.refuse(TIM, create(1, RoomKind::Public, "", &[]), Status::BadParameters);
    people.refuse(TIM, create(1, RoomKind::Public, &"x".repeat(65), &[]), Status::BadParameters);
    people.refuse(TIM, create(1, RoomKind::Lobby, "x", &[]), Status::BadParameters);
    people.refuse(TIM, create(9, RoomKind::Public, "x", &[]), Status::BadParameters);
    people.refuse(TIM, create(0, RoomKind::Public, "x", &[]), Status::BadParameters);
    people.refuse(TIM, create(1, RoomKind::Private, "x", &[NOBODY]), Status::NoSuchAccount);
    // A PRIVATE room may have any name, and so may a nick.
    people.accept(TIM, create(1, RoomKind::Private, "other", &[]));
    people.accept(TIM, nick("other", None));
    people.accept(TIM, create(2, RoomKind::Public, "tom", &[]));
    people.refuse(TIM, Change::RenameRoom { room: id(2), name: "other".into() }, Status::RoomNameTaken);
    people.accept(TOM, Change::RenameRoom { room: OTHER, name: "0ther".into() });
    people.refuse(TIM, create(3, RoomKind::Public, "other", &[]), Status::RoomNameConfusable);
    people.accept(TOM, Change::RenameRoom { room: OTHER, name: "new".into() });
    people.accept(TIM, create(3, RoomKind::Public, "other", &[]));
    people.unchanged(TOM, Change::RenameRoom { room: OTHER, name: "new".into() });
    assert_eq!(people.room(OTHER).name, "new");
}

#[test]
fn creator_owns_a_room_and_others_are_invited() {
    let mut people = People::new();
    people.accept(TIM, create(1, RoomKind::Private, "plans", &[TOM, TIM, TOM]));
    let (tom, tim) = (people.row(TOM, id(1)), people.row(TIM, id(1)));
    assert_eq!((tom.role, tim.role), (Role::Invited, Role::Owner));
    // Tom has the room "other" since before.
    assert_eq!((tom.handle, tim.handle, people.row(TOM, LOBBY).handle), (2, 1, 0));
    assert_eq!(people.room(id(1)).members, 1);
    people.refuse(TOM, message(id(1)), Status::NotAMember);
    people.refuse(LILI, member(id(1), LILI, Role::Member), Status::NoSuchRoom);
    people.refuse(LILI, member(id(1), NOBODY, Role::Member), Status::NoSuchRoom);
    people.accept(TOM, member(id(1), TOM, Role::Member));
    people.accept(TOM, message(id(1)));
    assert_eq!(people.room(id(1)).members, 2);
}

#[test]
fn same_people_have_one_direct_room() {
    let mut people = People::new();
    let place = people.accept(TOM, direct(TOM, &[TIM]));
    let room = direct_room(&[TOM, TIM]);
    assert_eq!((people.role(TOM, room), people.role(TIM, room)), (Role::Member, Role::Member));
    let again = people.propose(TIM, direct(TIM, &[TOM]));
    assert!(matches!(again, Outcome::Known(known) if known.seq == place.seq), "{again:?}");
    people.accept(TIM, direct(TIM, &[TOM, LILI]));
    people.accept(TIM, message(room));
    people.refuse(LILI, message(room), Status::NoSuchRoom);
    // Nobody comes or goes, and it has no name.
    people.refuse(TOM, member(room, LILI, Role::Invited), Status::NotAllowed);
    people.refuse(TOM, member(room, TOM, Role::None), Status::NotAllowed);
    people.refuse(TOM, Change::RenameRoom { room, name: "x".into() }, Status::NotAllowed);
    // The id is that of the people, of whom there are at least two and at most eight.
    people.refuse(TOM, create(7, RoomKind::Direct, "", &[LILI]), Status::BadParameters);
    people.refuse(TOM, direct(TOM, &[TOM]), Status::BadParameters);
    let crowd: Vec<_> = (10..18).map(|n| UserId([n; 16])).collect();
    people.refuse(TOM, direct(TOM, &crowd), Status::BadParameters);
    people.refuse(TOM, direct(TOM, &[NOBODY]), Status::NoSuchAccount);
}

#[test]
fn members_join_and_leave_a_public_room() {
    let mut people = People::new();
    people.refuse(TIM, message(OTHER), Status::NotAMember);
    people.refuse(TIM, message(id(77)), Status::NoSuchRoom);
    people.refuse(NOBODY, message(OTHER), Status::NoSuchAccount);
    people.accept(TIM, member(OTHER, TIM, Role::Member));
    people.unchanged(TIM, member(OTHER, TIM, Role::Member));
    people.accept(TIM, message(OTHER));
    people.accept(TIM, member(OTHER, LILI, Role::Invited));
    people.unchanged(TIM, member(OTHER, LILI, Role::Invited));
    people.accept(LILI, member(OTHER, LILI, Role::None));
    people.refuse(LILI, member(OTHER, LILI, Role::None), Status::NotAMember);
    let handle = people.row(TIM, OTHER).handle;
    people.accept(TIM, member(OTHER, TIM, Role::None));
    people.refuse(TIM, message(OTHER), Status::NotAMember);
    // The number of a room in an account's list never changes, and is not used again.
    people.accept(TIM, create(1, RoomKind::Public, "mine", &[]));
    assert_eq!(people.row(TIM, id(1)).handle, handle + 1);
    people.accept(TIM, member(OTHER, TIM, Role::Member));
    assert_eq!(people.row(TIM, OTHER).handle, handle);
    assert_eq!(people.room(OTHER).members, 2);
    // Everybody is in the lobby, always.
    people.unchanged(TIM, member(LOBBY, TIM, Role::Member));
    people.refuse(TIM, member(LOBBY, TIM, Role::None), Status::NotAllowed);
    people.refuse(TIM, member(LOBBY, LILI, Role::Moderator), Status::NotAllowed);
    people.refuse(TIM, Change::SetTopic { room: LOBBY, topic: "x".into() }, Status::NotAllowed);
}

#[test]
fn roles_are_given_by_owners_and_members_removed_by_moderators() {
    let mut people = People::new();
    for user in [TIM, LILI] {
        people.accept(user, member(OTHER, user, Role::Member));
    }
    people.refuse(TIM, member(OTHER, LILI, Role::None), Status::NotAllowed);
    people.refuse(TIM, member(OTHER, TIM, Role::Owner), Status::NotAllowed);
    people.accept(TOM, member(OTHER, TIM, Role::Moderator));
    people.refuse(TIM, member(OTHER, TOM, Role::None), Status::NotAllowed);
    people.refuse(TIM, member(OTHER, LILI, Role::Moderator), Status::NotAllowed);
    people.accept(TIM, member(OTHER, LILI, Role::None));
    people.refuse(TOM, member(OTHER, LILI, Role::Moderator), Status::NotAMember);
    people.refuse(TOM, member(OTHER, NOBODY, Role::Invited), Status::NoSuchAccount);
    people.refuse(TOM, member(OTHER, TOM, Role::None), Status::LastOwner);
    people.refuse(TOM, member(OTHER, TOM, Role::Moderator), Status::LastOwner);
    people.accept(TOM, member(OTHER, TIM, Role::Owner));
    people.accept(TOM, member(OTHER, TOM, Role::Member));
    assert_eq!((people.role(TOM, OTHER), people.role(TIM, OTHER)), (Role::Member, Role::Owner));
}

#[test]
fn first_member_of_an_empty_room_owns_it() {
    let mut people = People::new();
    people.refuse(TOM, member(OTHER, TOM, Role::Member), Status::LastOwner);
    people.accept(TOM, member(OTHER, TOM, Role::None));
    assert_eq!(people.room(OTHER).members, 0);
    let join = propose(900, TIM, member(OTHER, TIM, Role::Member));
    let place = new(&people.world.append(std::slice::from_ref(&join))[0]);
    assert_eq!(people.role(TIM, OTHER), Role::Owner);
    assert_eq!(people.world.append(&[join]), [Outcome::Known(place)]);
    people.accept(TOM, member(OTHER, TOM, Role::Member));
    assert_eq!(people.role(TOM, OTHER), Role::Member);
}

#[test]
fn archived_room_is_read_only() {
    let mut people = People::new();
    people.accept(TIM, member(OTHER, TIM, Role::Member));
    people.refuse(TIM, Change::Archive { room: OTHER, archived: true }, Status::NotAllowed);
    people.unchanged(TOM, Change::Archive { room: OTHER, archived: false });
    people.accept(TOM, Change::Archive { room: OTHER, archived: true });
    for change in [
        message(OTHER),
        Change::SetTopic { room: OTHER, topic: "x".into() },
        Change::RenameRoom { room: OTHER, name: "x".into() },
        member(OTHER, LILI, Role::Invited),
    ] {
        people.refuse(TOM, change, Status::RoomArchived);
    }
    people.refuse(LILI, member(OTHER, LILI, Role::Member), Status::RoomArchived);
    people.accept(TIM, member(OTHER, TIM, Role::None));
    people.accept(TOM, Change::Archive { room: OTHER, archived: false });
    people.accept(TOM, message(OTHER));
}

#[test]
fn topic_is_an_event_of_the_room() {
    let mut people = People::new();
    people.accept(TOM, Change::SetTopic { room: OTHER, topic: "plans".into() });
    people.unchanged(TOM, Change::SetTopic { room: OTHER, topic: "plans".into() });
    people.refuse(
        TOM,
        Change::SetTopic { room: OTHER, topic: "x".repeat(1025).into() },
        Status::BadParameters,
    );
    assert_eq!((&*people.room(OTHER).topic, people.events(OTHER)), ("plans", 1));
}

#[test]
fn rooms_of_an_account_are_limited() {
    let rooms = RoomLimits { rooms_per_account: 3, rooms_created: 2, ..RoomLimits::default() };
    let mut people = People::with(&Options { rooms, ..FAST });
    people.accept(TOM, create(1, RoomKind::Private, "two", &[TIM]));
    people.refuse(TOM, create(2, RoomKind::Private, "three", &[]), Status::TooManyRooms);
    // One that was left counts as created still. A direct room does not.
    people.accept(TOM, member(id(1), TIM, Role::None));
    people.accept(TOM, member(id(1), TOM, Role::None));
    people.refuse(TOM, create(2, RoomKind::Private, "three", &[]), Status::TooManyRooms);
    people.accept(TOM, direct(TOM, &[TIM]));
    people.accept(TOM, direct(TOM, &[LILI]));
    people.accept(TIM, create(3, RoomKind::Public, "three", &[]));
    people.refuse(TOM, member(id(3), TOM, Role::Member), Status::TooManyRooms);
    people.refuse(TIM, member(id(3), TOM, Role::Invited), Status::TooManyRooms);
    people.refuse(TIM, create(4, RoomKind::Private, "four", &[TOM]), Status::TooManyRooms);
    people.refuse(LILI, direct(LILI, &[TOM, TIM]), Status::TooManyRooms);
}

#[test]
fn settings_decide_who_creates_rooms() {
    let rooms = RoomLimits { creators: Role::Moderator, ..RoomLimits::default() };
    let options = Options { rooms, ..FAST };
    let mut world = World::new().reopen_with(&options);
    let create_by = |world: &mut World, n: u32, sender, kind| {
        world.append(&[propose(n, sender, create(n as u8, kind, &format!("room {n}"), &[]))]).remove(0)
    };
    let refused = Outcome::Refused(Status::NotAllowed);
    for (n, kind) in [(50, RoomKind::Public), (51, RoomKind::Private)] {
        assert_eq!(create_by(&mut world, n, TOM, kind), refused);
    }
    let database = rusqlite::Connection::open(world.log.path()).unwrap();
    let added = "INSERT INTO member (account, room, role, handle, changed)
        SELECT account.id, room.id, 3, 0, 0 FROM account, room WHERE account.user = ?1 AND room.kind = 0";
    assert_eq!(database.execute(added, [TOM.0]).unwrap(), 1);
    drop(database);
    // The projector may keep what it has read.
    let mut world = world.reopen_with(&options);
    new(&create_by(&mut world, 52, TOM, RoomKind::Public));
    new(&world.append(&[propose(60, TIM, account("tim", None))])[0]);
    assert_eq!(create_by(&mut world, 61, TIM, RoomKind::Public), refused);
}

#[test]
fn batch_is_decided_proposal_by_proposal() {
    let mut people = People::new();
    let batch = [
        propose(100, TIM, message(OTHER)),
        propose(101, TIM, member(OTHER, TIM, Role::Member)),
        propose(102, TIM, message(OTHER)),
        propose(103, TOM, member(OTHER, TIM, Role::None)),
        propose(104, TIM, message(OTHER)),
        propose(105, TOM, message(OTHER)),
    ];
    let outcomes = people.world.append(&batch);
    let refused = Outcome::Refused(Status::NotAMember);
    assert_eq!((&outcomes[0], &outcomes[4]), (&refused, &refused));
    let places = [1, 2, 3, 5].map(|at| new(&outcomes[at])).map(|place| (place.seq, place.ord));
    assert_eq!(places, [(1, 0), (2, 1), (3, 0), (4, 2)]);
    let times = people.world.read.events(OTHER, 0, 10).unwrap().events;
    assert_eq!(times.iter().map(|event| event.place.time - NOW).collect::<Vec<_>>(), [101, 102, 103, 105]);
    assert_eq!(people.world.read.page(OTHER, PageStart::End, ALL).unwrap().messages.len(), 2);
}
