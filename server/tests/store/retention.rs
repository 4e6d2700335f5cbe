//! Retention: deletion by age, number and size, and the ids of deleted messages.

use std::time::Duration;

use parlour_core::{
    model::{Role, RoomId, RoomKind, UserId},
    status::Status,
};
use parlour_server::store::{
    Change, EventLog as _, NickSource, Outcome, PageSize, PageStart, Proposal, Retention, RowChange,
    SessionRecord,
    retention_clock::{ClockRecord, RetentionClock},
};

use crate::world::{ALL, NOW, OTHER, TOM, World, entry, id, new, propose};

const LOBBY: RoomId = RoomId::LOBBY;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Applies retention until nothing is left to delete. Returns the number of steps.
fn apply(world: &mut World, retention: &Retention, now: i64) -> u32 {
    (0..).find(|_| !world.log.apply_retention(retention, now).unwrap()).unwrap()
}

/// Creates a PUBLIC room of tom.
fn create_room(n: u32, room: RoomId) -> Proposal {
    let name = format!("room {n}").into();
    propose(
        n,
        TOM,
        Change::CreateRoom { room, kind: RoomKind::Public, name, topic: "".into(), people: [].into() },
    )
}

fn nothing() -> Retention {
    Retention::default()
}

fn messages(n: u64) -> Retention {
    Retention { messages: Some(n), ..nothing() }
}

fn numbered(world: &mut World, from: u32, to: u32, room: RoomId) {
    let entries: Vec<_> = (from..=to).map(|n| entry(n, room, &format!("number {n}"))).collect();
    world.append(&entries);
}

#[test]
fn without_retention_nothing_is_deleted() {
    let mut world = World::new();
    numbered(&mut world, 1, 10, LOBBY);
    assert_eq!(apply(&mut world, &nothing(), NOW + 10_000 * DAY), 0);
    assert_eq!(world.contents().len(), 10);
}

#[test]
fn retention_by_age() {
    let mut world = World::new();
    numbered(&mut world, 1, 10, LOBBY);
    numbered(&mut world, 11, 20, OTHER);
    // With a clock that was set back. It is not deleted before the messages before it.
    let mut late = entry(21, LOBBY, "late");
    late.time = NOW - 5;
    world.append(&[late]);
    let age = Retention { age: Some(Duration::from_secs(60)), ..nothing() };
    apply(&mut world, &age, NOW + 60_000 + 8);
    assert_eq!(world.contents(), ["number 8", "number 9", "number 10", "late"]);
    assert_eq!(world.read.page(OTHER, PageStart::End, ALL).unwrap().messages.len(), 10);
    let page = world.page(PageStart::Before(9), ALL);
    assert_eq!((page.from, page.to, page.messages.len(), page.first_ord), (0, 8, 1, 8));
    assert_eq!(world.search("number"), ["number 10", "number 9", "number 8"]);
}

/// The numbers of stored messages of the lobby and the other room.
fn stored(world: &mut World) -> [u64; 2] {
    [LOBBY, OTHER].map(|room| {
        let room = world.read.room(room).unwrap().unwrap();
        room.head_ord + 1 - room.first_ord
    })
}

#[test]
fn retention_by_number_per_room() {
    let mut world = World::new();
    let few = RoomId([8; 16]);
    world.append(&[create_room(9_000, few)]);
    numbered(&mut world, 1, 2500, LOBBY);
    numbered(&mut world, 2501, 2503, few);
    numbered(&mut world, 2504, 2520, OTHER);
    // In steps.
    assert!(apply(&mut world, &messages(4), NOW) >= 3);
    for (room, expected) in [(LOBBY, (2500, 2500, 2497)), (few, (3, 3, 1)), (OTHER, (17, 17, 14))] {
        let room = world.read.room(room).unwrap().unwrap();
        assert_eq!((room.head_seq, room.head_ord, room.first_ord), expected);
    }
    assert_eq!(world.contents(), ["number 2497", "number 2498", "number 2499", "number 2500"]);
    assert_eq!(world.search("number").len(), 4);
    assert_eq!(world.search("2496"), [""; 0]);
}

#[test]
fn retention_by_size_deletes_the_oldest_of_all_rooms() {
    let mut world = World::new();
    let text = |n: u32| format!("{n} {}", "some words of a message ".repeat(10));
    for n in 0..40 {
        let room = if n % 2 == 0 { LOBBY } else { OTHER };
        let entries: Vec<_> = (1..=200).map(|i| entry(n * 200 + i, room, &text(i))).collect();
        world.append(&entries);
    }
    world.index_all();
    let size = |world: &World| std::fs::metadata(world.log.path()).unwrap().len();
    let database = rusqlite::Connection::open(world.log.path()).unwrap();
    let pages =
        || database.pragma_query_value(None, "page_count", |row| row.get::<_, u32>(0)).unwrap() as u64;
    let before = pages() * 4096;
    let half = Retention { bytes: Some(before / 2), ..nothing() };
    assert!(apply(&mut world, &half, NOW) > 3);
    // About half, from both rooms.
    let left = stored(&mut world);
    assert!(left.iter().sum::<u64>() > 2400 && left.iter().sum::<u64>() < 4800, "{left:?}");
    assert!(left[0].abs_diff(left[1]) <= 200, "{left:?}");
    // Some free space stays in the file, so that it need not grow at once.
    let most = before / 2 + (300 << 12);
    assert!(most < before * 9 / 10 && pages() * 4096 <= most, "{} of {before}", pages() * 4096);
    drop(database);
    let mut world = world.reopen();
    assert!(size(&world) <= most, "{} of {before}", size(&world));
    // Applying it again deletes nothing.
    assert_eq!(apply(&mut world, &half, NOW), 0);
    assert_eq!(stored(&mut world), left);
    // An unreachable size terminates too.
    apply(&mut world, &Retention { bytes: Some(1), ..nothing() }, NOW);
    assert_eq!(stored(&mut world), [0, 0]);
    // What is written then is found, although the rooms were empty.
    numbered(&mut world, 9_001, 9_001, LOBBY);
    apply(&mut world, &Retention { bytes: Some(1), ..nothing() }, NOW);
    assert_eq!(stored(&mut world), [0, 0]);
}

#[test]
fn retention_by_size_across_runs() {
    let mut world = World::new();
    let message = |n: u32, room: RoomId, hour: i64| {
        let time = NOW + hour * HOUR + i64::from(n);
        Proposal { time, ..entry(n, room, &"some words of a message ".repeat(10)) }
    };
    for hour in 0..3 {
        let from = 200 * u32::try_from(hour).unwrap();
        let entries: Vec<_> = (from..from + 200).map(|n| message(n, OTHER, hour)).collect();
        world.append(&entries);
    }
    let entries: Vec<_> = (600..800).map(|n| message(n, LOBBY, 9)).collect();
    world.append(&entries);
    let database = rusqlite::Connection::open(world.log.path()).unwrap();
    let pages = database.pragma_query_value(None, "page_count", |row| row.get::<_, u32>(0)).unwrap();
    let bytes = u64::from(pages) * 4096 * 8 / 10;
    apply(&mut world, &Retention { bytes: Some(bytes), ..nothing() }, NOW + 20 * HOUR);
    let left = stored(&mut world);
    assert!(left[0] == 200 && (1..400).contains(&left[1]), "the newer room is complete: {left:?}");
}

#[test]
fn messages_of_rooms_that_were_empty_or_are_new_are_deleted_too() {
    let mut world = World::new();
    let age = Retention { age: Some(Duration::from_secs(60)), ..nothing() };
    numbered(&mut world, 1, 3, LOBBY);
    apply(&mut world, &age, NOW + 70_000);
    assert_eq!(stored(&mut world), [0, 0]);
    // Into a room that was emptied, one that never had a message, and a new one.
    let later = |n: u32, room| Proposal { time: NOW + 80_000 + i64::from(n), ..entry(n, room, "later") };
    let new_room = RoomId([8; 16]);
    world.append(&[later(11, LOBBY), later(12, OTHER), create_room(9_000, new_room), later(13, new_room)]);
    apply(&mut world, &age, NOW + 100_000);
    assert_eq!(stored(&mut world), [1, 1]);
    apply(&mut world, &age, NOW + 150_000);
    assert_eq!(stored(&mut world), [0, 0]);
    assert!(world.read.page(new_room, PageStart::End, ALL).unwrap().messages.is_empty());
    assert_eq!(world.log.differences().unwrap(), [""; 0]);
}

#[test]
fn id_is_known_after_its_message_was_deleted() {
    let mut world = World::new();
    let first = new(&world.append_message(1, "one"));
    numbered(&mut world, 2, 9, LOBBY);
    apply(&mut world, &messages(0), NOW);
    let mut world = world.reopen();
    assert_eq!(world.contents(), [""; 0]);
    let lili = UserId([2; 16]);
    world.append(&[propose(100, lili, Change::CreateAccount { nick: "lili".into(), from: None })]);
    let known =
        [entry(1, LOBBY, "one"), entry(1, LOBBY, "another"), entry(1, OTHER, "one"), entry(1, LOBBY, "one")];
    let reused = || Outcome::Refused(Status::MessageIdReused);
    assert_eq!(world.append(&known), [Outcome::Known(first), reused(), reused(), Outcome::Known(first)]);
    // The id of one sender is not that of another one.
    assert_eq!(new(&world.append(&[Proposal { sender: lili, ..known[0].clone() }])[0]).seq, 10);
    // For the configured time after the deletion.
    let ids = i64::try_from(nothing().ids.as_millis()).unwrap();
    apply(&mut world, &nothing(), NOW + ids);
    assert_eq!(world.append(&known[..1]), [Outcome::Known(first)]);
    assert_eq!(apply(&mut world, &nothing(), NOW + ids + 1), 1);
    assert!(new(&world.append(&known[..1])[0]).seq > 10);
}

#[test]
fn sequence_numbers_never_decrease() {
    let mut world = World::new();
    numbered(&mut world, 1, 5, LOBBY);
    apply(&mut world, &messages(0), NOW);
    let mut world = world.reopen();
    let page = world.page(PageStart::End, ALL);
    assert_eq!((page.from, page.to, page.first_ord, page.head_ord, page.seq), (0, 5, 6, 5, 5));
    let six = new(&world.append_message(6, "six"));
    assert_eq!((six.seq, six.ord), (6, 6));
    let one = PageSize { messages: 1, bytes: 0 };
    assert_eq!(world.page(PageStart::After(2), one).from, 0);
}

/// Messages of an hour each, in order.
fn hourly(world: &mut World, from: u32, to: u32, offset: i64) {
    let at = |n: u32| NOW + i64::from(n) * HOUR + offset;
    let entries: Vec<_> =
        (from..=to).map(|n| Proposal { time: at(n), ..entry(n, LOBBY, &format!("number {n}")) }).collect();
    world.append(&entries);
}

#[test]
fn messages_stored_with_a_clock_set_back_are_not_deleted_first() {
    let mut world = World::new();
    let numbers = |from: u32, to: u32| (from..=to).map(|n| format!("number {n}")).collect::<Vec<_>>();
    hourly(&mut world, 1, 10, 0);
    hourly(&mut world, 11, 14, -400 * DAY);
    hourly(&mut world, 15, 20, 0);
    let age = Retention { age: Some(Duration::from_secs(90 * 86_400)), ..nothing() };
    apply(&mut world, &age, NOW + 21 * HOUR);
    assert_eq!(world.contents(), numbers(1, 20), "400 days older, but stored today");
    apply(&mut world, &age, NOW + 90 * DAY + 6 * HOUR);
    assert_eq!(world.contents(), numbers(6, 20));
    // They are deleted after all that is before them.
    apply(&mut world, &age, NOW + 90 * DAY + 10 * HOUR + 1);
    assert_eq!(world.contents(), numbers(15, 20));
    // A clock that was ahead for a while does not preserve what follows, and a message from then is as old as that.
    hourly(&mut world, 21, 21, 365 * DAY);
    hourly(&mut world, 22, 25, 0);
    apply(&mut world, &age, NOW + 90 * DAY + 20 * HOUR + 1);
    assert_eq!(world.contents(), numbers(21, 25));
    apply(&mut world, &age, NOW + 90 * DAY + 24 * HOUR + 1);
    assert_eq!(world.contents(), ["number 25"]);
}

#[test]
fn clock_is_stored_and_else_the_newest_message_tells_the_time() {
    let mut world = World::new();
    assert_eq!(world.read.clock().unwrap(), None);
    numbered(&mut world, 1, 9, LOBBY);
    numbered(&mut world, 10, 12, OTHER);
    let newest = ClockRecord { time: NOW + 12, seen: NOW + 12, waited: 0 };
    assert_eq!(world.read.clock().unwrap(), Some(newest));
    let stored = ClockRecord { time: NOW + DAY, seen: NOW + 2 * DAY, waited: 7 };
    world.log.store_clock(stored).unwrap();
    let mut world = world.reopen();
    assert_eq!(world.read.clock().unwrap(), Some(stored));
}

#[test]
fn clock_a_year_ahead_deletes_nothing() {
    let mut world = World::new();
    numbered(&mut world, 1, 2500, LOBBY);
    let age = Retention { age: Some(Duration::from_secs(90 * 86_400)), ..nothing() };
    let year = 365 * DAY;
    let mut clock = RetentionClock::new(0, NOW + 2_500, world.read.clock().unwrap());
    for (monotonic, offset) in [(0, 0), (10_000, 0), (20_000, year), (30_000, year), (40_000, 0)] {
        let (now, _) = clock.read(monotonic, NOW + 2_500 + i64::try_from(monotonic).unwrap() + offset);
        apply(&mut world, &age, now);
    }
    assert_eq!(world.contents().len(), 2500);
    // The same with a server that is started with the wrong clock.
    world.log.store_clock(clock.record()).unwrap();
    let mut world = world.reopen();
    let mut clock = RetentionClock::new(0, NOW + year, world.read.clock().unwrap());
    for monotonic in [0, 10_000, 20_000] {
        let (now, _) = clock.read(monotonic, NOW + year + i64::try_from(monotonic).unwrap());
        apply(&mut world, &age, now);
    }
    assert_eq!(world.contents().len(), 2500);
}

const LILI: UserId = UserId([2; 16]);

fn account(n: u32, user: UserId, nick: &str, from: Option<UserId>) -> Proposal {
    propose(n, user, Change::CreateAccount { nick: nick.into(), from: from.map(NickSource::Account) })
}

fn member(n: u32, sender: UserId, account: UserId, role: Role) -> Proposal {
    propose(n, sender, Change::ChangeMember { room: OTHER, account, role })
}

#[test]
fn events_that_were_replaced_are_deleted_and_valid_ones_stay() {
    let mut world = World::new();
    let topic = |n: u32, topic: &str| propose(n, TOM, Change::SetTopic { room: OTHER, topic: topic.into() });
    let name = |n: u32, name: &str| propose(n, TOM, Change::RenameRoom { room: OTHER, name: name.into() });
    let nick = |n: u32, nick: &str| propose(n, TOM, Change::ChangeNick { nick: nick.into(), from: None });
    let archive = |n: u32, archived| propose(n, TOM, Change::Archive { room: OTHER, archived });
    let changes = [
        account(1, LILI, "lili", None),
        member(2, LILI, LILI, Role::Member),
        topic(3, "first"),
        name(4, "second name"),
        member(5, TOM, LILI, Role::Moderator),
        nick(6, "thomas"),
        topic(7, "second"),
        archive(8, true),
        archive(9, false),
        name(10, "third name"),
        nick(11, "tommy"),
        member(12, LILI, LILI, Role::None),
        entry(13, OTHER, "message"),
        member(14, LILI, LILI, Role::Member),
    ];
    for outcome in world.append(&changes) {
        new(&outcome);
    }
    let ids = |world: &mut World| -> Vec<_> {
        let events = world.read.events(OTHER, 0, 99).unwrap().events;
        events.into_iter().map(|event| event.id).collect()
    };
    let all = ids(&mut world);
    assert_eq!(all.len(), 9);
    let age = Retention { age: Some(Duration::from_secs(60)), ..nothing() };
    // Only what is older than the age: not the membership that was replaced last.
    apply(&mut world, &age, NOW + 60_000 + 12);
    assert_eq!(ids(&mut world), [7, 9, 12, 13, 14].map(id));
    assert_eq!(world.log.differences().unwrap(), [""; 0]);
    // Everything that is valid was kept.
    world.log.rebuild().unwrap();
    let room = world.read.room(OTHER).unwrap().unwrap();
    assert_eq!((&*room.topic, &*room.name, room.archived, room.members), ("second", "third name", false, 2));
    assert_eq!(world.read.account(TOM).unwrap().unwrap().nick, "tommy");
    let members = world.read.members(OTHER, "", "", 9).unwrap().members;
    assert_eq!(members.iter().map(|m| m.role).collect::<Vec<_>>(), [Role::Member, Role::Owner]);
    // A day later the rest, and its ids stay known.
    apply(&mut world, &age, NOW + 2 * DAY);
    assert_eq!(ids(&mut world), [7, 9, 14].map(id));
    assert_eq!(world.log.differences().unwrap(), [""; 0]);
    for known in [2, 3, 4, 5, 8, 10, 11, 12, 13] {
        let again = changes[known - 1].clone();
        assert!(matches!(world.append(&[again])[0], Outcome::Known(_)), "{known}");
    }
    world.check();
}

#[test]
fn accounts_of_guests_who_left_nothing_are_deleted() {
    let mut world = World::new();
    let user = |n: u8| UserId([n; 16]);
    let session =
        |n: u8| RowChange::PutSession(SessionRecord { hash: [n; 32], account: user(n), lost_at: None });
    let nick = |n: u8| format!("guest number {n}");
    for n in 10..16 {
        new(&world.append(&[account(n.into(), user(n), &nick(n), None)])[0]);
    }
    // One with a session, one in a room, one with a message, and one whose nick was taken.
    world.log.append(&[], &[session(10)]).unwrap();
    new(&world.append(&[member(20, user(11), user(11), Role::Member)])[0]);
    new(&world.append(&[propose(21, user(12), Change::Message { room: LOBBY, content: "x".into() })])[0]);
    new(&world.append(&[account(22, user(16), &nick(13), Some(user(13)))])[0]);
    new(&world.append(&[propose(23, user(16), Change::Message { room: LOBBY, content: "y".into() })])[0]);
    let left = |world: &mut World| -> Vec<u8> {
        (10..=16).filter(|n| world.read.account(user(*n)).unwrap().is_some()).collect()
    };
    let ids = i64::try_from(nothing().ids.as_millis()).unwrap();
    apply(&mut world, &nothing(), NOW + ids);
    assert_eq!(left(&mut world), [10, 11, 12, 13, 14, 15, 16], "they are too young");
    apply(&mut world, &nothing(), NOW + ids + DAY);
    assert_eq!(left(&mut world), [10, 11, 12, 16]);
    assert_eq!(world.log.differences().unwrap(), [""; 0]);
    // Their nicks are free, and the others' are not.
    assert_eq!(world.read.holders(&nick(14)).unwrap(), []);
    assert_eq!(world.read.holders(&nick(13)).unwrap()[0].user, user(16));
    new(&world.append(&[account(30, user(20), &nick(14), None)])[0]);
    // When the session has ended and the message with its id is forgotten, so are they.
    world.log.append(&[], &[RowChange::EndSession([10; 32])]).unwrap();
    apply(&mut world, &messages(0), NOW + 2 * ids);
    assert_eq!(left(&mut world), [11, 12, 16]);
    apply(&mut world, &messages(0), NOW + 4 * ids);
    assert_eq!(left(&mut world), [11]);
    world.log.rebuild().unwrap();
    assert_eq!(left(&mut world), [11]);
    world.check();
}
