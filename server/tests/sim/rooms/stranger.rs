//! Clients that come and go: rich ones with the same secret and with many, basic ones, and some with the nick of a user. They may
//! not take a nick or a session from a user, read a room that they are not in, or send more messages than an account may.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv4Addr},
};

use parlour_core::{
    Millis,
    codec::{self, Envelope, Extension},
    limits::Limits,
    model::{MessageId, RoomId, UserId},
    validate::nick_key,
    wire::{self, client_command::Operation, page_request::Start},
};
use parlour_server::hub::{Settings, connection_table::ConnectionId};

use super::{log::Log, peer::Peer, world::World};
use crate::network::Packet;

/// The beginning of all texts of strangers.
const TEXT: &str = "stranger";
/// The nick of the stranger who always has the same secret.
const REGULAR: &str = "regular";
/// The messages that an account may send at once, and per second.
const RATE: (u32, u32) = (30, 50);
/// The messages of a flood on each of its connections, and the number of connections.
const FLOOD: (u32, u32) = (RATE.0 + 10, 4);
/// The logins of a crowd.
const CROWD: u32 = 30;
/// The longest visit, in ms.
const VISIT_MS: Millis = 8_000;

/// A connection of a stranger.
#[derive(Debug, Clone)]
struct Stranger {
    address: IpAddr,
    is_basic: bool,
    /// The flood to which it belongs.
    flood: Option<Flood>,
}

/// A flood: the messages of an address, sent on one connection after another.
#[derive(Debug, Clone, Copy)]
struct Flood {
    number: u32,
    /// The connections that follow.
    left: u32,
    /// All connections have the same secret.
    same_secret: bool,
}

/// The strangers at a server.
#[derive(Debug, Default)]
pub struct Strangers {
    conns: HashMap<ConnectionId, Stranger>,
    /// The clients that were welcomed, with the nick that they got, and have not done anything yet.
    welcomed: Vec<(ConnectionId, String)>,
    /// The clients that stay for a while, with the time at which they leave.
    visitors: Vec<(ConnectionId, Millis)>,
    /// The times of the first and the last message of each flood.
    floods: BTreeMap<u32, (Millis, Millis)>,
    /// What all basic strangers have received.
    pub basic: Peer,
    pub complaints: Vec<String>,
}

impl Strangers {
    /// The address of a connection, if it is one of a stranger.
    pub fn address(&self, conn: ConnectionId) -> Option<IpAddr> {
        self.conns.get(&conn).map(|stranger| stranger.address)
    }

    pub fn is_basic(&self, conn: ConnectionId) -> bool {
        self.conns.get(&conn).is_some_and(|stranger| stranger.is_basic)
    }

    /// The server was killed.
    pub fn disconnected(&mut self) {
        self.conns.clear();
        self.welcomed.clear();
        self.visitors.clear();
    }

    /// The server has closed a connection.
    pub fn closed(&mut self, conn: ConnectionId) {
        self.conns.remove(&conn);
    }

    /// The time at which the next one leaves.
    pub fn due(&self) -> Option<Millis> {
        self.visitors.iter().map(|(_, leave_at)| *leave_at).min()
    }

    /// Receives what the server sends to a connection.
    pub fn receive(&mut self, conn: ConnectionId, packets: &[Vec<u8>]) {
        let Some(stranger) = self.conns.get(&conn) else { return };
        if stranger.is_basic {
            return self.basic.receive(packets);
        }
        for envelope in packets.iter().flat_map(|bytes| codec::decode_rich(bytes).expect("an envelope")) {
            if let Some(Extension::Welcome(welcome)) = envelope.extension {
                self.welcomed.push((conn, welcome.nick));
            }
        }
    }

    /// The floods of which the log has more messages than one account may send.
    pub fn excessive(&self, log: &Log) -> Vec<String> {
        let lobby = &log.rooms[&RoomId::LOBBY];
        let complaint = |(number, (first, last)): (&u32, &(Millis, Millis))| {
            let text = text(Some(*number));
            let sent = lobby.messages.iter().filter(|message| message.content == text).count() as u64;
            let allowed = u64::from(RATE.0) + (last - first) * u64::from(RATE.1) / 1_000 + 1;
            (sent > allowed)
                .then(|| format!("{sent} messages of flood {number} were accepted, not {allowed}"))
        };
        self.floods.iter().filter_map(complaint).collect()
    }
}

/// The text of a stranger.
fn text(flood: Option<u32>) -> String {
    flood.map_or_else(|| TEXT.into(), |number| format!("{TEXT} {number}."))
}

/// Returns `true` if a message with this text is of a stranger.
pub fn is_of_stranger(text: &str) -> bool {
    text.starts_with(TEXT)
}

/// The settings of a server that has so few places for lost sessions that strangers exhaust those of their address.
pub fn settings(settings: Settings) -> Settings {
    let limits = Limits { messages_per_minute: RATE.1 * 60, burst: RATE.0, ..settings.limits };
    Settings {
        limits,
        max_lost_sessions_per_address: 20,
        logins_per_second: 200,
        login_burst: 100,
        ..settings
    }
}

/// An address that users do not have.
fn address(last: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(Ipv4Addr::new(10, 1, 0, 0).to_bits() + last))
}

impl World {
    /// Strangers do one of the things that they do.
    pub fn act_as_strangers(&mut self, server: usize) {
        if self.servers[server].running.is_none() {
            return;
        }
        match self.rng.below(5) {
            0 => self.flood(server),
            1 => self.crowd(server),
            2 => self.impersonate(server),
            3 => {
                self.tally.count("basic strangers");
                let nick = self.fresh_nick();
                self.visit_as_basic(server, &nick);
            }
            _ => {
                for _ in 0..1 + self.rng.below(8) {
                    let nick = if self.rng.once_in(4) { REGULAR.into() } else { self.fresh_nick() };
                    let conn = self.visit(server, address(0), &nick, &nick, None);
                    self.stay(server, conn);
                }
            }
        }
    }

    /// An address sends as much as it can on one connection after another.
    fn flood(&mut self, server: usize) {
        let (number, same_secret) = (self.next_number(), self.rng.once_in(2));
        self.tally.count(if same_secret { "floods with one secret" } else { "floods with many secrets" });
        self.continue_flood(server, Flood { number, left: FLOOD.1, same_secret });
    }

    fn continue_flood(&mut self, server: usize, flood: Flood) {
        if let Some(left) = flood.left.checked_sub(1) {
            let nick = if flood.same_secret { format!("flood{}", flood.number) } else { self.fresh_nick() };
            let flood = Flood { left, ..flood };
            self.visit(server, address(flood.number), &nick, &nick, Some(flood));
        }
    }

    /// Many log in, and drop their connection at once.
    fn crowd(&mut self, server: usize) {
        self.tally.count("crowds");
        for _ in 0..CROWD {
            let nick = self.fresh_nick();
            let conn = self.visit(server, address(0), &nick, &nick, None);
            self.drop_stranger(server, conn);
        }
    }

    /// Somebody logs in with the nick of a user.
    fn impersonate(&mut self, server: usize) {
        self.tally.count("impostors");
        let users = self.users.iter().filter(|user| user.server == server);
        let accounts: Vec<_> = users.filter_map(|user| user.account).collect();
        let index = self.rng.index(accounts.len());
        let Some(mut nick) = accounts.get(index).and_then(|account| self.nick_of(server, *account)) else {
            return;
        };
        if self.rng.once_in(3) {
            nick = nick.to_uppercase();
        }
        if self.rng.once_in(3) {
            return self.visit_as_basic(server, &nick);
        }
        let secret = self.fresh_nick();
        let conn = self.visit(server, address(0), &nick, &secret, None);
        self.stay(server, conn);
    }

    /// The nick that an account has in the log.
    pub fn nick_of(&mut self, server: usize, account: UserId) -> Option<String> {
        let running = self.servers[server].running.as_mut()?;
        Some(running.reader.account(account).unwrap()?.nick)
    }

    fn fresh_nick(&mut self) -> String {
        format!("guest{}", self.next_number())
    }

    fn stay(&mut self, server: usize, conn: ConnectionId) {
        let leave_at = self.now + self.rng.below(VISIT_MS);
        self.servers[server].strangers.visitors.push((conn, leave_at));
    }

    fn connect_stranger(&mut self, server: usize, stranger: Stranger) -> ConnectionId {
        let conn = self.new_conn();
        self.servers[server].strangers.conns.insert(conn, stranger);
        self.arrive(server, conn, Packet::Open);
        conn
    }

    fn drop_stranger(&mut self, server: usize, conn: ConnectionId) {
        if self.servers[server].strangers.conns.contains_key(&conn) {
            self.arrive(server, conn, Packet::Close(1006));
            self.servers[server].strangers.closed(conn);
        }
    }

    /// A rich stranger connects and logs in.
    fn visit(
        &mut self,
        server: usize,
        address: IpAddr,
        nick: &str,
        secret: &str,
        flood: Option<Flood>,
    ) -> ConnectionId {
        let stranger = Stranger { address, is_basic: false, flood };
        let conn = self.connect_stranger(server, stranger);
        let mut secret = secret.as_bytes().to_vec();
        secret.resize(32, b'~');
        let capabilities = ["batch", "rooms"].map(Into::into).to_vec();
        let login = wire::Login { version: 1, capabilities, secret, ..wire::Login::default() };
        self.stranger_sends(server, conn, &codec::login(nick, login));
        conn
    }

    /// A basic stranger logs in with its first line.
    fn visit_as_basic(&mut self, server: usize, nick: &str) {
        let stranger = Stranger { address: address(0), is_basic: true, flood: None };
        let conn = self.connect_stranger(server, stranger);
        self.stranger_sends(server, conn, &codec::message(nick, None, ""));
        // A refused one is disconnected.
        self.check_stranger(server, conn, nick);
        for _ in 0..2 {
            self.stranger_sends(server, conn, &codec::message(nick, None, &text(None)));
        }
        self.stay(server, conn);
    }

    fn stranger_sends(&mut self, server: usize, conn: ConnectionId, envelope: &Envelope) {
        if self.servers[server].strangers.conns.contains_key(&conn) {
            self.arrive(server, conn, Packet::Bytes(codec::encode(envelope).to_vec()));
        }
    }

    /// Strangers act that were welcomed, and leave whose time has come.
    pub fn run_strangers(&mut self, server: usize) {
        for (conn, nick) in std::mem::take(&mut self.servers[server].strangers.welcomed) {
            self.check_stranger(server, conn, &nick);
            match self.servers[server].strangers.conns.get(&conn).map(|stranger| stranger.flood) {
                Some(Some(flood)) => {
                    self.send_flood(server, conn, &nick, flood);
                    self.drop_stranger(server, conn);
                    self.continue_flood(server, flood);
                }
                Some(None) => self.look_around(server, conn, &nick),
                None => {}
            }
        }
        let now = self.now;
        let strangers = &mut self.servers[server].strangers;
        let leaving: Vec<_> = strangers.visitors.extract_if(.., |(_, leave_at)| *leave_at <= now).collect();
        for (conn, _) in leaving {
            self.drop_stranger(server, conn);
        }
    }

    fn send_flood(&mut self, server: usize, conn: ConnectionId, nick: &str, flood: Flood) {
        let now = self.now;
        self.servers[server].strangers.floods.entry(flood.number).or_insert((now, now)).1 = now;
        for _ in 0..FLOOD.0 {
            let id = self.stranger_id();
            self.stranger_sends(server, conn, &codec::message(nick, Some(id), &text(Some(flood.number))));
        }
    }

    /// A rich stranger says something, and asks for a room, which it may not be in.
    fn look_around(&mut self, server: usize, conn: ConnectionId, nick: &str) {
        let id = self.stranger_id();
        self.stranger_sends(server, conn, &codec::message(nick, Some(id), &text(None)));
        let rooms: Vec<_> = self.servers[server].log.rooms.keys().copied().collect();
        let room = rooms[self.rng.index(rooms.len())];
        let operations = [
            Operation::Join(wire::Join {}),
            Operation::Subscribe(wire::Subscribe::default()),
            Operation::ListMembers(wire::ListMembers { count: 10, ..wire::ListMembers::default() }),
            Operation::Page(wire::PageRequest { start: Some(Start::After(0)), count: 10 }),
        ];
        let first = self.rng.index(operations.len());
        for (request, operation) in (1..).zip(operations.into_iter().skip(first)) {
            let (room, id) = (room.to_wire(), self.stranger_id().0.to_vec());
            let command = wire::ClientCommand { request, room, id, operation: Some(operation) };
            self.stranger_sends(server, conn, &codec::extension(Extension::Command(command)));
        }
    }

    /// An id that nobody has used.
    fn stranger_id(&mut self) -> MessageId {
        let mut random = [0; 10];
        random[6..].copy_from_slice(&self.next_number().to_be_bytes());
        MessageId::new(1, random)
    }

    /// A stranger that is logged in has not the nick of a user who is online.
    fn check_stranger(&mut self, server: usize, conn: ConnectionId, nick: &str) {
        if !self.servers[server].strangers.conns.contains_key(&conn) {
            return;
        }
        self.tally.count("strangers that were logged in");
        let is_closed = |packet: &Packet| matches!(packet, Packet::Close(_));
        let online = self.tabs.iter().filter(|tab| {
            // Others may not know yet that the server has ended their session.
            let link = tab.link.as_ref().filter(|link| !link.dead && !link.cut && link.server == server);
            let is_linked =
                link.is_some_and(|link| !link.to_client.iter().any(|(_, packet)| is_closed(packet)));
            tab.is_leader() && tab.is_online() && is_linked
        });
        let accounts: Vec<_> = online.filter_map(|tab| tab.account).collect();
        for account in accounts {
            if self.nick_of(server, account).is_some_and(|of_user| nick_key(&of_user) == nick_key(nick)) {
                let complaint = format!("a stranger has the nick {nick} of {account:?}");
                self.servers[server].strangers.complaints.push(complaint);
            }
        }
    }
}
