//! Both ends in one test: core's sessions against the hub, under one virtual clock, over links that delay, stall and
//! break, with a server that restarts. Seeds decide everything; a failure prints its seed.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use parlour_core::{
    Millis,
    event::Event,
    limits::Limits,
    model::{Connection, Delivery, MessageId},
    session::{Command, Now, Session},
};
use parlour_server::hub::{Hub, Settings, output::Output, table::ConnId};

const UNIX: i64 = 1_700_000_000_000;

/// splitmix64, so that a seed is a whole run.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// What travels, with the time it arrives.
enum Packet {
    Open,
    Bytes(Vec<u8>),
    /// The far end closed, with this code.
    Close(u16),
}

struct Link {
    conn: ConnId,
    to_server: VecDeque<(Millis, Packet)>,
    to_client: VecDeque<(Millis, Packet)>,
    /// Nothing gets through any more, and nobody has been told.
    dead: bool,
}

struct Client {
    session: Session,
    nick: String,
    link: Option<Link>,
    /// id to content, as this client's user sees the room.
    shown: BTreeMap<MessageId, (u64, String)>,
    order: Vec<(u64, MessageId)>,
    said: Vec<MessageId>,
    sent: BTreeSet<MessageId>,
    failed: Vec<MessageId>,
    connection: Connection,
    logged_in: bool,
    /// Shown twice, or acknowledged twice with another place.
    complaints: Vec<String>,
}

struct World {
    rng: Rng,
    mono: Millis,
    hub: Hub,
    clients: Vec<Client>,
    next_conn: u32,
    next_id: u64,
    server_up: bool,
    links_of: BTreeMap<u32, usize>,
}

fn hub(seed: u64) -> Hub {
    let mut rng = Rng(seed);
    let limits = Limits { messages_per_minute: 6_000, burst: 50, ..Limits::default() };
    let settings = Settings { limits, ..Settings::default() };
    Hub::new(
        settings,
        Box::new(move |buffer| {
            buffer.iter_mut().for_each(|byte| *byte = u8::try_from(rng.below(256)).unwrap_or(0))
        }),
    )
}

impl World {
    fn new(seed: u64, clients: usize) -> Self {
        let mut rng = Rng(seed);
        let clients = (0..clients)
            .map(|n| Client {
                session: Session::new(rng.next(), "pair"),
                nick: format!("user{n}"),
                link: None,
                shown: BTreeMap::new(),
                order: Vec::new(),
                said: Vec::new(),
                sent: BTreeSet::new(),
                failed: Vec::new(),
                connection: Connection::Idle,
                logged_in: false,
                complaints: Vec::new(),
            })
            .collect();
        let hub = hub(rng.next());
        Self {
            rng,
            mono: 1_000,
            hub,
            clients,
            next_conn: 0,
            next_id: 0,
            server_up: true,
            links_of: BTreeMap::new(),
        }
    }

    fn now(&self) -> Now {
        Now { mono: self.mono, unix: UNIX + i64::try_from(self.mono).unwrap_or(0) }
    }

    fn delay(&mut self) -> Millis {
        self.mono + 1 + self.rng.below(40)
    }

    /// Does what a client's session asks for, and notes what it tells.
    fn drain_client(&mut self, at: usize) {
        while let Some(command) = self.clients[at].session.poll_command() {
            match command {
                Command::Open => {
                    self.drop_link(at);
                    self.next_conn += 1;
                    let conn = ConnId::new(self.next_conn, self.next_conn);
                    let arrival = self.delay();
                    let mut link =
                        Link { conn, to_server: VecDeque::new(), to_client: VecDeque::new(), dead: false };
                    if self.server_up {
                        link.to_server.push_back((arrival, Packet::Open));
                    } else {
                        link.to_client.push_back((arrival, Packet::Close(1006)));
                    }
                    self.links_of.insert(self.next_conn, at);
                    self.clients[at].link = Some(link);
                }
                Command::Send(bytes) => {
                    let arrival = self.delay();
                    if let Some(link) = &mut self.clients[at].link {
                        // TCP keeps the order, whatever the delay.
                        let arrival = arrival.max(link.to_server.back().map_or(0, |(at, _)| *at));
                        link.to_server.push_back((arrival, Packet::Bytes(bytes.to_vec())));
                    }
                }
                Command::Close(_) => self.drop_link(at),
            }
        }
        while let Some(event) = self.clients[at].session.poll_event() {
            self.note(at, event);
        }
    }

    fn note(&mut self, at: usize, event: Event) {
        let client = &mut self.clients[at];
        match event {
            Event::Connection(connection) => client.connection = connection,
            Event::LoggedIn(_) => client.logged_in = true,
            Event::Message(message) if message.delivery == Delivery::Sent => {
                if message.own {
                    client.sent.insert(message.id);
                }
                let content = message.content.to_string();
                match client.shown.insert(message.id, (message.seq, content.clone())) {
                    None => client.order.push((message.seq, message.id)),
                    // A server that has restarted remembers no ids: a message whose acknowledgement was lost with
                    // it is said again under another number. It is still one message, shown once.
                    Some(before) if before.1 != content => {
                        client.complaints.push(format!("{:?} changed after it was sent", message.id));
                    }
                    Some(_) => {}
                }
            }
            Event::Delivery(id, Delivery::Failed(_)) => client.failed.push(id),
            _ => {}
        }
    }

    /// The client's end of a link is gone; the server hears of it, unless the link is dead.
    fn drop_link(&mut self, at: usize) {
        if let Some(link) = self.clients[at].link.take()
            && !link.dead
        {
            // What was sent before the close still arrives.
            for (_, packet) in link.to_server {
                self.arrive(link.conn, packet);
            }
            self.hub.handle_disconnect(self.mono, link.conn);
            self.drain_hub();
        }
    }

    fn arrive(&mut self, conn: ConnId, packet: Packet) {
        let now = self.now();
        match packet {
            Packet::Open => self.hub.handle_connect(now.mono, conn),
            Packet::Bytes(bytes) => self.hub.handle_frame(now.mono, now.unix, conn, &bytes),
            Packet::Close(_) => {}
        }
        self.drain_hub();
    }

    fn drain_hub(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Send { conn, frames } | Output::Snapshot { conn, frames } => {
                    self.deliver(conn, &frames)
                }
                Output::Fanout { to, frames } => to.iter().for_each(|conn| self.deliver(*conn, &frames)),
                Output::Close { conn, status } => self.pass_down(conn, Packet::Close(status.code())),
                Output::Known { .. } => {}
            }
        }
    }

    fn deliver(&mut self, conn: ConnId, frames: &[u8]) {
        for payload in payloads(frames) {
            self.pass_down(conn, Packet::Bytes(payload.to_vec()));
        }
    }

    fn pass_down(&mut self, conn: ConnId, packet: Packet) {
        let arrival = self.delay();
        for client in &mut self.clients {
            if let Some(link) = client.link.as_mut().filter(|link| link.conn == conn && !link.dead) {
                let arrival = arrival.max(link.to_client.back().map_or(0, |(at, _)| *at));
                link.to_client.push_back((arrival, packet));
                return;
            }
        }
    }

    /// One ms of everything.
    fn tick(&mut self) {
        self.mono += 1;
        let now = self.now();
        for at in 0..self.clients.len() {
            while let Some((conn, packet)) = self.due(at, true) {
                if matches!(packet, Packet::Open)
                    && let Some(link) = &mut self.clients[at].link
                {
                    link.to_client.push_back((now.mono + 1, Packet::Open));
                }
                self.arrive(conn, packet);
            }
            while let Some((_, packet)) = self.due(at, false) {
                let session = &mut self.clients[at].session;
                match packet {
                    Packet::Open => session.handle_opened(now),
                    Packet::Bytes(bytes) => session.handle_message(now, &bytes),
                    Packet::Close(code) => {
                        self.clients[at].link = None;
                        self.clients[at].session.handle_closed(now, code);
                    }
                }
                self.drain_client(at);
            }
            self.clients[at].session.handle_timeout(now);
            self.drain_client(at);
        }
        if self.hub.poll_timeout().is_some_and(|due| due <= now.mono) {
            self.hub.handle_timeout(now.mono, now.unix);
            self.drain_hub();
        }
    }

    fn due(&mut self, at: usize, to_server: bool) -> Option<(ConnId, Packet)> {
        let now = self.mono;
        let link = self.clients[at].link.as_mut().filter(|link| !link.dead)?;
        let queue = if to_server { &mut link.to_server } else { &mut link.to_client };
        if queue.front()?.0 > now {
            return None;
        }
        Some((link.conn, queue.pop_front()?.1))
    }

    fn restart(&mut self) {
        let seed = self.rng.next();
        self.hub = hub(seed);
        for at in 0..self.clients.len() {
            if let Some(link) = self.clients[at].link.take() {
                let now = self.now();
                // A dead link hears nothing; the session has to notice by itself.
                if link.dead {
                    self.clients[at].link = Some(link);
                } else {
                    self.clients[at].session.handle_closed(now, 1006);
                    self.drain_client(at);
                }
            }
        }
    }

    fn talk(&mut self, at: usize) {
        self.next_id += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.next_id.to_be_bytes());
        let id = MessageId::new(self.mono, random);
        let now = self.now();
        let text = format!("message {}", self.next_id);
        if self.clients[at].session.handle_talk(now, id, &text).is_ok() {
            self.clients[at].said.push(id);
        }
        self.drain_client(at);
    }

    fn step(&mut self, faults: bool) {
        let at = usize::try_from(self.rng.below(self.clients.len() as u64)).unwrap_or(0);
        match self.rng.below(400) {
            0..40 => self.talk(at),
            40 if faults => {
                // The link breaks and the client is told; the server hears nothing for a while.
                if let Some(link) = self.clients[at].link.take() {
                    let now = self.now();
                    let stale = link.conn;
                    self.clients[at].session.handle_closed(now, 1006);
                    self.drain_client(at);
                    if self.rng.below(2) == 0 {
                        self.hub.handle_disconnect(now.mono, stale);
                        self.drain_hub();
                    }
                }
            }
            41 if faults => {
                if let Some(link) = &mut self.clients[at].link {
                    link.dead = true;
                }
            }
            42 if faults && self.rng.below(4) == 0 => self.restart(),
            43 => {
                let now = self.now();
                self.clients[at].session.handle_wake(now);
                self.drain_client(at);
            }
            _ => {}
        }
        self.tick();
    }

    fn quiet(&self) -> bool {
        self.clients.iter().all(|client| {
            matches!(client.connection, Connection::Online { .. })
                && client.said.iter().all(|id| client.sent.contains(id))
        })
    }
}

/// The payloads of unmasked WebSocket frames.
fn payloads(mut frames: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    while let [first, second, rest @ ..] = frames {
        assert_eq!(first, &0x82, "every data frame is a whole Binary message");
        let (len, rest) = match second {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => (usize::try_from(u64::from_be_bytes(rest[..8].try_into().unwrap())).unwrap(), &rest[8..]),
            len => (usize::from(*len), rest),
        };
        out.push(&rest[..len]);
        frames = &rest[len..];
    }
    out
}

fn run(seed: u64, faults: bool) {
    let mut world = World::new(seed, 4);
    for at in 0..world.clients.len() {
        let (now, nick) = (world.now(), world.clients[at].nick.clone());
        world.clients[at].session.handle_login(now, &nick).unwrap();
        world.drain_client(at);
    }
    // Nobody who fails at the first login is tried again, so the faults begin after it.
    for _ in 0..500 {
        world.tick();
    }
    assert!(world.quiet(), "seed {seed}: not logged in");
    for _ in 0..8_000 {
        world.step(faults);
    }
    // Longer than a heartbeat and its deadline, for those whose link is dead and who don't know it yet; then two
    // minutes at most, which is more than the longest wait between attempts.
    (0..30_000).for_each(|_| world.tick());
    for _ in 0..1_200 {
        if world.quiet() {
            break;
        }
        (0..100).for_each(|_| world.tick());
    }
    // Changes of who is there are told together.
    (0..2_000).for_each(|_| world.tick());
    for client in &world.clients {
        let who = &client.nick;
        assert!(
            matches!(client.connection, Connection::Online { .. }),
            "seed {seed}: {who} is {:?}",
            client.connection
        );
        let lost: Vec<_> = client.said.iter().filter(|id| !client.sent.contains(id)).collect();
        assert!(lost.is_empty(), "seed {seed}: {who} said {lost:?}, and it was never acknowledged");
        assert_eq!(client.failed, [], "seed {seed}: {who}");
        assert_eq!(client.complaints, Vec::<String>::new(), "seed {seed}: {who}");
        let own: Vec<_> = client.said.iter().map(|id| client.shown[id].0).collect();
        assert!(own.is_sorted(), "seed {seed}: {who}'s own messages are out of order: {own:?}");
        let roster: Vec<_> = client.session.roster().0.iter().map(|member| member.nick.to_string()).collect();
        assert_eq!(roster, ["user0", "user1", "user2", "user3"], "seed {seed}: {who} sees the wrong people");
    }
    if !faults {
        let all: usize = world.clients.iter().map(|client| client.said.len()).sum();
        assert!(all > 500, "seed {seed}: only {all} messages");
        for client in &world.clients {
            assert_eq!(client.order.len(), all, "seed {seed}: {} did not get everything", client.nick);
            let mut order = client.order.clone();
            order.sort_unstable();
            let first = &world.clients[0];
            let mut expected = first.order.clone();
            expected.sort_unstable();
            assert_eq!(order, expected, "seed {seed}: two people see another order");
        }
    }
}

#[test]
fn on_good_links_everybody_sees_the_same() {
    for seed in 0..20 {
        run(seed, false);
    }
}

#[test]
fn through_faults_every_message_is_acknowledged_once_and_everybody_comes_back() {
    for seed in 1_000..1_060 {
        run(seed, true);
    }
}
