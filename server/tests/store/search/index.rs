//! The search index: built in steps, and anew for logs of earlier versions, while everything is found.

use parlour_core::model::RoomId;
use parlour_server::store::{Change, EventLog as _, PageSize, Retention};
use rusqlite::Connection;

use super::{LOBBY, world_with};
use crate::world::{Dir, FAST, OTHER, TOM, World, beginning, entry, propose};

/// A database of an earlier version, with these messages of "tom" in the lobby and in its index.
fn earlier_version(version: usize, messages: &[(&str, &str)]) -> Dir {
    let scripts = [
        include_str!("../../../src/store/sqlite/migrations/1.sql"),
        include_str!("../../../src/store/sqlite/migrations/2.sql"),
        include_str!("../../../src/store/sqlite/migrations/3.sql"),
        include_str!("../../../src/store/sqlite/migrations/4.sql"),
    ];
    let dir = Dir::new();
    let database = Connection::open(dir.database()).unwrap();
    scripts[..version].iter().for_each(|script| database.execute_batch(script).unwrap());
    database
        .execute_batch(&format!(
            "PRAGMA application_id = {}; PRAGMA user_version = {version};
             INSERT INTO about (id) VALUES (zeroblob(16)); BEGIN;",
            0x5061_726C
        ))
        .unwrap();
    for (seq, (text, words)) in (1..).zip(messages) {
        let place = 1_i64 << 38 | seq;
        database
            .execute(
                "INSERT INTO message (place, room, time, id, nick, content)
                 VALUES (?1, 1, ?2, ?3, 'tom', ?4)",
                (place, seq, u128::from(seq.unsigned_abs()).to_be_bytes(), text),
            )
            .unwrap();
        database.execute("INSERT INTO words (rowid, text) VALUES (?1, ?2)", (place, words)).unwrap();
    }
    let count = i64::try_from(messages.len()).unwrap();
    database.execute("INSERT INTO room (id, name, last_seq, kept) VALUES (1, '', ?1, ?1)", [count]).unwrap();
    if version > 1 {
        database.execute_batch("UPDATE room SET indexed = last_seq").unwrap();
    }
    if version > 2 {
        database.execute_batch("UPDATE message SET begins = 1 WHERE place & 1023 = 1").unwrap();
    }
    database.execute_batch("COMMIT").unwrap();
    dir
}

#[test]
fn index_of_an_earlier_version_is_built_anew_in_the_background() {
    let texts: Vec<_> = (1..=1_500).map(|n| format!("Paweł {n}")).collect();
    let words: Vec<_> = texts.iter().map(|text| text.to_lowercase()).collect();
    let messages: Vec<_> = texts.iter().map(String::as_str).zip(words.iter().map(String::as_str)).collect();
    let dir = earlier_version(4, &messages);
    let log = dir.open_with(&FAST).unwrap();
    let mut world = World { read: log.reader().unwrap(), log, dir };
    world.append(&beginning());
    let old_tables = |world: &World| -> i64 {
        let database = Connection::open(world.log.path()).unwrap();
        let count = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'words_old%'";
        database.query_row(count, [], |row| row.get(0)).unwrap()
    };
    assert!(old_tables(&world) > 0, "opening does not remove the old index");
    let mut steps = 0;
    loop {
        // At any time, everything is found in the new way.
        assert_eq!(world.find("pawel 7").len(), 111, "after {steps} steps");
        assert_eq!(world.find("pawel").len(), 1_500 + steps as usize);
        if world.log.index_pending().unwrap() == 0 {
            break;
        }
        steps += 1;
        world.append_message(1_500 + steps, "pawel");
    }
    assert!(steps >= 4, "{steps} steps: two more than for the new index alone");
    assert_eq!(old_tables(&world), 0);
    world.check();
    let mut world = world.reopen();
    assert_eq!(world.find("PAWEŁ 1500"), ["Paweł 1500"]);
}

#[test]
fn unindexed_messages_are_found_first() {
    let mut world = World::new();
    // More than one step, in two rooms.
    let numbered = |room: RoomId, from: u32| -> Vec<_> {
        (from..from + 700).map(|n| entry(n, room, &format!("word {n}"))).collect()
    };
    world.append(&numbered(LOBBY, 1));
    world.append(&numbered(OTHER, 10_001));
    let expected: Vec<String> = (1..=700).rev().map(|n| format!("word {n}")).collect();
    assert_eq!(world.find("word"), expected);
    let mut left = vec![1400];
    while left.last() != Some(&0) {
        left.push(world.log.index_pending().unwrap());
        assert_eq!(world.find("word"), expected, "{left:?}");
        assert_eq!(world.find("word 70"), ["word 700", "word 70"], "{left:?}");
    }
    assert!(left.len() > 3 && left.is_sorted_by(|a, b| a > b), "in steps: {left:?}");
    assert_eq!(world.log.index_pending().unwrap(), 0);
    // Indexing continues after the log was closed.
    world.append_message(701, "word 701");
    let mut world = world.reopen();
    assert_eq!(world.find("word")[..2], ["word 701", "word 700"]);
    assert_eq!(world.search("701"), ["word 701"]);
}

#[test]
fn message_deleted_before_indexing_is_not_found() {
    let mut world = world_with(&["word 1", "word 2", "word 3"]);
    while world.log.apply_retention(&Retention { messages: Some(1), ..Retention::default() }, 0).unwrap() {}
    assert_eq!(world.search("word"), ["word 3"]);
    while world.log.apply_retention(&Retention { messages: Some(0), ..Retention::default() }, 0).unwrap() {}
    assert_eq!(world.search("word"), [""; 0]);
    world.append_message(4, "word 4");
    assert_eq!(world.search("word"), ["word 4"]);
    world.check();
}

#[test]
fn log_of_version_1_is_searched_like_any_other() {
    let dir = earlier_version(1, &[("from before", "from before")]);
    let log = dir.open_with(&FAST).unwrap();
    let mut world = World { read: log.reader().unwrap(), log, dir };
    world.append(&beginning());
    world.append(&[entry(2, LOBBY, "from now")]);
    assert_eq!(world.search("from"), ["from now", "from before"]);
    world.check();
}

#[test]
fn other_events_are_no_obstacle_to_the_index() {
    let mut world = World::new();
    let topic = |n: u32| propose(n, TOM, Change::SetTopic { room: OTHER, topic: format!("word {n}").into() });
    for n in 0..40 {
        let first = 100 * n;
        let topics: Vec<_> = (first + 1..first + 50).map(topic).collect();
        world.append(&topics);
        world.append(&[entry(first + 50, OTHER, &format!("word {n}"))]);
    }
    let size = PageSize { messages: 30, bytes: usize::MAX };
    for indexed in [false, true] {
        if indexed {
            world.index_all();
        }
        let found = world.read.search(OTHER, "word", 0, size).unwrap();
        let ords: Vec<_> = found.messages.iter().map(|message| message.place.ord).collect();
        assert_eq!(ords, (11..=40).rev().collect::<Vec<_>>());
        assert!(!found.reached_start);
        let rest = world.read.search(OTHER, "word", 11, size).unwrap();
        assert_eq!((rest.messages.len(), rest.reached_start), (10, true));
    }
}

#[test]
fn long_messages_are_indexed_in_small_steps() {
    let mut world = World::new();
    let long: Vec<_> =
        (1..=40).map(|n| entry(n, LOBBY, &format!("number{n} {}", "\u{FDFA}".repeat(5_000)))).collect();
    world.append(&long);
    world.append(&[entry(100, OTHER, "number100")]);
    let mut left = vec![41];
    while left.last() != Some(&0) {
        left.push(world.log.index_pending().unwrap());
        assert_eq!(world.find("number40").len(), 1, "{left:?}");
        assert!(left.len() < 100, "{left:?}");
    }
    assert!(left.len() > 3 && left.is_sorted_by(|a, b| a > b), "in steps: {left:?}");
    assert_eq!(world.find("number1").len(), 11);
    world.check();
}
