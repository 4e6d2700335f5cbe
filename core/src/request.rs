//! Decoding on the server: only what it accepts from a client.
//!
//! A [`Request`] has the field numbers of an [`Envelope`](crate::codec::Envelope) and only the fields that the server
//! uses. Decoding skips all other fields, and counts the elements of a list before it allocates them. So it allocates
//! at most a small multiple of the size of the input.

use prost::{
    Message as _,
    encoding::{self, DecodeContext, WireType},
};

pub use crate::wire::request::{Request, request::Extension};
use crate::{
    codec::{self, BATCH_FRAMES, DecodeError, Kind},
    wire,
};

/// The maximum number of elements in the lists of a login, together.
pub const LOGIN_ELEMENTS: usize = 1024;
/// The maximum number of people in a command that creates a room, as far as it is decoded. The server answers a command with
/// more than [`INVITED_PEOPLE`](crate::limits::INVITED_PEOPLE) with a refusal.
pub const COMMAND_PEOPLE: usize = 1024;

/// The field numbers of the lists in `proto/chat.proto`.
const BATCH_FRAMES_FIELD: u32 = 1;
const LOGIN_CAPABILITIES_FIELD: u32 = 2;
const LOGIN_POSITIONS_FIELD: u32 = 4;
const COMMAND_CREATE_ROOM_FIELD: u32 = 10;
const CREATE_ROOM_PEOPLE_FIELD: u32 = 4;

/// Decodes a WebSocket message of a client: one request, or the requests of a batch. At least one is returned, because
/// every message counts against a rate limit.
///
/// # Errors
/// [`DecodeError::Malformed`] or [`DecodeError::Truncated`] for any of the requests; [`DecodeError::BadBatch`] for a
/// batch that is nested or too long.
pub fn decode(bytes: &[u8]) -> Result<Vec<Request>, DecodeError> {
    let request = Request::decode(bytes)?;
    let Some(Extension::Batch(batch)) = &request.extension else { return Ok(vec![request]) };
    let (mut rest, mut requests) = (batch.as_slice(), Vec::new());
    while let Some(field) = next_field(&mut rest)? {
        let Field { number: BATCH_FRAMES_FIELD, content: Some(frame) } = field else { continue };
        let request = Request::decode(frame)?;
        if requests.len() == BATCH_FRAMES || matches!(request.extension, Some(Extension::Batch(_))) {
            return Err(DecodeError::BadBatch);
        }
        requests.push(request);
    }
    if requests.is_empty() {
        requests.push(Request::default());
    }
    Ok(requests)
}

/// Decodes the content of [`Extension::Login`].
///
/// # Errors
/// [`DecodeError::TooManyElements`] if its lists have more than [`LOGIN_ELEMENTS`] elements; otherwise as [`decode`].
pub fn decode_login(bytes: &[u8]) -> Result<wire::Login, DecodeError> {
    let (mut rest, mut elements) = (bytes, 0);
    while let Some(field) = next_field(&mut rest)? {
        elements += usize::from(matches!(field.number, LOGIN_CAPABILITIES_FIELD | LOGIN_POSITIONS_FIELD));
        if elements > LOGIN_ELEMENTS {
            return Err(DecodeError::TooManyElements);
        }
    }
    Ok(wire::Login::decode(bytes)?)
}

/// Decodes the content of [`Extension::Command`].
///
/// # Errors
/// [`DecodeError::TooManyElements`] if it names more than [`COMMAND_PEOPLE`] people; otherwise as [`decode`].
pub fn decode_command(bytes: &[u8]) -> Result<wire::ClientCommand, DecodeError> {
    let (mut rest, mut people) = (bytes, 0);
    while let Some(field) = next_field(&mut rest)? {
        let Field { number: COMMAND_CREATE_ROOM_FIELD, content: Some(mut create) } = field else { continue };
        while let Some(field) = next_field(&mut create)? {
            people += usize::from(field.number == CREATE_ROOM_PEOPLE_FIELD);
            if people > COMMAND_PEOPLE {
                return Err(DecodeError::TooManyElements);
            }
        }
    }
    Ok(wire::ClientCommand::decode(bytes)?)
}

impl Request {
    /// The purpose of the request, as [`codec::kind`].
    #[must_use]
    pub fn kind(&self) -> Kind {
        match &self.extension {
            Some(Extension::Login(_)) => Kind::Login,
            Some(_) => Kind::Extension,
            None => codec::kind_of_type(&self.r#type),
        }
    }
}

/// An encoded field.
struct Field<'a> {
    number: u32,
    /// The content of a length-delimited field.
    content: Option<&'a [u8]>,
}

/// Splits off the first field.
fn next_field<'a>(bytes: &mut &'a [u8]) -> Result<Option<Field<'a>>, DecodeError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (number, wire_type) = encoding::decode_key(bytes)?;
    if wire_type != WireType::LengthDelimited {
        encoding::skip_field(wire_type, number, bytes, DecodeContext::default())?;
        return Ok(Some(Field { number, content: None }));
    }
    let length = usize::try_from(encoding::decode_varint(bytes)?).map_err(|_| DecodeError::Truncated)?;
    let (content, rest) = bytes.split_at_checked(length).ok_or(DecodeError::Truncated)?;
    *bytes = rest;
    Ok(Some(Field { number, content: Some(content) }))
}
