//! Who does not read as fast as the room talks. It is not told what is said until it has read what waits for it, then
//! goes on from there and loads what it lacks by pages; who does not catch up, or can't load, is closed. The room is
//! not slowed, and what waits for one reader stays bounded.

use parlour_core::{
    Millis,
    codec::{self, Extension},
    status::Status,
    wire,
};

use super::{Hub, table::ConnId};

/// How long somebody may take to catch up, in ms.
const WITHIN: Millis = 10_000;

impl Hub {
    /// There is no more room for what is said to this connection, and something of it was dropped. `false` when it is
    /// one that can't go without: then it is to be ended as too slow, and [`Hub::handle_disconnect`] is to be called.
    #[must_use]
    pub fn handle_overflow(&mut self, now: Millis, conn: ConnId) -> bool {
        self.now = now;
        let Some(c) = self.conns.get_mut(conn) else { return true };
        let Some(peer) = c.peer.as_mut().filter(|peer| peer.history) else { return false };
        if c.skipped.is_none() {
            let heard = peer.clone();
            peer.place = None;
            c.skipped = Some(now);
            self.slow.push_back((now + WITHIN, conn));
            self.unhear(&heard);
        }
        true
    }

    /// A connection has read what waited for it: if it was skipped it goes on from here.
    pub fn handle_drained(&mut self, now: Millis, conn: ConnId) {
        self.now = now;
        self.lobby.flush_talk(&mut self.out);
        let Some(c) = self.conns.get_mut(conn).filter(|c| c.skipped.is_some()) else { return };
        c.skipped = None;
        let Some(peer) = c.peer.as_mut() else { return };
        peer.place = Some(self.lobby.add(conn, peer.group));
        let from = self.lobby.tail.last();
        self.out.send(conn, &codec::extension("", Extension::Resume(wire::Resume { from })));
        self.lobby.send_snapshot(conn, self.unix_ms, &self.names, &mut self.out);
    }

    /// Ends those who did not catch up.
    pub(super) fn give_up_slow(&mut self) {
        let now = self.now;
        while let Some((deadline, conn)) = self.slow.pop_front_if(|(deadline, _)| *deadline <= now) {
            if self.conns.get(conn).is_some_and(|c| c.skipped.is_some_and(|at| at + WITHIN <= deadline)) {
                self.close(conn, Status::TooSlow);
            }
        }
    }
}
