//! Own messages that are not acknowledged yet: a lane for each room.
//!
//! Each lane is a [`SendQueue`] and keeps its own order over refusals, reconnects and restarts. A lane that waits, because
//! a message is being persisted or the server has refused it temporarily, does not hold up the others. The lanes take turns,
//! so that a long one does not delay a short one. Only a message that may have ended earlier connections concerns all of
//! them: it is sent alone.

use crate::sorted::SortedMap;
use crate::{
    Millis,
    limits::{LANE_MESSAGES, SEND_QUEUE_MESSAGES},
    model::{MessageId, RoomId},
    send_queue::{QueuedMessage, SendQueue, Stage, order_after},
    status::Status,
};

/// The queue of a room.
#[derive(Debug, Default)]
struct Lane {
    queue: SendQueue,
    /// No message of the room is sent before this time, because of a temporary refusal.
    paused_until: Millis,
    /// The messages that the server has refused temporarily on this connection, in the order in which it waits for them. It
    /// refuses all others until then: also one that was written earlier, and that the user sends again.
    awaited: Vec<MessageId>,
}

impl Lane {
    /// The first message to send.
    fn next(&self) -> Option<&QueuedMessage> {
        let mut awaited = self.awaited.iter().filter_map(|id| self.queue.get(*id));
        awaited.find(|message| message.stage == Stage::Queued).or_else(|| self.queue.next_queued())
    }

    /// The server has refused messages: the first of them for a reason, the others because of the order. If it could not
    /// store the first, it waits for that before all that were written later. See [`Lane::awaited`].
    fn refused(&mut self, ids: &[MessageId], is_stored_first: bool) {
        let order = |id: MessageId| self.queue.get(id).map(|message| message.order);
        for id in ids.iter().filter(|id| !self.awaited.contains(*id)).copied().collect::<Vec<_>>() {
            let is_later = |other: &MessageId| is_stored_first && order(*other) > order(id);
            let at = self.awaited.iter().position(is_later).unwrap_or(self.awaited.len());
            self.awaited.insert(at, id);
        }
    }
}

/// The message to send next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This message.
    Message(RoomId, MessageId),
    /// None before this time.
    Wait(Millis),
    /// None before the messages in flight are acknowledged.
    Held,
    /// None.
    Nothing,
}

/// The lanes of an account.
#[derive(Debug, Default)]
pub(super) struct SendLanes {
    /// Those with messages.
    lanes: SortedMap<RoomId, Lane>,
    /// The room whose message was sent last.
    last_sent: Option<RoomId>,
    /// The highest order of a message that was in a lane, or that another tab has sent.
    last_order: u64,
}

impl SendLanes {
    /// Inserts a message into the lane of its room, in its order. `false` when the id is already there.
    ///
    /// # Errors
    /// [`Status::QueueFull`] when the lane has [`LANE_MESSAGES`], or all lanes together have [`SEND_QUEUE_MESSAGES`].
    pub fn push(&mut self, room: RoomId, message: QueuedMessage) -> Result<bool, Status> {
        if self.find(message.id).is_some() {
            return Ok(false);
        }
        let is_full = self.lanes.get(&room).is_some_and(|lane| lane.queue.len() >= LANE_MESSAGES);
        if is_full || self.len() >= SEND_QUEUE_MESSAGES {
            return Err(Status::QueueFull);
        }
        self.raise_order(message.order);
        Ok(self.lanes.or_default(room).queue.push(message))
    }

    /// The number of messages in all lanes.
    pub fn len(&self) -> usize {
        self.lanes.values().map(|lane| lane.queue.len()).sum()
    }

    /// The order of a message that is written at this time (Unix ms), after all earlier ones.
    pub fn next_order(&self, time: i64) -> u64 {
        order_after(self.last_order, time)
    }

    /// The order of the last message.
    pub fn last_order(&self) -> u64 {
        self.last_order
    }

    /// Messages that are written from now on come after this order.
    pub fn raise_order(&mut self, order: u64) {
        self.last_order = self.last_order.max(order);
    }

    /// The room of the message with an id.
    pub fn find(&self, id: MessageId) -> Option<RoomId> {
        self.lanes.iter().find(|(_, lane)| lane.queue.get(id).is_some()).map(|(room, _)| *room)
    }

    /// The message with an id.
    pub fn get(&self, room: RoomId, id: MessageId) -> Option<&QueuedMessage> {
        self.lanes.get(&room)?.queue.get(id)
    }

    /// The message with an id, to be changed.
    pub fn get_mut(&mut self, room: RoomId, id: MessageId) -> Option<&mut QueuedMessage> {
        self.lanes.get_mut(&room)?.queue.get_mut(id)
    }

    /// All messages, by room and in the order of each lane.
    pub fn iter(&self) -> impl Iterator<Item = (RoomId, &QueuedMessage)> {
        self.lanes.iter().flat_map(|(room, lane)| lane.queue.iter().map(|message| (*room, message)))
    }

    /// All messages, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (RoomId, &mut QueuedMessage)> {
        self.lanes.iter_mut().flat_map(|(room, lane)| lane.queue.iter_mut().map(|message| (*room, message)))
    }

    /// Removes a message that was acknowledged or discarded.
    pub fn remove(&mut self, room: RoomId, id: MessageId) -> Option<QueuedMessage> {
        let lane = self.lanes.get_mut(&room)?;
        lane.awaited.retain(|awaited| *awaited != id);
        let removed = lane.queue.remove(id);
        if lane.queue.is_empty() {
            self.lanes.remove(&room);
        }
        removed
    }

    /// Removes the lane of a room. Returns its messages.
    pub fn remove_room(&mut self, room: RoomId) -> Vec<QueuedMessage> {
        self.lanes.remove(&room).map(|lane| lane.queue.iter().cloned().collect()).unwrap_or_default()
    }

    /// The changes up to this ticket are persisted: the messages among them are ready to send.
    pub fn persisted(&mut self, ticket: u64) {
        self.lanes.values_mut().for_each(|lane| lane.queue.persisted(ticket));
    }

    /// The message to send next, on a connection that is stable from `stable_at` on.
    pub fn next(&self, now: Millis, stable_at: Millis) -> Next {
        let in_flight = || self.iter().filter(|(_, message)| message.stage == Stage::InFlight);
        if in_flight().any(|(_, message)| message.is_suspect()) {
            return Next::Held;
        }
        let mut first = None;
        let mut wait: Option<Millis> = None;
        // In turn, beginning with the room after the last one.
        let is_later = |room: &RoomId| self.last_sent.is_some_and(|last| *room > last);
        let (later, earlier): (Vec<_>, Vec<_>) = self.lanes.iter().partition(|(room, _)| is_later(room));
        for (room, lane) in later.into_iter().chain(earlier) {
            let Some(message) = lane.next() else { continue };
            let stable_at = if message.needs_stable_connection() { stable_at } else { 0 };
            let ready_at = lane.paused_until.max(stable_at);
            if ready_at > now {
                wait = Some(wait.map_or(ready_at, |wait| wait.min(ready_at)));
            } else if message.is_suspect() {
                // Also ahead of the other lanes. Otherwise they might go on for ever.
                let is_alone = in_flight().next().is_none();
                return if is_alone { Next::Message(*room, message.id) } else { Next::Held };
            } else {
                first.get_or_insert(Next::Message(*room, message.id));
            }
        }
        first.or(wait.map(Next::Wait)).unwrap_or(Next::Nothing)
    }

    /// A message was sent.
    pub fn sent(&mut self, room: RoomId, id: MessageId) {
        self.last_sent = Some(room);
        if let Some(message) = self.get_mut(room, id) {
            message.stage = Stage::InFlight;
        }
    }

    /// Requeues a message that the server has refused temporarily, and those of its room in flight after it, which the server
    /// has refused too, to preserve the order. `pause` is when the lane continues. Returns the ids.
    pub fn requeue_from(
        &mut self,
        room: RoomId,
        id: MessageId,
        status: Status,
        pause: Option<Millis>,
    ) -> Vec<MessageId> {
        let Some(lane) = self.lanes.get_mut(&room) else { return Vec::new() };
        lane.paused_until = lane.paused_until.max(pause.unwrap_or(0));
        let requeued = lane.queue.requeue_from(id);
        lane.refused(&requeued, status == Status::LogUnavailable);
        requeued
    }

    /// The server has refused a message for good, and does not wait for it.
    pub fn failed(&mut self, room: RoomId, id: MessageId, status: Status) -> Option<&QueuedMessage> {
        let lane = self.lanes.get_mut(&room)?;
        lane.awaited.retain(|awaited| *awaited != id);
        let message = lane.queue.get_mut(id)?;
        message.stage = Stage::Failed(status);
        Some(message)
    }

    /// The connection has ended: no lane is paused any more, and the server waits for no message.
    pub fn resume(&mut self) {
        for lane in self.lanes.values_mut() {
            lane.paused_until = 0;
            lane.awaited.clear();
        }
    }

    /// Blames the messages in flight for the end of the connection, see [`SendQueue::blame_in_flight`]. If there are none, the
    /// messages that wait for a stable connection are acquitted. Not otherwise: the message of another lane may be the cause.
    /// Returns the changed messages.
    pub fn blame_in_flight(&mut self, too_big: bool) -> Vec<(RoomId, QueuedMessage)> {
        if self.iter().any(|(_, message)| message.stage == Stage::InFlight) {
            self.in_each_lane(|queue| queue.blame_in_flight(too_big))
        } else {
            self.in_each_lane(SendQueue::acquit_waiting)
        }
    }

    /// Messages did not end the connection, see [`SendQueue::acquit`]. Returns the changed ones.
    pub fn acquit(&mut self) -> Vec<(RoomId, QueuedMessage)> {
        self.in_each_lane(SendQueue::acquit)
    }

    fn in_each_lane(
        &mut self,
        change: impl Fn(&mut SendQueue) -> Vec<QueuedMessage>,
    ) -> Vec<(RoomId, QueuedMessage)> {
        let lanes = self.lanes.iter_mut();
        lanes
            .flat_map(|(room, lane)| change(&mut lane.queue).into_iter().map(|message| (*room, message)))
            .collect()
    }
}

#[cfg(test)]
mod tests;
