//! The lists of rooms and people.

use std::slice;

use parlour_core::model::{Role, RoomId, RoomKind, UserId};
use parlour_server::store::{
    Account, BROWSED_NAMES, Change, EventLog as _, NickSource, Retention, RoomRow, RowChange, SessionRecord,
    direct_room,
};

use crate::world::{NOW, OTHER, TOM, World, new, propose};

const LOBBY: RoomId = RoomId::LOBBY;
const LILI: UserId = UserId([2; 16]);

/// Proposals with increasing ids.
struct Proposer {
    world: World,
    next: u32,
}

impl Proposer {
    /// The log of tom, with lili and so many guests, "guest 0" and so on.
    fn with_guests(guests: u32) -> Self {
        let mut proposer = Self { world: World::new(), next: 1 };
        proposer.account(LILI, "lili");
        for n in 0..guests {
            proposer.account(guest(n), &format!("guest {n}"));
        }
        proposer
    }

    #[track_caller]
    fn append(&mut self, sender: UserId, change: Change) {
        let proposal = propose(self.next, sender, change);
        self.next += 1;
        new(&self.world.append(slice::from_ref(&proposal))[0]);
    }

    fn account(&mut self, user: UserId, nick: &str) {
        self.append(user, Change::CreateAccount { nick: nick.into(), from: None });
    }

    fn room(&mut self, sender: UserId, room: RoomId, kind: RoomKind, name: &str, people: &[UserId]) {
        let change =
            Change::CreateRoom { room, kind, name: name.into(), topic: "".into(), people: people.into() };
        self.append(sender, change);
    }

    fn member(&mut self, sender: UserId, room: RoomId, account: UserId, role: Role) {
        self.append(sender, Change::ChangeMember { room, account, role });
    }

    fn message(&mut self, sender: UserId, room: RoomId) {
        self.append(sender, Change::Message { room, content: "text".into() });
    }

    fn rows(&mut self, user: UserId) -> Vec<RoomRow> {
        self.world.read.room_rows(user, 0).unwrap().rows
    }

    /// The changed rows, and the version after them.
    fn changed(&mut self, user: UserId, since: u64) -> (Vec<RoomId>, u64) {
        let rows = self.world.read.room_rows(user, since).unwrap();
        (rows.rows.into_iter().map(|row| row.room.room).collect(), rows.version)
    }

    fn members(&mut self, room: RoomId, prefix: &str, after: &str, count: usize) -> (Vec<String>, bool, u64) {
        let page = self.world.read.members(room, prefix, after, count).unwrap();
        (nicks(page.members.into_iter().map(|member| member.account)), page.more, page.total)
    }

    fn people(&mut self, user: UserId, prefix: &str, count: usize) -> Vec<String> {
        nicks(self.world.read.people(user, prefix, count).unwrap())
    }
}

fn guest(n: u32) -> UserId {
    let mut id = [0xEE; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    UserId(id)
}

fn nicks(accounts: impl IntoIterator<Item = Account>) -> Vec<String> {
    accounts.into_iter().map(|account| account.nick).collect()
}

#[test]
fn rows_of_an_account_are_its_rooms_and_the_lobby() {
    let mut test = Proposer::with_guests(0);
    let (secret, direct) = (RoomId([20; 16]), direct_room(&[TOM, LILI]));
    test.room(LILI, secret, RoomKind::Private, "secret", &[TOM]);
    test.room(TOM, direct, RoomKind::Direct, "", &[LILI]);
    test.message(LILI, direct);
    test.message(LILI, LOBBY);
    test.world.append_rows(&[
        RowChange::Cursor { account: TOM, room: LOBBY, ord: 1, version: 3 },
        RowChange::Muted { account: TOM, room: OTHER, muted: true },
    ]);
    let rows = test.rows(TOM);
    let short: Vec<_> = rows
        .iter()
        .map(|row| (row.room.room, row.room.kind, &*row.room.name, row.handle, row.role, row.muted))
        .collect();
    assert_eq!(
        short,
        [
            (LOBBY, RoomKind::Lobby, "", 0, Role::Member, false),
            (OTHER, RoomKind::Public, "other", 1, Role::Owner, true),
            (secret, RoomKind::Private, "secret", 2, Role::Invited, false),
            (direct, RoomKind::Direct, "", 3, Role::Member, false),
        ]
    );
    let counters: Vec<_> =
        rows.iter().map(|row| (row.room.head_ord, row.read_ord, row.cursor_version)).collect();
    assert_eq!(counters, [(1, 1, 3), (0, 0, 0), (0, 0, 0), (1, 0, 0)]);
    assert_eq!(rows[3].room.active, NOW + 4);
    assert_eq!(nicks(rows[3].people.clone()), ["lili"]);
    assert!(rows[..3].iter().all(|row| row.people.is_empty()));
    // One row is the same as in the list, and a room that the account is not in has no row there.
    for row in &rows {
        assert_eq!(test.world.read.room_row(TOM, row.room.room).unwrap().as_ref(), Some(row));
    }
    let foreign = test.world.read.room_row(LILI, OTHER).unwrap().unwrap();
    assert_eq!((foreign.role, foreign.handle), (Role::None, 0));
    assert_eq!(test.world.read.room_row(LILI, RoomId([77; 16])).unwrap(), None);
    assert_eq!(test.rows(UserId([77; 16])), []);
    assert_eq!(test.world.read.account(LILI).unwrap().unwrap().nick, "lili");
    assert_eq!(test.world.read.account(UserId([77; 16])).unwrap(), None);
}

#[test]
fn only_rows_that_have_changed_are_read() {
    let mut test = Proposer::with_guests(0);
    let (second, direct) = (RoomId([20; 16]), direct_room(&[TOM, LILI]));
    test.room(TOM, second, RoomKind::Public, "second", &[]);
    test.room(TOM, direct, RoomKind::Direct, "", &[LILI]);
    let (all, mut version) = test.changed(TOM, 0);
    assert_eq!(all, [LOBBY, OTHER, second, direct]);
    let mut check = |test: &mut Proposer, expected: &[RoomId], what: &str| {
        let (changed, now) = test.changed(TOM, version + 1);
        assert_eq!(changed, expected, "{what}");
        version = now;
    };
    check(&mut test, &[], "nothing");
    test.message(TOM, second);
    check(&mut test, &[second], "a message");
    test.append(TOM, Change::SetTopic { room: OTHER, topic: "news".into() });
    check(&mut test, &[OTHER], "a topic");
    test.append(TOM, Change::RenameRoom { room: OTHER, name: "news".into() });
    check(&mut test, &[OTHER], "a name");
    test.message(LILI, LOBBY);
    check(&mut test, &[LOBBY], "the lobby");
    test.append(LILI, Change::ChangeNick { nick: "li".into(), from: None });
    check(&mut test, &[direct], "the nick of the other one");
    test.member(LILI, second, LILI, Role::Member);
    test.member(TOM, second, LILI, Role::Owner);
    test.member(TOM, second, TOM, Role::None);
    check(&mut test, &[second], "left");
    assert_eq!(test.rows(TOM).iter().map(|row| row.room.room).collect::<Vec<_>>(), [LOBBY, OTHER, direct]);
    test.message(LILI, second);
    check(&mut test, &[], "what happens in a room after one has left it");
    // A row change has the version of the newest event.
    let (_, now) = test.changed(TOM, 0);
    test.world.append_rows(&[RowChange::Muted { account: TOM, room: OTHER, muted: true }]);
    assert_eq!(test.changed(TOM, now).0, [OTHER]);
}

#[test]
fn public_rooms_are_browsed_by_name() {
    let mut test = Proposer::with_guests(0);
    for (n, name) in (30..).zip(["Zebras", "animals", "Ants", "bees and ants"]) {
        test.room(LILI, RoomId([n; 16]), RoomKind::Public, name, &[]);
    }
    test.room(LILI, RoomId([40; 16]), RoomKind::Private, "ants in private", &[]);
    test.append(LILI, Change::Archive { room: RoomId([33; 16]), archived: true });
    let mut browse = |query: &str, after: &str, count| {
        let page = test.world.read.browse(TOM, query, after, count).unwrap();
        let rooms: Vec<_> = page.rooms.into_iter().map(|listed| (listed.room.name, listed.joined)).collect();
        (rooms, page.next.is_some())
    };
    let named =
        |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), *name == "other")).collect::<Vec<_>>();
    assert_eq!(browse("", "", 9), (named(&["animals", "Ants", "bees and ants", "other", "Zebras"]), false));
    assert_eq!(browse("", "", 2), (named(&["animals", "Ants"]), true));
    assert_eq!(browse("", "ANTS", 3), (named(&["bees and ants", "other", "Zebras"]), false));
    assert_eq!(browse("ANT", "", 9), (named(&["Ants", "bees and ants"]), false));
    assert_eq!(browse("%", "", 9), (named(&[]), false));
    let archived = test.world.read.browse(TOM, "bees", "", 9).unwrap().rooms;
    assert!(archived[0].room.archived && archived[0].room.members == 1);
}

#[test]
fn page_of_public_rooms_looks_at_a_limited_number_of_names() {
    let mut test = Proposer::with_guests(0);
    test.room(TOM, RoomId([30; 16]), RoomKind::Public, "zebras", &[]);
    // As if they had been created; the names are in the index.
    let database = rusqlite::Connection::open(test.world.log.path()).unwrap();
    let added = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000)
        INSERT INTO room (id, room, kind, name, name_key)
        SELECT 1000 + n, CAST(printf('%16d', n) AS BLOB), 1, printf('Room %05d', n), printf('room %05d', n) FROM n";
    assert_eq!(database.execute(added, []).unwrap(), 5_000);
    let (mut after, mut pages) = (String::new(), Vec::new());
    loop {
        let page = test.world.read.browse(TOM, "ZEBRA", &after, 9).unwrap();
        pages.push((page.searched, page.rooms.len()));
        let Some(next) = page.next else { break };
        after = next;
    }
    // "other" is a public room too.
    assert_eq!(pages, [(BROWSED_NAMES, 0), (BROWSED_NAMES, 0), (1_002, 1)]);
    let page = test.world.read.browse(TOM, "", "Room 04990", 5).unwrap();
    assert_eq!((page.searched, page.next.as_deref()), (5, Some("Room 04995")));
}

#[test]
fn members_are_listed_by_nick() {
    // With many members and with few, the pages are read in different ways.
    for guests in [0, 300] {
        let mut test = Proposer::with_guests(guests);
        for (n, nick) in (60..).zip(["Ann", "bob", "anton"]) {
            test.account(UserId([n; 16]), nick);
            test.member(UserId([n; 16]), OTHER, UserId([n; 16]), Role::Member);
        }
        test.member(TOM, OTHER, LILI, Role::Invited);
        let named = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            test.members(OTHER, "", "", 9),
            (named(&["Ann", "anton", "bob", "lili", "tom"]), false, 4)
        );
        assert_eq!(test.members(OTHER, "", "", 2), (named(&["Ann", "anton"]), true, 4));
        assert_eq!(test.members(OTHER, "", "ANTON", 2), (named(&["bob", "lili"]), true, 4));
        assert_eq!(test.members(OTHER, "", "lili", 2), (named(&["tom"]), false, 4));
        assert_eq!(test.members(OTHER, "AN", "", 9), (named(&["Ann", "anton"]), false, 4));
        assert_eq!(test.members(OTHER, "an", "ann", 9), (named(&["anton"]), false, 4));
        let roles = test.world.read.members(OTHER, "", "anton", 9).unwrap().members;
        let roles: Vec<_> = roles.into_iter().map(|member| member.role).collect();
        assert_eq!(roles, [Role::Member, Role::Invited, Role::Owner]);
        test.member(UserId([60; 16]), OTHER, UserId([60; 16]), Role::None);
        assert_eq!(test.members(OTHER, "a", "", 9), (named(&["anton"]), false, 3));
        assert_eq!(test.members(LOBBY, "", "", 9), (named(&[]), false, 0), "everybody is in the lobby");
        assert_eq!(test.members(RoomId([77; 16]), "", "", 9), (named(&[]), false, 0));
    }
    // Everybody is a member.
    let mut test = Proposer::with_guests(50);
    (0..50).for_each(|n| test.member(guest(n), OTHER, guest(n), Role::Member));
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let (page, more, total) = test.members(OTHER, "", &after, 7);
        assert_eq!(total, 51);
        after = page.last().cloned().unwrap_or_default();
        all.extend(page);
        if !more {
            break;
        }
    }
    assert!(all.len() == 51 && all.is_sorted(), "{all:?}");
}

#[test]
fn members_with_the_same_nick_are_on_one_page() {
    let mut test = Proposer::with_guests(0);
    // Each takes the nick of the one before.
    for n in 0_u32..5 {
        let from = n.checked_sub(1).map(guest).map(NickSource::Account);
        test.append(guest(n), Change::CreateAccount { nick: "sam".into(), from });
        test.member(guest(n), OTHER, guest(n), Role::Member);
    }
    let (page, more, _) = test.members(OTHER, "", "", 2);
    assert_eq!((page, more), (vec!["sam".to_owned(); 5], true));
    assert_eq!(test.members(OTHER, "", "sam", 2).0, ["tom"]);
    let holds: Vec<_> = test.world.read.members(OTHER, "sam", "", 9).unwrap().members;
    assert_eq!(holds.iter().filter(|member| member.account.holds_nick).count(), 1);
    let holders = test.world.read.holders("SAM").unwrap();
    assert_eq!(holders.iter().map(|holder| holder.user).collect::<Vec<_>>(), [guest(4)]);
    // Also who looks like it, and nobody else.
    assert_eq!(test.world.read.holders("s\u{430}m").unwrap(), holders);
    assert_eq!(test.world.read.holders("samuel").unwrap(), []);
    assert_eq!(nicks(test.world.read.nicks().unwrap()), ["lili", "sam", "tom"]);
}

#[test]
fn people_are_those_who_share_a_room() {
    let mut test = Proposer::with_guests(3);
    let (secret, direct) = (RoomId([20; 16]), direct_room(&[TOM, guest(1)]));
    test.room(LILI, secret, RoomKind::Private, "secret", &[TOM, guest(0)]);
    test.room(TOM, direct, RoomKind::Direct, "", &[guest(1)]);
    assert_eq!(test.people(TOM, "", 9), ["guest 1"], "who is invited shares nothing yet");
    test.member(TOM, secret, TOM, Role::Member);
    assert_eq!(test.people(TOM, "", 9), ["guest 1", "lili"]);
    assert_eq!(test.people(TOM, "LI", 9), ["lili"]);
    assert_eq!(test.people(TOM, "", 1), ["guest 1"]);
    assert_eq!(test.people(LILI, "", 9), ["tom"]);
    assert_eq!(test.people(guest(2), "", 9), [""; 0]);
    test.member(guest(0), secret, guest(0), Role::Member);
    assert_eq!(test.people(guest(0), "", 9), ["lili", "tom"]);
}

#[test]
fn sessions_are_read_with_their_accounts() {
    let mut test = Proposer::with_guests(0);
    let session = |n: u8, account, lost_at| SessionRecord { hash: [n; 32], account, lost_at };
    let put = |session: &SessionRecord| RowChange::PutSession(session.clone());
    let sessions = [session(1, LILI, Some(-7)), session(2, TOM, None), session(3, LILI, Some(5))];
    test.world.append_rows(&sessions.each_ref().map(put));
    let read = test.world.read.sessions().unwrap();
    assert_eq!(read.iter().map(|stored| stored.session.clone()).collect::<Vec<_>>(), sessions);
    assert_eq!(nicks(read.into_iter().map(|stored| stored.account)), ["lili", "tom", "lili"]);
}

#[test]
fn rooms_are_read_without_the_directory() {
    let mut test = Proposer::with_guests(0);
    test.message(TOM, OTHER);
    test.message(TOM, OTHER);
    let rooms = test.world.read.rooms().unwrap();
    assert_eq!(rooms.iter().map(|room| room.room).collect::<Vec<_>>(), [LOBBY, OTHER]);
    assert_eq!(test.world.read.room(OTHER).unwrap().as_ref(), Some(&rooms[1]));
    assert_eq!(test.world.read.room(RoomId([77; 16])).unwrap(), None);
    while test
        .world
        .log
        .apply_retention(&Retention { messages: Some(1), ..Retention::default() }, NOW)
        .unwrap()
    {}
    let room = test.world.read.room(OTHER).unwrap().unwrap();
    assert_eq!((room.head_seq, room.head_ord, room.first_ord, room.members), (2, 2, 2, 1));
}
