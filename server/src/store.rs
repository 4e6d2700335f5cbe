//! The event log: accounts, rooms and their messages, in order and durable.
//!
//! The log has a *directory*, whose events create accounts and rooms and name them, and one log per room, whose events are
//! messages and everything else that its members agree on. Accounts *propose* events. The log validates each proposal
//! at its place, after all events before it: that is the projector (`sqlite/projector.rs`), the only code that changes
//! accounts, rooms and members.
//!
//! An [`EventLog`] is synchronous and uses no tasks or queues, so that a test can stop it between any two calls.
//!
//! Guarantees to callers:
//!
//! - When [`EventLog::append`] returns `Ok`, every event reported as [`Outcome::Appended`] is in durable storage, together
//!   with its id and its effects; when it returns an error, none of them is.
//! - In every log, `seq` increases by one with each event and `ord` with each message, across restarts too.
//! - An id is known for as long as its event is stored, and at least [`Retention::ids`] longer.
//! - A [`HistoryPage`] contains all stored messages of the room in `(from, to]`, whatever is appended concurrently.

pub mod backup;
pub mod check;
mod error;
pub mod group_commit;
mod page;
mod proposal;
mod query;
pub mod retention_clock;
pub mod roles;
mod room_id;
pub mod room_query;
mod rooms;
mod search_limits;
pub mod sqlite;
pub mod threads;

use std::time::Duration;

use parlour_core::model::{Role, RoomId, UserId};

use self::retention_clock::ClockRecord;
pub use self::{
    error::LogError,
    page::{
        EventPage, HistoryPage, PageSize, PageStart, Reaction, ReactionPage, Revision, SearchResults,
        StoredEvent, StoredMessage, TextState,
    },
    proposal::{
        AppendBatch, Change, ChangedMessage, NickSource, Outcome, Place, Proposal, RowChange, SessionRecord,
        Target,
    },
    query::{Query, Requester},
    room_id::{created_room, direct_room},
    room_query::{RoomQuery, RoomResult},
    rooms::{Account, ListedRoom, Member, MemberPage, Room, RoomPage, RoomRow, RoomRows, StoredSession},
    search_limits::{Cancellation, SearchLimits},
    sqlite::is_searchable,
};

/// The most emoji with which one account can react to a message.
pub const OWN_EMOJI: u32 = 20;
/// The most different emoji of the reactions to a message.
pub const MESSAGE_EMOJI: u32 = 50;
/// The maximum length of a room's name, in characters.
pub const ROOM_NAME_CHARS: usize = 64;
/// The maximum length of a room's topic, in bytes of UTF-8.
pub const TOPIC_BYTES: usize = 1024;
/// The maximum number of people of a DIRECT room.
pub const DIRECT_PEOPLE: usize = 8;

/// The maximum number of names that are looked at for one page of PUBLIC rooms. A text that few names contain is found by
/// several pages.
pub const BROWSED_NAMES: usize = 2_000;

/// The limits on rooms that an operator sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomLimits {
    /// The most rooms that an account is in or invited to, without the lobby.
    pub rooms_per_account: u32,
    /// The most PUBLIC and PRIVATE rooms that one account creates.
    pub rooms_created: u32,
    /// The least role in the lobby of whoever creates one. Everybody is a member of the lobby.
    pub creators: Role,
}

impl Default for RoomLimits {
    fn default() -> Self {
        Self { rooms_per_account: 2_000, rooms_created: 100, creators: Role::Member }
    }
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

/// The most messages that one call of [`EventLog::index_pending`] indexes.
pub const INDEX_STEP_MESSAGES: u64 = 512;

/// A durable log. The module documentation states its guarantees.
pub trait EventLog: Send {
    /// Appends the proposals that are accepted, in order, and applies the row changes after them, in one durable
    /// transaction. Returns the outcome of each proposal.
    ///
    /// # Errors
    /// [`LogError`]; nothing was appended or changed.
    fn append(&mut self, proposals: &[Proposal], rows: &[RowChange]) -> Result<Vec<Outcome>, LogError>;

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
    fn page(&mut self, room: RoomId, start: PageStart, size: PageSize) -> Result<HistoryPage, LogError>;

    /// The events of a room after a sequence number, in order, at most `limit`.
    ///
    /// # Errors
    /// [`LogError`].
    fn events(&mut self, room: RoomId, after: u64, limit: usize) -> Result<EventPage, LogError>;

    /// The accounts that have another nick since the event of a room with this sequence number; `None` if that can't be told
    /// from the newest `limit` events of the directory.
    ///
    /// # Errors
    /// [`LogError`].
    fn renamed(&mut self, room: RoomId, seq: u64, limit: usize) -> Result<Option<Vec<Account>>, LogError>;

    /// Searches a room for messages with all of these words, with an ord below `before` (0 for the newest). Words
    /// match by prefix, Chinese text by any part, words in quotes if they follow each other. Punctuation within words
    /// counts; accents do not.
    ///
    /// # Errors
    /// [`LogError`].
    fn search(
        &mut self,
        room: RoomId,
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

    /// An account; `None` if there is none with this id.
    ///
    /// # Errors
    /// [`LogError`].
    fn account(&mut self, account: UserId) -> Result<Option<Account>, LogError>;

    /// The accounts that hold this nick or one that looks like it. A proposal of the nick is refused unless there is
    /// none, or only the one that it names.
    ///
    /// # Errors
    /// [`LogError`].
    fn holders(&mut self, nick: &str) -> Result<Vec<Account>, LogError>;

    /// All accounts that hold their nick.
    ///
    /// # Errors
    /// [`LogError`].
    fn nicks(&mut self) -> Result<Vec<Account>, LogError>;

    /// The sessions that have not ended.
    ///
    /// # Errors
    /// [`LogError`].
    fn sessions(&mut self) -> Result<Vec<StoredSession>, LogError>;

    /// A room; `None` if there is none with this id.
    ///
    /// # Errors
    /// [`LogError`].
    fn room(&mut self, room: RoomId) -> Result<Option<Room>, LogError>;

    /// All rooms.
    ///
    /// # Errors
    /// [`LogError`].
    fn rooms(&mut self) -> Result<Vec<Room>, LogError>;

    /// The rooms of an account, with the lobby, that have changed at `since` or later; all of them if it is 0. Rooms that
    /// the account has left are only among them if `since` is not 0.
    ///
    /// # Errors
    /// [`LogError`].
    fn room_rows(&mut self, account: UserId, since: u64) -> Result<RoomRows, LogError>;

    /// A room as an account sees it; `None` if there is none with this id. [`Role::None`] if the account is not a member;
    /// the handle is 0 then, unless it was a member before.
    ///
    /// # Errors
    /// [`LogError`].
    ///
    /// [`Role::None`]: parlour_core::model::Role::None
    fn room_row(&mut self, account: UserId, room: RoomId) -> Result<Option<RoomRow>, LogError>;

    /// PUBLIC rooms whose name contains `query`, by name, after the room with the name `after`, at most `count`. At most
    /// [`BROWSED_NAMES`] names are looked at.
    ///
    /// # Errors
    /// [`LogError`].
    fn browse(
        &mut self,
        account: UserId,
        query: &str,
        after: &str,
        count: usize,
    ) -> Result<RoomPage, LogError>;

    /// The newest texts that a message has had, oldest first, as many as `size` allows, but at least one. None if it is not
    /// in the room, was not edited, or was erased.
    ///
    /// # Errors
    /// [`LogError`].
    fn revisions(&mut self, room: RoomId, message: Target, size: PageSize)
    -> Result<Vec<Revision>, LogError>;

    /// The reactions of an account to the messages of a room from one sequence number to another: for each that of the message,
    /// and the emoji.
    ///
    /// # Errors
    /// [`LogError`].
    fn own_reactions(
        &mut self,
        room: RoomId,
        account: UserId,
        seqs: (u64, u64),
    ) -> Result<Vec<(u64, String)>, LogError>;

    /// The first accounts that have reacted to a message with an emoji, at most `count`.
    ///
    /// # Errors
    /// [`LogError`].
    fn reactions(
        &mut self,
        room: RoomId,
        message: Target,
        emoji: &str,
        count: usize,
    ) -> Result<ReactionPage, LogError>;

    /// Members of a room and invited people whose nick begins with `prefix`, by nick, after the nick `after`, at most
    /// `count`. In the lobby only those with a role.
    ///
    /// # Errors
    /// [`LogError`].
    fn members(
        &mut self,
        room: RoomId,
        prefix: &str,
        after: &str,
        count: usize,
    ) -> Result<MemberPage, LogError>;

    /// Accounts that are members of a room of this account and whose nick begins with `prefix`, by nick, at most `count`.
    ///
    /// # Errors
    /// [`LogError`].
    fn people(&mut self, account: UserId, prefix: &str, count: usize) -> Result<Vec<Account>, LogError>;

    /// Executes a query for an account.
    ///
    /// # Errors
    /// [`LogError`].
    fn execute_room_query(&mut self, query: &RoomQuery, account: UserId) -> Result<RoomResult, LogError>;

    /// Executes a query.
    ///
    /// # Errors
    /// [`LogError`].
    fn execute(&mut self, query: &Query) -> Result<RoomResult, LogError> {
        // The hub's own queries read events, which need no account.
        let account = query.requester.account.unwrap_or(UserId([0; 16]));
        self.execute_room_query(&query.query, account)
    }
}
