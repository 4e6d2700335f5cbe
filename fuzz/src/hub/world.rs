//! A hub with a simulated clock and an event log that answers on demand.

use std::collections::VecDeque;

use parlour_core::{Millis, codec, limits::Limits, status::Status, wire};
use parlour_server::hub::{Hub, Recovered, Settings, output::Output};

use super::{PEERS, memory_log::MemoryLog, peers::Peers};
use crate::input::Input;

/// Wall-clock time at the start, in Unix ms.
const START: i64 = 1_700_000_000_000;
/// The id of the log.
const LOG: [u8; 16] = [1; 16];

#[derive(Debug)]
pub(super) struct World {
    hub: Hub,
    settings: Settings,
    pub peers: Peers,
    pub log: MemoryLog,
    /// Requests to the log that are not answered yet, oldest first.
    pending: VecDeque<Output>,
    /// The log answers at once.
    answers_at_once: bool,
    now: Millis,
    unix: i64,
    /// The number of restarts.
    restarts: u32,
    stopped: bool,
}

fn start(settings: &Settings, log: &MemoryLog, unix: i64, restarts: u32) -> Hub {
    let mut n = 0_u32;
    let random = Box::new(move |buffer: &mut [u8]| {
        n += 1;
        buffer.fill(0);
        buffer[..4].copy_from_slice(&n.to_be_bytes());
        buffer[4..8].copy_from_slice(&restarts.to_be_bytes());
    });
    let (head_seq, head_ord, active) = (log.last(), log.last(), 0);
    let recovered =
        Recovered { log: LOG, head_seq, head_ord, active, sessions: log.sessions(), unix_ms: unix };
    Hub::new(settings.clone(), random, &recovered)
}

impl World {
    /// An empty hub. The bits of the first byte select small limits, which are reached with few steps.
    pub(super) fn new(input: &mut Input<'_>) -> Self {
        let flags = input.byte();
        let either = |bit: u8, default: usize, small: usize| if flags & bit == 0 { default } else { small };
        let limits = Limits {
            messages_per_minute: if flags & 1 == 0 { 0 } else { 60 },
            burst: 5,
            content_bytes: either(2, 1000, 20),
            room_members: either(4, 1000, 3),
            ..Limits::default()
        };
        let settings = Settings {
            limits,
            max_lost_sessions: either(8, 100, 3),
            max_lost_sessions_per_address: either(8, 50, 2),
            session_grace: 600_000,
            logins_per_second: if flags & 16 == 0 { 0 } else { 1 },
            login_burst: 3,
            ..Settings::default()
        };
        let log = MemoryLog::default();
        Self {
            hub: start(&settings, &log, START, 0),
            settings,
            peers: Peers::new(PEERS),
            log,
            pending: VecDeque::new(),
            answers_at_once: true,
            now: 0,
            unix: START,
            restarts: 0,
            stopped: false,
        }
    }

    pub(super) fn connect(&mut self, peer: usize) {
        if let Some(conn) = self.peers.connect(peer) {
            // Two addresses.
            let address = [10, 0, 0, u8::try_from(peer % 2).unwrap_or(0)];
            self.hub.handle_connect(self.now, conn, address.into());
        }
    }

    pub(super) fn disconnect(&mut self, peer: usize) {
        if let Some(conn) = self.peers.disconnect(peer) {
            self.hub.handle_disconnect(self.now, conn);
        }
    }

    /// A login from a connection.
    pub(super) fn log_in(&mut self, peer: usize, nick: &str, login: wire::Login) {
        let position = login.positions.first().cloned();
        let position = position.filter(|position| login.log == LOG && position.seq > 0);
        if let Some(conn) = self.peers.conn(peer) {
            self.peers.log_in(conn, position, !login.capabilities.is_empty());
        }
        self.receive(peer, &codec::encode(&codec::login(nick, login)));
    }

    /// A message from a connection. The hub may have closed the connection already.
    pub(super) fn receive(&mut self, peer: usize, bytes: &[u8]) {
        if let Some(conn) = self.peers.conn(peer) {
            self.peers.sent(conn);
            self.hub.handle_frame(self.now, self.unix, conn, bytes);
        }
    }

    /// A connection reads too slowly, and a broadcast to it is dropped.
    pub(super) fn overflow(&mut self, peer: usize) {
        self.settle();
        let Some(conn) = self.peers.conn(peer).filter(|conn| self.peers.stall(*conn)) else { return };
        if !self.hub.handle_overflow(self.now, conn) {
            self.peers.close(conn, Status::TooSlow);
            self.hub.handle_disconnect(self.now, conn);
        }
    }

    /// A stalled connection has read its whole queue.
    pub(super) fn drain(&mut self, peer: usize) {
        if let Some(conn) = self.peers.conn(peer)
            && self.peers.resume(conn)
        {
            self.hub.handle_drained(self.now, conn);
        }
    }

    /// Changes how the log behaves: answers at once; answers nothing; answers one request; fails; works again.
    pub(super) fn log(&mut self, mode: u8) {
        match mode % 5 {
            0 => self.answers_at_once = true,
            1 => self.answers_at_once = false,
            2 => drop(self.answer()),
            3 => self.log.failing = true,
            _ => self.log.failing = false,
        }
    }

    /// Sets the wall clock, within a month.
    pub(super) fn set_clock(&mut self, to: u16) {
        self.unix = START + i64::from(to) * 40_000;
    }

    /// Kills the server, and starts another on the same log.
    pub(super) fn restart(&mut self) {
        self.settle();
        self.pending.clear();
        self.peers.clear();
        self.restarts += 1;
        (self.now, self.stopped) = (0, false);
        self.hub = start(&self.settings, &self.log, self.unix, self.restarts);
    }

    /// Advances time. Each timer runs when it is due, and must not be due any more afterwards.
    pub(super) fn advance(&mut self, ms: Millis) {
        let end = self.now + ms;
        while let Some(at) = self.hub.poll_timeout().filter(|at| *at <= end) {
            self.tick(at.max(self.now));
            self.settle();
            let next = self.hub.poll_timeout();
            assert!(
                next.is_none_or(|next| next > self.now),
                "a timer stays due at {next:?}, and the time is {}",
                self.now
            );
        }
        self.tick(end);
    }

    fn tick(&mut self, now: Millis) {
        self.unix += (now - self.now).cast_signed();
        self.now = now;
        self.hub.handle_timeout(self.now, self.unix);
    }

    /// The log answers the oldest request.
    fn answer(&mut self) -> bool {
        match self.pending.pop_front() {
            Some(Output::Append(job)) => {
                let result = self.log.append(&job);
                self.hub.handle_appended(self.now, self.unix, result);
            }
            Some(Output::Read { token, query }) => {
                self.hub.handle_read(self.now, token, self.log.answer(&query));
            }
            _ => return false,
        }
        true
    }

    /// Processes all output of the hub.
    pub(super) fn settle(&mut self) {
        loop {
            match self.hub.poll_output() {
                Some(Output::Send { conn, frames }) => {
                    self.peers.receive(conn, &frames, &self.log);
                }
                Some(Output::Fanout { to, frames }) => {
                    let readers: Vec<_> = to.iter().filter(|conn| !self.peers.stalled(**conn)).collect();
                    readers.into_iter().for_each(|conn| self.peers.receive(*conn, &frames, &self.log));
                }
                Some(Output::Close { conn, status }) => self.peers.close(conn, status),
                Some(Output::Identified { conn, dialect, .. }) => self.peers.admit(conn, dialect),
                Some(request @ (Output::Append(_) | Output::Read { .. })) => self.pending.push_back(request),
                Some(Output::CancelRead { token }) => {
                    let is_it =
                        |held: &Output| matches!(held, Output::Read { token: held, .. } if *held == token);
                    self.pending.retain(|held| !is_it(held));
                }
                None if self.answers_at_once && self.answer() => {}
                None => break,
            }
        }
        // The last message may not be published yet: the log has not answered the append, or a busy room batches its
        // messages.
        let waits = self.hub.poll_timeout().is_some_and(|at| at <= self.now + 5);
        let last = (self.pending.is_empty() && !waits).then(|| self.log.last());
        self.peers.settled(last);
        let members = self.peers.members();
        assert!(members.contains(&self.hub.members()), "{} of {members:?} members", self.hub.members());
        self.assert_bounded();
    }

    /// No table grows with the number of connections that have ended.
    fn assert_bounded(&self) {
        let sizes = self.hub.table_sizes();
        let sessions = PEERS + self.settings.max_lost_sessions;
        assert!(sizes.connections <= PEERS, "{sizes:?}");
        // A session is also in two orders, and its address in a table; a nick has two skeletons, and can be departing.
        assert!(sizes.sessions <= 4 * sessions, "{sizes:?}");
        assert!(sizes.reserved <= 2 * self.settings.max_lost_sessions, "{sizes:?}");
        assert!(sizes.nicks <= 4 * (1 + sessions) + sizes.append_queue, "{sizes:?}");
        assert!(sizes.lobby <= 20 * sessions, "{sizes:?}");
    }

    /// Shuts down: every connection must be closed, later ones too.
    pub(super) fn shut_down(&mut self) {
        if !std::mem::replace(&mut self.stopped, true) {
            self.hub.handle_shutdown(self.now, 1000);
        }
        self.answers_at_once = true;
        self.settle();
        self.peers.assert_all_closed();
    }
}
