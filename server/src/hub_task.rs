//! The task that drives the hub. It passes the inputs of the connections and of the event log to the hub and
//! executes the hub's outputs. All inputs that are queued when it wakes up are handled together, and their
//! outputs are written together.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use parlour_core::{Millis, model::Dialect, status::Status};
use tokio::{
    runtime::Handle as Runtime,
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    conn::{
        connection_log::ConnectionLog,
        input_budget::Reservation,
        limiter,
        write_queue::{Ending, Full, Sender},
    },
    hub::{
        Hub,
        connection_table::{ConnectionId, ConnectionIds, ConnectionTable},
        output::Output,
    },
    stats::Stats,
    store::threads::{LogReport, LogThreads},
};

/// The time after which clients should reconnect when the server shuts down, in ms; each adds a random delay.
const RETRY_AFTER_MS: u32 = 1000;

/// The most inputs handled before outputs are written.
const MAX_INPUTS_PER_ROUND: usize = 512;

/// The number of connections that this task writes to directly per round, if other worker threads can write to the
/// rest. That takes about as long as waking another thread.
const DIRECT_WRITES: usize = 32;

/// An input of the hub. The messages in the channel are bounded per connection and per address, see
/// [`input_budget`](crate::conn::input_budget).
#[derive(Debug)]
pub enum HubInput {
    /// A connection was opened.
    Opened {
        /// Its id.
        conn: ConnectionId,
        /// Its write queue.
        queue: Sender,
        /// The client's address.
        address: IpAddr,
    },
    /// A message was received.
    Message {
        /// The connection.
        conn: ConnectionId,
        /// The message.
        bytes: Vec<u8>,
        /// Dropped when the message was handled.
        reservation: Reservation,
    },
    /// The write queue is empty after an overflow.
    Drained(ConnectionId),
    /// The event log has finished an append or a query.
    Log(LogReport),
    /// The connection has ended; its last input.
    Closed {
        /// Its id.
        conn: ConnectionId,
        /// The reason, for diagnostics.
        reason: &'static str,
        /// The close code.
        code: u16,
    },
    /// The server is stopping: notify and close all connections.
    Shutdown,
}

/// The sending end of the hub's inputs.
pub type Inbox = mpsc::UnboundedSender<HubInput>;

/// The hub task's state of a connection.
#[derive(Debug)]
struct ConnectionEntry {
    queue: Sender,
    address: IpAddr,
    opened: Instant,
    messages: u64,
    /// Published frames are skipped until its queue has drained.
    is_slow: bool,
    /// Frames were pushed since the last flush.
    unflushed: bool,
    identity: Option<Box<(Dialect, String)>>,
}

/// The task and the state it owns.
#[derive(Debug)]
pub struct HubTask {
    hub: Hub,
    ids: Arc<ConnectionIds>,
    stats: Arc<Stats>,
    log: LogThreads,
    table: ConnectionTable<ConnectionEntry>,
    /// Connections whose queue was full, and whether the rejected frames were essential.
    overflowed: Vec<(ConnectionId, bool)>,
    /// Connections with frames pushed since the last flush.
    unflushed: Vec<ConnectionId>,
    connection_log: ConnectionLog,
    start: Instant,
}

impl HubTask {
    /// A task for this hub and its log. The ids of ended connections are returned to `ids`.
    #[must_use]
    pub fn new(hub: Hub, log: LogThreads, ids: Arc<ConnectionIds>, stats: Arc<Stats>) -> Self {
        Self {
            hub,
            ids,
            stats,
            log,
            table: ConnectionTable::default(),
            overflowed: Vec::new(),
            unflushed: Vec::new(),
            connection_log: ConnectionLog::default(),
            start: Instant::now(),
        }
    }

    /// Runs until all senders of `inbox` are dropped.
    pub async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<HubInput>) {
        let mut inputs = Vec::with_capacity(MAX_INPUTS_PER_ROUND);
        let is_single_threaded = Runtime::current().metrics().num_workers() == 1;
        let direct_writes = if is_single_threaded { usize::MAX } else { DIRECT_WRITES };
        loop {
            let wait = self.hub.poll_timeout().map(|at| self.start + Duration::from_millis(at));
            tokio::select! {
                biased;
                count = inbox.recv_many(&mut inputs, MAX_INPUTS_PER_ROUND) => if count == 0 {
                    return;
                },
                () = sleep_until_due(wait) => {}
            }
            let now = self.now();
            let unix_ms = unix_ms();
            for input in inputs.drain(..) {
                self.handle_input(now, unix_ms, input);
            }
            self.hub.handle_timeout(now, unix_ms);
            // Updated before the outputs are written, so that the counters include what a reply reports; and
            // again afterwards, because slow consumers may have been closed.
            self.stats.count(self.hub.members(), self.hub.counters());
            self.execute_outputs(now);
            self.flush(direct_writes);
            self.stats.count(self.hub.members(), self.hub.counters());
        }
    }

    fn now(&self) -> Millis {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn handle_input(&mut self, now: Millis, unix_ms: i64, input: HubInput) {
        match input {
            HubInput::Message { conn, bytes, reservation } => {
                self.hub.handle_frame(now, unix_ms, conn, &bytes);
                if let Some(entry) = self.table.get_mut(conn) {
                    entry.messages += 1;
                    entry.queue.message_handled(bytes.len());
                }
                drop(reservation);
            }
            HubInput::Drained(conn) => {
                if let Some(entry) = self.table.get_mut(conn) {
                    entry.is_slow = false;
                    self.hub.handle_drained(now, conn);
                }
            }
            HubInput::Log(LogReport::Appended(result)) => {
                if result.is_err() {
                    Stats::add(&self.stats.log_failures);
                }
                self.hub.handle_appended(now, unix_ms, result);
            }
            HubInput::Log(LogReport::Read(token, result)) => {
                if let Err(error) = &result {
                    tracing::error!(%error, "reading the event log failed");
                    Stats::add(&self.stats.log_failures);
                }
                self.hub.handle_read(now, token, result);
            }
            HubInput::Opened { conn, queue, address } => {
                let opened = Instant::now();
                let entry = ConnectionEntry {
                    queue,
                    address,
                    opened,
                    messages: 0,
                    is_slow: false,
                    unflushed: false,
                    identity: None,
                };
                self.table.insert(conn, entry);
                self.hub.handle_connect(now, conn, limiter::network(address));
                if self.is_logged(now, address) {
                    tracing::info!(%conn, %address, "connection opened");
                }
            }
            HubInput::Closed { conn, reason, code } => {
                self.hub.handle_disconnect(now, conn);
                if let Some(entry) = self.table.remove(conn) {
                    if self.is_logged(now, entry.address) {
                        entry.trace_end(conn, reason, code);
                    }
                    self.ids.release(conn);
                }
            }
            HubInput::Shutdown => self.hub.handle_shutdown(now, RETRY_AFTER_MS),
        }
    }

    /// Returns `true` if a connection from this address is to be logged.
    fn is_logged(&mut self, now: Millis, address: IpAddr) -> bool {
        let left_out = self.connection_log.admit(now, address);
        if let Some(lines @ 1..) = left_out {
            tracing::warn!(lines, "connections were not logged, because an address had too many of them");
        }
        left_out.is_some()
    }

    /// Executes the hub's outputs. Never waits: a connection whose queue is full is closed.
    fn execute_outputs(&mut self, now: Millis) {
        loop {
            while let Some(output) = self.hub.poll_output() {
                self.execute(output);
            }
            if self.overflowed.is_empty() {
                return;
            }
            for (conn, essential) in std::mem::take(&mut self.overflowed) {
                if !essential && self.hub.handle_overflow(now, conn) {
                    Stats::add(&self.stats.skipped);
                    continue;
                }
                if let Some(entry) = self.table.get_mut(conn) {
                    entry.queue.discard_and_close(Status::TooSlow);
                    Stats::add(&self.stats.too_slow);
                }
                self.hub.handle_disconnect(now, conn);
            }
        }
    }

    fn execute(&mut self, output: Output) {
        match output {
            Output::Fanout { to, frames } => {
                for &conn in to.iter() {
                    self.push_published(conn, &frames);
                }
            }
            Output::Send { conn, frames } => self.push(conn, frames),
            Output::Append(batch) => self.log.append(batch),
            Output::Read { token, query } => self.log.read(token, query),
            Output::CancelRead { token } => self.log.cancel(token),
            Output::Close { conn, status } => {
                if let Some(entry) = self.table.get_mut(conn) {
                    entry.queue.end(Ending::Close(status));
                }
            }
            Output::Identified { conn, dialect, agent } => {
                if let Some(entry) = self.table.get_mut(conn) {
                    entry.identity = Some(Box::new((dialect, agent)));
                }
            }
        }
    }

    /// Flushes the queues with new frames: the last `direct_writes` directly, the others through their socket
    /// tasks.
    fn flush(&mut self, direct_writes: usize) {
        // The others first, because their tasks must wake up.
        let others = self.unflushed.len().saturating_sub(direct_writes);
        for (nth, conn) in self.unflushed.drain(..).enumerate() {
            if let Some(entry) = self.table.get_mut(conn) {
                entry.unflushed = false;
                entry.queue.flush(nth >= others);
            }
        }
    }

    /// Pushes published frames. After a rejected frame all later ones are skipped, until the hub resumes the
    /// connection at a position that it sends; otherwise the client would miss messages without noticing.
    fn push_published(&mut self, conn: ConnectionId, frames: &Bytes) {
        if let Some(entry) = self.table.get_mut(conn)
            && !entry.is_slow
        {
            if entry.queue.push(frames.clone()) == Err(Full) {
                entry.is_slow = true;
                self.overflowed.push((conn, false));
            }
            entry.schedule_flush(conn, &mut self.unflushed);
        }
    }

    /// Pushes frames for one connection, which are essential.
    fn push(&mut self, conn: ConnectionId, frames: Bytes) {
        if let Some(entry) = self.table.get_mut(conn) {
            if entry.queue.push(frames) == Err(Full) {
                self.overflowed.push((conn, true));
            }
            entry.schedule_flush(conn, &mut self.unflushed);
        }
    }
}

impl Drop for HubTask {
    fn drop(&mut self) {
        // Closes the remaining connections.
        for (_, entry) in self.table.iter_mut() {
            entry.queue.end(Ending::Abort);
        }
    }
}

impl ConnectionEntry {
    /// Schedules a flush, once.
    fn schedule_flush(&mut self, conn: ConnectionId, unflushed: &mut Vec<ConnectionId>) {
        if !std::mem::replace(&mut self.unflushed, true) {
            unflushed.push(conn);
        }
    }

    fn trace_end(&self, conn: ConnectionId, reason: &'static str, code: u16) {
        let (dialect, agent) = match self.identity.as_deref() {
            Some((Dialect::Rich, agent)) => ("rich", agent.as_str()),
            Some((Dialect::Basic, _)) => ("basic", ""),
            None => ("none", ""),
        };
        tracing::info!(
            %conn,
            address = %self.address,
            dialect,
            agent,
            seconds = self.opened.elapsed().as_secs(),
            frames_in = self.messages,
            frames_out = self.queue.pushed(),
            code,
            reason,
            "connection ended",
        );
    }
}

async fn sleep_until_due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

pub(crate) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
