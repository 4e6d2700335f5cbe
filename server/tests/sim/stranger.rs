//! Clients that come and go: with the same secret, with many, and with the nick of somebody else. What they may take from
//! the others is bounded.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::{IpAddr, Ipv4Addr},
};

use parlour_core::{
    Millis,
    codec::{self, Extension},
    model::MessageId,
    status::Status,
    wire,
};
use parlour_server::{hub::connection_table::ConnectionId, store::Change};

use super::{
    device::Device,
    machine::{BURST, NAME_GRACE_MS},
    network::{Packet, payloads},
    world::World,
};

/// The nick of the stranger with always the same secret.
const REGULAR: &str = "regular";

/// The text of all of its messages.
const FLOOD: &str = "me again";

/// The address of all strangers.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

/// A stranger who is in the room.
#[derive(Debug)]
pub struct Stranger {
    server: usize,
    conn: ConnectionId,
    leave_at: Millis,
}

/// The sessions that a running server must remember.
#[derive(Debug, Default)]
pub struct Remembered {
    /// The secret that a connection has logged in with.
    logins: HashMap<ConnectionId, Vec<u8>>,
    /// The nick of a connection that was welcomed.
    seats: HashMap<ConnectionId, String>,
    /// The secrets of the sessions, and their nicks.
    secrets: BTreeMap<Vec<u8>, String>,
    /// The time at which the connection of a nick was lost.
    lost_at: BTreeMap<String, Millis>,
    /// The connections of strangers.
    strangers: HashSet<ConnectionId>,
    /// The number of messages of the regular stranger that were accepted at one moment.
    accepted: u32,
    pub complaints: Vec<String>,
}

impl Remembered {
    /// The server was killed; it may not have stored everything.
    pub fn clear(&mut self) {
        *self = Self { complaints: std::mem::take(&mut self.complaints), ..Self::default() };
    }

    /// A device logs in with a secret.
    pub fn login(&mut self, conn: ConnectionId, secret: &[u8]) {
        self.logins.insert(conn, secret.to_vec());
    }

    /// A secret is not used any more.
    pub fn forget(&mut self, secret: &[u8]) {
        self.secrets.remove(secret);
    }

    /// A user leaves.
    pub fn leaves(&mut self, conn: ConnectionId) {
        if let Some(nick) = self.seats.remove(&conn) {
            self.secrets.retain(|_, of| *of != nick);
        }
    }

    /// The server's answers to the login of a device.
    pub fn answered(&mut self, conn: ConnectionId, frames: &[u8]) {
        let Some(secret) = self.logins.get(&conn) else { return };
        if self.seats.contains_key(&conn) {
            return;
        }
        for bytes in payloads(frames) {
            match codec::decode(&bytes).ok().and_then(|envelope| envelope.extension) {
                Some(Extension::Welcome(welcome)) => {
                    if self.secrets.contains_key(secret) && !welcome.resumed {
                        self.complaints.push(format!("the session of {} was forgotten", welcome.nick));
                    }
                    self.lost_at.remove(&welcome.nick);
                    self.secrets.insert(welcome.secret, welcome.nick.clone());
                    self.seats.insert(conn, welcome.nick);
                }
                Some(Extension::Refusal(refusal))
                    if refusal.code == u32::from(Status::NickTaken.code())
                        && self.secrets.contains_key(secret) =>
                {
                    self.complaints.push("a nick is taken, although its session is known".into());
                }
                _ => {}
            }
        }
    }

    /// The connection of a device has ended.
    pub fn lost(&mut self, conn: ConnectionId, now: Millis) {
        self.logins.remove(&conn);
        if let Some(nick) = self.seats.remove(&conn) {
            self.lost_at.insert(nick, now);
        }
    }

    /// A stranger was welcomed under this nick.
    fn taken(&mut self, nick: &str, now: Millis) {
        let is_reserved = self.lost_at.get(nick).is_some_and(|lost_at| now < lost_at + NAME_GRACE_MS);
        if is_reserved || self.seats.values().any(|of| of == nick) {
            self.complaints.push(format!("a stranger has taken the nick {nick}"));
        }
        self.secrets.retain(|_, of| of != nick);
    }

    /// The server appends these changes.
    pub fn appended<'a>(&mut self, changes: impl Iterator<Item = &'a Change>) {
        let is_flood =
            |change: &&Change| matches!(change, Change::Message { content, .. } if **content == *FLOOD);
        self.accepted += u32::try_from(changes.filter(is_flood).count()).unwrap();
    }
}

impl World {
    /// Strangers do one of the things that they do.
    pub fn strangers(&mut self, server: usize) {
        match self.rng.below(4) {
            0 => self.flood(server),
            1 => self.crowd(server),
            2 => self.impostor(server),
            _ => {
                // The room may be full for a while.
                for _ in 0..1 + self.rng.below(8) {
                    let leave_at = self.now + self.rng.below(8_000);
                    let nick = self.fresh_nick();
                    let conn = self.visit(server, &nick, &nick);
                    self.visitors.push(Stranger { server, conn, leave_at });
                }
            }
        }
    }

    /// The same account connects again and again at one moment, and sends as much as it can each time.
    fn flood(&mut self, server: usize) {
        self.tally.count("floods");
        self.servers[server].remembered.accepted = 0;
        for _ in 0..4 {
            let conn = self.visit(server, REGULAR, REGULAR);
            for _ in 0..BURST + 10 {
                self.next_id += 1;
                let mut random = [0; 10];
                random[2..].copy_from_slice(&self.next_id.to_be_bytes());
                let id = MessageId::new(1, random);
                let message = codec::message(REGULAR, Some(id), FLOOD);
                self.arrive(server, conn, Packet::Bytes(codec::encode(&message).to_vec()));
            }
            self.arrive(server, conn, Packet::Close(1006));
        }
        let remembered = &mut self.servers[server].remembered;
        if remembered.accepted > BURST {
            let complaint = format!("{} messages of one account were accepted at once", remembered.accepted);
            remembered.complaints.push(complaint);
        }
    }

    /// Many log in, and drop their connection at once.
    fn crowd(&mut self, server: usize) {
        self.tally.count("crowds");
        for _ in 0..30 {
            let nick = self.fresh_nick();
            let conn = self.visit(server, &nick, &nick);
            self.arrive(server, conn, Packet::Close(1006));
        }
    }

    /// Somebody logs in with the nick of another, and leaves again.
    fn impostor(&mut self, server: usize) {
        // Preferably of somebody who has lost the connection.
        let is_away = |device: &&Device| !device.tabs.iter().any(|tab| tab.is_online());
        let any = self.rng.index(self.devices.len());
        let device = self.devices.iter().find(is_away).unwrap_or(&self.devices[any]);
        let nick = device.account().nick.clone();
        self.tally.count("impostors");
        let secret = self.fresh_nick();
        let conn = self.visit(server, &nick, &secret);
        self.arrive(server, conn, Packet::Bytes(codec::encode(&codec::exit(&nick)).to_vec()));
    }

    fn fresh_nick(&mut self) -> String {
        self.next_id += 1;
        format!("guest{}", self.next_id)
    }

    /// Connects and logs in.
    fn visit(&mut self, server: usize, nick: &str, secret: &str) -> ConnectionId {
        let conn = self.new_conn();
        let mut padded = secret.as_bytes().to_vec();
        padded.resize(32, b'~');
        let login = wire::Login {
            version: 1,
            capabilities: vec!["batch".into()],
            secret: padded,
            ..wire::Login::default()
        };
        self.servers[server].remembered.strangers.insert(conn);
        self.arrive_from(server, conn, ELSEWHERE, Packet::Open);
        self.arrive(server, conn, Packet::Bytes(codec::encode(&codec::login(nick, login)).to_vec()));
        conn
    }

    /// The server sends something to a connection without a tab, which may be a stranger's.
    pub fn stranger_receives(&mut self, server: usize, conn: ConnectionId, frames: &[u8]) {
        if !self.servers[server].remembered.strangers.contains(&conn) {
            return;
        }
        for bytes in payloads(frames) {
            if let Some(Extension::Welcome(welcome)) = codec::decode(&bytes).ok().and_then(|e| e.extension) {
                let now = self.now;
                self.servers[server].remembered.taken(&welcome.nick, now);
            }
        }
    }

    /// The time at which the next stranger leaves.
    pub fn strangers_due(&self) -> Option<Millis> {
        self.visitors.iter().map(|stranger| stranger.leave_at).min()
    }

    /// Strangers leave whose time has come.
    pub fn run_strangers(&mut self) {
        let now = self.now;
        let leaving: Vec<_> = self.visitors.extract_if(.., |stranger| stranger.leave_at <= now).collect();
        for Stranger { server, conn, .. } in leaving {
            self.arrive(server, conn, Packet::Close(1006));
            // Somebody takes the seat in a room that may have been full.
            if self.faults && self.rng.once_in(2) {
                self.impostor(server);
            }
        }
    }
}
