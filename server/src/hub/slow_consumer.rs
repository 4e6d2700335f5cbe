//! Slow-consumer handling. A client whose write queue is full is unsubscribed until it has read what is queued; then it is
//! subscribed again, and sent the state of its rooms from the position where events were skipped. A client that does not catch
//! up in time, or that does not know rooms, is closed. So a slow consumer does not delay the room, and its queue is bounded.

use parlour_core::{Millis, status::Status};

use super::{Hub, connection_table::ConnectionId, rooms::Resumption};
use crate::store::room_query::WindowStart;

/// The time that a connection has to catch up, in ms.
const CATCH_UP_TIMEOUT_MS: Millis = 10_000;

impl Hub {
    /// The write queue of this connection is full, and a message to it was dropped. Returns `false` if the
    /// client cannot continue after it: the caller must close it as too slow and call
    /// [`Hub::handle_disconnect`].
    #[must_use]
    pub fn handle_overflow(&mut self, now: Millis, conn: ConnectionId) -> bool {
        self.now = now;
        let Some(c) = self.connections.get_mut(conn) else { return true };
        let Some(peer) = &c.peer else { return false };
        if !peer.has_rooms {
            return false;
        }
        if c.skipped_since.is_none() {
            c.skipped_since = Some(now);
            self.slow_consumers.push_back((now + CATCH_UP_TIMEOUT_MS, conn));
            self.rooms.suspend(conn);
        }
        true
    }

    /// The write queue of this connection is empty: subscribes it again if it was unsubscribed as a slow
    /// consumer.
    pub fn handle_drained(&mut self, now: Millis, conn: ConnectionId) {
        self.now = now;
        let Some(c) = self.connections.get_mut(conn).filter(|c| c.skipped_since.is_some()) else { return };
        c.skipped_since = None;
        for Resumption { room, after, ticket } in self.rooms.resume(conn, &mut self.out) {
            self.read_window(conn, room, ticket, WindowStart { seq: after, id: None }, None);
        }
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
