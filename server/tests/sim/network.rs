//! The network between a tab and the server: it delays, stalls, breaks, fails silently, and may have a middlebox.

use std::collections::VecDeque;

use parlour_core::{Millis, codec};
use parlour_server::hub::connection_table::ConnectionId;

/// The time that the server takes to notice a dead connection, in ms.
pub const NOTICE_MS: Millis = 45_000;
/// Messages that contain this are not let through by a [`Middlebox`].
pub const POISON: &str = "~poison~";

/// Data in transit.
#[derive(Debug)]
pub enum Packet {
    Open,
    Bytes(Vec<u8>),
    /// The other end has closed, with this code.
    Close(u16),
}

/// A proxy that closes the connection on some of the client's messages.
#[derive(Debug, Clone, Copy)]
pub struct Middlebox {
    /// Larger messages are answered by Close 1009.
    pub max_bytes: usize,
}

impl Middlebox {
    /// Returns `true` if it lets no message with this text pass, even alone.
    pub fn refuses_text(self, text: &str) -> bool {
        text.len() >= self.max_bytes || text.contains(POISON)
    }

    /// The code with which it closes the connection instead of forwarding a client's message.
    pub fn refuses(self, bytes: &[u8]) -> Option<u16> {
        if bytes.len() > self.max_bytes {
            return Some(1009);
        }
        let envelopes = codec::decode_rich(bytes).unwrap_or_default();
        envelopes.iter().any(|envelope| envelope.content.contains(POISON)).then_some(1006)
    }
}

/// A connection. Data arrives in order, if it arrives.
#[derive(Debug)]
pub struct Link {
    /// The number of the server.
    pub server: usize,
    pub conn: ConnectionId,
    pub to_server: VecDeque<(Millis, Packet)>,
    pub to_client: VecDeque<(Millis, Packet)>,
    /// Nothing is transmitted any more, and neither end notices.
    pub dead: bool,
    /// A middlebox has closed both ends.
    pub cut: bool,
    /// The tab does not read before this time.
    pub stalled_until: Millis,
    /// The server gives the connection up at this time, because its tab hangs.
    pub given_up_at: Option<Millis>,
    /// The server skips published messages, because the tab is a slow consumer.
    pub skipping: bool,
}

impl Link {
    pub fn new(server: usize, conn: ConnectionId) -> Self {
        Self {
            server,
            conn,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            dead: false,
            cut: false,
            stalled_until: 0,
            given_up_at: None,
            skipping: false,
        }
    }

    pub fn send_to_server(&mut self, arrival: Millis, packet: Packet) {
        if !self.cut {
            put(&mut self.to_server, arrival, packet);
        }
    }

    pub fn send_to_client(&mut self, arrival: Millis, packet: Packet) {
        put(&mut self.to_client, arrival, packet);
    }

    /// The times at which something arrives next at the server and at the tab.
    pub fn due(&self) -> [Option<Millis>; 2] {
        if self.dead {
            return [None, None];
        }
        let down = self.to_client.front().map(|(at, _)| (*at).max(self.stalled_until));
        [self.to_server.front().map(|(at, _)| *at), down]
    }
}

fn put(queue: &mut VecDeque<(Millis, Packet)>, arrival: Millis, packet: Packet) {
    let arrival = arrival.max(queue.back().map_or(0, |(at, _)| *at));
    queue.push_back((arrival, packet));
}

/// A connection that its tab has dropped. Data in transit still arrives, late.
#[derive(Debug)]
pub struct DroppedLink {
    pub server: usize,
    pub conn: ConnectionId,
    pub to_server: VecDeque<(Millis, Packet)>,
    /// The time at which the server notices.
    pub noticed_at: Millis,
}

/// The payloads of a server's WebSocket frames.
pub fn payloads(mut frames: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    while let [first, second, rest @ ..] = frames {
        assert_eq!(first, &0x82, "every data frame is a whole Binary message");
        let (len, rest) = match second {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => (usize::try_from(u64::from_be_bytes(rest[..8].try_into().unwrap())).unwrap(), &rest[8..]),
            len => (usize::from(*len), rest),
        };
        out.push(rest[..len].to_vec());
        frames = &rest[len..];
    }
    out
}
