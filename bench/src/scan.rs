//! Counts a server's messages. The scanner steps from header to header and skips payloads, of which it reads at most the
//! first [`PEEK_BYTES`] bytes.

use crate::frame;

/// The visible length of a message: enough for a short nick and the stamp at the start of the content.
pub const PEEK_BYTES: usize = 64;

/// The protocol inside the WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// One message per frame; every message is sent to everybody.
    Plain,
    /// Parlour's rich dialect, with batches and acknowledgements.
    Rich,
    /// NATS' text protocol.
    Nats,
}

/// Something received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received<'a> {
    /// A message, with its first bytes.
    Message(&'a [u8]),
    /// One of our messages was acknowledged.
    Accepted,
    /// The login is complete; contains the Welcome of a rich server.
    Ready(&'a [u8]),
    /// The refusal of a rich server.
    Refused(&'a [u8]),
    /// A WebSocket Ping, with the payload to return.
    Ping(&'a [u8]),
    /// A PING of the NATS protocol.
    NatsPing,
    /// Something that invalidates the measurement.
    Unexpected(&'static str),
}

/// The parser state of one connection.
#[derive(Debug)]
pub struct Scanner {
    dialect: Dialect,
    /// Bytes to skip.
    skip: usize,
    /// Bytes left of a list of entries, or of a NATS frame, after the skipped ones.
    remaining: usize,
    /// The list contains acknowledgements.
    is_ack: bool,
    /// A message of the rich dialect was delivered.
    is_live: bool,
}

impl Scanner {
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, skip: 0, remaining: 0, is_ack: false, is_live: false }
    }

    /// Continues with more bytes. Returns how many were consumed; the rest must be passed again together with more.
    pub fn scan(&mut self, bytes: &[u8], mut on_event: impl FnMut(Received)) -> usize {
        let mut position = 0;
        while let Some(done) = self.step(&bytes[position..], &mut on_event) {
            position += done;
        }
        position
    }

    fn step(&mut self, bytes: &[u8], on_event: &mut impl FnMut(Received)) -> Option<usize> {
        if bytes.is_empty() {
            return None;
        }
        if self.skip > 0 {
            let done = self.skip.min(bytes.len());
            self.skip -= done;
            return Some(done);
        }
        if self.remaining > 0 {
            return if self.dialect == Dialect::Nats {
                self.nats_line(bytes, on_event)
            } else {
                self.entry(bytes, on_event)
            };
        }
        let head = frame::head(bytes)?;
        let payload = &bytes[head.bytes..];
        let peek = payload.get(..head.len.min(PEEK_BYTES))?;
        match (head.opcode, self.dialect) {
            (frame::PING, _) => on_event(Received::Ping(payload.get(..head.len)?)),
            (frame::CLOSE, _) => on_event(Received::Unexpected("the server closed a connection")),
            (frame::TEXT | frame::BINARY, Dialect::Plain) => on_event(Received::Message(peek)),
            (frame::TEXT | frame::BINARY, Dialect::Rich) => return self.rich(head, payload, on_event),
            (frame::TEXT | frame::BINARY, Dialect::Nats) => {
                self.remaining = head.len;
                return Some(head.bytes);
            }
            _ => {}
        }
        self.skip = head.len;
        Some(head.bytes)
    }

    /// A frame of the rich dialect. The first tag identifies it: extensions are alone in a frame, and messages have a nick.
    fn rich(
        &mut self,
        head: frame::Head,
        payload: &[u8],
        on_event: &mut impl FnMut(Received),
    ) -> Option<usize> {
        match payload[..payload.len().min(2)] {
            // Batch (24) and Ack (18) are lists.
            [tag @ (0xC2 | 0x92), 1] => {
                let (len, bytes) = varint(&payload[2..])?;
                self.remaining = len;
                self.is_ack = tag == 0x92;
                return Some(head.bytes + 2 + bytes);
            }
            // Welcome (17).
            [0x8A, 1] => on_event(Received::Ready(payload.get(..head.len)?)),
            // Refusal (21).
            [0xAA, 1] => on_event(Received::Refused(payload.get(..head.len)?)),
            // Event (42): a window (6) of the lobby, which is the room without an id. Before the first message it completes
            // the login, if something was published while the log was read.
            [0xD2, 2] => {
                let (len, bytes) = varint(&payload[2..])?;
                if self.is_live && len > 0 && payload.get(2 + bytes) == Some(&0x32) {
                    on_event(Received::Unexpected("the server skipped messages for a slow consumer"));
                }
            }
            [0x0A, _] => {
                self.is_live = true;
                on_event(Received::Message(&payload[..head.len.min(PEEK_BYTES)]));
            }
            _ => {}
        }
        self.skip = head.len;
        Some(head.bytes)
    }

    /// A list entry: a one-byte tag, a length, and the content.
    fn entry(&mut self, bytes: &[u8], on_event: &mut impl FnMut(Received)) -> Option<usize> {
        let (len, length) = varint(&bytes[1..])?;
        let peek = bytes[1 + length..].get(..len.min(PEEK_BYTES))?;
        self.is_live |= !self.is_ack;
        on_event(if self.is_ack { Received::Accepted } else { Received::Message(peek) });
        self.remaining = self.remaining.saturating_sub(1 + length + len);
        self.skip = len;
        Some(1 + length)
    }

    /// A NATS line, with the message after it if there is one. The server does not split them across frames; if it did, that
    /// would be reported.
    fn nats_line(&mut self, bytes: &[u8], on_event: &mut impl FnMut(Received)) -> Option<usize> {
        let inside = &bytes[..bytes.len().min(self.remaining)];
        let end = inside.iter().position(|byte| *byte == b'\n');
        let Some(end) = end else {
            if inside.len() == self.remaining {
                on_event(Received::Unexpected("a NATS line is split across frames"));
            }
            return None;
        };
        let mut body = 0;
        match &inside[..end] {
            [b'M', b'S', b'G', b' ', rest @ ..] => {
                let digits = rest.trim_ascii_end().rsplit(|byte| *byte == b' ').next().unwrap_or_default();
                let len = digits.iter().fold(0, |len, digit| len * 10 + usize::from(digit & 0x0F));
                body = len + 2;
                if end + 1 + body > self.remaining {
                    on_event(Received::Unexpected("a NATS message is split across frames"));
                    return None;
                }
                on_event(Received::Message(inside[end + 1..].get(..len.min(PEEK_BYTES))?));
            }
            [b'P', b'O', b'N', b'G', ..] => on_event(Received::Ready(&[])),
            [b'P', b'I', b'N', b'G', ..] => on_event(Received::NatsPing),
            [b'-', ..] => on_event(Received::Unexpected("NATS reports an error")),
            _ => {}
        }
        self.remaining -= end + 1 + body;
        self.skip = body;
        Some(end + 1)
    }
}

/// Parses a varint. Returns its value and size, or `None` if it is incomplete.
pub fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (position, byte) in bytes.iter().enumerate().take(9) {
        value |= usize::from(byte & 0x7F) << (7 * position);
        if byte & 0x80 == 0 {
            return Some((value, position + 1));
        }
    }
    None
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
