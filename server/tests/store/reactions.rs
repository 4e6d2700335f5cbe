//! Reactions: who may, how many, and what is left of them.

use parlour_core::{
    model::{Role, UserId},
    status::Status,
};
use parlour_server::store::{
    Change, EventLog as _, MESSAGE_EMOJI, OWN_EMOJI, Outcome, PageStart, Reaction, Retention, Target,
};
use rusqlite::Connection;

use crate::{
    people::{LILI, People, TIM, member},
    world::{ALL, NOW, OTHER, TOM, World, entry, new, propose},
};

/// The first message of the room.
fn message() -> Target {
    Target { ord: 1, id: crate::world::id(1) }
}

fn react(emoji: &str) -> Change {
    Change::React { room: OTHER, target: message(), emoji: emoji.into(), remove: false }
}

fn remove(emoji: &str) -> Change {
    Change::React { room: OTHER, target: message(), emoji: emoji.into(), remove: true }
}

/// The reactions to the first message of the room: emoji and count.
fn reactions(world: &mut World) -> Vec<(String, u32)> {
    let page = world.read.page(OTHER, PageStart::End, ALL).unwrap();
    let reactions = page.messages[0].reactions.clone().into_iter();
    reactions.map(|Reaction { emoji, count, .. }| (emoji, count)).collect()
}

fn counted(expected: &[(&str, u32)]) -> Vec<(String, u32)> {
    expected.iter().map(|(emoji, count)| ((*emoji).to_owned(), *count)).collect()
}

/// The n-th of many emoji.
fn emoji(n: u32) -> String {
    char::from_u32(0x1F400 + n).unwrap().to_string()
}

#[test]
fn reactions_are_a_set_for_each_account() {
    let mut world = World::new();
    new(&world.append(&[entry(1, OTHER, "one"), entry(2, OTHER, "two")])[0]);
    let first = propose(3, TOM, react("👍"));
    let place = new(&world.append(std::slice::from_ref(&first))[0]);
    assert_eq!((place.seq, place.ord), (3, 0));
    new(&world.append(&[propose(4, TOM, react("🎉"))])[0]);
    assert_eq!(reactions(&mut world), counted(&[("👍", 1), ("🎉", 1)]));
    // A reaction is recognised when it is sent again, and one that changes nothing is no event.
    let again = world.append(&[first, propose(5, TOM, react("👍")), propose(6, TOM, remove("❤️"))]);
    assert!(again.iter().all(|outcome| matches!(outcome, Outcome::Known(_))), "{again:?}");
    let outcome = world.append(&[propose(7, TOM, remove("👍"))]).remove(0);
    let Outcome::MessageChanged { message, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((message.reacted, message.content), (vec!["🎉".to_owned()], "one".into()));
    assert_eq!(reactions(&mut world), counted(&[("🎉", 1)]));
    // What comes back is the last one.
    new(&world.append(&[propose(8, TOM, react("👍"))])[0]);
    assert_eq!(reactions(&mut world), counted(&[("🎉", 1), ("👍", 1)]));
    let own = world.read.own_reactions(OTHER, TOM, (1, 2)).unwrap();
    assert_eq!(own, [(1, "🎉".to_owned()), (1, "👍".to_owned())]);
    assert_eq!(world.read.own_reactions(OTHER, TOM, (2, 9)).unwrap(), []);
    let events = world.read.events(OTHER, 3, 10).unwrap().events;
    let messages = events.iter().map(|event| event.message.as_ref().unwrap());
    assert!(messages.into_iter().all(|message| message.reactions.len() == 2), "{events:?}");
    assert_eq!(world.differences().unwrap(), [""; 0]);
}

#[test]
fn who_has_reacted_is_listed_in_their_order() {
    let mut people = People::new();
    people.accept(TIM, member(OTHER, TIM, Role::Member));
    people.refuse(LILI, react("👍"), Status::NotAMember);
    people.accept(TOM, crate::people::message(OTHER));
    let page = people.world.read.page(OTHER, PageStart::End, ALL).unwrap();
    let target = Target { ord: 1, id: page.messages[0].id };
    let react = |emoji: &str| Change::React { room: OTHER, target, emoji: emoji.into(), remove: false };
    people.accept(TIM, react("👍"));
    people.accept(TOM, react("👍"));
    people.accept(TOM, react("🎉"));
    let mut list = |emoji: &str, count| {
        let page = people.world.read.reactions(OTHER, target, emoji, count).unwrap();
        (page.people.into_iter().map(|account| account.user).collect::<Vec<UserId>>(), page.total)
    };
    assert_eq!(list("👍", 10), (vec![TIM, TOM], 2));
    assert_eq!(list("👍", 1), (vec![TIM], 2));
    assert_eq!(list("🎉", 10), (vec![TOM], 1));
    assert_eq!(list("❤️", 10), (vec![], 0));
    let other = Target { ord: 2, ..target };
    let of_other = Change::React { room: OTHER, target: other, emoji: "👍".into(), remove: false };
    people.refuse(TIM, of_other, Status::NoSuchMessage);
    people.accept(TOM, Change::Archive { room: OTHER, archived: true });
    people.refuse(TIM, react("🎉"), Status::RoomArchived);
}

#[test]
fn reactions_have_limits() {
    let mut world = World::new();
    new(&world.append(&[entry(1, OTHER, "one")])[0]);
    let all: Vec<_> = (0..=OWN_EMOJI).map(|n| propose(10 + n, TOM, react(&emoji(n)))).collect();
    let outcomes = world.append(&all);
    let (last, accepted) = outcomes.split_last().unwrap();
    assert!(accepted.iter().all(|outcome| matches!(outcome, Outcome::MessageChanged { .. })), "{accepted:?}");
    assert_eq!(*last, Outcome::Refused(Status::TooManyReactions));
    // Another one is possible when one is removed.
    world.append(&[propose(50, TOM, remove(&emoji(0)))]);
    new(&world.append(&[propose(51, TOM, react(&emoji(OWN_EMOJI)))])[0]);
    assert_eq!(reactions(&mut world).len(), OWN_EMOJI as usize);
    let text = world.append(&[propose(52, TOM, react("no emoji"))]);
    assert_eq!(text, [Outcome::Refused(Status::BadParameters)]);
    // Many accounts: only emoji that are there already.
    let database = Connection::open(world.log.path()).unwrap();
    for n in OWN_EMOJI..MESSAGE_EMOJI {
        database
            .execute(
                "INSERT INTO reaction_count SELECT message, ?1, ?2, 1 FROM reaction_count LIMIT 1",
                rusqlite::params![emoji(100 + n), n],
            )
            .unwrap();
    }
    world.append(&[propose(53, TOM, remove(&emoji(1))), propose(54, TOM, remove(&emoji(2)))]);
    database
        .execute("INSERT INTO reaction_count SELECT message, 'a', 0, 1 FROM reaction_count LIMIT 1", [])
        .unwrap();
    database
        .execute("INSERT INTO reaction_count SELECT message, 'b', 0, 1 FROM reaction_count LIMIT 1", [])
        .unwrap();
    let full = world.append(&[propose(55, TOM, react("❤️")), propose(56, TOM, react(&emoji(130)))]);
    assert_eq!(full[0], Outcome::Refused(Status::TooManyReactions));
    assert!(matches!(full[1], Outcome::MessageChanged { .. }), "{full:?}");
}

#[test]
fn nothing_is_left_of_the_reactions_to_an_erased_message() {
    for is_deleted_by_age in [false, true] {
        let mut world = World::new();
        world.append(&[entry(1, OTHER, "one"), entry(2, OTHER, "two")]);
        let changes =
            [propose(3, TOM, react("👍")), propose(4, TOM, remove("👍")), propose(5, TOM, react("🎉"))];
        world.append(&changes);
        if is_deleted_by_age {
            let retention = Retention { messages: Some(1), ..Retention::default() };
            while world.log.apply_retention(&retention, NOW).unwrap() {}
        } else {
            world.append(&[propose(6, TOM, Change::Redact { room: OTHER, target: message() })]);
            assert_eq!(reactions(&mut world), []);
            let late = world.append(&[propose(7, TOM, react("👍"))]);
            assert_eq!(late, [Outcome::Refused(Status::NoSuchMessage)]);
            // A client that was away gets the message without them.
            let events = world.read.events(OTHER, 2, 10).unwrap().events;
            assert!(events.iter().all(|event| event.message.as_ref().unwrap().reactions.is_empty()));
        }
        let database = Connection::open(world.log.path()).unwrap();
        for table in ["reaction", "reaction_count", "body WHERE reacted"] {
            let count = format!("SELECT count(*) FROM {table}");
            assert_eq!(database.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "{table}");
        }
        let again = world.append(&changes);
        assert!(again.iter().all(|outcome| matches!(outcome, Outcome::Known(_))), "{again:?}");
        assert_eq!(world.differences().unwrap(), [""; 0]);
    }
}

#[test]
fn damaged_reactions_are_found_and_rebuilt() {
    for damage in [
        "DELETE FROM reaction",
        "DELETE FROM reaction_count",
        "UPDATE body SET reacted = 0",
        "UPDATE reaction_count SET count = 2",
        "UPDATE reaction SET emoji = '🎉'",
        "INSERT INTO reaction SELECT message, account, '🎉', place - 1 FROM reaction",
    ] {
        let mut world = World::new();
        world.append(&[entry(1, OTHER, "one"), propose(2, TOM, react("🎉")), propose(3, TOM, remove("🎉"))]);
        world.append(&[propose(4, TOM, react("👍"))]);
        assert_eq!(world.differences().unwrap(), [""; 0]);
        Connection::open(world.log.path()).unwrap().execute_batch(damage).unwrap();
        assert_ne!(world.differences().unwrap(), [""; 0], "{damage}");
        world.log.rebuild().unwrap();
        assert_eq!(world.differences().unwrap(), [""; 0], "{damage}");
        assert_eq!(reactions(&mut world), counted(&[("👍", 1)]), "{damage}");
    }
}
