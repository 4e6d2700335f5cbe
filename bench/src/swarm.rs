//! Many clients on one thread: non-blocking sockets, a shared read buffer, and output that is collected and written once
//! per wake-up.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read as _, Write as _},
    mem,
    net::SocketAddr,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use parlour_core::{PROTOCOL_VERSION, codec, model::MessageId, wire};
use rustix::net::sockopt::set_socket_linger;

use crate::{
    frame,
    scan::{Dialect, Received, Scanner},
};

/// Room for bytes of an incomplete message, which are passed to the scanner again after the next read. The largest is the
/// Welcome, with the newest messages.
const HEADROOM_BYTES: usize = 128 * 1024;
/// Maximum size of one read.
const READ_BYTES: usize = 256 * 1024;
/// Deadline for all clients to be connected.
const DEADLINE: Duration = Duration::from_secs(120);

/// The clients of one server.
#[derive(Debug)]
pub struct Swarm {
    address: SocketAddr,
    dialect: Dialect,
    poll: Poll,
    events: Events,
    buffer: Box<[u8]>,
    clients: Vec<Client>,
    /// The Welcome messages of disconnected clients.
    welcomes: VecDeque<Option<Box<wire::Welcome>>>,
    /// Clients with output to be written.
    dirty: Vec<usize>,
    ready: usize,
    /// Counts how often the clients have reconnected; part of the login.
    attempt: u64,
    /// Number of messages sent; ids and masks are derived from it.
    sent: u32,
    unix_ms: u64,
}

#[derive(Debug)]
struct Client {
    stream: TcpStream,
    stage: Stage,
    scanner: Scanner,
    carry: Vec<u8>,
    out: Vec<u8>,
    /// The last Welcome.
    welcome: Option<Box<wire::Welcome>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Upgrading,
    Greeting,
    Ready,
}

impl Swarm {
    pub fn new(address: SocketAddr, dialect: Dialect) -> Result<Self> {
        Ok(Self {
            address,
            dialect,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: vec![0; HEADROOM_BYTES + READ_BYTES].into(),
            clients: Vec::new(),
            welcomes: VecDeque::new(),
            dirty: Vec::new(),
            ready: 0,
            attempt: 1,
            sent: 0,
            unix_ms: SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis().try_into()?,
        })
    }

    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Connects clients until there are `count`, at most `at_once` at a time. Clients that were disconnected resume their
    /// sessions. Returns how long it took.
    pub fn open(&mut self, count: usize, at_once: usize) -> Result<Duration> {
        let start = Instant::now();
        while !self.connect_more(count, at_once)? {
            self.poll(Duration::from_millis(100), &mut |_, _| {})?;
            let all = self.clients.len();
            ensure!(start.elapsed() < DEADLINE, "{} of {all} are connected after {DEADLINE:?}", self.ready);
        }
        Ok(start.elapsed())
    }

    /// Starts connecting more clients, as [`open`](Self::open) does between two polls. Returns whether all are connected.
    pub fn connect_more(&mut self, count: usize, at_once: usize) -> Result<bool> {
        while self.clients.len() < count && self.clients.len() - self.ready < at_once {
            let welcome = self.welcomes.pop_front().flatten();
            self.connect(welcome).context("cannot open more connections")?;
        }
        Ok(self.ready >= count)
    }

    pub fn is_ready(&self, client: usize) -> bool {
        self.clients.get(client).is_some_and(|client| client.stage == Stage::Ready)
    }

    /// The number of clients whose sessions were resumed.
    pub fn resumed(&self) -> usize {
        let resumed = |client: &&Client| client.welcome.as_ref().is_some_and(|welcome| welcome.resumed);
        self.clients.iter().filter(resumed).count()
    }

    /// Resets all connections, as a failing network does. Sessions are remembered for the next connections.
    pub fn reset_all(&mut self) -> Result<()> {
        for client in self.clients.drain(..) {
            set_socket_linger(&client.stream, Some(Duration::ZERO))?;
            self.welcomes.push_back(client.welcome);
        }
        self.dirty.clear();
        self.ready = 0;
        self.attempt += 1;
        Ok(())
    }

    fn connect(&mut self, welcome: Option<Box<wire::Welcome>>) -> Result<()> {
        let mut stream = TcpStream::connect(self.address)?;
        let token = Token(self.clients.len());
        self.poll.registry().register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.clients.push(Client {
            stream,
            stage: Stage::Connecting,
            scanner: Scanner::new(self.dialect),
            carry: Vec::new(),
            out: Vec::new(),
            welcome,
        });
        Ok(())
    }

    /// Adds a message of a client to its output.
    pub fn send(&mut self, of: usize, content: &str) {
        self.sent += 1;
        let mask = self.sent.wrapping_mul(0x9E37_79B9);
        let client = &mut self.clients[of];
        if client.out.is_empty() {
            self.dirty.push(of);
        }
        match self.dialect {
            Dialect::Plain => frame::put(&mut client.out, frame::BINARY, content.as_bytes(), mask),
            Dialect::Rich => {
                let mut random = [0; 10];
                random[6..].copy_from_slice(&self.sent.to_be_bytes());
                let talk = codec::message("", Some(MessageId::new(self.unix_ms, random)), content);
                frame::put(&mut client.out, frame::BINARY, &codec::encode(&talk), mask);
            }
            Dialect::Nats => {
                let line = format!("PUB room {}\r\n{content}\r\n", content.len());
                frame::put(&mut client.out, frame::BINARY, line.as_bytes(), mask);
            }
        }
    }

    /// Waits for events, at most `wait`, reports messages and acknowledgements, and writes output. Returns `false` if nothing
    /// happened.
    pub fn poll(&mut self, wait: Duration, on_event: &mut impl FnMut(usize, Received)) -> Result<bool> {
        self.flush()?;
        let mut events = mem::replace(&mut self.events, Events::with_capacity(0));
        match self.poll.poll(&mut events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            let Token(index) = event.token();
            if event.is_writable() {
                self.writable(index)?;
            }
            if event.is_readable() || event.is_read_closed() {
                self.readable(index, on_event)?;
            }
        }
        let happened = !events.is_empty();
        self.events = events;
        self.flush()?;
        Ok(happened)
    }

    /// Writes all pending output.
    pub fn flush(&mut self) -> Result<()> {
        for index in mem::take(&mut self.dirty) {
            self.clients[index].write()?;
        }
        Ok(())
    }

    fn writable(&mut self, index: usize) -> Result<()> {
        let client = &mut self.clients[index];
        if client.stage == Stage::Connecting {
            if let Some(error) = client.stream.take_error()? {
                return Err(error).context("cannot connect");
            }
            client.stream.set_nodelay(true)?;
            client.stage = Stage::Upgrading;
            let request = format!(
                "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                self.address
            );
            client.out.extend_from_slice(request.as_bytes());
        }
        client.write()
    }

    fn readable(&mut self, index: usize, on_event: &mut impl FnMut(usize, Received)) -> Result<()> {
        loop {
            let client = &mut self.clients[index];
            let start = HEADROOM_BYTES - client.carry.len();
            self.buffer[start..HEADROOM_BYTES].copy_from_slice(&client.carry);
            let read = match client.stream.read(&mut self.buffer[HEADROOM_BYTES..]) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("a connection was lost"),
            };
            let mut bytes = &self.buffer[start..HEADROOM_BYTES + read];
            if client.stage == Stage::Upgrading {
                let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
                    client.carry_over(bytes)?;
                    continue;
                };
                ensure!(bytes.starts_with(b"HTTP/1.1 101"), "the server did not accept the WebSocket");
                bytes = &bytes[end + 4..];
                if client.log_in(self.dialect, index, self.attempt) {
                    self.dirty.push(index);
                } else {
                    self.ready += 1;
                }
            }
            let mut events = ControlEvents::default();
            let done = client.scanner.scan(bytes, |what| match what {
                Received::Message(_) | Received::Accepted => on_event(index, what),
                other => events.handle_control(other),
            });
            client.carry_over(&bytes[done..])?;
            self.ready += usize::from(events.is_ready && client.stage == Stage::Greeting);
            client.handle_control(events)?;
            if read < READ_BYTES {
                // The socket is drained; new data causes a new event (epoll(7)).
                return Ok(());
            }
        }
    }
}

/// Events other than messages, handled after a scan.
#[derive(Debug, Default)]
struct ControlEvents {
    is_ready: bool,
    welcome: Vec<u8>,
    answers: Vec<u8>,
    unexpected: Option<&'static str>,
}

impl ControlEvents {
    fn handle_control(&mut self, on_event: Received) {
        match on_event {
            Received::Ready(payload) => {
                self.is_ready = true;
                self.welcome = payload.to_vec();
            }
            Received::Ping(payload) => frame::put(&mut self.answers, frame::PONG, payload, 1),
            Received::NatsPing => frame::put(&mut self.answers, frame::BINARY, b"PONG\r\n", 1),
            Received::Unexpected(what) => self.unexpected = Some(what),
            Received::Message(_) | Received::Accepted => {}
        }
    }
}

/// The part of a Welcome that a later login needs. There are many clients.
fn needed(welcome: wire::Welcome) -> wire::Welcome {
    let seq = welcome.window.map_or(0, |window| window.seq);
    let version = welcome.rows.map_or(0, |rows| rows.version);
    wire::Welcome {
        secret: welcome.secret,
        log: welcome.log,
        resumed: welcome.resumed,
        window: Some(wire::RoomWindow { seq, ..wire::RoomWindow::default() }),
        rows: Some(wire::AccountRows { version, ..wire::AccountRows::default() }),
        ..wire::Welcome::default()
    }
}

impl Client {
    /// Sends the first message of the dialect, such as the login. Returns `false` if the dialect has none.
    fn log_in(&mut self, dialect: Dialect, index: usize, attempt: u64) -> bool {
        self.stage = Stage::Greeting;
        self.carry.clear();
        match dialect {
            Dialect::Plain => {
                self.stage = Stage::Ready;
                return false;
            }
            Dialect::Nats => {
                let hello =
                    b"CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":true}\r\nSUB room 1\r\nPING\r\n";
                frame::put(&mut self.out, frame::BINARY, hello, 1);
            }
            Dialect::Rich => {
                let before = self.welcome.take().unwrap_or_default();
                let seq = before.window.map_or(0, |window| window.seq);
                let login = wire::Login {
                    version: PROTOCOL_VERSION,
                    capabilities: vec!["batch".into(), "rooms".into()],
                    secret: before.secret,
                    positions: vec![wire::RoomPosition { seq, ..wire::RoomPosition::default() }],
                    agent: "parlour-bench".into(),
                    log: before.log,
                    attempt: format!("{attempt:016x}"),
                    account_version: before.rows.map_or(0, |rows| rows.version),
                    ..wire::Login::default()
                };
                let login = codec::encode(&codec::login(&format!("u{index}"), login));
                frame::put(&mut self.out, frame::BINARY, &login, 1);
            }
        }
        true
    }

    fn handle_control(&mut self, events: ControlEvents) -> Result<()> {
        if let Some(unexpected) = events.unexpected {
            bail!("{unexpected}");
        }
        if events.is_ready && self.stage == Stage::Greeting {
            self.stage = Stage::Ready;
            if let Ok(codec::Envelope { extension: Some(codec::Extension::Welcome(welcome)), .. }) =
                codec::decode(&events.welcome)
            {
                self.welcome = Some(Box::new(needed(welcome)));
            }
        }
        if !events.answers.is_empty() {
            self.out.extend_from_slice(&events.answers);
            self.write()?;
        }
        Ok(())
    }

    fn carry_over(&mut self, rest: &[u8]) -> Result<()> {
        ensure!(rest.len() <= HEADROOM_BYTES, "the server's message is too large for the buffer");
        self.carry.clear();
        self.carry.extend_from_slice(rest);
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        while !self.out.is_empty() && self.stage != Stage::Connecting {
            match self.stream.write(&self.out) {
                Ok(written) => drop(self.out.drain(..written)),
                // The rest is written when the socket is writable again.
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("a connection was lost"),
            }
        }
        Ok(())
    }
}
