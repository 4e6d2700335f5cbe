//! Many clients on one thread: non-blocking sockets, one buffer that all of them are read into, and what is to be sent
//! joined and written once per wake-up.

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
    scan::{Dialect, Scanner, Seen},
};

/// What is not done with after a read, and must come again before the next one.
const HEADROOM: usize = 16 * 1024;
/// What one read takes at most.
const READ: usize = 256 * 1024;
/// How long until all of a swarm must be in.
const PATIENCE: Duration = Duration::from_secs(120);

/// The clients of one server.
#[derive(Debug)]
pub struct Swarm {
    address: SocketAddr,
    dialect: Dialect,
    poll: Poll,
    events: Events,
    buffer: Box<[u8]>,
    clients: Vec<Client>,
    /// What those that were cut off had been told at their login.
    welcomes: VecDeque<Option<Box<wire::Welcome>>>,
    /// Those that have something to write.
    dirty: Vec<usize>,
    inside: usize,
    /// How often the swarm has come, which is what a session's logins are counted by.
    attempt: u64,
    /// What was sent so far: of it ids and masks are made.
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
    /// What the last welcome said.
    welcome: Option<Box<wire::Welcome>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Upgrading,
    Greeting,
    In,
}

impl Swarm {
    pub fn new(address: SocketAddr, dialect: Dialect) -> Result<Self> {
        Ok(Self {
            address,
            dialect,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: vec![0; HEADROOM + READ].into(),
            clients: Vec::new(),
            welcomes: VecDeque::new(),
            dirty: Vec::new(),
            inside: 0,
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

    /// Brings so many clients in, no more than `at_once` of them on their way at a time. Who was here before comes as
    /// who they were. Gives how long it took.
    pub fn open(&mut self, count: usize, at_once: usize) -> Result<Duration> {
        let start = Instant::now();
        while !self.arrive(count, at_once)? {
            self.turn(Duration::from_millis(100), &mut |_, _| {})?;
            let all = self.clients.len();
            ensure!(start.elapsed() < PATIENCE, "{} of {all} are in after {PATIENCE:?}", self.inside);
        }
        Ok(start.elapsed())
    }

    /// Sets more clients on their way, as [`open`](Self::open) does between two turns. Says whether all are in.
    pub fn arrive(&mut self, count: usize, at_once: usize) -> Result<bool> {
        while self.clients.len() < count && self.clients.len() - self.inside < at_once {
            let welcome = self.welcomes.pop_front().flatten();
            self.connect(welcome).context("no more connections can be made")?;
        }
        Ok(self.inside >= count)
    }

    pub fn is_in(&self, client: usize) -> bool {
        self.clients.get(client).is_some_and(|client| client.stage == Stage::In)
    }

    /// How many were told that they go on with the session they had.
    pub fn resumed(&self) -> usize {
        let resumed = |client: &&Client| client.welcome.as_ref().is_some_and(|welcome| welcome.resumed);
        self.clients.iter().filter(resumed).count()
    }

    /// Cuts all connections, as a network that fails does: nobody says goodbye. Who they were is kept for when they
    /// come again.
    pub fn cut(&mut self) -> Result<()> {
        for client in self.clients.drain(..) {
            set_socket_linger(&client.stream, Some(Duration::ZERO))?;
            self.welcomes.push_back(client.welcome);
        }
        self.dirty.clear();
        self.inside = 0;
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

    /// Puts a message of a client's among what is to be written.
    pub fn say(&mut self, of: usize, content: &str) {
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
                let talk = codec::message("", "", Some(MessageId::new(self.unix_ms, random)), content);
                frame::put(&mut client.out, frame::BINARY, &codec::encode(&talk), mask);
            }
            Dialect::Nats => {
                let line = format!("PUB room {}\r\n{content}\r\n", content.len());
                frame::put(&mut client.out, frame::BINARY, line.as_bytes(), mask);
            }
        }
    }

    /// Waits for something to happen, no longer than `wait`, and tells of messages and acknowledgements. Then writes.
    /// `false` when nothing happened.
    pub fn turn(&mut self, wait: Duration, seen: &mut impl FnMut(usize, Seen)) -> Result<bool> {
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
                self.readable(index, seen)?;
            }
        }
        let happened = !events.is_empty();
        self.events = events;
        self.flush()?;
        Ok(happened)
    }

    /// Writes what is to be written.
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
                return Err(error).context("a connection cannot be made");
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

    fn readable(&mut self, index: usize, seen: &mut impl FnMut(usize, Seen)) -> Result<()> {
        loop {
            let client = &mut self.clients[index];
            let start = HEADROOM - client.carry.len();
            self.buffer[start..HEADROOM].copy_from_slice(&client.carry);
            let read = match client.stream.read(&mut self.buffer[HEADROOM..]) {
                Ok(0) => bail!("the server ended a connection"),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("a connection broke"),
            };
            let mut bytes = &self.buffer[start..HEADROOM + read];
            if client.stage == Stage::Upgrading {
                let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
                    client.keep(bytes)?;
                    continue;
                };
                ensure!(bytes.starts_with(b"HTTP/1.1 101"), "the server did not take a WebSocket");
                bytes = &bytes[end + 4..];
                if client.greet(self.dialect, index, self.attempt) {
                    self.dirty.push(index);
                } else {
                    self.inside += 1;
                }
            }
            let mut events = Noticed::default();
            let done = client.scanner.scan(bytes, |what| match what {
                Seen::Message(_) | Seen::Accepted => seen(index, what),
                other => events.notice(other),
            });
            client.keep(&bytes[done..])?;
            self.inside += usize::from(events.is_in && client.stage == Stage::Greeting);
            client.notice(events)?;
            if read < READ {
                // All that there was; more of it will be an event of its own (epoll(7)).
                return Ok(());
            }
        }
    }
}

/// What is not a message, and is seen to after a scan.
#[derive(Debug, Default)]
struct Noticed {
    is_in: bool,
    welcome: Vec<u8>,
    answers: Vec<u8>,
    trouble: Option<&'static str>,
}

impl Noticed {
    fn notice(&mut self, seen: Seen) {
        match seen {
            Seen::In(payload) => {
                self.is_in = true;
                self.welcome = payload.to_vec();
            }
            Seen::Ping(payload) => frame::put(&mut self.answers, frame::PONG, payload, 1),
            Seen::NatsPing => frame::put(&mut self.answers, frame::BINARY, b"PONG\r\n", 1),
            Seen::Trouble(what) => self.trouble = Some(what),
            Seen::Message(_) | Seen::Accepted => {}
        }
    }
}

impl Client {
    /// Logs in, or whatever there is to be said first. Says whether there is something.
    fn greet(&mut self, dialect: Dialect, index: usize, attempt: u64) -> bool {
        self.stage = Stage::Greeting;
        self.carry.clear();
        match dialect {
            Dialect::Plain => {
                self.stage = Stage::In;
                return false;
            }
            Dialect::Nats => {
                let hello =
                    b"CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":true}\r\nSUB room 1\r\nPING\r\n";
                frame::put(&mut self.out, frame::BINARY, hello, 1);
            }
            Dialect::Rich => {
                let known = self.welcome.take().unwrap_or_default();
                let login = wire::Login {
                    version: PROTOCOL_VERSION,
                    capabilities: vec!["batch".into(), "history".into()],
                    secret: known.secret,
                    positions: known.positions,
                    agent: "parlour-bench".into(),
                    log: known.log,
                    attempt: format!("{attempt:016x}"),
                    ..wire::Login::default()
                };
                let login = codec::encode(&codec::login(&format!("u{index}"), login));
                frame::put(&mut self.out, frame::BINARY, &login, 1);
            }
        }
        true
    }

    fn notice(&mut self, events: Noticed) -> Result<()> {
        if let Some(trouble) = events.trouble {
            bail!("{trouble}");
        }
        if events.is_in && self.stage == Stage::Greeting {
            self.stage = Stage::In;
            if let Ok(codec::Envelope { extension: Some(codec::Extension::Welcome(welcome)), .. }) =
                codec::decode(&events.welcome)
            {
                self.welcome = Some(Box::new(welcome));
            }
        }
        if !events.answers.is_empty() {
            self.out.extend_from_slice(&events.answers);
            self.write()?;
        }
        Ok(())
    }

    fn keep(&mut self, rest: &[u8]) -> Result<()> {
        ensure!(rest.len() <= HEADROOM, "the server says more than can be understood");
        self.carry.clear();
        self.carry.extend_from_slice(rest);
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        while !self.out.is_empty() && self.stage != Stage::Connecting {
            match self.stream.write(&self.out) {
                Ok(written) => drop(self.out.drain(..written)),
                // The rest goes when the socket says that it is writable.
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("a connection broke"),
            }
        }
        Ok(())
    }
}
