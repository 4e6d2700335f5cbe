//! The server's machine: the hub, the log, and its disk, with the files that a kill leaves.

use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use parlour_core::Millis;
use parlour_server::{
    hub::{Hub, Recovered, Settings, output::Output},
    store::{
        AppendBatch, EventLog, LogError, LogReader, Outcome, Retention,
        backup::backup,
        group_commit::GroupCommit,
        retention_clock::RetentionClock,
        sqlite::{Options, SqliteLog, Synchronous},
    },
};

use super::rng::Rng;

/// The files of the log that survive a kill.
const FILES: [&str; 2] = ["parlour.db", "parlour.db-wal"];
/// The lock file, which is not part of a backup.
const LOCK: &str = "parlour.lock";

/// The size below which SQLite does not checkpoint the write-ahead log, in bytes.
const CHECKPOINT: u64 = 900 * 4096;

/// The pause between two deletions, in ms.
const RETENTION_INTERVAL_MS: Millis = 10_000;

/// The Unix time at which the world's clock is 0, in ms.
pub const UNIX: i64 = 1_700_000_000_000;

/// The running server.
pub struct Running {
    pub hub: Hub,
    /// The id of the log.
    pub log_id: [u8; 16],
    log: SqliteLog,
    group_commit: GroupCommit,
    pub reader: Box<dyn LogReader>,
    /// The time at which it was started, on the world's clock.
    pub started: Millis,
    /// Requests to the log, and when they complete.
    pub requests: VecDeque<(Millis, Output)>,
    clock: RetentionClock,
    /// The time at which messages are deleted for their age next.
    retention_at: Millis,
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
    backups: u32,
}

/// A copy of a log, and how it is put back.
#[derive(Debug)]
pub struct Backup {
    dir: PathBuf,
    kind: BackupKind,
}

impl Backup {
    /// Returns `true` if the server can't notice that it was restored: the whole directory is replaced by its copy.
    pub fn is_unnoticed(&self) -> bool {
        self.kind == BackupKind::Directory
    }
}

/// The way in which a log is copied and restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BackupKind {
    /// With the server's own command.
    Command,
    /// By copying the files of the database.
    Files,
    /// By copying the whole directory.
    Directory,
}

impl Disk {
    pub fn new(name: &str) -> Self {
        // In memory where possible: the test is about kills, not about the disk.
        let shm = Path::new("/dev/shm");
        let base = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let root = base.join(format!("parlour-sim-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("0")).unwrap();
        Self { root, generation: 0, backups: 0 }
    }

    fn dir(&self) -> PathBuf {
        self.root.join(self.generation.to_string())
    }

    /// Begins an empty directory. Returns the previous one and this one.
    fn next_dir(&mut self) -> (PathBuf, PathBuf) {
        let from = self.dir();
        self.generation += 1;
        let to = self.dir();
        fs::create_dir_all(&to).unwrap();
        (from, to)
    }

    /// Copies the log while the server runs.
    pub fn back_up(&mut self, rng: &mut Rng) -> Backup {
        self.backups += 1;
        let dir = self.root.join(format!("backup-{}", self.backups));
        let kind = [BackupKind::Command, BackupKind::Files, BackupKind::Directory][rng.index(3)];
        fs::create_dir_all(&dir).unwrap();
        match kind {
            BackupKind::Command => drop(backup(&self.dir(), &dir.join(FILES[0])).unwrap()),
            BackupKind::Files => copy_files(&self.dir(), &dir, &FILES),
            BackupKind::Directory => {
                copy_files(&self.dir(), &dir, &FILES);
                copy_files(&self.dir(), &dir, &[LOCK]);
            }
        }
        Backup { dir, kind }
    }

    /// Replaces the log of a server that is off by a backup.
    pub fn restore(&mut self, backup: &Backup) {
        let (from, to) = self.next_dir();
        copy_files(&backup.dir, &to, &FILES);
        let lock_of = if backup.is_unnoticed() { &backup.dir } else { &from };
        copy_files(lock_of, &to, &[LOCK]);
    }

    /// Copies what a kill leaves at this moment, with at most `wal` bytes of the write-ahead log.
    fn kill(&mut self, wal: Option<u64>) {
        let (from, to) = self.next_dir();
        copy_files(&from, &to, &FILES);
        copy_files(&from, &to, &[LOCK]);
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

fn copy_files(from: &Path, to: &Path, names: &[&str]) {
    for name in names.iter().filter(|name| from.join(name).exists()) {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

impl Running {
    /// Starts it on the disk, with a clock that is wrong by `skew`; `tight` leaves little space. A log that knows no time takes
    /// the first reading of the clock for right, so the clock is right then.
    pub fn start(
        disk: &Disk,
        settings: Settings,
        now: Millis,
        skew: &mut i64,
        seed: u64,
        tight: bool,
    ) -> Self {
        let max_pages = tight.then(|| disk.pages() + 4);
        let options = Options { synchronous: Synchronous::Off, max_pages, ..Options::default() };
        let log = SqliteLog::open_with(&disk.dir(), &options).unwrap();
        let mut reader = log.reader().unwrap();
        let mut rng = Rng(seed);
        let random = Box::new(move |buffer: &mut [u8]| rng.fill(buffer));
        let record = reader.clock().unwrap();
        if record.is_none() {
            *skew = 0;
        }
        let unix_ms = UNIX + i64::try_from(now).unwrap() + *skew;
        let recovered = Recovered::read(&mut *reader, unix_ms).unwrap();
        let hub = Hub::new(settings, random, &recovered);
        let clock = RetentionClock::new(now, unix_ms, record);
        Self {
            hub,
            log_id: recovered.log,
            log,
            group_commit: GroupCommit::default(),
            reader,
            started: now,
            requests: VecDeque::new(),
            clock,
            retention_at: now,
        }
    }

    /// Deletes the messages that are older than `age`, as the writer thread does.
    /// Returns `false` if it is not time for it.
    pub fn retain(&mut self, now: Millis, unix_ms: i64, age: Duration) -> bool {
        if now < self.retention_at {
            return false;
        }
        self.retention_at = now + RETENTION_INTERVAL_MS;
        let (time, _) = self.clock.read(now, unix_ms);
        let retention = Retention { age: Some(age), ..Retention::default() };
        // Fails on a full disk.
        let _ = self.log.apply_retention(&retention, time);
        let _ = self.log.store_clock(self.clock.record());
        true
    }

    /// Appends batches together. Returns `None` if it is killed meanwhile.
    pub fn append(
        &mut self,
        disk: &mut Disk,
        rng: &mut Rng,
        batches: Vec<AppendBatch>,
        end: End,
    ) -> Option<Vec<Result<Vec<Outcome>, LogError>>> {
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
            End::Ambiguous => Some(self.group_commit.commit(batches, |proposals, rows| {
                let _ = log.append(proposals, rows);
                Err(failed())
            })),
            End::KilledBefore => {
                disk.kill(None);
                None
            }
            End::KilledWithin => {
                let (before, lock) = (disk.wal(), fs::read(disk.dir().join(LOCK)).unwrap());
                self.group_commit.commit_to(log, batches);
                let after = disk.wal();
                // Any part of the append's writes; all of them if the write-ahead log was reset or may have
                // been checkpointed.
                let torn = (before < after && after < CHECKPOINT).then(|| before + rng.below(after - before));
                disk.kill(torn);
                if torn.is_some() {
                    // It is written after the append.
                    fs::write(disk.dir().join(LOCK), lock).unwrap();
                }
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
