//! Own messages that are not acknowledged: the timeline shows them at its end until their event arrives.

use super::RoomState;
use crate::{
    model::{Delivery, Message, MessageId},
    timeline::TimelineUpdate,
};

impl RoomState {
    /// Shows a message of the send queue, or its new state.
    pub(in crate::client) fn queued(&mut self, message: Message) {
        self.echoes.insert(message.id, false);
        self.updates.push_back(TimelineUpdate::Message(message));
    }

    /// Sets the delivery state of a message of the send queue.
    pub(in crate::client) fn set_delivery(&mut self, id: MessageId, delivery: Delivery) {
        if self.echoes.contains_key(&id) {
            self.updates.push_back(TimelineUpdate::Delivery(id, delivery));
        }
    }

    /// Returns `true` if the timeline shows this message of the send queue.
    pub(in crate::client) fn shows_queued(&self, id: MessageId) -> bool {
        self.echoes.contains_key(&id)
    }

    /// Removes a message of the send queue.
    pub(in crate::client) fn discarded(&mut self, id: MessageId) {
        if self.echoes.remove(&id).is_some() {
            self.updates.push_back(TimelineUpdate::Discarded(id));
        }
    }

    /// The server has acknowledged a message, which has this sequence number. Its row stays until the message itself arrives,
    /// which has its ord; without a subscription the next page has it.
    pub(in crate::client) fn acknowledged(&mut self, id: MessageId, seq: u64) {
        if self.live.is_none_or(|live| seq <= live) {
            self.discarded(id);
        } else if let Some(is_acknowledged) = self.echoes.get_mut(&id) {
            *is_acknowledged = true;
        }
    }

    /// An own message is in the log: it is not shown as queued any more.
    pub(super) fn remove_echo(&mut self, message: &Message) -> bool {
        message.own && self.echoes.remove(&message.id).is_some()
    }

    /// A window has all events after the position: acknowledged messages that are still shown as queued are in a gap.
    pub(super) fn discard_acknowledged(&mut self) {
        let acknowledged: Vec<_> =
            self.echoes.iter().filter(|(_, is_acknowledged)| **is_acknowledged).map(|(id, _)| *id).collect();
        acknowledged.into_iter().for_each(|id| self.discarded(id));
    }
}
