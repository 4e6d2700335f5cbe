//! The hub: sessions, rooms, subscriptions and presence.
//!
//! Sans-IO: connections and frames come in through `handle_*` with the time as an argument, actions come out
//! of [`Hub::poll_output`], and [`Hub::poll_timeout`] returns when to call [`Hub::handle_timeout`]. The hub
//! uses no sockets, clocks or tasks.
//!
//! | module | content |
//! | --- | --- |
//! | `dispatch` | routing of incoming envelopes |
//! | `login` | login, session resumption and departure |
//! | `message` | incoming messages |
//! | `position` | the position of a client, compared with the log |
//! | `history`, `open_queries` | replay, history pages and searches |
//! | `refusal` | refusals of envelopes and connections |
//! | `slow_consumer` | slow-consumer handling |
//! | `room` | subscribers of a room, and delivery to them |
//! | `presence` | member snapshots and presence changes |
//! | [`recent_messages`] | the recent messages cache |
//! | [`append_queue`] | messages that are not committed yet |
//! | `sender_order` | per-sender ordering after refusals |
//! | [`nick_registry`] | nicks in use, look-alikes |
//! | [`sessions`] | sessions that can be resumed |
//! | [`rate_limits`] | the rate limits of members, also while they have no connection |
//! | [`address_limits`] | the rate limits of addresses |
//! | [`shared_bound`] | bounds that all addresses share |
//! | [`expiry_queue`] | keys with deadlines |
//! | [`tables`] | the sizes of all tables |
//! | [`login_admission`] | the rate limit for logins |
//! | `connection`, [`connection_table`] | state and ids of connections |
//! | [`output`] | actions for the caller |

pub mod address_limits;
pub mod append_queue;
mod connection;
pub mod connection_table;
mod dispatch;
pub mod expiry_queue;
mod history;
mod login;
pub mod login_admission;
mod message;
pub mod nick_registry;
mod open_queries;
pub mod output;
mod position;
mod presence;
pub mod rate_limits;
pub mod recent_messages;
mod refusal;
mod room;
mod sender_order;
pub mod sessions;
pub mod shared_bound;
mod slow_consumer;
pub mod tables;

use std::{collections::VecDeque, fmt, net::IpAddr, sync::Arc};

use parlour_core::{
    Millis,
    codec::{self, Envelope, Extension},
    limits::Limits,
    request,
    status::Status,
    wire,
};

use self::{
    address_limits::AddressLimits,
    append_queue::AppendQueue,
    connection::Connection,
    connection_table::{ConnectionId, ConnectionTable},
    expiry_queue::ExpiryQueue,
    login_admission::LoginAdmission,
    nick_registry::NickRegistry,
    open_queries::OpenQueries,
    output::{Output, Outputs},
    rate_limits::RecoveringLimits,
    recent_messages::{RECENT_MAX_BYTES, RECENT_MAX_MESSAGES, RecentMessages},
    room::Room,
    sessions::{LostLimits, Sessions},
};
use crate::store::{
    HistoryPage, LogError, LogReader, PageSize, PageStart, SessionChange, SessionRecord,
    retention_clock::implausible_ms,
};

/// The capabilities that the server announces in the welcome.
pub const CAPABILITIES: &[&str] = &["batch", "secret", "durable", "history", "search"];

/// The default rate of all members at one address together, as a multiple of the rate of one member. With the other
/// defaults, a class of 200 may write a message each in two seconds.
pub const ADDRESS_FACTOR: u32 = 20;

/// The hub's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server's name, sent in the welcome and used as the sender of its texts to basic clients. No member
    /// can have it.
    pub server_name: String,
    /// The limits.
    pub limits: Limits,
    /// The interval at which a rich client should send a Ping.
    pub heartbeat_ms: u32,
    /// The time that a connection has to log in.
    pub login_timeout: Millis,
    /// The time for which a lost session can be resumed.
    pub session_grace: Millis,
    /// The number of lost sessions that are stored.
    pub max_lost_sessions: usize,
    /// The number of them that may be of one address.
    pub max_lost_sessions_per_address: usize,
    /// The time for which the nick of a lost session is reserved.
    pub name_grace: Millis,
    /// The rate of all members at one address together, as a multiple of the rate of one member; 0 for no limit.
    pub address_factor: u32,
    /// The number of logins that are admitted per second on average; 0 for no limit.
    pub logins_per_second: u32,
    /// The number of logins that are admitted at once.
    pub login_burst: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server_name: "Parlour".into(),
            limits: Limits::default(),
            heartbeat_ms: 15_000,
            login_timeout: 10_000,
            session_grace: 24 * 3_600_000,
            max_lost_sessions: 50_000,
            max_lost_sessions_per_address: 1_000,
            name_grace: 60_000,
            address_factor: ADDRESS_FACTOR,
            logins_per_second: 2_000,
            login_burst: 4_000,
        }
    }
}

/// Counters since the start.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Messages published.
    pub accepted: u64,
    /// Envelopes and connections refused.
    pub refused: u64,
    /// Envelopes ignored because they have only unknown fields, or no content.
    pub ignored: u64,
}

/// State that a new hub recovers from the event log.
#[derive(Debug, Clone, Default)]
pub struct Recovered {
    /// The id of the log.
    pub log: [u8; 16],
    /// The newest page of the lobby.
    pub newest: HistoryPage,
    /// The sessions of earlier runs.
    pub sessions: Vec<SessionRecord>,
    /// The Unix time in ms at which the hub's clock is 0.
    pub unix_ms: i64,
}

impl Recovered {
    /// Reads the state from a log.
    ///
    /// # Errors
    /// The errors of the log.
    pub fn read(log: &mut dyn LogReader, unix_ms: i64) -> Result<Self, LogError> {
        let size = PageSize { messages: RECENT_MAX_MESSAGES, bytes: RECENT_MAX_BYTES };
        // A wrong clock must not end sessions: then they count as lost until the last time that is known.
        let ahead = implausible_ms(log.clock()?, unix_ms);
        let mut sessions = log.sessions()?;
        for session in &mut sessions {
            session.lost_at = session.lost_at.map(|lost_at| lost_at.saturating_add(ahead));
        }
        Ok(Self { log: log.id()?, newest: log.page("", PageStart::End, size)?, sessions, unix_ms })
    }
}

/// Fills a buffer with random bytes.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;

/// The hub.
pub struct Hub {
    settings: Settings,
    random: Random,
    connections: ConnectionTable<Box<Connection>>,
    nicks: NickRegistry,
    sessions: Sessions,
    lobby: Room,
    /// The id of the log that sequence numbers belong to.
    log: [u8; 16],
    append_queue: AppendQueue,
    /// Queries to the log without a result, by token.
    queries: OpenQueries,
    admission: LoginAdmission,
    /// The keys of nicks that are reserved for lost sessions, until the reservation ends.
    reserved: ExpiryQueue<Arc<str>>,
    recovering_limits: RecoveringLimits,
    address_limits: AddressLimits,
    /// Connections opened since the start.
    opened: u64,
    /// Unauthenticated connections and their login deadlines; oldest first.
    unauthenticated: VecDeque<(Millis, ConnectionId)>,
    /// Slow consumers and their deadlines to catch up; oldest first.
    slow_consumers: VecDeque<(Millis, ConnectionId)>,
    /// The number of members online.
    members: usize,
    out: Outputs,
    now: Millis,
    unix_ms: i64,
    counters: Counters,
    stopping: Stopping,
}

/// The progress of a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopping {
    No,
    /// New messages are ignored until the append queue is empty. With the time after which clients should
    /// reconnect, in ms.
    Draining(u32),
    Done,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("members", &self.members()).finish_non_exhaustive()
    }
}

impl Hub {
    /// A hub without connections that continues from the recovered state. `random` generates secrets and the
    /// ids of basic clients' messages.
    #[must_use]
    pub fn new(settings: Settings, random: Random, recovered: &Recovered) -> Self {
        let mut nicks = NickRegistry::default();
        nicks.insert(&Arc::from(settings.server_name.as_str()), None);
        let mut hub = Self {
            random,
            connections: ConnectionTable::default(),
            nicks,
            sessions: Sessions::new(LostLimits {
                grace: settings.session_grace,
                total: settings.max_lost_sessions,
                per_address: settings.max_lost_sessions_per_address,
            }),
            lobby: Room::new(RecentMessages::new(&recovered.newest)),
            log: recovered.log,
            append_queue: AppendQueue::default(),
            queries: OpenQueries::default(),
            admission: LoginAdmission::new(settings.logins_per_second, settings.login_burst),
            reserved: ExpiryQueue::default(),
            recovering_limits: RecoveringLimits::default(),
            address_limits: AddressLimits::new(settings.address_factor, &settings.limits),
            opened: 0,
            unauthenticated: VecDeque::new(),
            slow_consumers: VecDeque::new(),
            members: 0,
            out: Outputs::default(),
            now: 0,
            unix_ms: recovered.unix_ms,
            counters: Counters::default(),
            stopping: Stopping::No,
            settings,
        };
        let restored = hub.sessions.restore(0, recovered.unix_ms, &recovered.sessions);
        // Otherwise they would count as connected until now after the next start too.
        for record in recovered.sessions.iter().filter(|record| record.lost_at.is_none()) {
            let record = SessionRecord { lost_at: Some(recovered.unix_ms), ..record.clone() };
            hub.append_queue.push_session_change(SessionChange::Put(record));
        }
        for hash in restored.ended {
            hub.append_queue.push_session_change(SessionChange::End(hash));
        }
        for (hash, nick, age) in restored.lost {
            if age < hub.settings.name_grace && hub.nicks.check(&nick).is_ok() {
                let key = hub.nicks.insert(&nick, None);
                hub.nicks.reserve(&key, hash);
                hub.reserved.set(key, hub.settings.name_grace - age);
            }
        }
        hub
    }

    /// The number of members online.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members
    }

    /// The counters since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// A connection was opened from an address, or from an IPv6 network.
    pub fn handle_connect(&mut self, now: Millis, conn: ConnectionId, address: IpAddr) {
        self.now = now;
        if self.stopping != Stopping::No {
            return self.out.put(Output::Close { conn, status: Status::ShuttingDown });
        }
        self.opened += 1;
        let connection = Connection::new(now, self.opened, address, &self.settings.limits);
        self.connections.insert(conn, Box::new(connection));
        self.unauthenticated.push_back((now + self.settings.login_timeout, conn));
    }

    /// A WebSocket message was received. Ignored if the hub has closed the connection.
    pub fn handle_frame(&mut self, now: Millis, unix_ms: i64, conn: ConnectionId, bytes: &[u8]) {
        self.now = now;
        self.unix_ms = unix_ms;
        // Messages received during a shutdown are ignored; their senders still have them in their send
        // queues.
        if self.connections.get(conn).is_none() || self.stopping != Stopping::No {
            return;
        }
        match request::decode(bytes) {
            Ok(requests) => {
                for request in requests {
                    self.dispatch(conn, request);
                }
            }
            Err(_) => self.reject(conn, Status::BadFrame, None),
        }
    }

    /// A connection has ended. Ignored if the hub has closed it.
    pub fn handle_disconnect(&mut self, now: Millis, conn: ConnectionId) {
        self.now = now;
        self.remove_connection(conn, true);
    }

    /// Handles all deadlines up to `now`, in ms on the hub's clock; `unix_ms` is the same moment in Unix ms.
    pub fn handle_timeout(&mut self, now: Millis, unix_ms: i64) {
        self.now = now;
        self.unix_ms = unix_ms;
        while let Some((deadline, conn)) = self.unauthenticated.front().copied()
            && deadline <= now
        {
            self.unauthenticated.pop_front();
            if self.connections.get(conn).is_some_and(|c| c.peer.is_none()) {
                self.close(conn, Status::LoginTimeout);
            }
        }
        self.close_slow_consumers();
        while let Some(key) = self.reserved.pop_due(now) {
            self.nicks.release(&key);
        }
        while let Some((hash, session)) = self.sessions.expire(now) {
            self.end_lost_session(&hash, &session);
        }
        self.recovering_limits.expire(now);
        self.address_limits.expire(now);
        self.admission.expire(now);
    }

    /// Starts a shutdown: when the append queue is empty, all clients are notified and closed.
    /// `retry_after_ms` is the time after which they should reconnect.
    pub fn handle_shutdown(&mut self, now: Millis, retry_after_ms: u32) {
        self.now = now;
        self.stopping = Stopping::Draining(retry_after_ms);
    }

    /// Publishes the committed messages, then notifies and closes all connections.
    fn stop(&mut self, retry_after_ms: u32) {
        self.lobby.flush(&mut self.out);
        let goodbye = codec::extension(Extension::GoingAway(wire::GoingAway { retry_after_ms }));
        let all: Vec<_> =
            self.connections.iter().map(|(conn, c)| (conn, c.is_basic(), c.peer.is_some())).collect();
        for (conn, basic, known) in all {
            if known && !basic {
                self.out.send(conn, &goodbye);
            }
            self.connections.remove(conn);
            let status = if basic { Status::GoingAway } else { Status::ShuttingDown };
            self.out.put(Output::Close { conn, status });
        }
        self.lobby.unsubscribe_all();
        self.members = 0;
        self.stopping = Stopping::Done;
    }

    /// Returns the next action, until there is none. Messages received between two rounds of polling are
    /// delivered together; in a busy room, those of 5 ms.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.out.pop() {
            return Some(output);
        }
        if let Some(batch) = self.append_queue.take() {
            return Some(Output::Append(batch));
        }
        self.publish_departures();
        if let Stopping::Draining(retry_after_ms) = self.stopping
            && self.append_queue.is_empty()
        {
            self.stop(retry_after_ms);
        }
        self.resolve_uncertain_append();
        self.lobby.deliver(self.now, &mut self.out);
        if self.lobby.presence_due().is_some_and(|due| due <= self.now) {
            self.lobby.publish_presence(self.now, self.unix_ms, &mut self.out);
        }
        if self.lobby.list_due().is_some_and(|due| due <= self.now) {
            self.lobby.send_to_basic(self.now, Envelope::default(), &self.nicks, &mut self.out);
        }
        self.out.pop()
    }

    /// The time at which [`handle_timeout`](Self::handle_timeout) must be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Millis> {
        let login = self.unauthenticated.front().map(|(deadline, _)| *deadline);
        let slow = self.slow_consumers.front().map(|(deadline, _)| *deadline);
        let reserved = self.reserved.next_due();
        let resolve = self.append_queue.resolve_due();
        let lobby = [self.lobby.delivery_due(), self.lobby.presence_due(), self.lobby.list_due()];
        [login, slow, reserved, resolve].into_iter().chain(lobby).flatten().min()
    }
}
