//! Parts of a room's log, as they are read.

use parlour_core::model::{MessageId, UserId};

use super::{Account, Change, ChangedMessage, Place};

/// The state of the text of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextState {
    /// As it was sent.
    #[default]
    Original,
    /// Edited, the last time at this Unix time in ms.
    Edited(i64),
    /// Erased. It is empty.
    Erased,
}

/// The accounts that have reacted to a message with the same emoji.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// The number of accounts; 1 or more.
    pub count: u32,
    /// The account that has requested this is one of them. `false` unless the page was read for an account.
    pub own: bool,
}

/// The people who have reacted to a message with an emoji.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReactionPage {
    /// The first accounts that have reacted.
    pub people: Vec<Account>,
    /// The number of all.
    pub total: u64,
}

/// A message in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its id.
    pub id: MessageId,
    /// Its place.
    pub place: Place,
    /// The sender.
    pub sender: UserId,
    /// The nick that the sender has now.
    pub nick: String,
    /// The present text.
    pub content: String,
    /// The state of the text.
    pub state: TextState,
    /// The reactions to it, in the order in which their emoji were first used. None in the result of a search.
    pub reactions: Vec<Reaction>,
}

/// An event in the log. A message has its present text, and an edit whose message was erased since has an empty one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its id.
    pub id: MessageId,
    /// Its place.
    pub place: Place,
    /// The sender.
    pub sender: UserId,
    /// The nick that the sender has now.
    pub nick: String,
    /// The change.
    pub change: Change,
    /// The nick that the account of a [`Change::ChangeMember`] has now; empty for any other change.
    pub target_nick: String,
    /// The state of the text of a message.
    pub state: TextState,
    /// The message of a [`Change::Edit`], a [`Change::Redact`] or a [`Change::React`].
    pub message: Option<ChangedMessage>,
}

impl StoredEvent {
    /// An event with empty nicks.
    pub fn new(id: MessageId, place: Place, sender: UserId, change: Change) -> Self {
        let (nick, target_nick) = (String::new(), String::new());
        Self { id, place, sender, nick, change, target_nick, state: TextState::Original, message: None }
    }
}

/// A text that a message has, or had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The time from which it was that of the message, Unix ms.
    pub time: i64,
    /// The account that has written it.
    pub sender: UserId,
    /// The nick that the account has now.
    pub nick: String,
    /// The text.
    pub content: String,
}

/// The start of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStart {
    /// The newest messages with a smaller ord.
    Before(u64),
    /// The oldest messages with a larger ord.
    After(u64),
    /// The messages around an ord: up to half of the page before it, the rest from it on.
    Around(u64),
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
    /// The page contains all stored messages with an ord above this one ...
    pub from: u64,
    /// ... and up to this one, at the time of reading.
    pub to: u64,
    /// The messages, in order.
    pub messages: Vec<StoredMessage>,
    /// The ord of the room's oldest stored message; one more than `head_ord` if there is none.
    pub first_ord: u64,
    /// The ord of the room's newest message, even if it is no longer stored; 0 if it never had one.
    pub head_ord: u64,
    /// The sequence number of the room's newest event at the time of reading.
    pub seq: u64,
}

impl HistoryPage {
    /// The room has no older messages; `from` is 0.
    #[must_use]
    pub fn reached_start(&self) -> bool {
        self.from == 0
    }

    /// The room had no newer messages at the time of reading; `to` is the room's `head_ord`.
    #[must_use]
    pub fn reached_end(&self) -> bool {
        self.to >= self.head_ord
    }
}

/// The events of a room after a position.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventPage {
    /// The events, in order.
    pub events: Vec<StoredEvent>,
    /// The sequence number of the room's newest event at the time of reading.
    pub seq: u64,
    /// There are more events.
    pub more: bool,
}

/// The result of a search in one room, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchResults {
    /// The messages.
    pub messages: Vec<StoredMessage>,
    /// There are no older matches.
    pub reached_start: bool,
    /// The search ended at its limit of work or time: only messages with an ord above this one were searched. A search
    /// before the ord that follows continues it.
    pub partial: Option<u64>,
    /// The work that was done, in the unit of [`SearchLimits::work`](super::SearchLimits::work).
    pub work: u64,
}
