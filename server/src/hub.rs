//! The hub: sessions, rooms, subscriptions and presence.
//!
//! Sans-IO: connections and frames come in through `handle_*` with the time as an argument, actions come out
//! of [`Hub::poll_output`], and [`Hub::poll_timeout`] returns when to call [`Hub::handle_timeout`]. The hub
//! uses no sockets, clocks or tasks.
//!
//! | module | content |
//! | --- | --- |
//! | [`settings`], [`recovered`] | the settings, and the state from earlier runs |
//! | `dispatch` | routing of incoming envelopes |
//! | `login`, `welcome` | the login of rich clients and the answer |
//! | `basic` | basic clients |
//! | `departure` | the end of connections, sessions and presence |
//! | [`accounts`] | accounts that are online or have a session |
//! | `pending_logins`, `pending_links` | logins that wait for the log |
//! | `joining` | connecting a client to its account and its session |
//! | `message` | incoming messages |
//! | `outcomes` | the outcomes of proposals |
//! | `open_queries` | queries to the log without a result |
//! | `refusal` | refusals of envelopes and connections |
//! | `slow_consumer` | slow-consumer handling |
//! | `shutdown` | the end of all connections |
//! | `room` | the lobby as basic clients know it, and acknowledgements |
//! | [`rooms`], `room_login`, `room_commands`, `room_queries`, `room_publish`, `room_answers` | clients with the capability "rooms" |
//! | [`append_queue`] | proposals that are not committed yet |
//! | `sender_order` | per-sender ordering after refusals |
//! | [`nick_registry`] | nicks in use, look-alikes |
//! | [`sessions`] | sessions that can be resumed |
//! | [`rate_limits`] | the rate limits of accounts, also while they are offline |
//! | [`address_limits`] | the rate limits of addresses |
//! | [`shared_bound`] | bounds that all addresses share |
//! | [`expiry_queue`] | keys with deadlines |
//! | [`tables`] | the sizes of all tables |
//! | [`login_admission`] | the rate limit for logins |
//! | `connection`, [`connection_table`] | state and ids of connections |
//! | [`output`] | actions for the caller |

pub mod accounts;
pub mod address_limits;
pub mod append_queue;
mod basic;
mod connection;
pub mod connection_table;
mod departure;
mod dispatch;
pub mod expiry_queue;
mod joining;
mod list_version;
mod login;
pub mod login_admission;
mod message;
pub mod nick_registry;
mod open_queries;
mod outcomes;
pub mod output;
mod pending_links;
mod pending_logins;
pub mod rate_limits;
pub mod recovered;
mod refusal;
mod resolution;
mod room;
mod room_answers;
mod room_commands;
mod room_login;
mod room_publish;
mod room_queries;
pub mod rooms;
mod sender_order;
pub mod sessions;
pub mod settings;
pub mod shared_bound;
mod shutdown;
mod slow_consumer;
pub mod tables;
mod welcome;

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    net::IpAddr,
    sync::Arc,
};

use parlour_core::{Millis, codec::Envelope, request, status::Status};

use self::{
    accounts::Accounts,
    address_limits::AddressLimits,
    append_queue::AppendQueue,
    connection::Connection,
    connection_table::{ConnectionId, ConnectionTable},
    expiry_queue::ExpiryQueue,
    list_version::ListVersion,
    login_admission::LoginAdmission,
    nick_registry::{Claim, NickRegistry},
    open_queries::OpenQueries,
    output::{Output, Outputs},
    pending_links::PendingLinks,
    pending_logins::PendingLogins,
    rate_limits::{RateLimits, RecoveringLimits},
    resolution::Resolution,
    room::Room,
    room_queries::RoomPurpose,
    rooms::{Reload, Rooms, live_rooms::RoomState, minutes},
    sessions::{LostLimits, Sessions},
    shutdown::Stopping,
};
pub use self::{
    recovered::Recovered,
    settings::{ADDRESS_FACTOR, Settings},
};

use crate::store::{AppendBatch, RoomResult};

/// The capabilities that the server announces in the welcome.
pub const CAPABILITIES: &[&str] = &["batch", "secret", "durable", "rooms"];

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

/// Fills a buffer with random bytes.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;

/// The hub.
pub struct Hub {
    settings: Settings,
    random: Random,
    connections: ConnectionTable<Box<Connection>>,
    accounts: Accounts,
    pending_logins: PendingLogins,
    pending_links: PendingLinks,
    nicks: NickRegistry,
    sessions: Sessions,
    lobby: Room,
    rooms: Rooms,
    /// Rows that the rooms have asked for, by the token of the query.
    reloads: HashMap<u64, Reload>,
    list_version: ListVersion,
    /// The changes that failed appends may have made.
    resolution: Resolution,
    /// What was read and is newer than what is published.
    early: Vec<(ConnectionId, RoomPurpose, RoomResult)>,
    /// The id of the log that sequence numbers belong to.
    log: [u8; 16],
    append_queue: AppendQueue,
    /// Queries to the log without a result, by token.
    queries: OpenQueries,
    admission: LoginAdmission,
    /// The keys of nicks that are reserved for accounts that went offline, until the reservation ends.
    reserved: ExpiryQueue<Arc<str>>,
    recovering_limits: RecoveringLimits,
    address_limits: AddressLimits,
    /// Connections opened since the start.
    opened: u64,
    /// Unauthenticated connections and their login deadlines; oldest first.
    unauthenticated: VecDeque<(Millis, ConnectionId)>,
    /// Slow consumers and their deadlines to catch up; oldest first.
    slow_consumers: VecDeque<(Millis, ConnectionId)>,
    /// The number of accounts online.
    members: usize,
    out: Outputs,
    now: Millis,
    unix_ms: i64,
    counters: Counters,
    stopping: Stopping,
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
        nicks.insert(&settings.server_name.as_str().into(), Claim::Server);
        let mut hub = Self {
            random,
            connections: ConnectionTable::default(),
            accounts: Accounts::default(),
            pending_logins: PendingLogins::default(),
            pending_links: PendingLinks::default(),
            nicks,
            sessions: Sessions::new(LostLimits {
                grace: settings.session_grace,
                total: settings.max_lost_sessions,
                per_address: settings.max_lost_sessions_per_address,
            }),
            lobby: Room::default(),
            rooms: Rooms::new(RoomState {
                head_seq: recovered.head_seq,
                head_ord: recovered.head_ord,
                active: minutes(recovered.active),
                ..RoomState::lobby()
            }),
            reloads: HashMap::new(),
            list_version: ListVersion::default(),
            resolution: Resolution::default(),
            early: Vec::new(),
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
        hub.restore_sessions(recovered);
        hub
    }

    /// The number of accounts online.
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
        let connection = Connection::new(self.opened, address);
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
            self.nicks.release(&key, None);
        }
        while let Some((hash, session)) = self.sessions.expire(now) {
            self.end_lost_session(&hash, &session);
        }
        self.rooms.handle_timeout(now);
        self.recovering_limits.expire(now);
        self.address_limits.expire(now);
        self.admission.expire(now);
    }

    /// The rate limits of the account of a connection.
    fn limits_mut(&mut self, conn: ConnectionId) -> Option<&mut RateLimits> {
        let account = self.connections.get(conn)?.account()?;
        self.accounts.online_mut(account).map(|online| &mut online.limits)
    }

    /// Returns the next action, until there is none. Messages received between two rounds of polling are
    /// delivered together; in a busy room, those of 5 ms.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.out.pop() {
            return Some(output);
        }
        self.retry_early();
        if let Some(batch) = self.take_batch() {
            return Some(Output::Append(batch));
        }
        self.publish_departures();
        self.admit_linked();
        self.rooms.settled(self.append_queue.settled_batches(), &mut self.out);
        self.read_reloads();
        self.stop_if_drained();
        self.resolve_uncertain_append();
        self.lobby.deliver(self.now, &mut self.out);
        self.rooms.deliver(self.now, self.unix_ms, &mut self.out);
        self.continue_list_version();
        if self.lobby.list_due().is_some_and(|due| due <= self.now) {
            self.lobby.send_to_basic(self.now, Envelope::default(), &self.nicks, &mut self.out);
        }
        let output = self.out.pop();
        if output.is_none() {
            self.rooms.end_round();
        }
        output
    }

    /// Takes the next batch for the log, with the changes of rows.
    fn take_batch(&mut self) -> Option<AppendBatch> {
        let number = self.append_queue.next_batch();
        if self.append_queue.has_next(self.rooms.has_row_changes()) {
            for change in self.rooms.take_row_changes(number) {
                self.append_queue.push_row(change);
            }
        }
        self.append_queue.take()
    }

    /// The time at which [`handle_timeout`](Self::handle_timeout) must be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Millis> {
        let login = self.unauthenticated.front().map(|(deadline, _)| *deadline);
        let slow = self.slow_consumers.front().map(|(deadline, _)| *deadline);
        let reserved = self.reserved.next_due();
        let resolve = self.append_queue.resolve_due();
        let rooms = self.rooms.next_due();
        let version = self.list_version.next_due();
        let lobby = [self.lobby.delivery_due(), self.lobby.list_due(), rooms];
        [login, slow, reserved, resolve, version].into_iter().chain(lobby).flatten().min()
    }
}
