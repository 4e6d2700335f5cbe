//! The data types that every layer may use.

use std::sync::Arc;

pub use crate::{
    ids::{MessageId, RoomId, UserId},
    reactions::{Reaction, Reactions},
};
use crate::{limits::Limits, status::Status, wire};

/// The delivery state of an own message. Messages of others are always [`Delivery::Sent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In the send queue: there is no connection, or the server's rate limit is reached.
    Queued,
    /// Sent on this connection, not acknowledged yet.
    Pending,
    /// Acknowledged: the server has stored it.
    Sent,
    /// Refused, for this reason; the user can retry or discard it.
    Failed(Status),
}

impl Delivery {
    /// A number for packed rows and for messages between tabs; less than 2^17.
    pub(crate) fn to_code(self) -> u32 {
        match self {
            Self::Sent => 0,
            Self::Queued => 1,
            Self::Pending => 2,
            Self::Failed(status) => 3 + u32::from(status.code()),
        }
    }

    /// The delivery state of a code; `None` if it is too large.
    pub(crate) fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            0 => Self::Sent,
            1 => Self::Queued,
            2 => Self::Pending,
            code => Self::Failed(Status::from_code(u16::try_from(code - 3).ok()?)),
        })
    }
}

/// A message of a room's timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Chosen by the sender; messages of a basic server have none, so the receiver generates one.
    pub id: MessageId,
    /// The account of the sender; `None` if the server has not told it.
    pub sender: Option<UserId>,
    /// The nick of the sender.
    pub nick: Arc<str>,
    /// The text.
    pub content: Arc<str>,
    /// The number of the message among those of its room. Of a message that is not acknowledged: its
    /// [order](crate::send_queue::QueuedMessage::order) in the send queue.
    pub ord: u64,
    /// The time at which the server accepted the message, Unix ms. Before that, the time at which the user wrote it.
    pub time: i64,
    /// `true` if this user sent it.
    pub own: bool,
    /// The delivery state.
    pub delivery: Delivery,
    /// The state of the text.
    pub text: TextState,
    /// The reactions to it.
    pub reactions: Reactions,
}

/// The state of the text of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextState {
    /// As it was sent.
    #[default]
    Original,
    /// Edited.
    Edited,
    /// Erased. It is empty.
    Erased,
    /// The user of this tab has edited the message, or deleted it if it is empty. The server has not confirmed it.
    Saving,
}

impl TextState {
    /// The state of the fields `edited` and `deleted` of the wire.
    #[must_use]
    pub fn from_wire(edited: i64, deleted: bool) -> Self {
        match (deleted, edited) {
            (true, _) => Self::Erased,
            (false, 0) => Self::Original,
            (false, _) => Self::Edited,
        }
    }
}

/// A position in a room to scroll to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekTarget {
    /// The message with this ord, or the next one after it.
    Ord(u64),
    /// The first message at or after this time, Unix ms.
    Time(i64),
}

/// The presence of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PresenceState {
    /// Not in the room.
    Left,
    /// In the room.
    Online,
    /// In the room, but idle.
    Away,
}

/// The kind of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RoomKind {
    /// The room of everybody, and the only one of basic peers.
    Lobby,
    /// Everybody can find and join it.
    Public,
    /// Only its members know it; others are invited.
    Private,
    /// A conversation of two to eight people. The same people always have the same one.
    Direct,
}

impl RoomKind {
    /// The kind of a number on the wire; `None` for one that this version does not know.
    #[must_use]
    pub fn from_wire(number: i32) -> Option<Self> {
        Some(match wire::RoomKind::try_from(number).ok()? {
            wire::RoomKind::Lobby => Self::Lobby,
            wire::RoomKind::Public => Self::Public,
            wire::RoomKind::Private => Self::Private,
            wire::RoomKind::Direct => Self::Direct,
        })
    }

    /// The kind on the wire.
    #[must_use]
    pub fn to_wire(self) -> wire::RoomKind {
        match self {
            Self::Lobby => wire::RoomKind::Lobby,
            Self::Public => wire::RoomKind::Public,
            Self::Private => wire::RoomKind::Private,
            Self::Direct => wire::RoomKind::Direct,
        }
    }
}

/// The role of an account in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Not a member.
    None,
    /// Was invited and has not accepted yet.
    Invited,
    /// A member.
    Member,
    /// A member that can also remove messages and members.
    Moderator,
    /// A moderator that can also change the room and the roles.
    Owner,
}

impl Role {
    /// The role of a number on the wire; `None` for one that this version does not know.
    #[must_use]
    pub fn from_wire(number: i32) -> Option<Self> {
        Some(match wire::Role::try_from(number).ok()? {
            wire::Role::None => Self::None,
            wire::Role::Invited => Self::Invited,
            wire::Role::Member => Self::Member,
            wire::Role::Moderator => Self::Moderator,
            wire::Role::Owner => Self::Owner,
        })
    }

    /// The role on the wire.
    #[must_use]
    pub fn to_wire(self) -> wire::Role {
        match self {
            Self::None => wire::Role::None,
            Self::Invited => wire::Role::Invited,
            Self::Member => wire::Role::Member,
            Self::Moderator => wire::Role::Moderator,
            Self::Owner => wire::Role::Owner,
        }
    }

    /// Returns `true` for a member of any rank.
    #[must_use]
    pub fn is_member(self) -> bool {
        self >= Self::Member
    }
}

/// A member of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The nick.
    pub nick: Arc<str>,
    /// The presence.
    pub state: PresenceState,
}

/// The dialect that a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Fields 1 to 4 only: no ids, no acknowledgements.
    Basic,
    /// The whole schema.
    Rich,
}

/// The state of the connection, as the connection bar shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Logged out; no connection is attempted.
    Idle,
    /// Connecting or logging in, for the first time.
    Connecting,
    /// Logged in.
    Online {
        /// The server's dialect.
        dialect: Dialect,
    },
    /// The connection was lost and will be attempted again automatically.
    Reconnecting {
        /// The reason why the connection ended.
        status: Status,
        /// The start of the next attempt, on the session's monotonic clock; `None` during an attempt.
        retry_at: Option<crate::Millis>,
        /// The number of attempts since the connection was lost.
        attempt: u32,
        /// A nick that the server would accept, if it has refused the user's as taken.
        suggestion: Option<String>,
    },
    /// The connection failed and is not attempted again automatically.
    Failed {
        /// The reason.
        status: Status,
        /// The server's refusal, if it sent one.
        refusal: Option<Refusal>,
    },
}

impl Connection {
    /// Returns `true` if the server refuses the user's nick, so that the user needs another one.
    #[must_use]
    pub fn is_nick_refused(&self) -> bool {
        matches!(self, Self::Reconnecting { status, .. } | Self::Failed { status, .. } if status.is_about_nick())
    }

    /// The nick that the server suggests instead of the refused one.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        match self {
            Self::Reconnecting { suggestion, .. } => suggestion.as_deref(),
            Self::Failed { refusal, .. } => refusal.as_ref()?.suggestion.as_deref(),
            _ => None,
        }
    }
}

/// A refusal by the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub status: Status,
    /// The server's explanation, in English.
    pub text: String,
    /// An alternative that the server would accept.
    pub suggestion: Option<String>,
    /// The time after which to try again, in ms from now; 0 if unknown.
    pub retry_after: u32,
}

impl Refusal {
    /// The server's explanation, if it has one and this version does not know the status.
    #[must_use]
    pub fn unknown_reason(&self) -> Option<&str> {
        let is_unknown = matches!(self.status, Status::Other(_));
        Some(self.text.trim()).filter(|text| is_unknown && !text.is_empty())
    }
}

/// The user's identity on a server, and what the server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The nick, in the server's spelling.
    pub nick: Arc<str>,
    /// The server's dialect.
    pub dialect: Dialect,
    /// The server's limits.
    pub limits: Limits,
    /// The server's name, if it has announced one.
    pub server_name: Option<String>,
    /// `true` if the server can search messages.
    pub search: bool,
    /// A basic server that answers in Text, which browsers accept only if it is UTF-8. So messages are sent in parts, see
    /// [`text_parts`](crate::codec::text_parts).
    pub echoes_text: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_reason_of_an_unknown_refusal_is_shown() {
        let refusal =
            |status, text: &str| Refusal { status, text: text.into(), suggestion: None, retry_after: 0 };
        assert_eq!(refusal(Status::Other(4321), "On Monday.").unknown_reason(), Some("On Monday."));
        assert_eq!(refusal(Status::Other(4321), " ").unknown_reason(), None);
        assert_eq!(refusal(Status::NickTaken, "It is taken.").unknown_reason(), None);
    }
}
