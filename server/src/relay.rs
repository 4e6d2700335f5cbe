//! The task that owns the hub: what the sockets bring goes in, what the hub wants goes to their queues. All
//! that has come in by the time it wakes up is handled in one go, and goes out together.

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
    hub::{
        Hub,
        output::Output,
        table::{ConnId, Ids, Table},
    },
    log::threads::{Handle, Report},
    stats::Stats,
    ws::queue::{Ending, Full, Sender},
};

/// The most inputs handled before anything goes out.
const AT_ONCE: usize = 512;

/// So many queues are written from here each time something goes out, where there are other threads for the rest: as
/// long as it takes to wake one of those.
const BY_ITSELF: usize = 32;

/// What a socket brings. No socket has more than a few messages under way (see
/// [`message_forwarded`](crate::ws::queue::Receiver::message_forwarded)), so the channel is as bounded as they are.
#[derive(Debug)]
pub enum Input {
    /// A connection was opened.
    Open {
        /// Its number.
        conn: ConnId,
        /// Where to put what goes to it.
        queue: Sender,
        /// The peer's address, as far as it is known.
        address: IpAddr,
    },
    /// A message came in.
    Message(ConnId, Vec<u8>),
    /// All that was queued is written, and the queue was too full before.
    Drained(ConnId),
    /// The log did something.
    Log(Report),
    /// The connection ended; the last of its inputs.
    Gone {
        /// Its number.
        conn: ConnId,
        /// Why, in a few words.
        reason: &'static str,
        /// The code it ended with.
        code: u16,
    },
    /// The server stops: tell everybody.
    Shutdown,
}

/// Where sockets put their inputs.
pub type Inbox = mpsc::UnboundedSender<Input>;

/// A connection as the relay knows it.
#[derive(Debug)]
struct Entry {
    queue: Sender,
    address: IpAddr,
    opened: Instant,
    messages: u64,
    /// What is said to many is not said to it, until its queue is empty.
    skipping: bool,
    /// Something was put into its queue.
    touched: bool,
    about: Option<Box<(Dialect, String)>>,
}

/// The hub's task.
#[derive(Debug)]
pub struct Relay {
    hub: Hub,
    ids: Arc<Ids>,
    stats: Arc<Stats>,
    log: Handle,
    table: Table<Entry>,
    /// Whose queue was too full, and whether what was dropped can't be done without.
    overflowed: Vec<(ConnId, bool)>,
    /// Whose queues have something new in them.
    touched: Vec<ConnId>,
    start: Instant,
}

impl Relay {
    /// A relay for this hub and its log. `ids` get back the numbers of connections that are gone.
    #[must_use]
    pub fn new(hub: Hub, log: Handle, ids: Arc<Ids>, stats: Arc<Stats>) -> Self {
        Self {
            hub,
            ids,
            stats,
            log,
            table: Table::default(),
            overflowed: Vec::new(),
            touched: Vec::new(),
            start: Instant::now(),
        }
    }

    /// Works until nobody holds the other end of `inbox` any more.
    pub async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Input>) {
        let mut inputs = Vec::with_capacity(AT_ONCE);
        let is_alone = Runtime::current().metrics().num_workers() == 1;
        let here = if is_alone { usize::MAX } else { BY_ITSELF };
        loop {
            let wait = self.hub.poll_timeout().map(|at| self.start + Duration::from_millis(at));
            tokio::select! {
                biased;
                count = inbox.recv_many(&mut inputs, AT_ONCE) => if count == 0 {
                    return;
                },
                () = until(wait) => {}
            }
            let now = self.now();
            let unix_ms = unix_ms();
            for input in inputs.drain(..) {
                self.input(now, unix_ms, input);
            }
            self.hub.handle_timeout(now, unix_ms);
            // Before anybody is answered, so that whoever is finds the counters right; and after, for those who
            // were too slow to be.
            self.stats.count(self.hub.members(), self.hub.counters());
            self.deliver(now);
            self.flush(here);
            self.stats.count(self.hub.members(), self.hub.counters());
        }
    }

    fn now(&self) -> Millis {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn input(&mut self, now: Millis, unix_ms: i64, input: Input) {
        match input {
            Input::Message(conn, bytes) => {
                self.hub.handle_frame(now, unix_ms, conn, &bytes);
                if let Some(entry) = self.table.get_mut(conn) {
                    entry.messages += 1;
                    entry.queue.message_handled();
                }
            }
            Input::Drained(conn) => {
                if let Some(entry) = self.table.get_mut(conn) {
                    entry.skipping = false;
                    self.hub.handle_drained(now, conn);
                }
            }
            Input::Log(Report::Appended(result)) => {
                if result.is_err() {
                    Stats::add(&self.stats.log_failures);
                }
                self.hub.handle_appended(now, unix_ms, result);
            }
            Input::Log(Report::Read(token, result)) => {
                if let Err(error) = &result {
                    tracing::error!(%error, "the log can't be read");
                    Stats::add(&self.stats.log_failures);
                }
                self.hub.handle_read(now, token, result);
            }
            Input::Open { conn, queue, address } => {
                let opened = Instant::now();
                let entry = Entry {
                    queue,
                    address,
                    opened,
                    messages: 0,
                    skipping: false,
                    touched: false,
                    about: None,
                };
                self.table.insert(conn, entry);
                self.hub.handle_connect(now, conn);
                tracing::info!(%conn, %address, "connection opened");
            }
            Input::Gone { conn, reason, code } => {
                self.hub.handle_disconnect(now, conn);
                if let Some(entry) = self.table.remove(conn) {
                    entry.log_end(conn, reason, code);
                    self.ids.give_back(conn);
                }
            }
            Input::Shutdown => self.hub.handle_shutdown(now, RETRY_AFTER_MS),
        }
    }

    /// Does what the hub wants. Never waits: a connection whose queue is full is ended.
    fn deliver(&mut self, now: Millis) {
        loop {
            while let Some(output) = self.hub.poll_output() {
                self.output(output);
            }
            if self.overflowed.is_empty() {
                return;
            }
            for (conn, needed) in std::mem::take(&mut self.overflowed) {
                if !needed && self.hub.handle_overflow(now, conn) {
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

    fn output(&mut self, output: Output) {
        match output {
            Output::Fanout { to, frames } => {
                for &conn in to.iter() {
                    self.fan_out(conn, &frames);
                }
            }
            Output::Send { conn, frames } => self.push(conn, |queue| queue.push(frames)),
            Output::Snapshot { conn, frames } => self.push(conn, |queue| queue.push_snapshot(frames)),
            Output::Append(job) => self.log.append(job),
            Output::Read { token, query } => self.log.read(token, query),
            Output::Close { conn, status } => {
                if let Some(entry) = self.table.get_mut(conn) {
                    entry.queue.end(Ending::Close(status));
                }
            }
            Output::Known { conn, dialect, agent } => {
                if let Some(entry) = self.table.get_mut(conn) {
                    entry.about = Some(Box::new((dialect, agent)));
                }
            }
        }
    }

    /// Lets the queues be written that have something new in them: so many from here, the others by their sockets' tasks.
    fn flush(&mut self, here: usize) {
        // First those for whom somebody else must wake up.
        let others = self.touched.len().saturating_sub(here);
        for (nth, conn) in self.touched.drain(..).enumerate() {
            if let Some(entry) = self.table.get_mut(conn) {
                entry.touched = false;
                entry.queue.flush(nth >= others);
            }
        }
    }

    /// What is said to many. Once something of it is dropped, so is all that follows, until the hub goes on from a
    /// place that it tells: nobody must take what they get for all there was.
    fn fan_out(&mut self, conn: ConnId, frames: &Bytes) {
        if let Some(entry) = self.table.get_mut(conn)
            && !entry.skipping
        {
            if entry.queue.push(frames.clone()) == Err(Full) {
                entry.skipping = true;
                self.overflowed.push((conn, false));
            }
            entry.touch(conn, &mut self.touched);
        }
    }

    /// What is said to one, which can't be done without.
    fn push(&mut self, conn: ConnId, put: impl FnOnce(&mut Sender) -> Result<(), Full>) {
        if let Some(entry) = self.table.get_mut(conn) {
            if put(&mut entry.queue) == Err(Full) {
                self.overflowed.push((conn, true));
            }
            entry.touch(conn, &mut self.touched);
        }
    }
}

/// When clients are asked to come back after a shutdown, in ms; each spreads it by itself.
const RETRY_AFTER_MS: u32 = 1000;

impl Drop for Relay {
    fn drop(&mut self) {
        // Whoever is left at the end is let go.
        for entry in self.table.values_mut() {
            entry.queue.end(Ending::Abort);
        }
    }
}

impl Entry {
    /// Its queue is to be flushed; once is enough.
    fn touch(&mut self, conn: ConnId, touched: &mut Vec<ConnId>) {
        if !std::mem::replace(&mut self.touched, true) {
            touched.push(conn);
        }
    }

    fn log_end(&self, conn: ConnId, reason: &'static str, code: u16) {
        let (dialect, agent) = match self.about.as_deref() {
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

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

pub(crate) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
