//! The data that every layer may name.

use std::{fmt, sync::Arc};

use crate::{limits::Limits, status::Status};

/// A message's idempotency key: a UUID of version 7 (RFC 9562, 5.7), chosen by the sender.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub [u8; 16]);

impl MessageId {
    /// Makes an id from the time in Unix ms and ten random bytes, of which 74 bits are used.
    #[must_use]
    pub fn new(unix_ms: u64, random: [u8; 10]) -> Self {
        let mut id = [0; 16];
        id[..6].copy_from_slice(&unix_ms.to_be_bytes()[2..]);
        id[6..].copy_from_slice(&random);
        id[6] = 0x70 | (id[6] & 0x0F);
        id[8] = 0x80 | (id[8] & 0x3F);
        Self(id)
    }

    /// Reads an id from the wire; nothing but 16 bytes is one.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How far an own message has come. What others said is always [`Delivery::Sent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In the outbox, and not on its way: there is no connection, or it has to wait for the server's limit.
    Queued,
    /// On its way: sent, not acknowledged.
    Pending,
    /// Acknowledged: the server has it for good.
    Sent,
    /// Not accepted, and why; the user may retry or discard it.
    Failed(Status),
}

/// A message of a room's timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender's id; for a basic peer's message one made up by the receiver.
    pub id: MessageId,
    /// Who said it.
    pub nick: Arc<str>,
    /// What was said.
    pub content: Arc<str>,
    /// Its place in the room, which in the basic dialect is 0; until it is acknowledged, its place among what is not.
    pub seq: u64,
    /// When it was accepted, or while pending, written: Unix ms.
    pub time: i64,
    /// It is ours.
    pub own: bool,
    /// How far it has come.
    pub delivery: Delivery,
}

/// A place of the room that the user wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// The message with this sequence number, or else the first one after it.
    Seq(u64),
    /// The first message of this time or later: Unix ms.
    Time(i64),
}

/// What somebody who is, or was, in the room is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PresenceState {
    /// Gone.
    Left,
    /// There.
    Online,
    /// There, but not at the screen.
    Away,
}

/// Somebody in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name.
    pub nick: Arc<str>,
    /// What they are doing.
    pub state: PresenceState,
}

/// Which of the two dialects the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Four fields, no acknowledgement, no ids.
    Basic,
    /// Everything.
    Rich,
}

/// What the connection is doing, as the connection bar shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Nobody is logged in, and nothing is being tried.
    Idle,
    /// The first connection is being made, or the login is under way.
    Connecting,
    /// Talking.
    Online {
        /// Which dialect.
        dialect: Dialect,
    },
    /// Was online, is trying again by itself.
    Reconnecting {
        /// Why the connection ended.
        status: Status,
        /// When the next attempt begins, on the session's clock; `None` while one is under way.
        retry_at: Option<crate::Millis>,
        /// How many attempts have been made since it was online.
        attempt: u32,
    },
    /// Will not be tried again by itself.
    Failed {
        /// Why.
        status: Status,
        /// What the server said, when it said something.
        refusal: Option<Refused>,
    },
}

/// A refusal as the user is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The code.
    pub status: Status,
    /// The server's own words, in English.
    pub text: String,
    /// Something that would be accepted.
    pub suggestion: Option<String>,
    /// When to try again, in ms from now; 0 when that is not known.
    pub retry_after: u32,
}

/// Who we are on a server, and what it allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The nick as the server writes it.
    pub nick: Arc<str>,
    /// The dialect.
    pub dialect: Dialect,
    /// What it allows.
    pub limits: Limits,
    /// The server's name, if it told one.
    pub server_name: Option<String>,
    /// It searches what was said.
    pub search: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_7_in_order_of_time() {
        let id = MessageId::new(0x0123_4567_89AB, [0xFF; 10]);
        assert_eq!(format!("{id:?}"), "0123456789ab7fffbfffffffffffffff");
        assert!(MessageId::new(1, [0xFF; 10]) < MessageId::new(2, [0; 10]));
        assert_eq!(MessageId::from_wire(&id.0), Some(id));
        assert_eq!(MessageId::from_wire(&id.0[1..]), None);
    }
}
