//! The shutdown: new messages are ignored until the log has what was accepted; then all connections are told, and closed.

use parlour_core::{
    Millis,
    codec::{self, Extension},
    status::Status,
    wire,
};

use super::{
    Hub,
    accounts::Accounts,
    output::Output,
    rooms::{Rooms, live_rooms::RoomState},
};

/// The progress of a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopping {
    No,
    /// New messages are ignored until the append queue is empty. With the time after which clients should
    /// reconnect, in ms.
    Draining(u32),
    Done,
}

impl Hub {
    /// Starts a shutdown: when the append queue is empty, all clients are notified and closed.
    /// `retry_after_ms` is the time after which they should reconnect.
    pub fn handle_shutdown(&mut self, now: Millis, retry_after_ms: u32) {
        self.now = now;
        self.rooms.save_all_cursors();
        self.stopping = Stopping::Draining(retry_after_ms);
    }

    /// Stops when everything that was accepted is in the log.
    pub(super) fn stop_if_drained(&mut self) {
        if let Stopping::Draining(retry_after_ms) = self.stopping
            && self.append_queue.is_empty()
        {
            self.stop(retry_after_ms);
        }
    }

    /// Publishes the committed messages, then notifies and closes all connections.
    fn stop(&mut self, retry_after_ms: u32) {
        self.lobby.flush(&mut self.out);
        self.rooms.deliver(self.now, self.unix_ms, &mut self.out);
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
        self.rooms = Rooms::new(RoomState::lobby());
        self.early.clear();
        self.accounts = Accounts::default();
        self.members = 0;
        self.stopping = Stopping::Done;
    }
}
