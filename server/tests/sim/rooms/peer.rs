//! A basic client, which knows only the lobby: it logs in, sends lines, and gets what the lobby gets.

use parlour_core::{
    Millis,
    codec::{self, Extension, Kind},
};
use parlour_server::hub::connection_table::ConnectionId;

use super::world::World;
use crate::network::Packet;

/// The nick of the client.
pub const NICK: &str = "desktop";
/// The time after which the client connects again, in ms.
const RECONNECT_MS: Millis = 3_000;

/// The client.
#[derive(Debug, Default)]
pub struct Peer {
    pub conn: Option<ConnectionId>,
    /// The time at which it connects again.
    connect_at: Option<Millis>,
    /// The texts that it has received: sender and line.
    pub lines: Vec<(String, String)>,
    pub sent: u64,
}

impl Peer {
    /// The connection has ended; it connects again at this time.
    pub fn disconnected(&mut self, at: Millis) {
        self.conn = None;
        self.connect_at = Some(at);
    }

    pub fn due(&self) -> Option<Millis> {
        self.connect_at
    }

    /// Receives messages in the basic dialect.
    pub fn receive(&mut self, packets: &[Vec<u8>]) {
        for bytes in packets {
            for envelope in codec::decode_basic(bytes).expect("an envelope") {
                // A refusal of the login has its reason as a text too.
                let is_expected = matches!(envelope.extension, None | Some(Extension::Refusal(_)));
                assert!(is_expected, "a basic client has received {envelope:?}");
                if codec::kind(&envelope) == Kind::Message {
                    self.lines.push((envelope.user_name, envelope.content));
                }
            }
        }
    }
}

impl World {
    /// Connects the client if it is time.
    pub fn run_peer(&mut self, server: usize) {
        if self.servers[server].peer.connect_at.take_if(|at| *at <= self.now).is_none() {
            return;
        }
        if self.servers[server].running.is_none() {
            let at = self.now + RECONNECT_MS;
            return self.servers[server].peer.disconnected(at);
        }
        let conn = self.new_conn();
        self.servers[server].peer.conn = Some(conn);
        self.arrive(server, conn, Packet::Open);
        self.say(server, "");
    }

    /// The client sends a line.
    pub fn peer_sends(&mut self, server: usize) {
        let peer = &mut self.servers[server].peer;
        peer.sent += 1;
        let line = format!("line {} of lobby", peer.sent);
        self.say(server, &line);
        self.tally.count("lines of a basic client");
    }

    fn say(&mut self, server: usize, line: &str) {
        if let Some(conn) = self.servers[server].peer.conn {
            let bytes = codec::encode(&codec::message(NICK, None, line)).to_vec();
            self.arrive(server, conn, Packet::Bytes(bytes));
        }
    }
}
