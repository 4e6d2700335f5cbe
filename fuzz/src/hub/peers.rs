//! The connections of a run, and what each has received.

use std::{
    collections::{HashMap, HashSet},
    ops::RangeInclusive,
};

use bytes::Bytes;
use parlour_core::{
    codec::{self, Extension},
    model::{Dialect, MessageId},
    status::Status,
    wire::{self, response::Result as Answer, server_event::Body},
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
    /// It stated the capability "rooms" in that login.
    has_rooms: bool,
    /// The account in its welcome.
    account: Option<Vec<u8>>,
}

impl Peer {
    /// All messages of the lobby are sent to it.
    fn is_subscribed(&self) -> bool {
        self.dialect == Some(Dialect::Basic) || self.has_rooms && self.account.is_some()
    }
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
            has_rooms: false,
            account: None,
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
    pub(super) fn log_in(
        &mut self,
        conn: ConnectionId,
        position: Option<wire::RoomPosition>,
        has_rooms: bool,
    ) {
        let peer = self.get(conn);
        if !peer.has_sent {
            (peer.position, peer.has_rooms) = (position.filter(|_| has_rooms), has_rooms);
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
                        if let Some(window) = &welcome.window {
                            if let Some(stated) = &peer.position {
                                check_position(stated, window, log);
                            }
                            check_window(window, log);
                            peer.seq = window.seq;
                        }
                        peer.account = Some(welcome.account);
                        secret = Some((peer.slot, welcome.secret));
                    }
                    Some(Extension::Ack(ack)) => {
                        let stored = |accepted: &wire::Accepted| log.has(&accepted.id, accepted.seq);
                        assert!(ack.accepted.iter().all(stored), "acknowledged and not stored: {ack:?}");
                    }
                    Some(Extension::Event(event)) => match event.body {
                        Some(Body::Window(window)) => {
                            assert!(
                                window.seq >= peer.seq,
                                "{conn:?} is at {} and gets {window:?}",
                                peer.seq
                            );
                            check_window(&window, log);
                            peer.seq = window.seq;
                        }
                        Some(Body::Response(wire::Response { result: Some(Answer::Page(page)), .. })) => {
                            check_page(&page, log);
                        }
                        _ => {}
                    },
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
            let member = peer.is_subscribed() && !peer.closed && !peer.stalled;
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

    /// The number of members: exactly, if the accounts of all admitted and still open connections are known.
    pub(super) fn members(&self) -> RangeInclusive<usize> {
        let (mut basic, mut unknown, mut accounts) = (0, 0, HashSet::new());
        for peer in self.peers.values().filter(|peer| peer.dialect.is_some() && !peer.closed) {
            match (&peer.account, peer.dialect) {
                (_, Some(Dialect::Basic)) => basic += 1,
                (Some(account), _) if !account.is_empty() => drop(accounts.insert(account)),
                _ => unknown += 1,
            }
        }
        let known = (basic + accounts.len()).max(usize::from(unknown > 0));
        known..=basic + accounts.len() + unknown
    }

    pub(super) fn assert_all_closed(&self) {
        assert!(self.peers.values().all(|peer| peer.closed), "a connection was left open: {:?}", self.peers);
    }
}

/// A window continues at the position of a client that has the right message there. If the server does not have the position
/// yet, it says so.
fn check_position(stated: &wire::RoomPosition, window: &wire::RoomWindow, log: &MemoryLog) {
    assert_eq!(window.behind, stated.seq > window.seq, "{stated:?} is answered by {window:?}");
    let is_other = MessageId::from_wire(&stated.id).is_some_and(|id| log.id(stated.seq) != Some(id));
    assert_eq!(window.reset, !window.behind && is_other, "{stated:?} is answered by {window:?}");
}

/// A window contains only stored messages, in order, up to its end.
fn check_window(window: &wire::RoomWindow, log: &MemoryLog) {
    let mut before = 0;
    for bytes in &window.frames {
        let frame = codec::decode(bytes).unwrap_or_else(|error| panic!("in a window: {error}"));
        let in_order = before < frame.seq && frame.seq <= window.seq;
        assert!(in_order && log.has(&frame.id, frame.seq), "a window with {}: {window:?}", frame.seq);
        before = frame.seq;
    }
    assert!(window.frames.is_empty() || before == window.seq, "{window:?} is not complete");
    if let Some(page) = &window.page {
        check_page(page, log);
    }
}

/// A page contains only stored messages of its range, in order. Results of a search have no range, and are newest first.
fn check_page(page: &wire::MessagePage, log: &MemoryLog) {
    for message in &page.messages {
        let in_range = page.to == 0 || (page.from < message.ord && message.ord <= page.to);
        let sender = page.people.get(message.sender as usize);
        let is_sender = sender.is_some_and(|sender| log.is_sender(message.ord, &sender.account));
        assert!(in_range && is_sender && log.has(&message.id, message.ord), "{message:?} in {page:?}");
    }
    let is_newest_first = page.to == 0;
    let in_order = |pair: &[wire::PageMessage]| (pair[0].ord > pair[1].ord) == is_newest_first;
    assert!(page.messages.windows(2).all(in_order), "{page:?}");
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
