//! Slow-consumer handling. A rich client whose write queue is full is unsubscribed until it has read what is
//! queued; then it is subscribed again and loads the skipped messages as history pages. A client that does not
//! catch up in time, or cannot load pages, is closed. So a slow consumer does not delay the room, and its queue
//! is bounded.

use parlour_core::{
    Millis,
    codec::{self, Extension},
    status::Status,
    wire,
};

use super::{Hub, connection_table::ConnectionId, rooms::Resumption};
use crate::store::room_query::WindowStart;

/// The time that a connection has to catch up, in ms.
const CATCH_UP_TIMEOUT_MS: Millis = 10_000;

impl Hub {
    /// The write queue of this connection is full, and a message to it was dropped. Returns `false` if the
    /// client cannot load the skipped messages: the caller must close it as too slow and call
    /// [`Hub::handle_disconnect`].
    #[must_use]
    pub fn handle_overflow(&mut self, now: Millis, conn: ConnectionId) -> bool {
        self.now = now;
        let Some(c) = self.connections.get_mut(conn) else { return true };
        let Some(peer) = c.peer.as_mut() else { return false };
        if peer.shares_session {
            if c.skipped_since.is_none() {
                c.skipped_since = Some(now);
                self.slow_consumers.push_back((now + CATCH_UP_TIMEOUT_MS, conn));
                self.rooms.suspend(conn);
            }
            return true;
        }
        if !peer.history {
            return false;
        }
        if c.skipped_since.is_none() {
            let subscribed = peer.clone();
            peer.subscription = None;
            c.skipped_since = Some(now);
            self.slow_consumers.push_back((now + CATCH_UP_TIMEOUT_MS, conn));
            self.unsubscribe(&subscribed);
        }
        true
    }

    /// The write queue of this connection is empty: subscribes it again if it was unsubscribed as a slow
    /// consumer.
    pub fn handle_drained(&mut self, now: Millis, conn: ConnectionId) {
        self.now = now;
        self.lobby.flush(&mut self.out);
        let Some(c) = self.connections.get_mut(conn).filter(|c| c.skipped_since.is_some()) else { return };
        c.skipped_since = None;
        let Some(peer) = c.peer.as_mut() else { return };
        if peer.shares_session {
            for Resumption { room, after, ticket } in self.rooms.resume(conn, &mut self.out) {
                self.read_window(conn, room, ticket, WindowStart { seq: after, id: None }, None);
            }
            return;
        }
        peer.subscription = Some(self.lobby.subscribe(conn, peer.group));
        let from = self.lobby.recent.last();
        self.out.send(conn, &codec::extension(Extension::Resume(wire::Resume { from })));
        self.lobby.send_snapshot(conn, self.unix_ms, &self.nicks, &mut self.out);
    }

    /// Closes slow consumers that did not catch up in time.
    pub(super) fn close_slow_consumers(&mut self) {
        let now = self.now;
        while let Some((deadline, conn)) = self.slow_consumers.pop_front_if(|(deadline, _)| *deadline <= now)
        {
            if self
                .connections
                .get(conn)
                .is_some_and(|c| c.skipped_since.is_some_and(|at| at + CATCH_UP_TIMEOUT_MS <= deadline))
            {
                self.close(conn, Status::TooSlow);
            }
        }
    }
}
