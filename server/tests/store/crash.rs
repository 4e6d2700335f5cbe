//! Power failures at any moment: committed batches are stored, all others are absent.

use std::fs;

use parlour_core::model::RoomId;
use parlour_server::store::{Change, EventLog as _, Outcome, PageStart, Proposal, RowChange, SessionRecord};

use crate::world::{ALL, Dir, FAST, OTHER, TOM, World, beginning, entry};

/// The size of a page in the write-ahead log, with its header, in bytes.
const FRAME: usize = 24 + 4096;

/// The files that a crash leaves.
struct Disk {
    database: Vec<u8>,
    wal: Vec<u8>,
}

impl Disk {
    fn of(world: &World) -> Self {
        let path = world.log.path();
        Self { database: fs::read(path).unwrap(), wal: fs::read(path.with_extension("db-wal")).unwrap() }
    }

    /// The log recovered from them.
    fn open(&self) -> World {
        let dir = Dir::new();
        fs::write(dir.database(), &self.database).unwrap();
        fs::write(dir.database().with_extension("db-wal"), &self.wal).unwrap();
        let log = dir.open_with(&FAST).unwrap();
        World { read: log.reader().unwrap(), log, dir }
    }
}

/// The transactions after the beginning, in order.
fn batches() -> Vec<Vec<Proposal>> {
    let sizes = [1, 3, 20, 1, 7];
    let mut n = 0;
    let mut next = |room| {
        n += 1;
        entry(n, room, &format!("number {n} {}", "x".repeat(300)))
    };
    sizes.iter().map(|&size| (0..size).map(|i| next([RoomId::LOBBY, OTHER][i % 2])).collect()).collect()
}

fn session(n: usize) -> RowChange {
    let lost_at = Some(i64::try_from(n).unwrap());
    RowChange::PutSession(SessionRecord { hash: [7; 32], account: TOM, lost_at })
}

fn is_in(proposal: &Proposal, room: RoomId) -> bool {
    matches!(&proposal.change, Change::Message { room: of, .. } if *of == room)
}

/// Checks that the recovered log has exactly the first `count` batches, and that it can be continued.
fn check_recovered(disk: &Disk, count: usize, when: &str) {
    let mut world = disk.open();
    let batches = batches();
    assert_eq!(world.differences().unwrap(), [""; 0], "{when}");
    for room in [RoomId::LOBBY, OTHER] {
        let found = world.read.page(room, PageStart::End, ALL).unwrap().messages;
        let found: Vec<_> = found.iter().map(|message| message.id).collect();
        let expected = batches[..count].iter().flatten().filter(|proposal| is_in(proposal, room));
        let expected: Vec<_> = expected.map(|proposal| proposal.id).collect();
        assert_eq!(found, expected, "{when}");
        assert_eq!(
            world.read.search(room, "number", 0, ALL).unwrap().messages.len(),
            expected.len(),
            "{when}"
        );
    }
    let sessions = world.read.sessions().unwrap();
    let sessions: Vec<_> = sessions.into_iter().filter_map(|stored| stored.session.lost_at).collect();
    assert_eq!(sessions, (0..i64::try_from(count).unwrap()).last().into_iter().collect::<Vec<_>>(), "{when}");
    world.check();
    let again: Vec<_> = batches.iter().flatten().cloned().collect();
    let known = batches[..count].iter().flatten().count();
    for (n, outcome) in world.append(&again).into_iter().enumerate() {
        assert_eq!(matches!(outcome, Outcome::Known(_)), n < known, "{when}");
        assert_eq!(matches!(outcome, Outcome::Appended(_)), n >= known, "{when}");
    }
    assert!(world.append(&beginning()).iter().all(|outcome| matches!(outcome, Outcome::Known(_))), "{when}");
}

#[test]
fn committed_batches_survive_a_crash_and_torn_ones_do_not() {
    let mut world = World::new();
    let mut before = Disk::of(&world);
    check_recovered(&before, 0, "before anything");
    for (n, batch) in batches().iter().enumerate() {
        world.log.append(batch, &[session(n)]).unwrap();
        let after = Disk::of(&world);
        assert_eq!(after.database, before.database, "everything is in the write-ahead log");
        check_recovered(&after, n + 1, "committed");
        let written = after.wal.len() - before.wal.len();
        let frames = written / FRAME;
        assert!(frames > 2 && written == frames * FRAME, "{written}");
        let torn = |wal: Vec<u8>, when: &str| {
            check_recovered(
                &Disk { database: after.database.clone(), wal },
                n,
                &format!("batch {n}, {when}"),
            );
        };
        for frame in 0..frames {
            let at = before.wal.len() + frame * FRAME;
            for inside in [0, 1, 23, 24, 25, 2048, FRAME - 1] {
                torn(after.wal[..at + inside].to_vec(), &format!("cut at {inside} of frame {frame}"));
            }
            // Written in another order than requested: only a part of one page is missing.
            let mut wal = after.wal.clone();
            wal[at + 512..at + 1024].fill(0);
            wal[at + 600] ^= 1;
            torn(wal, &format!("a sector of frame {frame} missing"));
        }
        before = after;
    }
}

#[test]
fn interrupted_checkpoint_loses_nothing() {
    let mut world = World::new();
    for (n, batch) in batches().iter().enumerate() {
        world.log.append(batch, &[session(n)]).unwrap();
    }
    let before = Disk::of(&world);
    let database = rusqlite::Connection::open(world.log.path()).unwrap();
    database.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(())).unwrap();
    let after = Disk::of(&world);
    assert!(after.database.len() > before.database.len());
    // Only some pages have reached the database; the write-ahead log still contains all of them.
    for page in 0..after.database.len() / 4096 {
        let mut database = after.database.clone();
        database[page * 4096..(page + 1) * 4096].fill(0xA5);
        check_recovered(&Disk { database, wal: before.wal.clone() }, 5, &format!("page {page} torn"));
    }
    for cut in [before.database.len(), after.database.len() - 1] {
        let database = after.database[..cut].to_vec();
        check_recovered(&Disk { database, wal: before.wal.clone() }, 5, &format!("cut at {cut}"));
    }
}
