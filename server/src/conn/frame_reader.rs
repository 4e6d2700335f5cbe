//! Parses WebSocket frames from a client into messages and control frames (RFC 6455), sans-IO.
//!
//! Text is not validated as UTF-8, because desktop clients send protobuf in Text frames (see the basic
//! dialect of the protocol). Only unfinished frames and messages are buffered, and nothing of a message over
//! the size limit.

use soketto::{
    Parsing,
    base::{Codec, Error as BaseError, Header, OpCode},
};
use thiserror::Error;

/// The longest frame header.
const HEADER_BYTES: usize = 14;

/// A complete message or control frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// A message, of Text or Binary frames alike.
    Message(Vec<u8>),
    /// A Ping with its payload, to be sent back.
    Ping(Vec<u8>),
    /// A Pong.
    Pong,
    /// A Close with its code, or `None` if it was empty. Later input is irrelevant.
    Close(Option<u16>),
}

/// The reason why the connection must be closed.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// A violation of RFC 6455.
    #[error("{0}")]
    Protocol(&'static str),
    /// A Close whose reason is not UTF-8.
    #[error("a Close with a reason that is not UTF-8")]
    CloseReason,
    /// A frame, or a fragmented message, over the size limit. It was not buffered.
    #[error("a message over the limit")]
    TooBig,
}

impl ReadError {
    /// The close code for this error.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Protocol(_) => 1002,
            Self::CloseReason => 1007,
            Self::TooBig => 1009,
        }
    }
}

/// The parser's state. Small while no message is incomplete.
#[derive(Debug)]
pub struct FrameReader {
    /// The largest message, in bytes.
    limit: usize,
    /// The received part of a header.
    head: [u8; HEADER_BYTES],
    head_len: u8,
    /// The data frame whose payload is incomplete.
    frame: Option<Header>,
    /// The incomplete control frame: header and payload.
    control: Option<Box<(Header, Vec<u8>)>>,
    /// The payloads of the message's frames so far; that of the last frame is masked while it is incomplete.
    message: Vec<u8>,
    /// Offset of the current frame in `message`.
    frame_start: usize,
    /// A fragmented message is incomplete.
    fragmented: bool,
}

impl FrameReader {
    /// A reader of messages up to `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            head: [0; HEADER_BYTES],
            head_len: 0,
            frame: None,
            control: None,
            message: Vec::new(),
            frame_start: 0,
            fragmented: false,
        }
    }

    /// Returns `true` if a frame or a fragmented message is incomplete.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.head_len > 0 || self.frame.is_some() || self.control.is_some() || self.fragmented
    }

    /// Consumes `input` until something is complete; `None` when the input is used up.
    ///
    /// # Errors
    /// The connection must be closed; the reader must not be used again.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Received>, ReadError> {
        loop {
            let item = if self.control.is_some() {
                self.control_payload(input)?
            } else if self.frame.is_some() {
                self.data_payload(input)
            } else if input.is_empty() {
                return Ok(None);
            } else {
                if let Some(header) = self.header(input)? {
                    self.begin(header)?;
                }
                continue;
            };
            match item {
                Some(item) => return Ok(Some(item)),
                None if input.is_empty() => return Ok(None),
                None => {}
            }
        }
    }

    /// Completes a header, or buffers its received part.
    fn header(&mut self, input: &mut &[u8]) -> Result<Option<Header>, ReadError> {
        let mut codec = Codec::new();
        codec.set_max_data_size(self.limit.saturating_sub(self.message.len()).max(CONTROL_LIMIT));
        let had = usize::from(self.head_len);
        let take = input.len().min(HEADER_BYTES - had);
        self.head[had..had + take].copy_from_slice(&input[..take]);
        check_head(&self.head[..had + take])?;
        match codec.decode_header(&self.head[..had + take]).map_err(base_error)? {
            Parsing::Done { value, offset } => {
                self.head_len = 0;
                *input = &input[offset - had..];
                Ok(Some(value))
            }
            Parsing::NeedMore(_) => {
                // A header part is shorter than 14 bytes.
                self.head_len = (had + take) as u8;
                *input = &input[take..];
                Ok(None)
            }
        }
    }

    /// Checks a header against the current state.
    fn begin(&mut self, header: Header) -> Result<(), ReadError> {
        if header.opcode().is_control() {
            self.control = Some(Box::new((header, Vec::new())));
            return Ok(());
        }
        match (header.opcode(), self.fragmented) {
            (OpCode::Continue, false) => return Err(ReadError::Protocol("a continuation of nothing")),
            (OpCode::Text | OpCode::Binary, true) => {
                return Err(ReadError::Protocol("a new message inside a fragmented one"));
            }
            _ => {}
        }
        if self.message.len() + header.payload_len() > self.limit {
            return Err(ReadError::TooBig);
        }
        self.frame_start = self.message.len();
        self.frame = Some(header);
        Ok(())
    }

    fn data_payload(&mut self, input: &mut &[u8]) -> Option<Received> {
        let header = self.frame.as_ref()?;
        let missing = self.frame_start + header.payload_len() - self.message.len();
        let take = missing.min(input.len());
        if self.message.is_empty() && take == missing {
            self.message.reserve_exact(take);
        }
        self.message.extend_from_slice(&input[..take]);
        *input = &input[take..];
        if take < missing {
            return None;
        }
        Codec::apply_mask(header, &mut self.message[self.frame_start..]);
        self.fragmented = !header.is_fin();
        self.frame = None;
        (!self.fragmented).then(|| Received::Message(std::mem::take(&mut self.message)))
    }

    fn control_payload(&mut self, input: &mut &[u8]) -> Result<Option<Received>, ReadError> {
        let Some(control) = self.control.as_mut() else { return Ok(None) };
        let (header, payload) = &mut **control;
        let take = (header.payload_len() - payload.len()).min(input.len());
        payload.extend_from_slice(&input[..take]);
        *input = &input[take..];
        if payload.len() < header.payload_len() {
            return Ok(None);
        }
        Codec::apply_mask(header, payload);
        let payload = std::mem::take(payload);
        let opcode = header.opcode();
        self.control = None;
        Ok(Some(match opcode {
            OpCode::Ping => Received::Ping(payload),
            OpCode::Pong => Received::Pong,
            _ => Received::Close(close_code(&payload)?),
        }))
    }
}

/// Checks what soketto accepts in a complete or partial header: a frame without a mask (RFC 6455, 5.1), and a
/// length that is not in its shortest form or has the highest bit set (5.2).
fn check_head(head: &[u8]) -> Result<(), ReadError> {
    let [_, second, length @ ..] = head else { return Ok(()) };
    if second & 0x80 == 0 {
        return Err(ReadError::Protocol("a frame from a client without a mask"));
    }
    let is_due = match second & 0x7F {
        126 => length.first_chunk().is_none_or(|len| u16::from_be_bytes(*len) > 125),
        127 => length.first_chunk().is_none_or(|len| (1 << 16..1 << 63).contains(&u64::from_be_bytes(*len))),
        _ => true,
    };
    if is_due { Ok(()) } else { Err(ReadError::Protocol("a length that is not in its shortest form")) }
}

/// Control frames may have this length whatever the limit for messages is.
const CONTROL_LIMIT: usize = super::frame::CONTROL_BYTES;

fn close_code(payload: &[u8]) -> Result<Option<u16>, ReadError> {
    let [high, low, reason @ ..] = payload else {
        return if payload.is_empty() {
            Ok(None)
        } else {
            Err(ReadError::Protocol("a Close with half a code"))
        };
    };
    let code = u16::from_be_bytes([*high, *low]);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(ReadError::Protocol("a Close with a code that may not be sent"));
    }
    if std::str::from_utf8(reason).is_err() {
        return Err(ReadError::CloseReason);
    }
    Ok(Some(code))
}

fn base_error(error: BaseError) -> ReadError {
    match error {
        BaseError::PayloadTooLarge { .. } => ReadError::TooBig,
        BaseError::FragmentedControl => ReadError::Protocol("a fragmented control frame"),
        BaseError::InvalidControlFrameLen => ReadError::Protocol("a control frame over 125 bytes"),
        BaseError::InvalidReservedBit(_) => ReadError::Protocol("a reserved bit is set"),
        _ => ReadError::Protocol("a reserved opcode"),
    }
}
