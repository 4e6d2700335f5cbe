//! Encoding and decoding of the protobuf messages on the wire, in both dialects.
//!
//! Fields are always encoded in the order of their numbers. The basic dialect depends on it: that is how messages that
//! the original server joins into one can be separated, see [`decode_basic`].

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::{
    Message as _,
    encoding::{self, DecodeContext, WireType},
};
use thiserror::Error;

pub use crate::wire::{ChatRequest as Envelope, chat_request::Extension};
use crate::{model::MessageId, status::Status, validate, wire};

/// `type` of a message.
pub const TALK: &str = "talk";
/// `type` of a departure.
pub const EXIT: &str = "exit";
/// `type` of a request for the member list.
pub const USERLIST: &str = "userlist";
/// `type` of a rich client's first envelope.
pub const LOGIN: &str = "login";

/// Bytes that are not a valid envelope.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes are not protobuf of this schema, or nest deeper than 100 levels.
    #[error("not an envelope: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A field is longer than the rest of the bytes, or has an invalid wire type.
    #[error("a truncated envelope")]
    Truncated,
    /// A batch inside a batch, or more than [`BATCH_FRAMES`] envelopes in one.
    #[error("a batch that is nested or too long")]
    BadBatch,
    /// A list is longer than [`LOGIN_ELEMENTS`](crate::request::LOGIN_ELEMENTS).
    #[error("a list that is too long")]
    TooManyElements,
}

/// The longest field in Text that browsers accept, in bytes: from 128 on, the encoded length is not valid UTF-8.
pub const TEXT_FIELD_BYTES: usize = 127;
/// The longest nick in such Text, in bytes: an entry of the member list has it twice, and four more bytes.
pub const TEXT_NICK_BYTES: usize = (TEXT_FIELD_BYTES - 4) / 2;

/// The maximum number of envelopes in a batch.
pub const BATCH_FRAMES: usize = 1024;

/// The purpose of an envelope, in either dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message. Unknown types are messages too, as in the original server.
    Message,
    /// A departure.
    Exit,
    /// A request for the member list, or its answer.
    UserList,
    /// A rich client's login.
    Login,
    /// An envelope whose content is its extension.
    Extension,
}

/// The purpose of an envelope. A `type` of "login" without the login extension is an unknown type, so the envelope is a
/// [`Kind::Message`].
#[must_use]
pub fn kind(envelope: &Envelope) -> Kind {
    match &envelope.extension {
        Some(Extension::Login(_)) => Kind::Login,
        Some(_) => Kind::Extension,
        None => kind_of_type(&envelope.r#type),
    }
}

/// The purpose of an envelope without an extension.
pub(crate) fn kind_of_type(r#type: &str) -> Kind {
    match r#type {
        EXIT => Kind::Exit,
        USERLIST => Kind::UserList,
        _ => Kind::Message,
    }
}

/// Encodes one envelope.
#[must_use]
pub fn encode(envelope: &Envelope) -> Bytes {
    envelope.encode_to_vec().into()
}

/// Decodes one envelope. Unknown fields are dropped. Allocates at most a small multiple of the size of the input.
///
/// # Errors
/// [`DecodeError::Malformed`].
pub fn decode(bytes: &[u8]) -> Result<Envelope, DecodeError> {
    Ok(Envelope::decode(bytes)?)
}

/// Decodes a WebSocket message of a rich peer: one envelope, or the envelopes of a batch.
///
/// # Errors
/// [`DecodeError::Malformed`] for any of the envelopes; [`DecodeError::BadBatch`] for a batch that is nested or too long.
pub fn decode_rich(bytes: &[u8]) -> Result<Vec<Envelope>, DecodeError> {
    let mut envelope = decode(bytes)?;
    let Some(Extension::Batch(batch)) = envelope.extension.take_if(|e| matches!(e, Extension::Batch(_)))
    else {
        return Ok(vec![envelope]);
    };
    if batch.frames.len() > BATCH_FRAMES {
        return Err(DecodeError::BadBatch);
    }
    let mut envelopes = Vec::with_capacity(batch.frames.len());
    for bytes in &batch.frames {
        let envelope = decode(bytes)?;
        if matches!(envelope.extension, Some(Extension::Batch(_))) {
            return Err(DecodeError::BadBatch);
        }
        envelopes.push(envelope);
    }
    Ok(envelopes)
}

/// Joins encoded envelopes into one batch; a single envelope is returned as it is.
#[must_use]
pub fn batch(mut frames: Vec<Bytes>) -> Bytes {
    if frames.len() == 1
        && let Some(only) = frames.pop()
    {
        return only;
    }
    encode(&extension(Extension::Batch(wire::Batch { frames })))
}

/// Decodes a WebSocket message of a basic server. Under load such a server joins several messages into one, with a
/// byte `0x0A` between them. That byte is also the tag of field 1 (`userName`); because fields are in the order of
/// their numbers, a tag `0x0A` after any field of the current message is a separator.
///
/// # Errors
/// [`DecodeError::Malformed`] for any of the messages; [`DecodeError::Truncated`] if one ends inside a field or has a group.
pub fn decode_basic(bytes: &[u8]) -> Result<Vec<Envelope>, DecodeError> {
    let mut envelopes = Vec::new();
    // `message` starts at the current message, `rest` at its first field that has not been skipped yet.
    let (mut message, mut rest) = (bytes, bytes);
    while let Some(first) = rest.first() {
        let skipped = message.len() - rest.len();
        if *first == 0x0A && skipped > 0 {
            envelopes.push(decode(&message[..skipped])?);
            rest = &rest[1..];
            message = rest;
        } else {
            skip_field(&mut rest).ok_or(DecodeError::Truncated)?;
        }
    }
    if !message.is_empty() || envelopes.is_empty() {
        envelopes.push(decode(message)?);
    }
    Ok(envelopes)
}

/// Skips a field. Groups are rejected: the original server writes none, and inside one a separator would be ambiguous.
fn skip_field(bytes: &mut &[u8]) -> Option<()> {
    let (number, wire_type) = encoding::decode_key(bytes).ok()?;
    if wire_type == WireType::StartGroup {
        return None;
    }
    encoding::skip_field(wire_type, number, bytes, DecodeContext::default()).ok()
}

/// An envelope with only an extension.
#[must_use]
pub fn extension(extension: Extension) -> Envelope {
    Envelope { extension: Some(extension), ..Envelope::default() }
}

/// A rich client's first envelope.
#[must_use]
pub fn login(nick: &str, login: wire::Login) -> Envelope {
    Envelope {
        user_name: nick.into(),
        r#type: LOGIN.into(),
        extension: Some(Extension::Login(login)),
        ..Envelope::default()
    }
}

/// A message to send to the lobby. In the basic dialect `id` is `None`.
#[must_use]
pub fn message(nick: &str, id: Option<MessageId>, content: &str) -> Envelope {
    Envelope {
        user_name: nick.into(),
        r#type: TALK.into(),
        content: content.into(),
        id: id.map(|id| id.0.to_vec()).unwrap_or_default(),
        ..Envelope::default()
    }
}

/// Splits the content of a message for a server that answers in Text, so that its frames are valid UTF-8: into parts of at
/// most [`TEXT_FIELD_BYTES`], after white space where possible, and never inside a combined character. Joined, the parts
/// are the content.
#[must_use]
pub fn text_parts(content: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = content;
    while rest.len() > TEXT_FIELD_BYTES {
        let (part, after) = rest.split_at(end_of_part(rest));
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

/// The length of the first part of a text that is too long for one part, in bytes.
fn end_of_part(text: &str) -> usize {
    let last = |is_end: fn(&str, char) -> bool| {
        let ends = text.char_indices().take_while(|(at, _)| *at <= TEXT_FIELD_BYTES);
        ends.filter(|(at, next)| *at > 0 && is_end(&text[..*at], *next)).map(|(at, _)| at).last()
    };
    let after_word = last(|before, next| before.ends_with(char::is_whitespace) && !next.is_whitespace());
    // A short part is worse than a split word.
    let after_word = after_word.filter(|end| *end > TEXT_FIELD_BYTES / 2);
    let is_whole = |before: &str, next| !before.ends_with('\u{200D}') && !validate::extends_character(next);
    after_word.or_else(|| last(is_whole)).unwrap_or_else(|| text.floor_char_boundary(TEXT_FIELD_BYTES))
}

/// A departure, the same in both dialects.
#[must_use]
pub fn exit(nick: &str) -> Envelope {
    Envelope { user_name: nick.into(), r#type: EXIT.into(), content: EXIT.into(), ..Envelope::default() }
}

/// A request for the member list, in the basic dialect.
#[must_use]
pub fn user_list_request(nick: &str) -> Envelope {
    Envelope { user_name: nick.into(), r#type: USERLIST.into(), ..Envelope::default() }
}

/// The member list for basic peers: each name maps to itself.
#[must_use]
pub fn user_list<S: Into<String>>(names: impl IntoIterator<Item = S>) -> BTreeMap<String, String> {
    let names = names.into_iter().map(Into::into);
    names.map(|name: String| (name.clone(), name)).collect()
}

/// A refusal of the message with this id, or of the connection without one. `retry_after_ms` is 0 if unknown.
#[must_use]
pub fn refusal(
    status: Status,
    id: Option<MessageId>,
    retry_after_ms: u32,
    suggestion: Option<String>,
) -> Envelope {
    extension(Extension::Refusal(wire::Refusal {
        code: status.code().into(),
        text: status.text().into(),
        id: id.map(|id| id.0.to_vec()).unwrap_or_default(),
        retry_after_ms,
        suggestion: suggestion.unwrap_or_default(),
    }))
}
