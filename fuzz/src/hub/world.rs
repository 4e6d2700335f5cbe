//! A hub under a clock of the run's own.

use parlour_core::{Millis, limits::Limits};
use parlour_server::hub::{Hub, Settings, output::Output};

use super::{PEERS, peers::Peers};
use crate::input::Input;

/// When it is, at the start: Unix ms.
const START: i64 = 1_700_000_000_000;

#[derive(Debug)]
pub(super) struct World {
    hub: Hub,
    peers: Peers,
    now: Millis,
    unix: i64,
    stopped: bool,
}

impl World {
    /// An empty hub, with limits as the first bytes say: small ones are reached sooner.
    pub(super) fn new(input: &mut Input<'_>) -> Self {
        let flags = input.byte();
        let limits = Limits {
            messages_per_minute: if flags & 1 == 0 { 0 } else { 60 },
            burst: 5,
            content_bytes: if flags & 2 == 0 { 1000 } else { 20 },
            room_members: if flags & 4 == 0 { 1000 } else { 3 },
            ..Limits::default()
        };
        let few = if flags & 8 == 0 { 100 } else { 2 };
        let settings = Settings {
            limits,
            sessions_kept: few,
            ids_kept: few,
            session_grace: 60_000,
            ..Settings::default()
        };
        let mut n = 0_u32;
        let random = Box::new(move |buffer: &mut [u8]| {
            n += 1;
            buffer.fill(0);
            buffer[..4].copy_from_slice(&n.to_be_bytes());
        });
        Self {
            hub: Hub::new(settings, random),
            peers: Peers::new(PEERS),
            now: 0,
            unix: START,
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

    /// The secret a peer was given last.
    pub(super) fn secret(&self, peer: usize) -> Vec<u8> {
        self.peers.secret(peer)
    }

    /// The machine's clock is put somewhere else, within a month.
    pub(super) fn set_clock(&mut self, to: u16) {
        self.unix = START + i64::from(to) * 40_000;
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

    /// Does what the hub wants.
    pub(super) fn settle(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Send { conn, frames } | Output::Snapshot { conn, frames } => {
                    self.peers.hear(conn, &frames);
                }
                Output::Fanout { to, frames } => to.iter().for_each(|conn| self.peers.hear(*conn, &frames)),
                Output::Close { conn, status } => self.peers.close(conn, status),
                Output::Known { conn, dialect, .. } => self.peers.known(conn, dialect),
            }
        }
        self.peers.settled();
        assert_eq!(self.hub.members(), self.peers.named(), "who is there, and who was let in");
    }

    /// Everybody is closed, and whoever comes after that.
    pub(super) fn shut_down(&mut self) {
        if !std::mem::replace(&mut self.stopped, true) {
            self.hub.handle_shutdown(self.now, 1000);
        }
        self.settle();
        self.peers.all_closed();
    }
}
