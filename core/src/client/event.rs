//! The events of a client: what it has received from the server, and what happened on this device. The user interface and
//! all tabs of the user get the same events in the same order, and apply them with the same reducers.

use std::sync::Arc;

use super::cursor::Cursor;
use crate::{
    codec::Envelope,
    model::{Connection, Delivery, Identity, MessageId, Refusal, RoomId, UserId},
    send_queue::Stage,
    status::Status,
    timeline::Notice,
    wire,
};

/// A tab that gives commands: [`Origin::LOCAL`], or a number that a follower has chosen at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(pub u64);

impl Origin {
    /// The tab that owns the client.
    pub const LOCAL: Self = Self(0);
}

/// An own message that the server has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnMessage {
    /// The room.
    pub room: RoomId,
    /// The id.
    pub id: MessageId,
    /// The text.
    pub content: Arc<str>,
    /// The time at which the user wrote it, Unix ms.
    pub time: i64,
    /// The sort key among the unacknowledged messages of the account.
    pub order: u64,
    /// The delivery state.
    pub delivery: Delivery,
}

impl OwnMessage {
    /// The stage in which a leader takes it over from another one, which may have sent it. A server with rooms detects
    /// duplicates; for a basic one the message fails, so that the user decides.
    pub(super) fn stage_without_leader(&self, is_basic: bool) -> Stage {
        match self.delivery {
            Delivery::Failed(status) => Stage::Failed(status),
            _ if is_basic => Stage::Failed(Status::Unconfirmed),
            _ => Stage::Queued,
        }
    }
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The command was executed; with its place in the room's log and the time, if it has changed one.
    Done {
        /// The sequence number; 0 if there is none.
        seq: u64,
        /// Unix ms.
        time: i64,
    },
    /// A subscribed room; what follows the position of the command.
    Window(wire::RoomWindow),
    /// Messages of a room.
    Loaded(wire::MessagePage),
    /// The matches of a search, newest first, or the texts that a message has had, oldest first. They are not added to the room.
    Found(wire::MessagePage),
    /// A room that is in the list of the account now.
    Room(wire::RoomRow),
    /// Public rooms.
    Rooms(wire::RoomPage),
    /// People, or members of a room.
    People(wire::PeoplePage),
    /// A code that logs another device in.
    Link(wire::DeviceLink),
}

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An envelope of the server, in the dialect of a server with rooms, whatever server it is: a welcome without its secret,
    /// a message, or a [`wire::ServerEvent`] that is not the answer to a command.
    Received(Box<Envelope>),
    /// The state of the connection has changed.
    Connection(Connection),
    /// The login succeeded, for the first time or after a reconnect, or the identity has changed. The account is `None` on a
    /// basic server.
    LoggedIn(Identity, Option<UserId>),
    /// The user has logged out; no further connection is attempted.
    LoggedOut,
    /// A command of a tab has been executed, or why it was not. Each command is answered once.
    Answer {
        /// The tab.
        origin: Origin,
        /// The number that the tab has given the command.
        number: u32,
        /// The room of the command; the lobby for a command without a room.
        room: RoomId,
        /// The result.
        result: Result<Reply, Refusal>,
    },
    /// No tab is subscribed to the room any more.
    Unsubscribed(RoomId),
    /// A tab has moved the read cursor of a room.
    Cursor(RoomId, Cursor),
    /// An own message that is not acknowledged is new, or is reported again.
    Own(OwnMessage),
    /// The delivery state of an unacknowledged message has changed.
    Delivery(RoomId, MessageId, Delivery),
    /// The server has stored a message, which is not an unacknowledged one any more. If the room is subscribed, the message
    /// itself is received too, before or after this.
    Acknowledged {
        /// The room.
        room: RoomId,
        /// The id.
        id: MessageId,
        /// The text.
        content: Arc<str>,
        /// The sequence number.
        seq: u64,
        /// The time at which the server has accepted it, Unix ms.
        time: i64,
    },
    /// The user has discarded a failed message.
    Discarded(RoomId, MessageId),
    /// Sending is paused, in one room or in all, for this reason and for this many ms.
    Throttled(Option<RoomId>, Status, u32),
    /// A notice to show.
    Notice(Notice),
    /// The server refused something that is neither a message nor a command.
    Refused(Refusal),
    /// The last ping took this many ms.
    RoundTrip(u32),
}

impl Event {
    /// The room and the sender of a new message that the server has delivered live; `None` for other events.
    #[must_use]
    pub fn live_message(&self) -> Option<(RoomId, UserId)> {
        let Self::Received(envelope) = self else { return None };
        if envelope.extension.is_some() || envelope.changed {
            return None;
        }
        Some((RoomId::from_wire(&envelope.room)?, UserId::from_wire(&envelope.sender)?))
    }
}
