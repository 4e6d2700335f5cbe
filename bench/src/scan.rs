//! What a server sends, counted: the scanner goes from header to header and passes over what is between them. Of a
//! message it looks at no more than the first [`PEEK`] bytes.

use crate::frame;

/// So many bytes of a message can be seen: enough for a short name, and the sender and the stamp at the content's start.
pub const PEEK: usize = 64;

/// What is spoken over the WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// A message a frame; what comes in goes out.
    Plain,
    /// Parlour's, with batches and acknowledgements.
    Rich,
    /// NATS' text protocol.
    Nats,
}

/// Something that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen<'a> {
    /// A message, with its beginning.
    Message(&'a [u8]),
    /// One of our own is accepted.
    Accepted,
    /// We are in: the server's word for it.
    In(&'a [u8]),
    /// The server's Ping, to be answered.
    Ping(&'a [u8]),
    /// NATS' own.
    NatsPing,
    /// Something that must not come up in a measurement.
    Trouble(&'static str),
}

/// Where in the stream of one connection we are.
#[derive(Debug)]
pub struct Scanner {
    dialect: Dialect,
    /// To be passed over.
    skip: usize,
    /// What is left of a list of entries, or for NATS of a frame, beyond what is passed over.
    left: usize,
    /// The list is one of acknowledgements.
    accepted: bool,
}

impl Scanner {
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, skip: 0, left: 0, accepted: false }
    }

    /// Goes on in the stream. Gives how many of the bytes are done with; the rest must come again, with more.
    pub fn scan(&mut self, bytes: &[u8], mut seen: impl FnMut(Seen)) -> usize {
        let mut at = 0;
        while let Some(done) = self.step(&bytes[at..], &mut seen) {
            at += done;
        }
        at
    }

    fn step(&mut self, bytes: &[u8], seen: &mut impl FnMut(Seen)) -> Option<usize> {
        if bytes.is_empty() {
            return None;
        }
        if self.skip > 0 {
            let done = self.skip.min(bytes.len());
            self.skip -= done;
            return Some(done);
        }
        if self.left > 0 {
            return if self.dialect == Dialect::Nats {
                self.line(bytes, seen)
            } else {
                self.entry(bytes, seen)
            };
        }
        let head = frame::head(bytes)?;
        let payload = &bytes[head.bytes..];
        let peek = payload.get(..head.len.min(PEEK))?;
        match (head.opcode, self.dialect) {
            (frame::PING, _) => seen(Seen::Ping(payload.get(..head.len)?)),
            (frame::CLOSE, _) => seen(Seen::Trouble("the server closed a connection")),
            (frame::TEXT | frame::BINARY, Dialect::Plain) => seen(Seen::Message(peek)),
            (frame::TEXT | frame::BINARY, Dialect::Rich) => return self.rich(head, payload, seen),
            (frame::TEXT | frame::BINARY, Dialect::Nats) => {
                self.left = head.len;
                return Some(head.bytes);
            }
            _ => {}
        }
        self.skip = head.len;
        Some(head.bytes)
    }

    /// A frame of Parlour's: which it is, the first tag tells, since each has only one extension and `talk` a name.
    fn rich(&mut self, head: frame::Head, payload: &[u8], seen: &mut impl FnMut(Seen)) -> Option<usize> {
        match payload[..payload.len().min(2)] {
            // Batch (24) and Ack (18) are lists.
            [tag @ (0xC2 | 0x92), 1] => {
                let (len, bytes) = varint(&payload[2..])?;
                self.left = len;
                self.accepted = tag == 0x92;
                return Some(head.bytes + 2 + bytes);
            }
            // Welcome (17).
            [0x8A, 1] => seen(Seen::In(payload.get(..head.len)?)),
            // Refusal (21) and Resume (25).
            [0xAA, 1] => seen(Seen::Trouble("the server refused something")),
            [0xCA, 1] => seen(Seen::Trouble("the server left something out for a slow reader")),
            [0x0A, _] => seen(Seen::Message(&payload[..head.len.min(PEEK)])),
            // Who is there, and pages of what was said before.
            _ => {}
        }
        self.skip = head.len;
        Some(head.bytes)
    }

    /// An entry of a list: a tag of one byte, a length, and what it holds.
    fn entry(&mut self, bytes: &[u8], seen: &mut impl FnMut(Seen)) -> Option<usize> {
        let (len, length) = varint(&bytes[1..])?;
        let peek = bytes[1 + length..].get(..len.min(PEEK))?;
        seen(if self.accepted { Seen::Accepted } else { Seen::Message(peek) });
        self.left = self.left.saturating_sub(1 + length + len);
        self.skip = len;
        Some(1 + length)
    }

    /// A line of NATS', with the message behind it if there is one. The server writes none across two frames; if it
    /// did, that would be seen here.
    fn line(&mut self, bytes: &[u8], seen: &mut impl FnMut(Seen)) -> Option<usize> {
        let inside = &bytes[..bytes.len().min(self.left)];
        let end = inside.iter().position(|byte| *byte == b'\n');
        let Some(end) = end else {
            if inside.len() == self.left {
                seen(Seen::Trouble("a line of NATS' is in two frames"));
            }
            return None;
        };
        let mut body = 0;
        match &inside[..end] {
            [b'M', b'S', b'G', b' ', rest @ ..] => {
                let digits = rest.trim_ascii_end().rsplit(|byte| *byte == b' ').next().unwrap_or_default();
                let len = digits.iter().fold(0, |len, digit| len * 10 + usize::from(digit & 0x0F));
                body = len + 2;
                if end + 1 + body > self.left {
                    seen(Seen::Trouble("a message of NATS' is in two frames"));
                    return None;
                }
                seen(Seen::Message(inside[end + 1..].get(..len.min(PEEK))?));
            }
            [b'P', b'O', b'N', b'G', ..] => seen(Seen::In(&[])),
            [b'P', b'I', b'N', b'G', ..] => seen(Seen::NatsPing),
            [b'-', ..] => seen(Seen::Trouble("NATS reports an error")),
            _ => {}
        }
        self.left -= end + 1 + body;
        self.skip = body;
        Some(end + 1)
    }
}

/// A number of protobuf's, and its bytes; nothing when it is not whole.
pub fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        value |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
