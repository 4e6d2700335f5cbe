//! Bytes to frames and back, in both dialects.
//!
//! The encoder writes fields in the order of their numbers, always; that is what makes messages joined by the
//! original server separable, see [`decode_basic`].

use bytes::Bytes;
use prost::Message as _;
use thiserror::Error;

pub use crate::wire::{ChatRequest as Frame, chat_request::Extension};
use crate::{model::MessageId, status::Status, wire};

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
    /// Not protobuf, or a string in it is not UTF-8.
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
    let mut start = 0;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == 0x0A && at > start {
            frames.push(decode(&bytes[start..at])?);
            at += 1;
            start = at;
            continue;
        }
        at = skip_field(bytes, at).ok_or(DecodeError::CutShort)?;
    }
    if start < bytes.len() || frames.is_empty() {
        frames.push(decode(&bytes[start..])?);
    }
    Ok(frames)
}

/// The index after the field that begins at `at`; `None` when it is cut short or has no known wire type.
fn skip_field(bytes: &[u8], at: usize) -> Option<usize> {
    let (tag, at) = varint(bytes, at)?;
    let end = match tag & 7 {
        0 => varint(bytes, at)?.1,
        1 => at.checked_add(8)?,
        2 => {
            let (len, at) = varint(bytes, at)?;
            at.checked_add(usize::try_from(len).ok()?)?
        }
        5 => at.checked_add(4)?,
        _ => return None,
    };
    (end <= bytes.len()).then_some(end)
}

fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (i, byte) in bytes.get(at..)?.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7F).checked_shl(7 * u32::try_from(i).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, at + i + 1));
        }
    }
    None
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
