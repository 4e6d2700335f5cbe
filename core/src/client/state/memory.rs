//! The limit on messages in memory. Each timeline evicts messages far from its scroll anchor; beyond the limit for all rooms
//! together, the messages of the rooms that were not open for the longest time are evicted.

use super::ClientState;
use crate::model::RoomId;

/// The default of the maximum number of messages of all rooms together, except the open one.
pub const MAX_HELD_MESSAGES: u64 = 20_000;

impl ClientState {
    /// Sets the maximum number of messages of all rooms together, except the open one.
    pub fn set_memory_limit(&mut self, messages: u64) {
        self.max_held_messages = messages;
    }

    pub(super) fn limit_memory(&mut self) {
        let closed = self.rooms.iter().filter(|(room, _)| Some(**room) != self.open);
        let mut held: u64 = closed.map(|(_, state)| state.held_messages()).sum();
        while held > self.max_held_messages
            && let Some(room) = self.least_recent()
        {
            if let Some(state) = self.rooms.get_mut(&room) {
                held -= state.held_messages();
                state.evict_all();
                self.collect(room);
            }
        }
    }

    /// The room with messages in memory that was not open for the longest time.
    fn least_recent(&self) -> Option<RoomId> {
        let evictable = self
            .rooms
            .iter()
            .filter(|(room, state)| Some(**room) != self.open && state.held_messages() > 0)
            .map(|(room, _)| *room);
        evictable.min_by_key(|room| self.recent.iter().position(|recent| recent == room))
    }
}
