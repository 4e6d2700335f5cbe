//! Many clients on one thread: non-blocking sockets, a shared read buffer, and output that is collected and written once
//! per wake-up.

mod client;

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read as _},
    mem,
    net::SocketAddr,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use parlour_core::{codec, model::MessageId, wire};
use rustix::net::sockopt::set_socket_linger;

use self::client::{Client, ControlEvents, Stage};
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
    /// Clients whose login was refused for now, and when they connect again.
    refused: Vec<(usize, Instant)>,
    ready: usize,
    /// Counts the logins; part of each, so that the server knows which one is the newest.
    attempts: u64,
    /// Number of messages sent; ids and masks are derived from it.
    sent: u32,
    unix_ms: u64,
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
            refused: Vec::new(),
            ready: 0,
            attempts: 0,
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
        self.refused.clear();
        self.ready = 0;
        Ok(())
    }

    fn connect(&mut self, welcome: Option<Box<wire::Welcome>>) -> Result<()> {
        let client = self.connecting(self.clients.len(), welcome)?;
        self.clients.push(client);
        Ok(())
    }

    /// A client with a new connection.
    fn connecting(&self, index: usize, welcome: Option<Box<wire::Welcome>>) -> Result<Client> {
        let mut stream = TcpStream::connect(self.address)?;
        self.poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Client {
            stream,
            stage: Stage::Connecting,
            scanner: Scanner::new(self.dialect),
            carry: Vec::new(),
            out: Vec::new(),
            welcome,
        })
    }

    /// Connects the refused clients that have waited for long enough.
    fn reconnect_refused(&mut self, now: Instant) -> Result<()> {
        for (index, _) in self.refused.extract_if(.., |(_, due)| *due <= now).collect::<Vec<_>>() {
            let welcome = self.clients[index].welcome.take();
            self.clients[index] = self.connecting(index, welcome).context("cannot connect again")?;
        }
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
        let now = Instant::now();
        self.reconnect_refused(now)?;
        let due = self.refused.iter().map(|(_, due)| due.saturating_duration_since(now)).min();
        let wait = due.map_or(wait, |due| wait.min(due));
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
        let happened = !events.is_empty() || !self.refused.is_empty();
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
            if client.stage == Stage::Refused {
                // The server closes the connection.
                return Ok(());
            }
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
                self.attempts += 1;
                if client.log_in(self.dialect, index, self.attempts) {
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
            if let Some(wait) = client.handle_control(events)? {
                self.refused.push((index, Instant::now() + wait));
            }
            if read < READ_BYTES {
                // The socket is drained; new data causes a new event (epoll(7)).
                return Ok(());
            }
        }
    }
}
