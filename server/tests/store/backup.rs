//! Backup: complete, valid copies, and the errors.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use parlour_core::model::RoomId;
use parlour_server::store::{
    EventLog as _, LogError, Outcome, PageStart,
    backup::{BackupError, backup},
    sqlite::NAME,
};
use sha2::{Digest as _, Sha256};

use crate::world::{ALL, Dir, FAST, OTHER, World, entry};

const LOBBY: RoomId = RoomId::LOBBY;

/// Opens a backup that was put in the place of a log.
fn restore(copy: &Path) -> World {
    let dir = Dir::new();
    fs::copy(copy, dir.database()).unwrap();
    let log = dir.open_with(&FAST).unwrap();
    World { read: log.reader().unwrap(), log, dir }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        dir.read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn backup_of_a_log_in_use_is_complete() {
    let mut world = World::new();
    let messages: Vec<_> = (1..=2000).map(|n| entry(n, LOBBY, &format!("number {n}"))).collect();
    world.append(&messages);
    let id = world.read.id().unwrap();
    let (dir, to) = (world.dir.to_path_buf(), Dir::new());
    let over = AtomicBool::new(false);
    let (mut world, copies) = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut n = 2000;
            while !over.load(Relaxed) {
                n += 1;
                world.append_message(n, &format!("number {n}"));
            }
            world
        });
        let copies: Vec<_> = (0..3)
            .map(|n| {
                let to = to.join(format!("copy {n}"));
                (backup(&dir, &to).unwrap(), to)
            })
            .collect();
        over.store(true, Relaxed);
        (writing.join().unwrap(), copies)
    });
    let all = world.contents();
    for (made, copy) in copies {
        let sum = format!("{:x}", Sha256::digest(fs::read(&copy).unwrap()));
        assert_eq!(made.checksum, sum);
        let name = copy.file_name().unwrap().to_str().unwrap();
        let sum_file = fs::read_to_string(to.join(format!("{name}.sha256"))).unwrap();
        assert_eq!(sum_file, format!("{sum}  {name}\n"));
        let mut restored = restore(&copy);
        restored.check();
        assert_ne!(restored.read.id().unwrap(), id, "a restored log is another one");
        let contents = restored.contents();
        assert!(contents.len() >= 2000 && contents.len() as u64 == made.messages);
        assert_eq!(contents, all[..contents.len()]);
        assert_eq!(restored.search("1999"), ["number 1999"]);
        // The copy can be continued, and recognises duplicates.
        assert!(matches!(restored.append_message(17, "number 17"), Outcome::Known(place) if place.seq == 17));
        assert!(
            matches!(restored.append_message(1_000_000, "on"), Outcome::Appended(place) if place.seq == made.messages + 1)
        );
    }
    assert_eq!(names(&to).len(), 6, "{:?}", names(&to));
}

#[test]
fn restored_backup_is_another_log_from_then_on() {
    let mut world = World::new();
    world.append_message(1, "one");
    let original = world.read.id().unwrap();
    let to = Dir::new();
    backup(&world.dir, &to.join("copy")).unwrap();
    // The log itself is no copy.
    let mut world = world.reopen();
    assert_eq!(world.read.id().unwrap(), original);
    world.append_message(2, "two");
    let mut restored = restore(&to.join("copy"));
    let first = restored.read.id().unwrap();
    assert_ne!(first, original);
    restored.append_message(3, "three");
    let mut restored = restored.reopen();
    assert_eq!(
        (restored.read.id().unwrap(), restored.contents()),
        (first, vec!["one".into(), "three".into()])
    );
    // Each time it is restored.
    assert_ne!(restore(&to.join("copy")).read.id().unwrap(), first);
    // A backup of a backup.
    backup(&restored.dir, &to.join("second")).unwrap();
    assert_ne!(restore(&to.join("second")).read.id().unwrap(), first);
}

#[test]
fn write_ahead_log_of_the_replaced_log_is_not_applied_to_a_backup() {
    let mut world = World::new();
    let messages = |range: std::ops::RangeInclusive<u32>| {
        range.map(|n| entry(n, LOBBY, &format!("number {n}"))).collect::<Vec<_>>()
    };
    world.append(&messages(1..=500));
    let to = Dir::new();
    backup(&world.dir, &to.join("copy")).unwrap();
    world.append(&messages(501..=900));
    // The server is killed, and only the database itself is replaced.
    let killed = Dir::new();
    for name in ["parlour.db", "parlour.db-wal", "parlour.lock"] {
        fs::copy(world.dir.join(name), killed.join(name)).unwrap();
    }
    assert!(killed.join("parlour.db-wal").metadata().unwrap().len() > 0);
    fs::copy(to.join("copy"), killed.database()).unwrap();
    let log = killed.open_with(&FAST).unwrap();
    let mut restored = World { read: log.reader().unwrap(), log, dir: killed };
    restored.check();
    assert_eq!(restored.contents().len(), 500);
    assert!(matches!(restored.append_message(901, "on"), Outcome::Appended(place) if place.seq == 501));
    let mut restored = restored.reopen();
    restored.check();
    assert_eq!(restored.contents().len(), 501);
    // The write-ahead log of the log itself is needed.
    let again = Dir::new();
    for name in ["parlour.db", "parlour.db-wal", "parlour.lock"] {
        fs::copy(world.dir.join(name), again.join(name)).unwrap();
    }
    let log = again.open_with(&FAST).unwrap();
    let mut recovered = World { read: log.reader().unwrap(), log, dir: again };
    assert_eq!(recovered.contents().len(), 900);
}

/// Closes a log and puts another database into its place, without the write-ahead log, which is empty.
fn replace(world: World, database: &[u8]) -> World {
    let World { log, read, dir } = world;
    drop((read, log));
    fs::write(dir.database(), database).unwrap();
    let log = dir.open_with(&FAST).unwrap();
    World { read: log.reader().unwrap(), log, dir }
}

/// Closes a log and returns its database.
fn copy_of(world: World) -> (Vec<u8>, World) {
    let World { log, read, dir } = world;
    drop((read, log));
    let database = fs::read(dir.database()).unwrap();
    let log = dir.open_with(&FAST).unwrap();
    (database, World { read: log.reader().unwrap(), log, dir })
}

#[test]
fn older_copy_made_with_other_tools_is_recognised() {
    let mut world = World::new();
    world.append(&(1..=3).map(|n| entry(n, LOBBY, "before")).collect::<Vec<_>>());
    let (copy, mut world) = copy_of(world);
    let original = world.read.id().unwrap();
    // The same state is the same log.
    let mut world = replace(world, &copy);
    assert_eq!(world.read.id().unwrap(), original);
    world.append(&[entry(4, OTHER, "lost")]);
    let mut world = replace(world, &copy);
    let second = world.read.id().unwrap();
    assert_ne!(second, original);
    let mut world = world.reopen();
    assert_eq!(world.read.id().unwrap(), second);
    // The copy has grown past it in the meantime, under its first id.
    world.append(&(5..=9).map(|n| entry(n, LOBBY, "lost")).collect::<Vec<_>>());
    let mut world = replace(world, &copy);
    assert!(![original, second].contains(&world.read.id().unwrap()));
    // Also after a kill.
    world.append(&(10..=12).map(|n| entry(n, LOBBY, "lost")).collect::<Vec<_>>());
    let third = world.read.id().unwrap();
    let killed = Dir::new();
    for name in ["parlour.db", "parlour.lock"] {
        fs::copy(world.dir.join(name), killed.join(name)).unwrap();
    }
    fs::write(killed.database(), copy_of(restore_bytes(&copy, third)).0).unwrap();
    assert_ne!(killed.open_with(&FAST).unwrap().reader().unwrap().id().unwrap(), third);
    // A new log in the directory of another one is no copy.
    let World { log, read, dir } = world;
    drop((log, read));
    for name in ["parlour.db", "parlour.db-wal", "parlour.db-shm"] {
        let _ = fs::remove_file(dir.join(name));
    }
    let new = dir.open_with(&FAST).unwrap().reader().unwrap().id().unwrap();
    assert_eq!(dir.open_with(&FAST).unwrap().reader().unwrap().id().unwrap(), new);
}

/// The log of a copied database, with this id.
fn restore_bytes(database: &[u8], id: [u8; 16]) -> World {
    let dir = Dir::new();
    fs::write(dir.database(), database).unwrap();
    let log = dir.open_with(&FAST).unwrap();
    rusqlite::Connection::open(log.path()).unwrap().execute("UPDATE about SET id = ?1", [id]).unwrap();
    World { read: log.reader().unwrap(), log, dir }
}

#[test]
fn damaged_lock_file_is_no_obstacle() {
    let mut world = World::new();
    world.append_message(1, "one");
    let id = world.read.id().unwrap();
    let World { log, read, dir } = world;
    drop((log, read));
    for text in [&b""[..], b"x", &[0xFF; 5000]] {
        fs::write(dir.join("parlour.lock"), text).unwrap();
        assert_eq!(dir.open_with(&FAST).unwrap().reader().unwrap().id().unwrap(), id);
    }
}

#[test]
fn backup_never_overwrites() {
    let world = World::new();
    let to = Dir::new();
    for name in ["there", "there.sha256", "there.partial"] {
        let taken = to.join(name);
        fs::write(&taken, "mine").unwrap();
        let error = backup(&world.dir, &to.join("there")).unwrap_err();
        assert!(matches!(&error, BackupError::Exists(path) if *path == taken), "{error}");
        assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
        assert_eq!(names(&to), [name]);
        fs::remove_file(&taken).unwrap();
    }
}

#[test]
fn failed_backup_leaves_nothing() {
    let (empty, to) = (Dir::new(), Dir::new());
    let error = backup(&empty, &to.join("copy")).unwrap_err();
    assert!(matches!(&error, BackupError::NoLog(dir) if **dir == *empty), "{error}");
    assert_eq!(names(&empty), [""; 0]);
    fs::write(empty.database(), "no database ".repeat(1000)).unwrap();
    let error = backup(&empty, &to.join("copy")).unwrap_err();
    assert!(
        matches!(&error, BackupError::Log(LogError::Damaged(path)) if *path == empty.database()),
        "{error}"
    );
    let world = World::new();
    let database = rusqlite::Connection::open(world.log.path()).unwrap();
    database.pragma_update(None, "user_version", 1000).unwrap();
    let error = backup(&world.dir, &to.join("copy")).unwrap_err();
    assert!(matches!(error, BackupError::Log(LogError::Newer { found: 1000, .. })), "{error}");
    let world = World::new();
    let error = backup(&world.dir, &to.join("nowhere/copy")).unwrap_err();
    assert!(matches!(error, BackupError::Write { .. }), "{error}");
    assert_eq!(names(&to), [""; 0]);
}

#[test]
fn program_makes_a_backup() {
    let mut world = World::new();
    world.append(&[entry(1, LOBBY, "one"), entry(2, OTHER, "two")]);
    let to = Dir::new();
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlour-server"));
        command.current_dir(&*to).args(["backup", "--data-dir"]).arg(&*world.dir).arg("copy.db");
        command.output().unwrap()
    };
    let output = run();
    let output_text = String::from_utf8(output.stdout).unwrap();
    let sum = format!("{:x}", Sha256::digest(fs::read(to.join("copy.db")).unwrap()));
    assert!(output.status.success());
    assert_eq!(output_text, format!("2 messages are in copy.db, SHA-256 {sum}\n"));
    assert_eq!(restore(&to.join("copy.db")).read.page(OTHER, PageStart::End, ALL).unwrap().messages.len(), 1);
    let output = run();
    let output_text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(output_text.contains("copy.db exists") && output_text.lines().count() == 1, "{output_text}");
    // The name in the documentation.
    assert_eq!(NAME, "parlour.db");
}
