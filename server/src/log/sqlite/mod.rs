//! The log in SQLite: one file, a write-ahead log beside it, and one connection that writes.
//!
//! A transaction whose commit failed is not in the log. But when the disk failed it after the last byte was written, and
//! the machine goes down before the next commit, it may be found there after all: its messages are known then, as if the
//! acknowledgement had been lost and not the message.
//!
//! | module | what it does |
//! | --- | --- |
//! | `file` | directory, lock, connections |
//! | `schema` | tables, versions |
//! | `place` | room and number as one key |
//! | `rooms` | names and counts of the rooms |
//! | `runs` | what was said when |
//! | `append`, `print` | what comes in, and what comes again |
//! | `index` | what comes in, into the index of words |
//! | `page`, `search`, `words`, `vocabulary` | what is read |
//! | `tidy` | what goes |
//! | `copy` | a second file, for a backup |
//! | `fault` | what SQLite says, as a [`LogError`] |

mod append;
mod copy;
mod fault;
mod file;
mod index;
mod page;
mod place;
mod print;
mod rooms;
mod runs;
mod schema;
mod search;
mod tidy;
mod vocabulary;
mod words;

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use self::fault::Fault;
pub use self::file::NAME;
pub(super) use self::{
    copy::{copy, inspect},
    file::make_new,
};
use super::{
    Appended, Entry, Found, Log, LogError, Page, Read, Retention, RoomSummary, SessionChange, SessionRecord,
    Size, Start,
};

/// When an append is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// Before [`Log::append`] returns: it outlives a loss of power.
    #[default]
    Full,
    /// When the system gets to it: it outlives the process and not the machine. For tests.
    Off,
}

/// How a log is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// When an append is on the disk.
    pub synchronous: Synchronous,
    /// The most pages of 4 KiB that the database may have; beyond them an append is [`LogError::Full`].
    pub max_pages: Option<u32>,
    /// Opens a log that exists as if nothing could be written there.
    pub read_only: bool,
}

/// The log of a directory.
///
/// Only one at a time has a directory. One that can't write there reads all the same, and every append is
/// [`LogError::ReadOnly`].
#[derive(Debug)]
pub struct SqliteLog {
    path: PathBuf,
    connection: Connection,
    // Let go of after the connection.
    lock: Option<file::Lock>,
}

impl SqliteLog {
    /// Opens the log of a directory; both are made if they are missing, for the eyes of their owner only.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        Self::open_with(dir, &Options::default())
    }

    /// As [`SqliteLog::open`].
    ///
    /// # Errors
    /// [`LogError`].
    pub fn open_with(dir: &Path, options: &Options) -> Result<Self, LogError> {
        let path = dir.join(NAME);
        let lock = if options.read_only { None } else { file::take(dir)? };
        if lock.is_some() {
            let mut connection = file::writer(&path, options)?;
            if !connection.is_readonly("main").map_err(|error| Fault::from(error).at(&path))? {
                schema::prepare(&mut connection, &path)?;
                file::limit(&connection, options).map_err(|error| Fault::from(error).at(&path))?;
                return Ok(Self { path, connection, lock });
            }
        }
        let connection = file::reader(&path)?;
        schema::check(&connection, &path)?;
        Ok(Self { path, connection, lock: None })
    }

    /// The database.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
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

impl Log for SqliteLog {
    fn append(&mut self, entries: &[Entry], sessions: &[SessionChange]) -> Result<Vec<Appended>, LogError> {
        self.write(|connection| append::append(connection, entries, sessions))
    }

    fn tidy(&mut self, retention: &Retention, now: i64) -> Result<bool, LogError> {
        self.write(|connection| tidy::tidy(connection, retention, now))
    }

    fn index(&mut self) -> Result<u64, LogError> {
        self.write(index::index)
    }

    fn reader(&self) -> Result<Box<dyn Read>, LogError> {
        let connection = file::reader(&self.path)?;
        vocabulary::prepare(&connection).map_err(|error| Fault::from(error).at(&self.path))?;
        Ok(Box::new(SqliteReader { path: self.path.clone(), connection }))
    }
}

/// Reads beside a [`SqliteLog`].
#[derive(Debug)]
struct SqliteReader {
    path: PathBuf,
    connection: Connection,
}

impl SqliteReader {
    fn read<T>(&mut self, read: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, LogError> {
        read(&mut self.connection).map_err(|error| Fault::from(error).at(&self.path))
    }
}

impl Read for SqliteReader {
    fn id(&mut self) -> Result<[u8; 16], LogError> {
        self.read(|connection| connection.query_row("SELECT id FROM about", [], |row| row.get(0)))
    }

    fn page(&mut self, room: &str, start: Start, size: Size) -> Result<Page, LogError> {
        self.read(|connection| page::page(connection, room, start, size))
    }

    fn search(&mut self, room: &str, query: &str, before: u64, size: Size) -> Result<Found, LogError> {
        self.read(|connection| search::search(connection, room, query, before, size))
    }

    fn rooms(&mut self) -> Result<Vec<RoomSummary>, LogError> {
        self.read(|connection| rooms::all(connection))
    }

    fn sessions(&mut self) -> Result<Vec<SessionRecord>, LogError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT hash, nick, lost_at FROM session ORDER BY hash")?;
            let sessions = statement.query_map([], |row| {
                Ok(SessionRecord { hash: row.get(0)?, nick: row.get(1)?, lost_at: row.get(2)? })
            })?;
            sessions.collect()
        })
    }
}
