//! Retention: deletion by age, number and size, and the ids of deleted messages.

use std::time::Duration;

use parlour_server::store::{
    AppendOutcome, EventLog as _, NewMessage, PageSize, PageStart, Retention,
    retention_clock::{ClockRecord, RetentionClock},
};

use crate::world::{ALL, NOW, World, entry, new};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Applies retention until nothing is left to delete. Returns the number of steps.
fn apply(world: &mut World, retention: &Retention, now: i64) -> u32 {
    (0..).find(|_| !world.log.apply_retention(retention, now).unwrap()).unwrap()
}

fn nothing() -> Retention {
    Retention::default()
}

fn messages(n: u64) -> Retention {
    Retention { messages: Some(n), ..nothing() }
}

fn numbered(world: &mut World, from: u32, to: u32, room: &str) {
    let entries: Vec<_> = (from..=to).map(|n| entry(n, room, &format!("number {n}"))).collect();
    world.append(&entries);
}

#[test]
fn without_retention_nothing_is_deleted() {
    let mut world = World::new();
    numbered(&mut world, 1, 10, "");
    assert_eq!(apply(&mut world, &nothing(), NOW + 10_000 * DAY), 0);
    assert_eq!(world.contents().len(), 10);
}

#[test]
fn retention_by_age() {
    let mut world = World::new();
    numbered(&mut world, 1, 10, "");
    numbered(&mut world, 11, 20, "other");
    // With a clock that was set back: the age is that of the message.
    let mut late = entry(21, "", "late");
    late.time = NOW - 5;
    world.append(&[late]);
    let age = Retention { age: Some(Duration::from_secs(60)), ..nothing() };
    apply(&mut world, &age, NOW + 60_000 + 8);
    assert_eq!(world.contents(), ["number 8", "number 9", "number 10"]);
    assert_eq!(world.read.page("other", PageStart::End, ALL).unwrap().messages.len(), 10);
    let page = world.page(PageStart::Before(9), ALL);
    assert_eq!((page.from, page.to, page.messages.len(), page.reached_start), (0, 8, 1, true));
    assert_eq!(world.search("number"), ["number 10", "number 9", "number 8"]);
}

#[test]
fn retention_by_number_per_room() {
    let mut world = World::new();
    numbered(&mut world, 1, 2500, "");
    numbered(&mut world, 2501, 2503, "few");
    numbered(&mut world, 2504, 2520, "other");
    // In steps.
    assert!(apply(&mut world, &messages(4), NOW) >= 3);
    let rooms = world.read.rooms().unwrap();
    let rooms: Vec<_> = rooms.iter().map(|room| (&*room.name, room.last_seq, room.messages)).collect();
    assert_eq!(rooms, [("", 2500, 4), ("few", 3, 3), ("other", 17, 4)]);
    assert_eq!(world.contents(), ["number 2497", "number 2498", "number 2499", "number 2500"]);
    assert_eq!(world.search("number").len(), 4);
    assert_eq!(world.search("2496"), [""; 0]);
}

#[test]
fn retention_by_size_deletes_the_oldest_of_all_rooms() {
    let mut world = World::new();
    let text = |n: u32| format!("{n} {}", "some words of a message ".repeat(10));
    for n in 0..40 {
        let room = if n % 2 == 0 { "" } else { "other" };
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
    let rooms = world.read.rooms().unwrap();
    let stored: Vec<_> = rooms.iter().map(|room| room.messages).collect();
    // About half, from both rooms.
    assert!(stored.iter().sum::<u64>() > 2400 && stored.iter().sum::<u64>() < 4800, "{stored:?}");
    assert!(stored[0].abs_diff(stored[1]) <= 200, "{stored:?}");
    // Some free space stays in the file, so that it need not grow at once.
    let most = before / 2 + (300 << 12);
    assert!(most < before * 9 / 10 && pages() * 4096 <= most, "{} of {before}", pages() * 4096);
    drop(database);
    let world = world.reopen();
    assert!(size(&world) <= most, "{} of {before}", size(&world));
    // Applying it again deletes nothing.
    let mut world = world;
    assert_eq!(apply(&mut world, &half, NOW), 0);
    // An unreachable size terminates too.
    apply(&mut world, &Retention { bytes: Some(1), ..nothing() }, NOW);
    assert_eq!(world.read.rooms().unwrap().iter().map(|room| room.messages).sum::<u64>(), 0);
}

#[test]
fn retention_by_size_across_runs() {
    let mut world = World::new();
    let message = |n: u32, room: &str, hour: i64| {
        let time = NOW + hour * 3_600_000 + i64::from(n);
        parlour_server::store::NewMessage { time, ..entry(n, room, &"some words of a message ".repeat(10)) }
    };
    for hour in 0..3 {
        let from = 200 * u32::try_from(hour).unwrap();
        let entries: Vec<_> = (from..from + 200).map(|n| message(n, "before", hour)).collect();
        world.append(&entries);
    }
    let entries: Vec<_> = (600..800).map(|n| message(n, "after", 9)).collect();
    world.append(&entries);
    let database = rusqlite::Connection::open(world.log.path()).unwrap();
    let pages = database.pragma_query_value(None, "page_count", |row| row.get::<_, u32>(0)).unwrap();
    let bytes = u64::from(pages) * 4096 * 8 / 10;
    apply(&mut world, &Retention { bytes: Some(bytes), ..nothing() }, NOW);
    let stored: Vec<_> = world.read.rooms().unwrap().iter().map(|room| room.messages).collect();
    assert!(stored[0] == 200 && (1..400).contains(&stored[1]), "the newer room is complete: {stored:?}");
}

#[test]
fn id_is_known_after_its_message_was_deleted() {
    let mut world = World::new();
    let first = new(world.append_message(1, "one"));
    numbered(&mut world, 2, 9, "");
    apply(&mut world, &messages(0), NOW);
    let mut world = world.reopen();
    assert_eq!(world.contents(), [""; 0]);
    let known = [entry(1, "", "one"), entry(1, "", "another"), entry(1, "room", "one"), entry(1, "", "one")];
    let expected = [
        AppendOutcome::Duplicate(first),
        AppendOutcome::IdConflict,
        AppendOutcome::IdConflict,
        AppendOutcome::Duplicate(first),
    ];
    assert_eq!(world.append(&known), expected);
    // For the configured time after the deletion.
    let ids = i64::try_from(nothing().ids.as_millis()).unwrap();
    apply(&mut world, &nothing(), NOW + ids);
    assert_eq!(world.append(&known[..1]), [AppendOutcome::Duplicate(first)]);
    assert_eq!(apply(&mut world, &nothing(), NOW + ids + 1), 1);
    assert!(new(world.append(&known[..1])[0]).seq > 9);
}

#[test]
fn sequence_numbers_never_decrease() {
    let mut world = World::new();
    numbered(&mut world, 1, 5, "");
    apply(&mut world, &messages(0), NOW);
    let mut world = world.reopen();
    let page = world.page(PageStart::End, ALL);
    assert_eq!((page.from, page.to, page.reached_start, page.reached_end), (0, 5, true, true));
    assert_eq!(new(world.append_message(6, "six")).seq, 6);
    let one = PageSize { messages: 1, bytes: 0 };
    assert_eq!(world.page(PageStart::After(2), one).from, 0);
}

/// Messages of an hour each, in order.
fn hourly(world: &mut World, from: u32, to: u32, offset: i64) {
    let at = |n: u32| NOW + i64::from(n) * HOUR + offset;
    let entries: Vec<_> =
        (from..=to).map(|n| NewMessage { time: at(n), ..entry(n, "", &format!("number {n}")) }).collect();
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
    // A clock that was ahead for a while does not preserve what follows.
    hourly(&mut world, 21, 21, 365 * DAY);
    hourly(&mut world, 22, 25, 0);
    apply(&mut world, &age, NOW + 90 * DAY + 24 * HOUR + 1);
    assert_eq!(world.contents(), ["number 21", "number 25"]);
}

#[test]
fn clock_is_stored_and_else_the_newest_message_tells_the_time() {
    let mut world = World::new();
    assert_eq!(world.read.clock().unwrap(), None);
    numbered(&mut world, 1, 9, "");
    numbered(&mut world, 10, 12, "other");
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
    numbered(&mut world, 1, 2500, "");
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
