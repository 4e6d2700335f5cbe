//! The values of the table `SendQueue`: messages that are not acknowledged.

use bytes::Bytes;
use prost::Message as _;

use super::{Change, Key};
use crate::{
    device,
    ids::{MessageId, RoomId},
    send_queue::{QueuedMessage, Stage},
    status::Status,
};

/// The change that stores a message for a room.
#[must_use]
pub fn put(room: RoomId, message: &QueuedMessage) -> Change {
    Change::Put(Key::Queued(room, message.id), encode(room, message))
}

/// The change that deletes a message for a room.
#[must_use]
pub fn delete(room: RoomId, id: MessageId) -> Change {
    Change::Delete(Key::Queued(room, id))
}

/// Encodes a message for a room.
#[must_use]
pub fn encode(room: RoomId, message: &QueuedMessage) -> Bytes {
    to_wire(room, message).encode_to_vec().into()
}

/// Decodes a message and its room; `None` if the value is invalid.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<(RoomId, QueuedMessage)> {
    from_wire(device::QueuedMessage::decode(bytes).ok()?)
}

pub(crate) fn to_wire(room: RoomId, message: &QueuedMessage) -> device::QueuedMessage {
    let failed = match message.stage {
        Stage::Failed(status) => status.code().into(),
        _ => 0,
    };
    device::QueuedMessage {
        id: message.id.0.to_vec(),
        content: message.content.to_string(),
        time: message.time,
        order: message.order,
        failed,
        ended: message.ended.into(),
        too_big: message.too_big.into(),
        room: room.to_wire(),
    }
}

pub(crate) fn from_wire(value: device::QueuedMessage) -> Option<(RoomId, QueuedMessage)> {
    let (room, id) = (RoomId::from_wire(&value.room)?, MessageId::from_wire(&value.id)?);
    let stage = match u16::try_from(value.failed).ok()? {
        0 => Stage::Queued,
        code => Stage::Failed(Status::from_code(code)),
    };
    let [ended, too_big] = [value.ended, value.too_big].map(|n| u8::try_from(n).unwrap_or(0));
    let message = QueuedMessage::new(id, value.content.into(), value.time, value.order, stage);
    Some((room, QueuedMessage { ended, too_big, ..message }))
}
