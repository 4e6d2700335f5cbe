//! A hub under a clock of the run's own, and a log that answers when it is let.

use std::collections::VecDeque;

use parlour_core::{Millis, limits::Limits, status::Status};
use parlour_server::hub::{Hub, Recovered, Settings, output::Output};

use super::{PEERS, log::MemoryLog, peers::Peers};
use crate::input::Input;

/// When it is, at the start: Unix ms.
const START: i64 = 1_700_000_000_000;

#[derive(Debug)]
pub(super) struct World {
    hub: Hub,
    settings: Settings,
    pub peers: Peers,
    pub log: MemoryLog,
    /// What the log was asked and has not answered.
    asked: VecDeque<Output>,
    /// The log answers at once.
    answers: bool,
    now: Millis,
    unix: i64,
    /// How often the server was started.
    starts: u32,
    stopped: bool,
}

fn start(settings: &Settings, log: &MemoryLog, unix: i64, starts: u32) -> Hub {
    let mut n = 0_u32;
    let random = Box::new(move |buffer: &mut [u8]| {
        n += 1;
        buffer.fill(0);
        buffer[..4].copy_from_slice(&n.to_be_bytes());
        buffer[4..8].copy_from_slice(&starts.to_be_bytes());
    });
    let recovered = Recovered { log: [1; 16], newest: log.newest(), sessions: log.sessions(), unix_ms: unix };
    Hub::new(settings.clone(), random, &recovered)
}

impl World {
    /// An empty hub, with limits as the first byte says: small ones are reached sooner.
    pub(super) fn new(input: &mut Input<'_>) -> Self {
        let flags = input.byte();
        let either = |bit: u8, usual: usize, small: usize| if flags & bit == 0 { usual } else { small };
        let limits = Limits {
            messages_per_minute: if flags & 1 == 0 { 0 } else { 60 },
            burst: 5,
            content_bytes: either(2, 1000, 20),
            room_members: either(4, 1000, 3),
            ..Limits::default()
        };
        let settings = Settings {
            limits,
            max_lost_sessions: either(8, 100, 2),
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
            asked: VecDeque::new(),
            answers: true,
            now: 0,
            unix: START,
            starts: 0,
            stopped: false,
        }
    }

    pub(super) fn connect(&mut self, peer: usize) {
        if let Some(conn) = self.peers.connect(peer) {
            self.hub.handle_connect(self.now, conn);
        }
    }

    pub(super) fn disconnect(&mut self, peer: usize) {
        if let Some(conn) = self.peers.disconnect(peer) {
            self.hub.handle_disconnect(self.now, conn);
        }
    }

    /// A message, also of somebody who was closed and does not know it yet.
    pub(super) fn give(&mut self, peer: usize, bytes: &[u8]) {
        if let Some(conn) = self.peers.conn(peer) {
            self.hub.handle_frame(self.now, self.unix, conn, bytes);
        }
    }

    /// Somebody reads too slowly, and something of what is said is dropped.
    pub(super) fn overflow(&mut self, peer: usize) {
        self.settle();
        let Some(conn) = self.peers.conn(peer).filter(|conn| self.peers.skip(*conn)) else { return };
        if !self.hub.handle_overflow(self.now, conn) {
            self.peers.close(conn, Status::TooSlow);
            self.hub.handle_disconnect(self.now, conn);
        }
    }

    /// Somebody has read all that waited.
    pub(super) fn drain(&mut self, peer: usize) {
        if let Some(conn) = self.peers.conn(peer)
            && self.peers.go_on(conn)
        {
            self.hub.handle_drained(self.now, conn);
        }
    }

    /// How the log goes about it: at once, one answer now, none for now; it fails, or works again.
    pub(super) fn log(&mut self, how: u8) {
        match how % 5 {
            0 => self.answers = true,
            1 => self.answers = false,
            2 => drop(self.answer()),
            3 => self.log.failing = true,
            _ => self.log.failing = false,
        }
    }

    /// The machine's clock is put somewhere else, within a month.
    pub(super) fn set_clock(&mut self, to: u16) {
        self.unix = START + i64::from(to) * 40_000;
    }

    /// The server is killed, and started again on the same log.
    pub(super) fn restart(&mut self) {
        self.settle();
        self.asked.clear();
        self.peers.all_gone();
        self.starts += 1;
        (self.now, self.stopped) = (0, false);
        self.hub = start(&self.settings, &self.log, self.unix, self.starts);
    }

    /// Lets time pass. What is due is done when it is due, and is not due any more after that.
    pub(super) fn pass(&mut self, ms: Millis) {
        let end = self.now + ms;
        while let Some(at) = self.hub.poll_timeout().filter(|at| *at <= end) {
            self.tick(at.max(self.now));
            self.settle();
            let next = self.hub.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "due at {next:?} while it is {}", self.now);
        }
        self.tick(end);
    }

    fn tick(&mut self, now: Millis) {
        self.unix += (now - self.now).cast_signed();
        self.now = now;
        self.hub.handle_timeout(self.now, self.unix);
    }

    /// The log answers the oldest question.
    fn answer(&mut self) -> bool {
        match self.asked.pop_front() {
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

    /// Does what the hub wants.
    pub(super) fn settle(&mut self) {
        loop {
            match self.hub.poll_output() {
                Some(Output::Send { conn, frames } | Output::Snapshot { conn, frames }) => {
                    self.peers.hear(conn, &frames, &self.log);
                }
                Some(Output::Fanout { to, frames }) => {
                    let there: Vec<_> = to.iter().filter(|conn| !self.peers.skips(**conn)).collect();
                    there.into_iter().for_each(|conn| self.peers.hear(*conn, &frames, &self.log));
                }
                Some(Output::Close { conn, status }) => self.peers.close(conn, status),
                Some(Output::Identified { conn, dialect, .. }) => self.peers.known(conn, dialect),
                Some(asked @ (Output::Append(_) | Output::Read { .. })) => self.asked.push_back(asked),
                None if self.answers && self.answer() => {}
                None => break,
            }
        }
        // What the log has and has not answered is not said yet; nor is what waits a moment for more, in a busy room.
        let waits = self.hub.poll_timeout().is_some_and(|at| at <= self.now + 5);
        let all = (self.asked.is_empty() && !waits).then(|| self.log.last());
        self.peers.settled(all);
        assert_eq!(self.hub.members(), self.peers.named(), "who is there, and who was let in");
    }

    /// Everybody is closed, and whoever comes after that.
    pub(super) fn shut_down(&mut self) {
        if !std::mem::replace(&mut self.stopped, true) {
            self.hub.handle_shutdown(self.now, 1000);
        }
        self.answers = true;
        self.settle();
        self.peers.all_closed();
    }
}
