//! The connections of a run, and what each has received.

use std::collections::HashMap;

use bytes::Bytes;
use parlour_core::{
    codec::{self, Extension},
    model::{Dialect, MessageId},
    status::Status,
    wire,
};
use parlour_server::hub::connection_table::ConnectionId;

use super::memory_log::MemoryLog;

/// A connection. It is removed when the hub can produce no more output for it.
#[derive(Debug)]
struct Peer {
    slot: usize,
    dialect: Option<Dialect>,
    closed: bool,
    /// The peer is disconnected. Output that the hub produced before it was notified is allowed.
    disconnected: bool,
    /// Sequence number of the last message received.
    seq: u64,
    /// It does not read: broadcasts to it are dropped.
    stalled: bool,
    /// `true` if it was a member and had received everything when the hub was last without output.
    settled: bool,
    /// It has sent something.
    has_sent: bool,
    /// The position in the log that it stated in a login before it sent anything else.
    position: Option<wire::RoomPosition>,
}

#[derive(Debug)]
pub(super) struct Peers {
    /// The connection in each slot.
    slots: Vec<Option<ConnectionId>>,
    peers: HashMap<ConnectionId, Peer>,
    /// The session secret last issued in each slot.
    secrets: Vec<Vec<u8>>,
    serial: u32,
    /// The room's last sequence number when the hub was last without output.
    last: u64,
}

impl Peers {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            slots: vec![None; slots],
            peers: HashMap::new(),
            secrets: vec![Vec::new(); slots],
            serial: 0,
            last: 0,
        }
    }

    /// Opens a connection if the slot is free. Slots are those of the hub's connection table.
    pub(super) fn connect(&mut self, slot: usize) -> Option<ConnectionId> {
        if self.slots[slot].is_some() {
            return None;
        }
        self.serial += 1;
        let conn = ConnectionId::new(u32::try_from(slot).ok()?, self.serial);
        self.slots[slot] = Some(conn);
        let peer = Peer {
            slot,
            dialect: None,
            closed: false,
            disconnected: false,
            seq: 0,
            stalled: false,
            settled: false,
            has_sent: false,
            position: None,
        };
        self.peers.insert(conn, peer);
        Some(conn)
    }

    pub(super) fn disconnect(&mut self, slot: usize) -> Option<ConnectionId> {
        let conn = self.slots[slot].take()?;
        self.get(conn).disconnected = true;
        Some(conn)
    }

    /// A connection logs in, and states this position.
    pub(super) fn log_in(&mut self, conn: ConnectionId, position: Option<wire::RoomPosition>) {
        let peer = self.get(conn);
        if !peer.has_sent {
            peer.position = position;
        }
    }

    pub(super) fn sent(&mut self, conn: ConnectionId) {
        self.get(conn).has_sent = true;
    }

    pub(super) fn conn(&self, slot: usize) -> Option<ConnectionId> {
        self.slots[slot]
    }

    pub(super) fn secret(&self, slot: usize) -> Vec<u8> {
        self.secrets[slot].clone()
    }

    fn get(&mut self, conn: ConnectionId) -> &mut Peer {
        self.peers.get_mut(&conn).unwrap_or_else(|| panic!("{conn:?} does not exist"))
    }

    /// Checks output for a connection: every message in it must be stored.
    pub(super) fn receive(&mut self, conn: ConnectionId, frames: &Bytes, log: &MemoryLog) {
        let peer = self.get(conn);
        assert!(!peer.closed, "{conn:?} receives output after its Close");
        let mut secret = None;
        for message in messages(frames) {
            for frame in codec::decode_rich(message).unwrap_or_else(|error| panic!("{conn:?}: {error}")) {
                if frame.seq > 0 {
                    assert!(frame.seq > peer.seq, "{conn:?} receives {} after {}", frame.seq, peer.seq);
                    assert!(log.has(&frame.id, frame.seq), "{} is delivered and not stored", frame.seq);
                    assert!(log.is_sender(frame.ord, &frame.sender), "{} has another sender", frame.seq);
                    peer.seq = frame.seq;
                }
                match frame.extension {
                    Some(Extension::Welcome(welcome)) => {
                        assert!(log.is_held(&welcome.nick), "nobody holds the nick {:?}", welcome.nick);
                        if let Some(stated) = &peer.position {
                            check_position(stated, &welcome, log);
                        }
                        secret = Some((peer.slot, welcome.secret));
                    }
                    Some(Extension::Ack(ack)) => {
                        let stored = |accepted: &wire::Accepted| log.has(&accepted.id, accepted.seq);
                        assert!(ack.accepted.iter().all(stored), "acknowledged and not stored: {ack:?}");
                    }
                    Some(Extension::HistoryPage(page)) => check_page(&page, log),
                    _ => {}
                }
            }
        }
        if let Some((slot, secret)) = secret {
            self.secrets[slot] = secret;
        }
    }

    pub(super) fn close(&mut self, conn: ConnectionId, status: Status) {
        let peer = self.get(conn);
        let admitted = peer.dialect.is_some();
        assert!(
            !(admitted && status == Status::LoginTimeout),
            "{conn:?} has logged in, and is closed with a login timeout"
        );
        assert!(
            peer.stalled || status != Status::TooSlow,
            "{conn:?} reads, and is closed as a slow consumer"
        );
        assert!(!std::mem::replace(&mut peer.closed, true), "{conn:?} is closed twice");
    }

    pub(super) fn admit(&mut self, conn: ConnectionId, dialect: Dialect) {
        let peer = self.get(conn);
        assert_eq!(peer.dialect.replace(dialect), None, "{conn:?} is admitted twice");
    }

    /// Marks a connection as not reading. Returns `false` if it already was, or is closed.
    pub(super) fn stall(&mut self, conn: ConnectionId) -> bool {
        let peer = self.get(conn);
        peer.settled = false;
        !peer.closed && !std::mem::replace(&mut peer.stalled, true)
    }

    /// Marks a connection as reading again. Returns `false` if it already was.
    pub(super) fn resume(&mut self, conn: ConnectionId) -> bool {
        std::mem::replace(&mut self.get(conn).stalled, false)
    }

    pub(super) fn stalled(&self, conn: ConnectionId) -> bool {
        self.peers.get(&conn).is_some_and(|peer| peer.stalled)
    }

    /// The hub has no more output: disconnected peers must not appear again, and peers that were members throughout have
    /// received everything up to `last`, if that is known.
    pub(super) fn settled(&mut self, last: Option<u64>) {
        self.peers.retain(|_, peer| !peer.disconnected);
        let Some(last) = last else { return };
        let published = std::mem::replace(&mut self.last, last) < last;
        for (conn, peer) in &mut self.peers {
            let member = peer.dialect.is_some() && !peer.closed && !peer.stalled;
            assert!(
                !(published && member && peer.settled) || peer.seq == last,
                "{conn:?} has received up to {}, and {last} was published",
                peer.seq
            );
            peer.settled = member;
        }
    }

    /// The server was killed, which ends all connections.
    pub(super) fn clear(&mut self) {
        self.slots.fill(None);
        self.peers.clear();
    }

    /// The number of admitted and still open connections.
    pub(super) fn admitted_count(&self) -> usize {
        self.peers.values().filter(|peer| peer.dialect.is_some() && !peer.closed).count()
    }

    pub(super) fn assert_all_closed(&self) {
        assert!(self.peers.values().all(|peer| peer.closed), "a connection was left open: {:?}", self.peers);
    }
}

/// The server confirms the position of a client that has the right message there, and no other.
fn check_position(stated: &wire::RoomPosition, welcome: &wire::Welcome, log: &MemoryLog) {
    let here = welcome.positions.first().cloned().unwrap_or_default();
    let is_here = match MessageId::from_wire(&stated.id) {
        None => stated.seq <= here.seq,
        Some(id) => log.id(stated.seq) == Some(id),
    };
    assert_eq!(here.reset, !is_here, "{stated:?} is answered by {here:?}");
}

/// A history page contains only stored messages of its range, in order.
fn check_page(page: &wire::HistoryPage, log: &MemoryLog) {
    let mut before = page.from;
    for bytes in &page.frames {
        let frame = codec::decode(bytes).unwrap_or_else(|error| panic!("in a page: {error}"));
        // Search results have no range.
        let in_order = page.to == 0 || (before < frame.seq && frame.seq <= page.to);
        assert!(in_order && log.has(&frame.id, frame.seq), "a page with {}: {page:?}", frame.seq);
        before = frame.seq;
    }
}

/// The payloads of the server's WebSocket frames.
fn messages(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    while let [0x82, second, rest @ ..] = bytes {
        let (size, rest) = match second {
            126 => rest.split_at(2),
            127 => rest.split_at(8),
            _ => (std::slice::from_ref(second), rest),
        };
        let len = size.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
        let (message, rest) = rest.split_at(len);
        out.push(message);
        bytes = rest;
    }
    assert!(bytes.is_empty(), "not a whole Binary frame: {bytes:?}");
    out
}
