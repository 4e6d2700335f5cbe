//! Bytes to frames and back, in both dialects.
//!
//! The encoder writes fields in the order of their numbers, always; that is what makes messages joined by the
//! original server separable, see [`decode_basic`].

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::{
    Message as _,
    encoding::{self, DecodeContext, WireType},
};
use thiserror::Error;

pub use crate::wire::{
    ChatRequest as Frame,
    chat_request::Extension,
};
use crate::{
    model::{Delivery, Message, MessageId},
    status::Status,
    wire,
};

/// `type` of a message.
pub const TALK: &str = "talk";
/// `type` of a departure.
pub const EXIT: &str = "exit";
/// `type` of the question who is there.
pub const USERLIST: &str = "userlist";
/// `type` of a rich client's first frame.
pub const LOGIN: &str = "login";

/// Bytes that are not a frame.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// It can't be read.
    #[error("not a frame: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A field reaches beyond the end, or is of no kind that there is.
    #[error("a frame that is cut short")]
    CutShort,
    /// A batch inside a batch, or more frames in one than [`BATCH_FRAMES`].
    #[error("a batch that is nested or too long")]
    BadBatch,
}

/// The most frames one batch may hold.
pub const BATCH_FRAMES: usize = 1024;

/// What a peer's frame is, whichever dialect it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something to be said; also any type that is not known, as the original server has it.
    Talk,
    /// A departure.
    Exit,
    /// The question who is there, or its answer.
    UserList,
    /// A rich client's first frame.
    Login,
    /// A frame whose meaning is in its extension.
    Extension,
}

/// What a frame is. A login needs its extension; without it the word is one of the unknown types.
#[must_use]
pub fn kind(frame: &Frame) -> Kind {
    match (&frame.extension, frame.r#type.as_str()) {
        (Some(Extension::Login(_)), _) => Kind::Login,
        (Some(_), _) => Kind::Extension,
        (None, EXIT) => Kind::Exit,
        (None, USERLIST) => Kind::UserList,
        (None, _) => Kind::Talk,
    }
}

/// Encodes one frame.
#[must_use]
pub fn encode(frame: &Frame) -> Bytes {
    frame.encode_to_vec().into()
}

/// Decodes one frame. Unknown fields are dropped, as protobuf has it.
///
/// # Errors
/// [`DecodeError::Malformed`]. Decoding allocates no more than a small multiple of the bytes given.
pub fn decode(bytes: &[u8]) -> Result<Frame, DecodeError> {
    Ok(Frame::decode(bytes)?)
}

/// Decodes a WebSocket message of a rich peer: one frame, or the frames of a batch.
///
/// # Errors
/// As [`decode`]; [`DecodeError::BadBatch`] for a batch that is nested or too long.
pub fn decode_rich(bytes: &[u8]) -> Result<Vec<Frame>, DecodeError> {
    let mut frame = decode(bytes)?;
    let Some(Extension::Batch(batch)) = frame.extension.take_if(|e| matches!(e, Extension::Batch(_))) else {
        return Ok(vec![frame]);
    };
    if batch.frames.len() > BATCH_FRAMES {
        return Err(DecodeError::BadBatch);
    }
    let mut frames = Vec::with_capacity(batch.frames.len());
    for inner in &batch.frames {
        let inner = decode(inner)?;
        if matches!(inner.extension, Some(Extension::Batch(_))) {
            return Err(DecodeError::BadBatch);
        }
        frames.push(inner);
    }
    Ok(frames)
}

/// Joins encoded frames into one batch; a single one stays as it is.
#[must_use]
pub fn batch(mut frames: Vec<Bytes>) -> Bytes {
    if frames.len() == 1
        && let Some(only) = frames.pop()
    {
        return only;
    }
    encode(&extension("", Extension::Batch(wire::Batch { frames })))
}

/// Decodes a WebSocket message of a basic server, which under load writes several messages into one, with a
/// byte `0x0A` between them. That byte is also the tag of field 1 (`userName`); because fields stand in order
/// of number, a tag `0x0A` after any field of the current message is a separator.
///
/// # Errors
/// As [`decode`], when any of the messages is malformed.
pub fn decode_basic(bytes: &[u8]) -> Result<Vec<Frame>, DecodeError> {
    let mut frames = Vec::new();
    // The current message with all behind it, and the part of that which is not passed over yet.
    let (mut message, mut rest) = (bytes, bytes);
    while let Some(first) = rest.first() {
        let passed = message.len() - rest.len();
        if *first == 0x0A && passed > 0 {
            frames.push(decode(&message[..passed])?);
            rest = &rest[1..];
            message = rest;
        } else {
            skip_field(&mut rest).ok_or(DecodeError::CutShort)?;
        }
    }
    if !message.is_empty() || frames.is_empty() {
        frames.push(decode(message)?);
    }
    Ok(frames)
}

/// Passes over a field. The original server writes no groups, and in one a separator could not be told.
fn skip_field(bytes: &mut &[u8]) -> Option<()> {
    let (number, kind) = encoding::decode_key(bytes).ok()?;
    if kind == WireType::StartGroup {
        return None;
    }
    encoding::skip_field(kind, number, bytes, DecodeContext::default()).ok()
}

/// A frame that is nothing but an extension, in a room.
#[must_use]
pub fn extension(room: &str, extension: Extension) -> Frame {
    Frame { room: room.into(), extension: Some(extension), ..Frame::default() }
}

/// A rich client's first frame.
#[must_use]
pub fn login(nick: &str, login: wire::Login) -> Frame {
    Frame {
        user_name: nick.into(),
        r#type: LOGIN.into(),
        extension: Some(Extension::Login(login)),
        ..Frame::default()
    }
}

/// A message to be said; `id` only in the rich dialect.
#[must_use]
pub fn talk(nick: &str, room: &str, id: Option<MessageId>, content: &str) -> Frame {
    Frame {
        user_name: nick.into(),
        r#type: TALK.into(),
        content: content.into(),
        room: room.into(),
        id: id.map(|id| id.0.to_vec()).unwrap_or_default(),
        ..Frame::default()
    }
}

/// A message as it was said, with its place in the room.
pub(crate) fn said(message: &Message) -> Frame {
    let frame = talk(&message.nick, "", Some(message.id), &message.content);
    Frame { seq: message.seq, time: message.time, ..frame }
}

/// The message of a frame, as somebody else's who has said it; `None` when it has no id.
pub(crate) fn heard(frame: Frame) -> Option<Message> {
    Some(Message {
        id: MessageId::from_wire(&frame.id)?,
        nick: frame.user_name.into(),
        content: frame.content.into(),
        seq: frame.seq,
        time: frame.time,
        own: false,
        delivery: Delivery::Sent,
    })
}

/// A departure, as both dialects have it.
#[must_use]
pub fn exit(nick: &str) -> Frame {
    Frame { user_name: nick.into(), r#type: EXIT.into(), content: EXIT.into(), ..Frame::default() }
}

/// The question who is there, in the basic dialect.
#[must_use]
pub fn userlist(nick: &str) -> Frame {
    Frame { user_name: nick.into(), r#type: USERLIST.into(), ..Frame::default() }
}

/// The member list for basic peers: each name maps to itself.
#[must_use]
pub fn user_list<S: Into<String>>(names: impl IntoIterator<Item = S>) -> BTreeMap<String, String> {
    let names = names.into_iter().map(Into::into);
    names.map(|name: String| (name.clone(), name)).collect()
}

/// A refusal of a message, or with no id of the connection.
#[must_use]
pub fn refusal(
    status: Status,
    id: Option<MessageId>,
    retry_after_ms: u32,
    suggestion: Option<String>,
) -> Frame {
    extension(
        "",
        Extension::Refusal(wire::Refusal {
            code: status.code().into(),
            text: status.text().into(),
            id: id.map(|id| id.0.to_vec()).unwrap_or_default(),
            retry_after_ms,
            suggestion: suggestion.unwrap_or_default(),
            request: 0,
        }),
    )
}
