//! Tabs evict messages from memory, as those of long rooms do: a range of a room that is far from the viewport, or everything
//! of a room that was not open for long. They load them again when they are needed.

use parlour_core::{client::state::ClientState, model::Delivery, ranges::Range, timeline::TimelineUpdate};

use super::{tab::Shown, world::World};

/// The maximum number of messages in memory of a tab that evicts.
const MEMORY_LIMIT: u64 = 40;

impl World {
    /// Limits the memory of a new tab.
    pub fn limit_memory(&self, state: &mut ClientState) {
        if self.plan.evictions && self.faults {
            state.set_memory_limit(MEMORY_LIMIT);
        }
    }

    /// Nothing is evicted any more.
    pub fn end_evictions(&mut self) {
        for at in 0..self.tabs.len() {
            if let Some(state) = self.state_mut(at) {
                state.set_memory_limit(u64::MAX);
            }
        }
    }

    /// A tab evicts some messages of a room.
    pub fn evict_something(&mut self, at: usize) {
        let rooms: Vec<_> = self.tabs[at].shown.timelines.keys().copied().collect();
        let Some(&room) = rooms.get(self.rng.index(rooms.len())) else { return };
        let Some(known) = self.tabs[at].state().and_then(|state| state.room(room)).map(|room| room.known())
        else {
            return;
        };
        let known: Vec<_> = known.iter().collect();
        let Some(&range) = known.get(self.rng.index(known.len())) else { return };
        let from = range.from + self.rng.below(range.to - range.from);
        let to = from + 1 + self.rng.below(range.to - from);
        self.tally.count("evictions");
        self.tabs[at].shown.evict(room, Range { from, to });
        if let Some(state) = self.state_mut(at) {
            state.handle_evicted(room, Range { from, to });
        }
        self.drain(at);
    }
}

impl Shown {
    /// Removes the messages of this range from a timeline, which gets new gaps afterwards. Messages that are not acknowledged
    /// stay.
    fn evict(&mut self, room: parlour_core::model::RoomId, range: Range) {
        let mut messages = self.messages(room);
        messages.retain(|message| !(range.from < message.ord && message.ord <= range.to));
        let (sent, own): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| message.delivery == Delivery::Sent);
        let mut timeline = super::tab::timeline();
        timeline.apply(TimelineUpdate::Page(sent));
        own.into_iter().for_each(|message| timeline.apply(TimelineUpdate::Message(message)));
        self.timelines.insert(room, timeline);
    }
}
