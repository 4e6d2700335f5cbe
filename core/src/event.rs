//! The events that a [`session`](crate::session) reports to the layers above it.

use crate::{
    model::{Connection, Delivery, Identity, Message, MessageId, Refusal},
    presence::PresenceChange,
    ranges::{Gap, Range, Ranges},
    status::Status,
    timeline::Notice,
};

/// A gap in the loaded history, and whether it is being loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapState {
    /// The missing sequence numbers.
    pub gap: Gap,
    /// A history request for it is pending.
    pub loading: bool,
}

impl GapState {
    /// All gaps between the known ranges. The one that contains `loading` is marked as loading.
    pub(crate) fn between(known: &Ranges, loading: u64) -> Vec<Self> {
        known.gaps().map(|gap| Self { gap, loading: gap.from < loading && loading <= gap.to }).collect()
    }
}

/// A page of search results.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchResults {
    /// Newest first.
    pub messages: Vec<Message>,
    /// There are older matches, or may be.
    pub more: bool,
    /// The search reached the server's limit of work: only messages with a sequence number above this one were searched.
    pub partial: Option<u64>,
}

/// Identifies the tab that made a request: [`LOCAL`], or a random number that a follower has chosen for its request.
pub type Requester = u64;

/// The requester id of the tab that owns the session.
pub const LOCAL: Requester = 0;

/// An event of a session.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The state of the connection has changed.
    Connection(Connection),
    /// The login succeeded, for the first time or after a reconnect.
    LoggedIn(Identity),
    /// The user continues under this nick. The persisted data is to be moved to the scope of the nick before anything else
    /// is written.
    Renamed(std::sync::Arc<str>),
    /// The user has logged out; no further connection is attempted.
    LoggedOut,
    /// A new message, or a new state of the message with the same id.
    Message(Message),
    /// Older messages, from the device or from the server's history; each is handled like an [`Event::Message`].
    HistoryPage(Vec<Message>),
    /// All messages of the room in this range were reported by earlier events.
    RangeLoaded(Range),
    /// All gaps between the loaded ranges, oldest first. At most one is being loaded.
    Gaps(Vec<GapState>),
    /// The requester's most recent seek is finished. Earlier seeks of the same requester report nothing.
    SeekFinished {
        /// The requester.
        requester: Requester,
        /// The message at the target, which was reported before this. `None` when the target is unavailable: no
        /// connection, no history on the server, a refusal, an empty room, or a later seek of another requester.
        seq: Option<u64>,
    },
    /// The requester's most recent search is finished. Earlier searches of the same requester report nothing.
    SearchFinished {
        /// The requester.
        requester: Requester,
        /// The matches, or why there are none.
        results: Result<SearchResults, Status>,
    },
    /// The server has a different log than before: messages that the old log acknowledged no longer exist.
    LogReplaced,
    /// The messages shown come from the device and may be outdated (`true`), or are in sync with the server (`false`).
    FromDevice(bool),
    /// The delivery state of an own message has changed.
    Delivery(MessageId, Delivery),
    /// The user has discarded a failed message.
    Discarded(MessageId),
    /// Sending is paused, for this reason and for this many ms.
    Throttled(Status, u32),
    /// The member list has changed; read it from the session.
    MembersChanged,
    /// A member has joined or left, at this Unix time in ms.
    PresenceChanged(PresenceChange, i64),
    /// A notice to show in the timeline.
    Notice(Notice),
    /// The server refused something other than a message.
    Refused(Refusal),
    /// The last ping took this many ms.
    RoundTrip(u32),
}
