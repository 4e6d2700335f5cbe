//! Frames of the capability "rooms".

use bytes::Bytes;
use parlour_core::{
    codec::{self, Envelope, Extension},
    model::{MessageId, RoomId, UserId},
    room_rows,
    wire::{self, response, room_event, server_event::Body},
};

use crate::store::{Change, ChangedMessage, Place, Reaction, TextState};

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
    codec::encode(&envelope(message))
}

/// A message that was edited, erased or reacted to as subscribers get it, encoded. `place` and `by` are those of the event.
#[must_use]
pub fn changed_message(
    room: RoomId,
    place: Place,
    (by, change): (UserId, &Change),
    message: &ChangedMessage,
) -> Bytes {
    let (content, state) = match change {
        Change::Edit { content, .. } => (&**content, TextState::Edited(place.time)),
        Change::React { .. } => (&*message.content, message.state),
        _ => ("", TextState::Erased),
    };
    let is_erased = state == TextState::Erased || message.state == TextState::Erased;
    let reactions = if is_erased { Vec::new() } else { reactions(&message.reactions) };
    let reacted = match change {
        Change::React { .. } => {
            Some(wire::Reacted { account: by.0.to_vec(), emoji: message.reacted.clone() })
        }
        _ => None,
    };
    let ChangedMessage { target, time, sender, ref nick, .. } = *message;
    let of_message = Place { seq: place.seq, ord: target.ord, time };
    let message = Message { room, id: target.id, place: of_message, sender, nick, content, state };
    codec::encode(&Envelope { changed: true, reactions, reacted, ..envelope(&message) })
}

fn envelope(message: &Message<'_>) -> Envelope {
    Envelope {
        room: message.room.to_wire(),
        seq: message.place.seq,
        ord: message.place.ord,
        time: message.place.time,
        sender: message.sender.0.to_vec(),
        edited: edited(message.state),
        deleted: message.state == TextState::Erased,
        ..codec::message(message.nick, Some(message.id), message.content)
    }
}

/// Reactions on the wire.
#[must_use]
pub fn reactions(reactions: &[Reaction]) -> Vec<wire::Reaction> {
    let reaction = |of: &Reaction| wire::Reaction { emoji: of.emoji.clone(), count: of.count };
    reactions.iter().map(reaction).collect()
}

/// The time of the last edit; 0 if there is none.
#[must_use]
pub fn edited(state: TextState) -> i64 {
    match state {
        TextState::Edited(time) => time,
        TextState::Original | TextState::Erased => 0,
    }
}

/// The fields of a message.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The room.
    pub room: RoomId,
    /// The id.
    pub id: MessageId,
    /// Its place.
    pub place: Place,
    /// The account of the sender.
    pub sender: UserId,
    /// The nick of the sender.
    pub nick: &'a str,
    /// The text.
    pub content: &'a str,
    /// The state of the text.
    pub state: TextState,
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
