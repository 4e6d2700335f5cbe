//! The server's machine: the hub, the log, and its disk, with the files that a kill leaves.

use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
};

use parlour_core::{Millis, limits::Limits};
use parlour_server::{
    hub::{Hub, Recovered, Settings, output::Output},
    store::{
        AppendBatch, AppendOutcome, EventLog, LogError, LogReader,
        group_commit::GroupCommit,
        sqlite::{Options, SqliteLog, Synchronous},
    },
};

use super::rng::Rng;

/// The files of the log that survive a kill.
const FILES: [&str; 2] = ["parlour.db", "parlour.db-wal"];

/// Below this size SQLite does not checkpoint the write-ahead log, in bytes.
const CHECKPOINT: u64 = 900 * 4096;

/// The running server.
pub struct Running {
    pub hub: Hub,
    log: SqliteLog,
    group_commit: GroupCommit,
    pub reader: Box<dyn LogReader>,
    /// When it was started, on the world's clock.
    pub started: Millis,
    /// Requests to the log, and when they complete.
    pub requests: VecDeque<(Millis, Output)>,
}

/// The outcome of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Success,
    /// The disk reports an error, and nothing is appended.
    Refused,
    /// The disk reports an error although the batch was appended.
    Ambiguous,
    /// The server is killed before, during or after it, without reporting a result.
    KilledBefore,
    KilledWithin,
    KilledAfter,
}

/// The disk. A kill copies the files to another directory, where the process has no locks or open files.
pub struct Disk {
    root: PathBuf,
    generation: u32,
}

impl Disk {
    pub fn new(name: &str) -> Self {
        // In memory where possible: the test is about kills, not about the disk.
        let shm = Path::new("/dev/shm");
        let base = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let root = base.join(format!("parlour-sim-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("0")).unwrap();
        Self { root, generation: 0 }
    }

    fn dir(&self) -> PathBuf {
        self.root.join(self.generation.to_string())
    }

    /// Copies what a kill leaves at this moment, with at most `wal` bytes of the write-ahead log.
    fn kill(&mut self, wal: Option<u64>) {
        let from = self.dir();
        self.generation += 1;
        let to = self.dir();
        fs::create_dir_all(&to).unwrap();
        for file in FILES {
            if from.join(file).exists() {
                fs::copy(from.join(file), to.join(file)).unwrap();
            }
        }
        if let Some(wal) = wal {
            fs::OpenOptions::new().write(true).open(to.join(FILES[1])).unwrap().set_len(wal).unwrap();
        }
    }

    fn wal(&self) -> u64 {
        fs::metadata(self.dir().join(FILES[1])).map_or(0, |file| file.len())
    }

    fn pages(&self) -> u32 {
        let bytes = fs::metadata(self.dir().join(FILES[0])).map_or(0, |file| file.len()) + self.wal();
        u32::try_from(bytes / 4096).unwrap()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

impl Running {
    /// Starts it on the disk; `tight` leaves little space.
    pub fn start(disk: &Disk, now: Millis, unix_ms: i64, seed: u64, tight: bool) -> Self {
        let max_pages = tight.then(|| disk.pages() + 4);
        let options = Options { synchronous: Synchronous::Off, max_pages, ..Options::default() };
        let log = SqliteLog::open_with(&disk.dir(), &options).unwrap();
        let mut reader = log.reader().unwrap();
        let limits = Limits { messages_per_minute: 3_000, burst: 30, ..Limits::default() };
        let settings = Settings { limits, logins_per_second: 20, login_burst: 4, ..Settings::default() };
        let mut rng = Rng(seed);
        let random = Box::new(move |buffer: &mut [u8]| rng.fill(buffer));
        let hub = Hub::new(settings, random, &Recovered::read(&mut *reader, unix_ms).unwrap());
        Self {
            hub,
            log,
            group_commit: GroupCommit::default(),
            reader,
            started: now,
            requests: VecDeque::new(),
        }
    }

    /// Appends batches together. Returns `None` if it is killed meanwhile.
    pub fn append(
        &mut self,
        disk: &mut Disk,
        rng: &mut Rng,
        batches: Vec<AppendBatch>,
        end: End,
    ) -> Option<Vec<Result<Vec<AppendOutcome>, LogError>>> {
        let failed = || LogError::Failed("disk error".into());
        let log = &mut self.log;
        match end {
            End::Success => {
                let appended = self.group_commit.commit_to(log, batches);
                // Sometimes, as the writer thread does. An error is retried later.
                if rng.once_in(4) {
                    let _ = log.index_pending();
                }
                Some(appended)
            }
            End::Refused => Some(self.group_commit.commit(batches, |_, _| Err(failed()))),
            End::Ambiguous => Some(self.group_commit.commit(batches, |entries, sessions| {
                let _ = log.append(entries, sessions);
                Err(failed())
            })),
            End::KilledBefore => {
                disk.kill(None);
                None
            }
            End::KilledWithin => {
                let before = disk.wal();
                self.group_commit.commit_to(log, batches);
                let after = disk.wal();
                // Any part of the append's writes; all of them if the write-ahead log was reset or may have
                // been checkpointed.
                let torn = (before < after && after < CHECKPOINT).then(|| before + rng.below(after - before));
                disk.kill(torn);
                None
            }
            End::KilledAfter => {
                self.group_commit.commit_to(log, batches);
                disk.kill(None);
                None
            }
        }
    }

    /// Kills it between requests.
    pub fn kill(self, disk: &mut Disk) {
        disk.kill(None);
    }
}
