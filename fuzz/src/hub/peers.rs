//! The connections of a run, and what each was told.

use std::collections::HashMap;

use bytes::Bytes;
use parlour_core::{
    codec::{self, Extension},
    model::Dialect,
    status::Status,
    wire,
};
use parlour_server::hub::connection_table::ConnectionId;

use super::log::MemoryLog;

/// One connection, for as long as the hub may say something about it.
#[derive(Debug)]
struct Peer {
    place: usize,
    dialect: Option<Dialect>,
    closed: bool,
    /// It is gone; what was to be told before the hub knew is not wrong.
    gone: bool,
    /// The last message heard.
    seq: u64,
    /// What is said to all is dropped: it does not read.
    skips: bool,
    /// It was there, and heard all, when the hub had nothing more to say the last time.
    settled: bool,
}

#[derive(Debug)]
pub(super) struct Peers {
    /// Who is in which place.
    places: Vec<Option<ConnectionId>>,
    peers: HashMap<ConnectionId, Peer>,
    /// The last secret given to somebody in each place.
    secrets: Vec<Vec<u8>>,
    serial: u32,
    /// The room's last message when the hub had nothing more to say the last time.
    last: u64,
}

impl Peers {
    pub(super) fn new(places: usize) -> Self {
        Self {
            places: vec![None; places],
            peers: HashMap::new(),
            secrets: vec![Vec::new(); places],
            serial: 0,
            last: 0,
        }
    }

    /// Somebody comes, if the place is free. A place is a slot of the hub's.
    pub(super) fn connect(&mut self, place: usize) -> Option<ConnectionId> {
        if self.places[place].is_some() {
            return None;
        }
        self.serial += 1;
        let conn = ConnectionId::new(u32::try_from(place).ok()?, self.serial);
        self.places[place] = Some(conn);
        let peer =
            Peer { place, dialect: None, closed: false, gone: false, seq: 0, skips: false, settled: false };
        self.peers.insert(conn, peer);
        Some(conn)
    }

    pub(super) fn disconnect(&mut self, place: usize) -> Option<ConnectionId> {
        let conn = self.places[place].take()?;
        self.get(conn).gone = true;
        Some(conn)
    }

    pub(super) fn conn(&self, place: usize) -> Option<ConnectionId> {
        self.places[place]
    }

    pub(super) fn secret(&self, place: usize) -> Vec<u8> {
        self.secrets[place].clone()
    }

    fn get(&mut self, conn: ConnectionId) -> &mut Peer {
        self.peers.get_mut(&conn).unwrap_or_else(|| panic!("{conn:?} is nobody"))
    }

    /// Something is told, all of which the log has.
    pub(super) fn hear(&mut self, conn: ConnectionId, frames: &Bytes, log: &MemoryLog) {
        let peer = self.get(conn);
        assert!(!peer.closed, "{conn:?} is told something after its Close");
        let mut secret = None;
        for message in messages(frames) {
            for frame in codec::decode_rich(message).unwrap_or_else(|error| panic!("{conn:?}: {error}")) {
                if frame.seq > 0 {
                    assert!(frame.seq > peer.seq, "{conn:?} hears {} after {}", frame.seq, peer.seq);
                    assert!(log.has(&frame.id, frame.seq), "{} is said and not stored", frame.seq);
                    peer.seq = frame.seq;
                }
                match frame.extension {
                    Some(Extension::Welcome(welcome)) => secret = Some((peer.place, welcome.secret)),
                    Some(Extension::Ack(ack)) => {
                        let stored = |accepted: &wire::Accepted| log.has(&accepted.id, accepted.seq);
                        assert!(ack.accepted.iter().all(stored), "acknowledged and not stored: {ack:?}");
                    }
                    Some(Extension::HistoryPage(page)) => check(&page, log),
                    _ => {}
                }
            }
        }
        if let Some((place, secret)) = secret {
            self.secrets[place] = secret;
        }
    }

    pub(super) fn close(&mut self, conn: ConnectionId, status: Status) {
        let peer = self.get(conn);
        let let_in = peer.dialect.is_some();
        assert!(
            !(let_in && status == Status::LoginTimeout),
            "{conn:?} has logged in, and is said to be late"
        );
        assert!(peer.skips || status != Status::TooSlow, "{conn:?} reads, and is said to be too slow");
        assert!(!std::mem::replace(&mut peer.closed, true), "{conn:?} is closed twice");
    }

    pub(super) fn known(&mut self, conn: ConnectionId, dialect: Dialect) {
        let peer = self.get(conn);
        assert_eq!(peer.dialect.replace(dialect), None, "{conn:?} is let in twice");
    }

    /// Somebody does not read any more; `false` when that is known, or it is not there.
    pub(super) fn skip(&mut self, conn: ConnectionId) -> bool {
        let peer = self.get(conn);
        peer.settled = false;
        !peer.closed && !std::mem::replace(&mut peer.skips, true)
    }

    /// Somebody reads again; `false` when it did all the time.
    pub(super) fn go_on(&mut self, conn: ConnectionId) -> bool {
        std::mem::replace(&mut self.get(conn).skips, false)
    }

    pub(super) fn skips(&self, conn: ConnectionId) -> bool {
        self.peers.get(&conn).is_some_and(|peer| peer.skips)
    }

    /// The hub has nothing more to say: who is gone is not spoken of again, and who was there all the time has heard
    /// everything up to `last`, if that is known.
    pub(super) fn settled(&mut self, last: Option<u64>) {
        self.peers.retain(|_, peer| !peer.gone);
        let Some(last) = last else { return };
        let said = std::mem::replace(&mut self.last, last) < last;
        for (conn, peer) in &mut self.peers {
            let there = peer.dialect.is_some() && !peer.closed && !peer.skips;
            assert!(
                !(said && there && peer.settled) || peer.seq == last,
                "{conn:?} has heard up to {}, and {last} was said",
                peer.seq
            );
            peer.settled = there;
        }
    }

    /// The server is gone, and with it all connections.
    pub(super) fn all_gone(&mut self) {
        self.places.fill(None);
        self.peers.clear();
    }

    /// How many were let in and are still there.
    pub(super) fn named(&self) -> usize {
        self.peers.values().filter(|peer| peer.dialect.is_some() && !peer.closed).count()
    }

    pub(super) fn all_closed(&self) {
        assert!(self.peers.values().all(|peer| peer.closed), "somebody was left open: {:?}", self.peers);
    }
}

/// A page holds messages of its part of the room, in order, all of which the log has.
fn check(page: &wire::HistoryPage, log: &MemoryLog) {
    let mut before = page.from;
    for bytes in &page.frames {
        let frame = codec::decode(bytes).unwrap_or_else(|error| panic!("in a page: {error}"));
        // The answer to a search is no part of the room.
        let in_order = page.to == 0 || (before < frame.seq && frame.seq <= page.to);
        assert!(in_order && log.has(&frame.id, frame.seq), "a page with {}: {page:?}", frame.seq);
        before = frame.seq;
    }
}

/// The payloads of a server's WebSocket frames.
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
    assert!(bytes.is_empty(), "something that is no whole Binary frame: {bytes:?}");
    out
}
