//! The connections of a run, and what each was told.

use std::collections::HashMap;

use bytes::Bytes;
use parlour_core::{
    codec::{self, Extension},
    model::Dialect,
    status::Status,
};
use parlour_server::hub::table::ConnId;

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
}

#[derive(Debug)]
pub(super) struct Peers {
    /// Who is in which place.
    places: Vec<Option<ConnId>>,
    peers: HashMap<ConnId, Peer>,
    /// The last secret given to somebody in each place.
    secrets: Vec<Vec<u8>>,
    serial: u32,
}

impl Peers {
    pub(super) fn new(places: usize) -> Self {
        Self {
            places: vec![None; places],
            peers: HashMap::new(),
            secrets: vec![Vec::new(); places],
            serial: 0,
        }
    }

    /// Somebody comes, if the place is free. A place is a slot of the hub's.
    pub(super) fn connect(&mut self, place: usize) -> Option<ConnId> {
        if self.places[place].is_some() {
            return None;
        }
        self.serial += 1;
        let conn = ConnId::new(u32::try_from(place).ok()?, self.serial);
        self.places[place] = Some(conn);
        self.peers.insert(conn, Peer { place, dialect: None, closed: false, gone: false, seq: 0 });
        Some(conn)
    }

    pub(super) fn disconnect(&mut self, place: usize) -> Option<ConnId> {
        let conn = self.places[place].take()?;
        self.get(conn).gone = true;
        Some(conn)
    }

    pub(super) fn conn(&self, place: usize) -> Option<ConnId> {
        self.places[place]
    }

    pub(super) fn secret(&self, place: usize) -> Vec<u8> {
        self.secrets[place].clone()
    }

    fn get(&mut self, conn: ConnId) -> &mut Peer {
        self.peers.get_mut(&conn).unwrap_or_else(|| panic!("{conn:?} is nobody"))
    }

    pub(super) fn hear(&mut self, conn: ConnId, frames: &Bytes) {
        let peer = self.get(conn);
        assert!(!peer.closed, "{conn:?} is told something after its Close");
        let mut secret = None;
        for message in messages(frames) {
            for frame in codec::decode_rich(message).unwrap_or_else(|error| panic!("{conn:?}: {error}")) {
                if frame.seq > 0 {
                    assert!(frame.seq > peer.seq, "{conn:?} hears {} after {}", frame.seq, peer.seq);
                    peer.seq = frame.seq;
                }
                if let Some(Extension::Welcome(welcome)) = frame.extension {
                    secret = Some((peer.place, welcome.secret));
                }
            }
        }
        if let Some((place, secret)) = secret {
            self.secrets[place] = secret;
        }
    }

    pub(super) fn close(&mut self, conn: ConnId, status: Status) {
        let peer = self.get(conn);
        let let_in = peer.dialect.is_some();
        assert!(
            !(let_in && status == Status::LoginTimeout),
            "{conn:?} has logged in, and is said to be late"
        );
        assert!(!std::mem::replace(&mut peer.closed, true), "{conn:?} is closed twice");
    }

    pub(super) fn known(&mut self, conn: ConnId, dialect: Dialect) {
        let peer = self.get(conn);
        assert_eq!(peer.dialect.replace(dialect), None, "{conn:?} is let in twice");
    }

    /// The hub has nothing more to say: who is gone is not spoken of again.
    pub(super) fn settled(&mut self) {
        self.peers.retain(|_, peer| !peer.gone);
    }

    /// How many were let in and are still there.
    pub(super) fn named(&self) -> usize {
        self.peers.values().filter(|peer| peer.dialect.is_some() && !peer.closed).count()
    }

    pub(super) fn all_closed(&self) {
        assert!(self.peers.values().all(|peer| peer.closed), "somebody was left open: {:?}", self.peers);
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
