//! A hub without sockets, on a virtual clock.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use parlour_core::{
    codec::{self, Envelope, Extension},
    model::{RoomId, UserId},
    wire::{self, RoomPosition as Position, client_command::Operation, response::Result as Answer},
};
use parlour_server::{
    hub::{Hub, Recovered, Settings, connection_table::ConnectionId, output::Output},
    store::{
        EventLog, LogError, LogReader, PageSize, PageStart, Proposal, RoomLimits, RoomResult, StoredMessage,
        sqlite::{Options, SqliteLog, Synchronous},
    },
};

use super::{
    Dir,
    received::{Received, messages},
    sent::{command, login_of, talk},
};

/// The Unix time at the start, in ms.
pub const START: i64 = 1_700_000_000_000;

/// The hub, and what it has sent to each connection.
pub struct World {
    pub hub: Hub,
    pub now: u64,
    /// The time at which the hub was started.
    started: u64,
    opened: u32,
    /// The number of the last command.
    commands: u32,
    peers: BTreeMap<u32, Received>,
    settings: Settings,
    /// The last of the numbers that stand for random bytes.
    random: Arc<AtomicU32>,
    pub log: SqliteLog,
    reader: Box<dyn LogReader>,
    /// The number of ms by which the server's clock is ahead.
    pub clock_error: i64,
    /// The error with which every append fails, if set.
    pub failing: Option<LogError>,
    /// The error with which every query fails, if set.
    pub failing_reads: Option<LogError>,
    /// Failing appends are stored all the same.
    pub append_before_failing: bool,
    /// Requests to the log are held back until [`World::release`].
    pub hold_requests: bool,
    /// The same of appends only.
    pub hold_appends: bool,
    pub held_requests: Vec<Output>,
    /// Queries are executed, and their results held back until [`World::release_results`].
    pub hold_results: bool,
    pub held_results: Vec<(u64, Result<RoomResult, LogError>)>,
    _dir: Dir,
}

/// A connection.
pub type Conn = u32;

/// A hub with a counter in place of random bytes.
fn hub(settings: &Settings, log: &mut dyn LogReader, unix_ms: i64, random: &Arc<AtomicU32>) -> Hub {
    let last = random.clone();
    let random = Box::new(move |buffer: &mut [u8]| {
        buffer.fill(0);
        buffer[..4].copy_from_slice(&(last.fetch_add(1, Relaxed) + 1).to_be_bytes());
    });
    Hub::new(settings.clone(), random, &Recovered::read(log, unix_ms).unwrap())
}

fn id(conn: Conn) -> ConnectionId {
    ConnectionId::new(conn, conn)
}

impl World {
    pub fn new(settings: Settings) -> Self {
        Self::with_limits(settings, RoomLimits::default())
    }

    pub fn with_limits(settings: Settings, rooms: RoomLimits) -> Self {
        let dir = Dir::new();
        let options = Options { synchronous: Synchronous::Off, rooms, ..Options::default() };
        let log = SqliteLog::open_with(dir.path(), &options).unwrap();
        let mut reader = log.reader().unwrap();
        let random = Arc::default();
        Self {
            hub: hub(&settings, &mut *reader, START, &random),
            now: 0,
            started: 0,
            opened: 0,
            commands: 0,
            peers: BTreeMap::new(),
            settings,
            random,
            log,
            reader,
            clock_error: 0,
            failing: None,
            failing_reads: None,
            append_before_failing: false,
            hold_requests: false,
            hold_appends: false,
            held_requests: Vec::new(),
            hold_results: false,
            held_results: Vec::new(),
            _dir: dir,
        }
    }

    /// Kills the server and starts it again on the same log, at the same time.
    pub fn restart(&mut self) {
        self.held_requests.clear();
        let unix = self.unix();
        self.hub = hub(&self.settings, &mut *self.reader, unix, &self.random);
        self.started = self.now;
    }

    /// Executes the requests to the log that were held back.
    pub fn release(&mut self) {
        (self.hold_requests, self.hold_appends) = (false, false);
        for output in std::mem::take(&mut self.held_requests) {
            self.log(output);
        }
        self.settle();
    }

    /// Executes the oldest request to the log that was held back.
    pub fn release_one(&mut self) {
        let output = self.held_requests.remove(0);
        self.log(output);
        self.settle();
    }

    /// Tells the hub the results of queries that were held back.
    pub fn release_results(&mut self) {
        for (token, result) in std::mem::take(&mut self.held_results) {
            self.hub.handle_read(self.mono(), token, result);
        }
        self.settle();
    }

    /// Appends what is held back, and kills the server before it is told.
    pub fn append_and_restart(&mut self) {
        for output in std::mem::take(&mut self.held_requests) {
            let Output::Append(batch) = output else { continue };
            self.log.append(&batch.proposals, &batch.rows).unwrap();
        }
        (self.hold_requests, self.hold_appends) = (false, false);
        self.restart();
    }

    /// The proposals that are held back.
    pub fn held_proposals(&self) -> Vec<&Proposal> {
        let batches = self.held_requests.iter().filter_map(|held| match held {
            Output::Append(batch) => Some(&batch.proposals),
            _ => None,
        });
        batches.flatten().collect()
    }

    /// The newest messages of the lobby in the log.
    pub fn stored(&mut self) -> Vec<StoredMessage> {
        let size = PageSize { messages: 1_000, bytes: usize::MAX };
        self.reader.page(RoomId::LOBBY, PageStart::End, size).unwrap().messages
    }

    /// The account that holds a nick in the log.
    pub fn holder(&mut self, nick: &str) -> Option<UserId> {
        self.reader.holders(nick).unwrap().first().map(|account| account.user)
    }

    fn log(&mut self, output: Output) {
        match output {
            Output::Append(batch) => {
                let result = match &self.failing {
                    Some(error) => {
                        if self.append_before_failing {
                            self.log.append(&batch.proposals, &batch.rows).unwrap();
                        }
                        Err(error.clone())
                    }
                    None => self.log.append(&batch.proposals, &batch.rows),
                };
                self.hub.handle_appended(self.mono(), self.unix(), result);
            }
            Output::Read { token, query } => {
                let result = match &self.failing_reads {
                    Some(error) => Err(error.clone()),
                    None => self.reader.execute(&query),
                };
                if self.hold_results {
                    return self.held_results.push((token, result));
                }
                self.hub.handle_read(self.mono(), token, result);
            }
            _ => unreachable!("not a request to the log"),
        }
    }

    pub fn unix(&self) -> i64 {
        START + self.now as i64 + self.clock_error
    }

    /// The hub's clock.
    fn mono(&self) -> u64 {
        self.now - self.started
    }

    /// A connection from an address that it shares with all others.
    pub fn connect(&mut self) -> Conn {
        self.connect_from([10, 0, 0, 1])
    }

    pub fn connect_from(&mut self, address: impl Into<IpAddr>) -> Conn {
        self.opened += 1;
        self.peers.insert(self.opened, Received::default());
        self.hub.handle_connect(self.mono(), id(self.opened), address.into());
        self.opened
    }

    /// Sends an envelope without executing the outputs.
    pub fn handle(&mut self, conn: Conn, frame: &Envelope) {
        self.bytes(conn, &codec::encode(frame));
    }

    pub fn bytes(&mut self, conn: Conn, bytes: &[u8]) {
        self.hub.handle_frame(self.mono(), self.unix(), id(conn), bytes);
    }

    /// The write queue of a connection is full. Returns `false` if the connection was closed.
    pub fn overflow(&mut self, conn: Conn) -> bool {
        let is_open = self.hub.handle_overflow(self.mono(), id(conn));
        if !is_open {
            self.disconnect(conn);
        }
        is_open
    }

    /// The write queue of a connection is empty again.
    pub fn drained(&mut self, conn: Conn) {
        self.hub.handle_drained(self.mono(), id(conn));
        self.settle();
    }

    pub fn send(&mut self, conn: Conn, frame: &Envelope) {
        self.handle(conn, frame);
        self.settle();
    }

    pub fn extension(&mut self, conn: Conn, extension: Extension) {
        self.send(conn, &codec::extension(extension));
    }

    pub fn disconnect(&mut self, conn: Conn) {
        self.hub.handle_disconnect(self.mono(), id(conn));
        self.settle();
    }

    /// Advances the time, calling the hub when it is due.
    pub fn advance(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(at) = self.hub.poll_timeout().map(|at| at + self.started).filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.hub.handle_timeout(self.mono(), self.unix());
            self.settle();
            assert!(
                self.hub.poll_timeout().is_none_or(|next| next > self.mono()),
                "a due deadline had no effect"
            );
        }
        self.now = end;
        self.hub.handle_timeout(self.mono(), self.unix());
        self.settle();
    }

    /// Executes the hub's outputs.
    pub fn settle(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Send { conn, frames } => self.record(conn, &frames),
                Output::Fanout { to, frames } => to.iter().for_each(|conn| self.record(*conn, &frames)),
                Output::Close { conn, status } => {
                    let received = self.received_mut(conn);
                    assert_eq!(received.closed, None, "closed twice");
                    received.closed = Some(status);
                }
                Output::Identified { .. } => {}
                Output::CancelRead { token } => {
                    let is_it =
                        |held: &Output| matches!(held, Output::Read { token: held, .. } if *held == token);
                    self.held_requests.retain(|held| !is_it(held));
                }
                Output::Append(_) | Output::Read { .. } if self.hold_requests => {
                    self.held_requests.push(output)
                }
                Output::Append(_) if self.hold_appends => self.held_requests.push(output),
                Output::Append(_) | Output::Read { .. } => self.log(output),
            }
        }
    }

    fn received_mut(&mut self, conn: ConnectionId) -> &mut Received {
        let conn: u32 = conn.to_string().parse().unwrap();
        self.peers.get_mut(&conn).unwrap()
    }

    fn record(&mut self, conn: ConnectionId, frames: &Bytes) {
        let received = self.received_mut(conn);
        assert_eq!(received.closed, None, "a frame after the Close");
        for (message, size) in messages(frames) {
            received.messages += 1;
            received.sizes.push(size);
            received.frames.extend(codec::decode_rich(&message).unwrap());
        }
    }

    pub fn received(&self, conn: Conn) -> &Received {
        &self.peers[&conn]
    }

    /// Clears what was sent to a connection.
    pub fn clear(&mut self, conn: Conn) {
        self.peers.insert(conn, Received::default());
    }

    /// A logged-in rich client, which has opened the lobby; its session secret is in the welcome.
    pub fn rich(&mut self, nick: &str) -> Conn {
        let conn = self.connect();
        self.login(conn, nick, &[]);
        assert!(self.received(conn).welcome().is_some(), "{nick}: {:?}", self.received(conn));
        conn
    }

    /// A logged-in basic client.
    pub fn basic(&mut self, nick: &str) -> Conn {
        let conn = self.connect();
        self.send(conn, &codec::message(nick, None, ""));
        assert_eq!(self.received(conn).closed, None, "{nick}");
        conn
    }

    /// Logs in to the session with this secret, an empty one for a new session.
    pub fn login(&mut self, conn: Conn, nick: &str, secret: &[u8]) {
        let login = wire::Login { secret: secret.to_vec(), ..wire::Login::default() };
        self.send(conn, &login_of(nick, login));
    }

    /// A rich client that has logged in before, with its position in the lobby. Returns the connection.
    pub fn returning(&mut self, nick: &str, secret: &[u8], log: &[u8], position: Option<u64>) -> Conn {
        self.returning_at(nick, secret, log, position.map(|seq| Position { seq, ..Position::default() }))
    }

    /// A rich client as of [`returning`](Self::returning), with any position.
    pub fn returning_at(&mut self, nick: &str, secret: &[u8], log: &[u8], at: Option<Position>) -> Conn {
        let conn = self.connect();
        let login = wire::Login {
            secret: secret.to_vec(),
            log: log.to_vec(),
            positions: at.into_iter().collect(),
            ..wire::Login::default()
        };
        self.send(conn, &login_of(nick, login));
        conn
    }

    /// Sends a command in the lobby. Returns its number.
    pub fn command(&mut self, conn: Conn, operation: Operation) -> u32 {
        self.commands += 1;
        self.send(conn, &command(self.commands, operation));
        self.commands
    }

    /// The members of the lobby, as a client lists them.
    pub fn members(&mut self, conn: Conn) -> Vec<String> {
        let list = wire::ListMembers { count: 1_000, ..wire::ListMembers::default() };
        let request = self.command(conn, Operation::ListMembers(list));
        match self.received(conn).answer(request) {
            Some(Answer::People(page)) => page.people.iter().map(|person| person.nick.clone()).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// Sends a message of a rich client with an id.
    pub fn send_message(&mut self, conn: Conn, id: u8, content: &str) {
        self.send(conn, &talk(id, content));
    }
}
