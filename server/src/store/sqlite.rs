//! The event log in SQLite: one database file with a write-ahead log, and one connection that writes.
//!
//! A transaction whose commit failed is not in the log, with one exception: if the disk reported the failure
//! after the last byte was written, and the machine crashes before the next commit, recovery may find it. Its
//! messages are then duplicates when they are resent, as if only the acknowledgement had been lost.
//!
//! | module | content |
//! | --- | --- |
//! | `file` | directory, lock, connections |
//! | `schema` | tables and migrations |
//! | `message_key` | room and sequence number as one key |
//! | `number_map` | maps by internal numbers |
//! | `epoch` | the id of a log, and of a restored one |
//! | `append`, `projector` | appending: deciding about proposals, applying events |
//! | `entry`, `events`, `fingerprint` | the events and their form; recognising resent ones |
//! | `accounts`, `authors`, `heads`, `members`, `names`, `cursors` | what the projector reads and writes |
//! | `rebuild`, `check` | rebuilding what follows from the events, and comparing it |
//! | `account_migration` | the migration from messages with nicks |
//! | `reader` | reading, on another thread |
//! | `rooms`, `room_list` | rooms, and the lists of them |
//! | `profiles`, `people` | accounts, and finding them by nick |
//! | `page`, `ords`, `runs` | pages, by ord and by time |
//! | `replay` | the events after a position |
//! | `indexer` | adding messages to the search index |
//! | `search`, `search_query`, `word_index`, `tokenizer`, `vocabulary` | search |
//! | `retention`, `clock` | deletion, and the clock for it |
//! | `meter` | the limits of a search |
//! | `copy` | copying and verifying a database, for backups |
//! | `fault` | SQLite's errors as [`LogError`] |

mod account_migration;
mod accounts;
mod append;
mod authors;
mod check;
mod clock;
mod copy;
mod cursors;
mod entry;
mod epoch;
mod events;
mod fault;
mod file;
mod fingerprint;
mod heads;
mod indexer;
mod members;
mod message_key;
mod meter;
mod names;
mod number_map;
mod ords;
mod page;
mod people;
mod profiles;
mod projector;
mod reactions;
mod reader;
mod rebuild;
mod replay;
mod retention;
mod revisions;
mod room_list;
mod rooms;
mod runs;
mod schema;
mod search;
mod search_query;
mod tokenizer;
mod vocabulary;
mod word_index;

use std::{
    mem,
    path::{Path, PathBuf},
};

use parlour_core::model::{MessageId, Role, UserId};
use rusqlite::Connection;

pub use self::file::NAME;
pub(super) use self::{
    copy::{copy, integrity, verify},
    file::create_new,
};
use self::{
    epoch::Mark, fault::Fault, projector::KnownRows, reader::SqliteReader, retention::RetentionState,
    search_query::SearchQuery,
};
use super::{
    ClockRecord, EventLog, LogError, LogReader, Outcome, Proposal, Retention, RoomLimits, RowChange,
    SearchLimits,
};

/// Returns `true` if a query has anything to search for: a letter, a digit, or an emoji.
#[must_use]
pub fn is_searchable(query: &str) -> bool {
    !SearchQuery::parse(query).is_empty()
}

/// Compares a database with what follows from its events. Returns a sentence for each difference.
pub(super) fn differences(path: &Path) -> Result<Vec<String>, LogError> {
    let mut connection = file::open_reader(path)?;
    schema::check(&connection, path)?;
    check::differences(&mut connection).map_err(|fault| fault.at(path))
}

/// The moment at which an append is synced to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// Before [`EventLog::append`] returns: it survives a power failure.
    #[default]
    Full,
    /// At the operating system's discretion: it survives the process, not the machine. For tests.
    Off,
}

/// The options with which a log is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The moment at which an append is synced to the disk.
    pub synchronous: Synchronous,
    /// The most pages of 4 KiB that the database may have; an append beyond them is [`LogError::Full`].
    pub max_pages: Option<u32>,
    /// Opens an existing log as if it could not be written.
    pub read_only: bool,
    /// The limits of one search.
    pub search: SearchLimits,
    /// The limits on rooms.
    pub rooms: RoomLimits,
}

/// The log in a directory.
///
/// Only one process at a time can write to a directory. A log that cannot be written can be read, and every
/// append is [`LogError::ReadOnly`].
#[derive(Debug)]
pub struct SqliteLog {
    path: PathBuf,
    connection: Connection,
    search: SearchLimits,
    rooms: RoomLimits,
    known: KnownRows,
    retention: RetentionState,
    // Dropped after the connection.
    lock: Option<file::Lock>,
}

impl SqliteLog {
    /// Opens the log of a directory. Both are created if missing, with access for their owner only.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        Self::open_with(dir, &Options::default())
    }

    /// Opens a log as [`SqliteLog::open`] does, with options.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn open_with(dir: &Path, options: &Options) -> Result<Self, LogError> {
        let path = dir.join(NAME);
        let lock = if options.read_only { None } else { file::lock(dir)? };
        if let Some(lock) = lock {
            if file::remove_foreign_wal(&path).map_err(|error| fault::io(&error, &path))? {
                tracing::warn!(
                    log = %path.display(),
                    "a backup was put in the place of the log; the write-ahead log of the previous one was removed"
                );
            }
            let mut connection = file::open_writer(&path, options)?;
            if !connection.is_readonly("main").map_err(|error| Fault::from(error).at(&path))? {
                schema::prepare(&mut connection, &path)?;
                file::set_page_limit(&connection, options).map_err(|error| Fault::from(error).at(&path))?;
                if epoch::begin(&mut connection, lock.recorded()).map_err(|fault| fault.at(&path))? {
                    tracing::warn!(
                        log = %path.display(),
                        "an older copy of the log has taken its place; clients discard later messages"
                    );
                }
                let mut log = Self::with(path, connection, options, Some(lock));
                log.record_mark();
                return Ok(log);
            }
        }
        let connection = file::open_reader(&path)?;
        schema::check(&connection, &path)?;
        Ok(Self::with(path, connection, options, None))
    }

    fn with(path: PathBuf, connection: Connection, options: &Options, lock: Option<file::Lock>) -> Self {
        let Options { search, rooms, .. } = *options;
        let (known, retention) = (KnownRows::default(), RetentionState::default());
        Self { path, connection, search, rooms, known, retention, lock }
    }

    /// Rebuilds everything that follows from the events. The search index is empty then;
    /// [`index_pending`](EventLog::index_pending) fills it.
    ///
    /// # Errors
    /// [`LogError`]; nothing has changed.
    pub fn rebuild(&mut self) -> Result<(), LogError> {
        self.known = KnownRows::default();
        self.write(rebuild::rebuild)
    }

    /// Gives an account a role in the lobby, which nobody there has to allow. The account itself counts as the sender of the
    /// event. Nothing is appended if it has the role already, or there is no such account.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn give_lobby_role(
        &mut self,
        account: UserId,
        role: Role,
        id: MessageId,
        time: i64,
    ) -> Result<(), LogError> {
        let limits = self.rooms;
        self.known = KnownRows::default();
        let events =
            self.write(|connection| append::give_lobby_role(connection, limits, account, role, (id, time)))?;
        self.record_events(events);
        Ok(())
    }

    /// Compares the log with what follows from its events. Returns a sentence for each difference.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn differences(&self) -> Result<Vec<String>, LogError> {
        differences(&self.path)
    }

    /// The path of the database.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Records beside the database which one it is, and how far it has come.
    fn record_mark(&mut self) {
        // An error means only that a copy may not be recognised as such.
        if let Ok(mark) = Mark::read(&self.connection) {
            self.record(mark);
        }
    }

    /// Records beside the database how far it has come.
    fn record_events(&mut self, events: u64) {
        if let Some(mark) = self.lock.as_ref().and_then(file::Lock::recorded) {
            self.record(Mark { events, ..mark });
        }
    }

    fn record(&mut self, mark: Mark) {
        if let Some(lock) = &mut self.lock
            && let Err(error) = lock.record(mark)
        {
            tracing::debug!(%error, "the lock file can't be written");
        }
    }

    fn write<T, E: Into<Fault>>(
        &mut self,
        write: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, LogError> {
        match self.lock {
            Some(_) => write(&mut self.connection).map_err(|error| error.into().at(&self.path)),
            None => Err(LogError::ReadOnly(self.path.clone())),
        }
    }
}

impl EventLog for SqliteLog {
    fn append(&mut self, proposals: &[Proposal], rows: &[RowChange]) -> Result<Vec<Outcome>, LogError> {
        let (limits, mut known) = (self.rooms, mem::take(&mut self.known));
        let appended =
            self.write(|connection| append::append(connection, limits, &mut known, proposals, rows))?;
        self.known = known;
        self.retention.note_grown(&appended.rooms);
        self.record_events(appended.events);
        Ok(appended.outcomes)
    }

    fn apply_retention(&mut self, retention: &Retention, now: i64) -> Result<bool, LogError> {
        // It deletes messages and accounts.
        self.known = KnownRows::default();
        // Kept only if the step was stored.
        let mut state = mem::take(&mut self.retention);
        let more = self.write(|connection| retention::apply(connection, &mut state, retention, now))?;
        self.retention = state;
        Ok(more)
    }

    fn store_clock(&mut self, clock: ClockRecord) -> Result<(), LogError> {
        self.write(|connection| clock::store(connection, clock))
    }

    fn index_pending(&mut self) -> Result<u64, LogError> {
        self.write(indexer::index)
    }

    fn reader(&self) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(SqliteReader::open(&self.path, self.search)?))
    }
}

impl Drop for SqliteLog {
    fn drop(&mut self) {
        self.record_mark();
    }
}
