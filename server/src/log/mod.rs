//! The log: what was said, in order, for good.
//!
//! A [`Log`] is driven by calls and knows no task and no queue, so that a test can step it, and stop it between any
//! two calls.
//!
//! What a caller may rely on:
//!
//! - When [`Log::append`] has returned, every entry it calls [`Appended::New`] is in durable storage, and its id in the
//!   same transaction; when it has failed, none of the entries is.
//! - Sequence numbers of a room rise strictly, across restarts too. There may be gaps.
//! - An id is known for as long as its message is, and at least [`Retention::ids`] longer.
//! - A [`Page`] holds all that the room has in `(from, to]`, whatever is appended meanwhile.

pub mod backup;
pub mod group;
pub mod sqlite;
pub mod threads;

use std::{path::PathBuf, sync::Arc, time::Duration};

use parlour_core::model::MessageId;
use thiserror::Error;

/// A message to be appended. Checked already; the log only looks at its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The idempotency key.
    pub id: MessageId,
    /// The room; empty for the lobby.
    pub room: Arc<str>,
    /// Who says it.
    pub nick: Arc<str>,
    /// What is said.
    pub content: Arc<str>,
    /// When it was accepted, Unix ms.
    pub time: i64,
}

/// A message's place in its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its sequence number; never 0.
    pub seq: u64,
    /// When it was accepted, Unix ms.
    pub time: i64,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log now.
    New(Place),
    /// It was there already: same id, room, sender (by `validate::nick_key`) and content. This is its first place.
    Known(Place),
    /// Its id is another message's; it was not appended.
    Other,
}

/// A message of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place.
    pub place: Place,
    /// What it is.
    pub id: MessageId,
    /// Who said it.
    pub nick: String,
    /// What was said.
    pub content: String,
}

/// Which messages of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Those before a sequence number, the newest of them.
    Before(u64),
    /// Those after one, the oldest of them.
    After(u64),
    /// Those around a time in Unix ms: up to half of them before the first message of that time or later, the rest from
    /// it on. The newest, when there is none.
    At(i64),
    /// The newest.
    End,
}

/// How much a page may hold. It holds one message at least, if there is one, whatever its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Messages.
    pub messages: usize,
    /// Bytes of content.
    pub bytes: usize,
}

/// A part of a room without a hole in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// All messages with a sequence number above this one ...
    pub from: u64,
    /// ... and up to this one, as of when the page was read.
    pub to: u64,
    /// Those messages, in order.
    pub messages: Vec<Stored>,
    /// The room has nothing older; `from` is 0 then.
    pub reached_start: bool,
    /// It had nothing newer when the page was read; `to` is the room's last number then.
    pub reached_end: bool,
}

/// What was found: messages of one room, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The messages.
    pub messages: Vec<Stored>,
    /// There is nothing older to be found.
    pub reached_start: bool,
}

/// Something to be appended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Job {
    /// When an append has failed, all jobs of its generation and of older ones fail with it, those too that come later:
    /// so no message is stored while one that its sender said before is not. Whoever has heard of the failure goes on
    /// with a newer generation.
    pub generation: u32,
    /// The messages.
    pub entries: Vec<Entry>,
    /// What changes of the sessions, after the messages.
    pub sessions: Vec<SessionChange>,
}

/// A question to a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The room; empty for the lobby.
    pub room: Arc<str>,
    /// What of it.
    pub what: What,
    /// How much.
    pub size: Size,
}

/// What is asked of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// [`Read::page`].
    Page(Start),
    /// [`Read::search`].
    Search {
        /// As typed.
        query: String,
        /// Older than this; 0 for the newest.
        before: u64,
    },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To [`What::Page`].
    Page(Page),
    /// To [`What::Search`].
    Found(Found),
}

/// A room there is something of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSummary {
    /// Its name; empty for the lobby.
    pub name: String,
    /// The sequence number of its last message, also when that is no longer kept.
    pub last_seq: u64,
    /// How many messages are kept.
    pub messages: u64,
}

/// A session, so that its name can be kept for it while the server is down. The secret itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// SHA-256 of the session's secret.
    pub hash: [u8; 32],
    /// The name.
    pub nick: String,
    /// When its connection was lost, Unix ms; `None` while it has one, or had when the server ended.
    pub lost_at: Option<i64>,
}

/// A change of the sessions. They follow appends in order and need not be durable at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChange {
    /// It is new, or another than it was.
    Put(SessionRecord),
    /// It is over.
    End([u8; 32]),
}

/// What is let go of. Nothing, unless something is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Messages older than this go.
    pub age: Option<Duration>,
    /// Of each room, no more than so many of the newest stay.
    pub messages: Option<u64>,
    /// When the database is larger than this many bytes, the oldest go.
    pub bytes: Option<u64>,
    /// How much longer than its message an id is known.
    pub ids: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { age: None, messages: None, bytes: None, ids: Duration::from_secs(7 * 86_400) }
    }
}

/// Why the log did not do something. Each says in a sentence what the operator can do.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum LogError {
    /// No room on the disk, or the database has reached its allowed size.
    #[error("The disk with {} is full; make room there, or set a retention.", .0.display())]
    Full(PathBuf),
    /// It may be read and not written.
    #[error("{} can't be written; check its permissions and its file system.", .0.display())]
    ReadOnly(PathBuf),
    /// It is no database, or part of it is not what was written.
    #[error("{} is damaged; restore it from a backup.", .0.display())]
    Damaged(PathBuf),
    /// A newer version of the server wrote it.
    #[error("{} was written by a newer Parlour (schema {found}, this one knows {known}); use that version.", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema's version.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// Another server has it.
    #[error("{} is in use by another Parlour; stop that one, or give this one its own --data-dir.", .0.display())]
    InUse(PathBuf),
    /// Anything else, in the storage's own words.
    #[error("The log failed: {0}.")]
    Failed(String),
}

/// What one [`Log::index`] does at most: messages.
pub const INDEX_STEP: u64 = 512;

/// A log. See the module for what may be relied on.
pub trait Log: Send {
    /// Appends all entries, in order, in one durable transaction, and with it the changes of sessions.
    ///
    /// # Errors
    /// [`LogError`]; nothing was appended or changed.
    fn append(&mut self, entries: &[Entry], sessions: &[SessionChange]) -> Result<Vec<Appended>, LogError>;

    /// Prepares up to [`INDEX_STEP`] messages of what was appended for being searched, which until then is looked through
    /// message by message. How many are left, at most.
    ///
    /// # Errors
    /// [`LogError`]; what was done before stays done.
    fn index(&mut self) -> Result<u64, LogError>;

    /// Lets go of some of what [`Retention`] lets go of; a step is small. `now` is in Unix ms. `true` when there may be
    /// more to do.
    ///
    /// # Errors
    /// [`LogError`]; what was done before stays done.
    fn tidy(&mut self, retention: &Retention, now: i64) -> Result<bool, LogError>;

    /// Something that reads the same log beside this one, from another thread.
    ///
    /// # Errors
    /// [`LogError`].
    fn reader(&self) -> Result<Box<dyn Read>, LogError>;
}

/// Reads a log.
pub trait Read: Send {
    /// Names the log that sequence numbers belong to: random, given once when it is made.
    ///
    /// # Errors
    /// [`LogError`].
    fn id(&mut self) -> Result<[u8; 16], LogError>;

    /// A part of a room. A room there is nothing of has an empty page that has reached both ends.
    ///
    /// # Errors
    /// [`LogError`].
    fn page(&mut self, room: &str, start: Start, size: Size) -> Result<Page, LogError>;

    /// What a room has with these words in it, older than `before` (0 for the newest). Words of letters are found
    /// from their beginnings, Chinese by any part. Nothing in a query is syntax.
    ///
    /// # Errors
    /// [`LogError`].
    fn search(&mut self, room: &str, query: &str, before: u64, size: Size) -> Result<Found, LogError>;

    /// The rooms there is something of, by name.
    ///
    /// # Errors
    /// [`LogError`].
    fn rooms(&mut self) -> Result<Vec<RoomSummary>, LogError>;

    /// The sessions that were put and did not end.
    ///
    /// # Errors
    /// [`LogError`].
    fn sessions(&mut self) -> Result<Vec<SessionRecord>, LogError>;

    /// Answers a question.
    ///
    /// # Errors
    /// [`LogError`].
    fn answer(&mut self, query: &Query) -> Result<Answer, LogError> {
        match &query.what {
            What::Page(start) => self.page(&query.room, *start, query.size).map(Answer::Page),
            What::Search { query: words, before } => {
                self.search(&query.room, words, *before, query.size).map(Answer::Found)
            }
        }
    }
}
