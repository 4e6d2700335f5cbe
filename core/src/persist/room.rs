//! The values of the tables `Rooms` and `Messages`: what an account has of each room.
//!
//! The ords of a room's messages have no holes, so the known ranges are those of the messages that are found: a message
//! that could not be written leaves a gap, whatever was written after it.

use prost::Message as _;

use super::{Change, Key, KeyRange, Table};
use crate::{
    codec::{self, Envelope},
    device,
    ids::{MessageId, RoomId, UserId},
    ranges::Ranges,
    wire,
};

/// The state of a room.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRoom {
    /// The room.
    pub room: RoomId,
    /// The row of the room list, as of [`StoredAccount::version`](super::account::StoredAccount::version); `None` if the
    /// account is not a member.
    pub row: Option<wire::RoomRow>,
    /// The id of the log that the following refer to.
    pub log: Vec<u8>,
    /// The persisted messages are in the state after the event with this sequence number; 0 if there are none.
    pub seq: u64,
    /// The id of the message with this sequence number, if it is one.
    pub last: Option<MessageId>,
    /// The topic.
    pub topic: String,
    /// The number of members.
    pub members: u32,
    /// The ord of the oldest message of the room on the server.
    pub first_ord: u64,
    /// The server may not have the read cursor of the row.
    pub is_unconfirmed: bool,
}

impl StoredRoom {
    /// The change that stores the state.
    #[must_use]
    pub fn put(&self) -> Change {
        let value = device::Room {
            room: self.room.to_wire(),
            row: self.row.clone(),
            log: self.log.clone(),
            seq: self.seq,
            last: self.last.map(|id| id.0.to_vec()).unwrap_or_default(),
            topic: self.topic.clone(),
            members: self.members,
            first_ord: self.first_ord,
            unconfirmed: self.is_unconfirmed,
        };
        Change::Put(Key::Room(self.room), value.encode_to_vec().into())
    }

    /// The changes that delete a room: its state and its messages. What the user has written in it stays.
    #[must_use]
    pub fn delete(room: RoomId) -> [Change; 2] {
        [Change::Delete(Key::Room(room)), Change::DeleteMessages(room, u64::MAX)]
    }

    /// Decodes the value; `None` if it is invalid.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let value = device::Room::decode(bytes).ok()?;
        let room = RoomId::from_wire(&value.room)?;
        Some(Self {
            room,
            row: value.row.filter(|row| RoomId::from_wire(&row.room) == Some(room)),
            log: value.log,
            seq: value.seq,
            last: MessageId::from_wire(&value.last),
            topic: value.topic,
            members: value.members,
            first_ord: value.first_ord,
            is_unconfirmed: value.unconfirmed,
        })
    }
}

/// The change that stores a message of the log with this id. `None` for a message without an ord.
#[must_use]
pub fn put_message(room: RoomId, log: &[u8], message: &Envelope) -> Option<Change> {
    if message.ord == 0 {
        return None;
    }
    let envelope = codec::encode(message).to_vec();
    let value = device::StoredMessage { epoch: tag(log), envelope };
    Some(Change::Put(Key::Message(room, message.ord), value.encode_to_vec().into()))
}

/// The newest messages of a room that the device has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredMessages {
    /// The messages, by ord.
    pub messages: Vec<Envelope>,
    /// The ranges of ords of which every message is among them.
    pub known: Ranges,
}

impl StoredMessages {
    /// The keys to read.
    #[must_use]
    pub fn range(room: RoomId) -> KeyRange {
        KeyRange::of_room(Table::Messages, room)
    }

    /// Decodes the values under these keys, in their order. Messages of other logs are skipped, and so are those that
    /// earlier versions of the client have stored: they have no ord and no sender.
    #[must_use]
    pub fn read(room: RoomId, log: &[u8], values: &[Vec<u8>]) -> Self {
        let mut read = Self::default();
        for value in values {
            let Some(message) = decode_message(room, log, value) else { continue };
            if read.messages.last().is_none_or(|last| last.ord < message.ord) {
                read.known.insert(message.ord - 1, message.ord);
                read.messages.push(message);
            }
        }
        read
    }
}

fn decode_message(room: RoomId, log: &[u8], bytes: &[u8]) -> Option<Envelope> {
    let value = device::StoredMessage::decode(bytes).ok().filter(|value| value.epoch == tag(log))?;
    let message = codec::decode(&value.envelope).ok()?;
    let is_complete = message.ord > 0
        && message.extension.is_none()
        && RoomId::from_wire(&message.room) == Some(room)
        && MessageId::from_wire(&message.id).is_some()
        && UserId::from_wire(&message.sender).is_some();
    is_complete.then_some(message)
}

/// The first eight bytes of the id of a log, which is random.
fn tag(log: &[u8]) -> u64 {
    log.iter().take(8).fold(0, |tag, byte| tag << 8 | u64::from(*byte))
}
