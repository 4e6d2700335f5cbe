//! Frames of the capability "rooms".

use bytes::Bytes;
use parlour_core::{
    codec::{self, Envelope, Extension},
    model::{MessageId, RoomId, UserId},
    room_rows,
    wire::{self, response, room_event, server_event::Body},
};

/// An event of the server that is of no room.
#[must_use]
pub fn of_server(body: Body) -> Envelope {
    of_room(RoomId::LOBBY, body)
}

/// An event of the server that is of a room.
#[must_use]
pub fn of_room(room: RoomId, body: Body) -> Envelope {
    codec::extension(Extension::Event(wire::ServerEvent { room: room.to_wire(), body: Some(body) }))
}

/// Changed rows of an account's list, apart from those of a login.
#[must_use]
pub fn rows(rows: Vec<wire::RoomRow>) -> Envelope {
    of_server(Body::Rows(wire::AccountRows { rows: room_rows::pack(rows), ..wire::AccountRows::default() }))
}

/// The answer to a command.
#[must_use]
pub fn response(request: u32, result: response::Result) -> Envelope {
    of_server(Body::Response(wire::Response { request, result: Some(result) }))
}

/// A message as subscribers get it, encoded.
#[must_use]
pub fn message(message: &Message<'_>) -> Bytes {
    let envelope = codec::message(message.nick, Some(message.id), message.content);
    codec::encode(&Envelope {
        room: message.room.to_wire(),
        seq: message.seq,
        ord: message.ord,
        time: message.time,
        sender: message.sender.0.to_vec(),
        ..envelope
    })
}

/// The fields of a message.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The room.
    pub room: RoomId,
    /// The id.
    pub id: MessageId,
    /// The sequence number.
    pub seq: u64,
    /// The number among the messages.
    pub ord: u64,
    /// The time, Unix ms.
    pub time: i64,
    /// The account of the sender.
    pub sender: UserId,
    /// The nick of the sender.
    pub nick: &'a str,
    /// The text.
    pub content: &'a str,
}

/// An event other than a message as subscribers get it, encoded.
#[must_use]
pub fn room_event(
    room: RoomId,
    seq: u64,
    time: i64,
    sender: wire::Person,
    change: room_event::Change,
) -> Bytes {
    let event = wire::RoomEvent { seq, time, sender: Some(sender), change: Some(change) };
    codec::encode(&of_room(room, Body::Event(event)))
}
