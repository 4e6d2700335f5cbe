//! File errors, and how they are reported.

use std::{
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
};

use parlour_core::model::RoomId;
use parlour_server::store::{
    EventLog as _, LogError, Outcome, PageStart, Retention,
    sqlite::{Options, SqliteLog},
};

use crate::world::{ALL, Dir, FAST, World, beginning, entry, new};

const READ_ONLY: Options = Options { read_only: true, ..FAST };

fn full(world: &World) -> LogError {
    LogError::Full(world.log.path().into())
}

/// Appends until the log is full. Returns the number of appended messages.
fn fill(world: &mut World, from: u32) -> u32 {
    let text = "some words of a message ".repeat(20);
    for n in (from..from + 10_000).step_by(2) {
        match world.log.append(&[entry(n, RoomId::LOBBY, &text), entry(n + 1, RoomId::LOBBY, &text)], &[]) {
            Ok(appended) => assert!(appended.into_iter().all(|appended| new(&appended).seq > 0)),
            Err(error) => {
                assert_eq!(error, full(world));
                return n - from;
            }
        }
    }
    panic!("the log exceeds its page limit");
}

#[test]
fn full_log_continues_after_space_was_freed() {
    let mut world = World::with(&Options { max_pages: Some(200), ..FAST });
    let stored = fill(&mut world, 1);
    assert!(stored > 100);
    assert_eq!(world.contents().len(), stored as usize);
    // A refused message is not stored, and its id is free.
    assert_eq!(
        world.log.append(&[entry(90_000, RoomId::LOBBY, &"x".repeat(1 << 20))], &[]),
        Err(full(&world))
    );
    assert!(world.find("x").is_empty());
    // Space from deleted messages.
    while world.log.apply_retention(&Retention { messages: Some(10), ..Retention::default() }, 0).unwrap() {}
    assert_eq!(new(&world.append_message(90_000, "goes in")).seq, u64::from(stored) + 1);
    assert_eq!(world.contents().len(), 11);
    // Space from a higher limit.
    fill(&mut world, 100_000);
    let mut world = world.reopen();
    new(&world.append_message(99_999, "goes in"));
    assert_eq!(world.find("goes"), ["goes in", "goes in"]);
    world.check();
}

#[test]
fn directory_is_locked_by_one_log() {
    let dir = Dir::new();
    let first = dir.open_with(&FAST).unwrap();
    assert_eq!(dir.open_with(&FAST).unwrap_err(), LogError::InUse(dir.to_path_buf()));
    drop(first);
    dir.open_with(&FAST).unwrap();
}

#[test]
fn files_are_accessible_to_the_owner_only() {
    let dir = Dir::new();
    let inner = dir.join("a/b");
    let mut log = SqliteLog::open_with(&inner, &FAST).unwrap();
    log.append(&beginning(), &[]).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&dir.join("a")), mode(&inner)), (0o700, 0o700));
        let files: Vec<_> = inner.read_dir().unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 4, "database, write-ahead log, its index, lock: {files:?}");
        assert!(files.iter().all(|path| mode(path) == 0o600), "{files:?}");
    }
    // A file instead of the directory.
    let file = dir.join("file");
    fs::write(&file, "x").unwrap();
    let error = SqliteLog::open(&file).unwrap_err().to_string();
    assert!(error.contains(file.to_str().unwrap()), "{error}");
}

#[test]
fn read_only_log_can_be_read() {
    let mut world = World::new();
    world.append_message(1, "one");
    let mut world = world.reopen_with(&READ_ONLY);
    assert_eq!(world.contents(), ["one"]);
    assert_eq!(world.find("one"), ["one"]);
    let read_only = LogError::ReadOnly(world.log.path().into());
    assert_eq!(world.log.append(&[entry(2, RoomId::LOBBY, "two")], &[]), Err(read_only.clone()));
    assert_eq!(world.log.apply_retention(&Retention::default(), 0), Err(read_only));
    // Reading does not disturb the writer, and sees its commits.
    let mut writer = world.dir.open_with(&FAST).unwrap();
    writer.append(&[entry(3, RoomId::LOBBY, "three")], &[]).unwrap();
    assert_eq!(world.contents(), ["one", "three"]);
    // A missing log cannot be read.
    assert!(Dir::new().open_with(&READ_ONLY).is_err());
}

#[test]
fn other_files_are_refused_and_left_unchanged() {
    let dir = Dir::new();
    let damaged = LogError::Damaged(dir.database());
    for text in ["not a database".repeat(1000), "SQLite format 3\0".into(), "x".into()] {
        fs::write(dir.database(), &text).unwrap();
        assert_eq!(dir.open_with(&FAST).unwrap_err(), damaged);
        assert_eq!(dir.open_with(&READ_ONLY).unwrap_err(), damaged);
        assert_eq!(fs::read_to_string(dir.database()).unwrap(), text);
    }
    assert!(damaged.to_string().contains("parlour.db"));
    // An empty file with a write-ahead log.
    fs::write(dir.database(), "").unwrap();
    fs::write(dir.join("parlour.db-wal"), "x".repeat(5000)).unwrap();
    assert_eq!(dir.open_with(&FAST).unwrap_err(), damaged);
    assert_eq!(fs::read(dir.join("parlour.db-wal")).unwrap().len(), 5000);
    fs::remove_file(dir.join("parlour.db-wal")).unwrap();
    // The database of another program.
    fs::remove_file(dir.database()).unwrap();
    rusqlite::Connection::open(dir.database()).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
    let before = fs::read(dir.database()).unwrap();
    assert_eq!(dir.open_with(&FAST).unwrap_err(), damaged);
    assert_eq!(fs::read(dir.database()).unwrap(), before);
}

#[test]
fn damage_is_reported_when_it_is_read() {
    let mut world = World::new();
    let entries: Vec<_> =
        (1..=2000).map(|n| entry(n, RoomId::LOBBY, &format!("number {n} {}", "x".repeat(50)))).collect();
    world.append(&entries);
    let World { log, read, dir } = world;
    drop((read, log));
    let mut file = File::options().write(true).open(dir.database()).unwrap();
    let length = file.metadata().unwrap().len();
    file.seek(SeekFrom::Start(3 * 4096)).unwrap();
    file.write_all(&vec![0xA5; usize::try_from(length).unwrap() / 2]).unwrap();
    drop(file);
    let damaged = LogError::Damaged(dir.database());
    let read = match dir.open_with(&FAST) {
        Err(error) => Err(error),
        Ok(log) => log.reader().and_then(|mut read| read.page(RoomId::LOBBY, PageStart::End, ALL)),
    };
    assert_eq!(read.unwrap_err(), damaged);
}

#[test]
fn log_of_a_newer_version_is_refused() {
    let world = World::new();
    let path = world.log.path().to_owned();
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 1000).unwrap();
    let World { log, read, dir } = world;
    drop((log, read));
    for options in [FAST, READ_ONLY] {
        let newer = dir.open_with(&options).unwrap_err();
        assert!(matches!(&newer, LogError::Newer { path: at, found: 1000, .. } if *at == path), "{newer:?}");
    }
}

#[test]
fn full_log_refuses_new_messages_and_recognises_duplicates() {
    // Recognising duplicates needs no space.
    let mut world = World::with(&Options { max_pages: Some(100), ..FAST });
    let place = new(&world.append_message(1, "one"));
    fill(&mut world, 2);
    assert_eq!(world.append(&[entry(1, RoomId::LOBBY, "one")]), [Outcome::Known(place)]);
}
