//! The event log: the messages of all rooms, in order and durable.
//!
//! An [`EventLog`] is synchronous and uses no tasks or queues, so that a test can stop it between any two calls.
//!
//! Guarantees to callers:
//!
//! - When [`EventLog::append`] returns `Ok`, every message reported as [`AppendOutcome::Appended`] is in
//!   durable storage, together with its id; when it returns an error, none of the messages is.
//! - Sequence numbers of a room strictly increase, across restarts too. There may be gaps.
//! - An id is known for as long as its message is stored, and at least [`Retention::ids`] longer.
//! - A [`HistoryPage`] contains all messages of the room in `(from, to]`, whatever is appended concurrently.

pub mod backup;
pub mod group_commit;
pub mod retention_clock;
mod search_limits;
pub mod sqlite;
pub mod threads;

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use parlour_core::model::MessageId;
use thiserror::Error;

use self::retention_clock::ClockRecord;
pub use self::{
    search_limits::{Cancellation, SearchLimits},
    sqlite::is_searchable,
};

/// A message to append. It was validated before; the log only checks its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// The idempotency key.
    pub id: MessageId,
    /// The room; empty for the lobby.
    pub room: Arc<str>,
    /// The sender's nick.
    pub nick: Arc<str>,
    /// The text.
    pub content: Arc<str>,
    /// The time at which it was accepted, Unix ms.
    pub time: i64,
}

/// The values that the log assigns to a message: sequence number and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The sequence number in its room; never 0.
    pub seq: u64,
    /// The time at which it was accepted, Unix ms.
    pub time: i64,
}

/// The result of appending one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendOutcome {
    /// It was appended.
    Appended(Stamp),
    /// It had been appended before, with the same id, room, sender (by `validate::nick_key`) and content.
    /// Contains the stamp of the first time.
    Duplicate(Stamp),
    /// Its id belongs to another message; it was not appended.
    IdConflict,
}

/// A message in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its sequence number and time.
    pub stamp: Stamp,
    /// Its id.
    pub id: MessageId,
    /// The sender's nick.
    pub nick: String,
    /// The text.
    pub content: String,
}

/// The start of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStart {
    /// The newest messages before a sequence number.
    Before(u64),
    /// The oldest messages after a sequence number.
    After(u64),
    /// The messages around a Unix time in ms: up to half of the page before the first message of that time or
    /// later, the rest from that message on. The newest messages if there is none.
    At(i64),
    /// The newest messages.
    End,
}

/// The size limits of a page. A page contains at least one message if there is one, regardless of its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize {
    /// Messages.
    pub messages: usize,
    /// Bytes of content.
    pub bytes: usize,
}

/// A part of a room without gaps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryPage {
    /// The page contains all messages with a sequence number above this one ...
    pub from: u64,
    /// ... and up to this one, at the time of reading.
    pub to: u64,
    /// The messages, in order.
    pub messages: Vec<StoredMessage>,
    /// The room has no older messages; `from` is 0.
    pub reached_start: bool,
    /// The room had no newer messages at the time of reading; `to` is the room's last sequence number.
    pub reached_end: bool,
}

/// The result of a search in one room, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchResults {
    /// The messages.
    pub messages: Vec<StoredMessage>,
    /// There are no older matches.
    pub reached_start: bool,
    /// The search ended at its limit of work or time: only messages with a sequence number above this one were
    /// searched. A search before the number that follows continues it.
    pub partial: Option<u64>,
    /// The work that was done, in the unit of [`SearchLimits::work`].
    pub work: u64,
}

/// Messages and session changes to append together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppendBatch {
    /// The generation. If an append fails, all batches of its generation and of older ones fail too, including batches
    /// submitted later. So no message is stored while an earlier one of the same sender is not. After the failure is
    /// reported, the caller continues with a newer generation.
    pub generation: u32,
    /// The messages.
    pub messages: Vec<NewMessage>,
    /// The session changes, applied after the messages.
    pub sessions: Vec<SessionChange>,
}

/// The requester of a query. Queries of different addresses are executed in turn, and so are those of the users of an address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requester {
    /// The address; `None` for the server itself.
    pub address: Option<IpAddr>,
    /// The key of the nick.
    pub user: Arc<str>,
}

/// A query to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The requester.
    pub requester: Requester,
    /// The room; empty for the lobby.
    pub room: Arc<str>,
    /// The kind of query.
    pub kind: QueryKind,
    /// The most to read.
    pub size: PageSize,
}

/// The kinds of queries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryKind {
    /// [`LogReader::page`].
    Page(PageStart),
    /// [`LogReader::search`].
    Search {
        /// The query as typed.
        query: String,
        /// Only messages with a lower sequence number; 0 for the newest.
        before: u64,
    },
}

/// The result of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryResult {
    /// The result of [`QueryKind::Page`].
    Page(HistoryPage),
    /// The result of [`QueryKind::Search`].
    Search(SearchResults),
}

/// The state of one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSummary {
    /// The name; empty for the lobby.
    pub name: String,
    /// The sequence number of the last message, even if it is no longer stored.
    pub last_seq: u64,
    /// The number of stored messages.
    pub messages: u64,
}

/// A session, stored so that its nick can be reserved while the server is down. The secret itself is not
/// stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// SHA-256 of the session's secret.
    pub hash: [u8; 32],
    /// The nick.
    pub nick: String,
    /// The time at which its connection was lost, Unix ms; `None` if it was connected when the server last ran.
    pub lost_at: Option<i64>,
}

/// A session change. Changes are applied in order with the appends and need not be durable at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChange {
    /// The session is new or has changed.
    Put(SessionRecord),
    /// The session has ended.
    End([u8; 32]),
}

/// The rules by which messages are deleted. The default deletes none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Messages older than this are deleted.
    pub age: Option<Duration>,
    /// Only this many of the newest messages of each room are retained.
    pub messages: Option<u64>,
    /// The size of the database in bytes above which the oldest messages are deleted.
    pub bytes: Option<u64>,
    /// The time for which an id is known after its message was deleted.
    pub ids: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { age: None, messages: None, bytes: None, ids: Duration::from_secs(7 * 86_400) }
    }
}

/// Errors of the log. Each is a sentence for the operator, with a remedy where there is one.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum LogError {
    /// The disk is full, or the database has reached its maximum size.
    #[error("The disk with {} is full; make room there, or set a retention.", .0.display())]
    Full(PathBuf),
    /// The log can be read but not written.
    #[error("{} can't be written; check its permissions and its file system.", .0.display())]
    ReadOnly(PathBuf),
    /// The file is not a database, or its content is damaged.
    #[error("{} is damaged; restore it from a backup.", .0.display())]
    Damaged(PathBuf),
    /// The file was written by a newer version of the server.
    #[error("{} was written by a newer Parlour (schema {found}, this one supports {known}); use that version.", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The newest version that this server supports.
        known: i64,
    },
    /// Another server uses the directory.
    #[error("{} is in use by another Parlour; stop that one, or give this one its own --data-dir.", .0.display())]
    InUse(PathBuf),
    /// Any other error, with the message of SQLite or of the operating system.
    #[error("The event log failed: {0}.")]
    Failed(String),
}

/// The most messages that one call of [`EventLog::index_pending`] indexes.
pub const INDEX_STEP_MESSAGES: u64 = 512;

/// A durable log of messages. The module documentation states its guarantees.
pub trait EventLog: Send {
    /// Appends all messages, in order, and the session changes in one durable transaction.
    ///
    /// # Errors
    /// [`LogError`]; nothing was appended or changed.
    fn append(
        &mut self,
        messages: &[NewMessage],
        sessions: &[SessionChange],
    ) -> Result<Vec<AppendOutcome>, LogError>;

    /// Adds up to [`INDEX_STEP_MESSAGES`] appended messages to the search index. Until then a search scans
    /// them one by one. Returns an upper bound of the number of messages that are left.
    ///
    /// # Errors
    /// [`LogError`]; earlier steps remain done.
    fn index_pending(&mut self) -> Result<u64, LogError>;

    /// Deletes some of the messages that [`Retention`] does not allow; one step is small. `now` is the time of the
    /// [`RetentionClock`](retention_clock::RetentionClock), Unix ms. Returns whether there may be more to delete.
    ///
    /// # Errors
    /// [`LogError`]; earlier steps remain done.
    fn apply_retention(&mut self, retention: &Retention, now: i64) -> Result<bool, LogError>;

    /// Stores the state of the retention clock.
    ///
    /// # Errors
    /// [`LogError`].
    fn store_clock(&mut self, clock: ClockRecord) -> Result<(), LogError>;

    /// A reader of the same log, for use on another thread.
    ///
    /// # Errors
    /// [`LogError`].
    fn reader(&self) -> Result<Box<dyn LogReader>, LogError>;
}

/// Reads an event log.
pub trait LogReader: Send {
    /// The id of the log: random, created with it. Sequence numbers are only comparable within one log.
    ///
    /// # Errors
    /// [`LogError`].
    fn id(&mut self) -> Result<[u8; 16], LogError>;

    /// Reads a page of a room. The page of an unknown room is empty and has reached both ends.
    ///
    /// # Errors
    /// [`LogError`].
    fn page(&mut self, room: &str, start: PageStart, size: PageSize) -> Result<HistoryPage, LogError>;

    /// Searches a room for messages with all of these words, older than `before` (0 for the newest). Words
    /// match by prefix, Chinese text by any part, words in quotes if they follow each other. Punctuation within words
    /// counts; accents do not.
    ///
    /// # Errors
    /// [`LogError`].
    fn search(
        &mut self,
        room: &str,
        query: &str,
        before: u64,
        size: PageSize,
    ) -> Result<SearchResults, LogError>;

    /// Cancels the running search.
    fn cancellation(&self) -> Cancellation;

    /// The state of the retention clock. If none was stored, the time of the newest message; `None` if there is no
    /// message either.
    ///
    /// # Errors
    /// [`LogError`].
    fn clock(&mut self) -> Result<Option<ClockRecord>, LogError>;

    /// All rooms that have or had messages, by name.
    ///
    /// # Errors
    /// [`LogError`].
    fn rooms(&mut self) -> Result<Vec<RoomSummary>, LogError>;

    /// The sessions that have not ended.
    ///
    /// # Errors
    /// [`LogError`].
    fn sessions(&mut self) -> Result<Vec<SessionRecord>, LogError>;

    /// Executes a query.
    ///
    /// # Errors
    /// [`LogError`].
    fn execute(&mut self, query: &Query) -> Result<QueryResult, LogError> {
        match &query.kind {
            QueryKind::Page(start) => self.page(&query.room, *start, query.size).map(QueryResult::Page),
            QueryKind::Search { query: words, before } => {
                self.search(&query.room, words, *before, query.size).map(QueryResult::Search)
            }
        }
    }
}
