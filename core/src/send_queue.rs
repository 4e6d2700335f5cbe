//! Own messages of one room that are not acknowledged yet, in the order in which they were written.

use std::{collections::VecDeque, sync::Arc};

use crate::{Millis, model::MessageId, status::Status};

/// The progress of a queued message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Being persisted, by the changes with this ticket; not to be sent before that is done.
    Persisting(u64),
    /// Ready to send.
    Queued,
    /// Sent on this connection, not acknowledged.
    InFlight,
    /// Failed for this reason; only the user can send it again.
    Failed(Status),
}

/// A message in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMessage {
    /// The idempotency key, the same in every attempt.
    pub id: MessageId,
    /// The text.
    pub content: Arc<str>,
    /// The time at which it was written, Unix ms.
    pub time: i64,
    /// The progress.
    pub stage: Stage,
    /// The sort key among this device's messages; larger than that of every earlier one.
    pub order: u64,
    /// The number of connections in a row that ended soon after this message was sent on them.
    pub ended: u8,
    /// The number of them that were closed because a message was too big.
    pub too_big: u8,
}

/// A connection that ends later than this after a message was sent has not ended because of it, in ms.
const BLAME_WITHIN_MS: Millis = 2_000;
/// A message fails when it has ended this many connections.
const MAX_ENDED: u8 = 3;
/// A message fails when this many connections were closed because it was too big.
const MAX_TOO_BIG: u8 = 2;

/// The possible cause of the end of a connection with messages in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// One of the messages, because it was too big for the server, or a proxy before it.
    TooBig,
    /// One of the messages, or the network.
    Ended,
    /// The network: the connection has outlived the messages.
    Network,
}

/// The possible cause of the end of a connection with this status. `age` is the time in ms since the last message was sent
/// whose processing the server has not confirmed.
///
/// A server that stops, or another login of the session, end it without regard to messages: `None`. So does a connection on
/// which nothing arrives any more, which has not ended.
#[must_use]
pub fn blame(status: Status, age: Option<Millis>) -> Option<Blame> {
    match status {
        Status::MessageTooBig | Status::FrameTooLarge => Some(Blame::TooBig),
        Status::ProtocolError
        | Status::UnsupportedData
        | Status::NoStatus
        | Status::Abnormal
        | Status::InvalidText
        | Status::Policy
        | Status::ServerError
        | Status::BadFrame
        | Status::Internal
        | Status::Other(_) => {
            let is_recent = age.is_some_and(|age| age <= BLAME_WITHIN_MS);
            Some(if is_recent { Blame::Ended } else { Blame::Network })
        }
        _ => None,
    }
}

impl QueuedMessage {
    /// A message that has not been sent. `time` is in Unix ms.
    #[must_use]
    pub fn new(id: MessageId, content: Arc<str>, time: i64, order: u64, stage: Stage) -> Self {
        Self { id, content, time, stage, order, ended: 0, too_big: 0 }
    }

    /// The reason why this message must not be sent again, if it must not.
    #[must_use]
    pub fn verdict(&self) -> Option<Status> {
        if self.too_big >= MAX_TOO_BIG {
            return Some(Status::ContentTooLong);
        }
        (self.ended >= MAX_ENDED).then_some(Status::EndsConnection)
    }

    /// Returns `true` if it is sent alone, so that no other message is blamed for what it does: it fails if it ends
    /// another connection.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.ended + 1 >= MAX_ENDED || self.too_big + 1 >= MAX_TOO_BIG
    }

    /// Returns `true` if it is sent only on a connection that has lasted without it. The close code says nothing, so
    /// the network may have ended the earlier ones.
    #[must_use]
    pub fn needs_stable_connection(&self) -> bool {
        self.is_suspect() && self.too_big == 0
    }

    fn acquit(&mut self) {
        if !matches!(self.stage, Stage::Failed(_)) {
            self.ended = 0;
        }
    }

    /// The user sends the failed message again: it gets one more chance.
    pub fn pardon(&mut self) {
        self.stage = Stage::Queued;
        self.ended = self.ended.min(MAX_ENDED - 1);
        self.too_big = self.too_big.min(MAX_TOO_BIG - 1);
    }
}

/// The queue. A message leaves it only by being acknowledged or discarded.
#[derive(Debug, Default)]
pub struct SendQueue {
    messages: VecDeque<QueuedMessage>,
}

impl SendQueue {
    /// Inserts a message in its order, which is the end for a new one. Returns `false`, and changes nothing, when the
    /// id is already in the queue.
    pub fn push(&mut self, message: QueuedMessage) -> bool {
        if self.get(message.id).is_some() {
            return false;
        }
        let at = self.messages.partition_point(|other| other.order <= message.order);
        self.messages.insert(at, message);
        true
    }

    /// The number of messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Returns `true` if there is no message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The message with an id.
    #[must_use]
    pub fn get(&self, id: MessageId) -> Option<&QueuedMessage> {
        self.messages.iter().find(|message| message.id == id)
    }

    /// The changes up to this ticket are persisted: the messages among them are ready to send.
    pub fn persisted(&mut self, ticket: u64) {
        for message in &mut self.messages {
            if matches!(message.stage, Stage::Persisting(pending) if pending <= ticket) {
                message.stage = Stage::Queued;
            }
        }
    }

    /// The first message to send. None while an earlier message is being persisted, because messages must be sent in
    /// order.
    #[must_use]
    pub fn next_queued(&self) -> Option<&QueuedMessage> {
        let is_unsent =
            |message: &&QueuedMessage| matches!(message.stage, Stage::Queued | Stage::Persisting(_));
        self.messages.iter().find(is_unsent).filter(|message| message.stage == Stage::Queued)
    }

    /// Changes the stage of a message; `false` when it is not in the queue.
    pub fn set(&mut self, id: MessageId, stage: Stage) -> bool {
        self.get_mut(id).map(|message| message.stage = stage).is_some()
    }

    /// Requeues a message that the server has refused temporarily, and all messages in flight after it: the server has
    /// refused these too, to preserve the order. Returns their ids, none when the message is not in flight.
    pub fn requeue_from(&mut self, id: MessageId) -> Vec<MessageId> {
        let in_flight = |message: &QueuedMessage| message.stage == Stage::InFlight;
        let Some(at) = self.messages.iter().position(|message| message.id == id && in_flight(message)) else {
            return Vec::new();
        };
        let requeue = |message: &mut QueuedMessage| {
            message.stage = Stage::Queued;
            message.id
        };
        self.messages.iter_mut().skip(at).filter(|message| in_flight(message)).map(requeue).collect()
    }

    /// Blames the messages in flight for the end of the connection: otherwise they would be sent again, and end the next
    /// one too. Any of them may be the cause, or the network. So a message fails only after several times, and before the
    /// last one it is sent alone. Returns the changed messages.
    pub fn blame_in_flight(&mut self, too_big: bool) -> Vec<QueuedMessage> {
        let mut changed = Vec::new();
        for message in self.messages.iter_mut().filter(|message| message.stage == Stage::InFlight) {
            message.ended = message.ended.saturating_add(1);
            message.too_big = message.too_big.saturating_add(too_big.into());
            changed.push(message.clone());
        }
        changed
    }

    /// The connection has ended without any message in flight: the messages that wait for a stable one did not end the earlier
    /// ones. Returns the changed messages.
    pub fn acquit_waiting(&mut self) -> Vec<QueuedMessage> {
        let waiting = self.messages.iter_mut().filter(|message| message.needs_stable_connection());
        waiting.map(|message| (message.acquit(), message.clone()).1).collect()
    }

    /// The network ends connections, or the server can't be reached, without regard to messages. Returns the changed ones.
    pub fn acquit(&mut self) -> Vec<QueuedMessage> {
        let blamed = self.messages.iter_mut().filter(|message| message.ended > 0 && message.too_big == 0);
        blamed.map(|message| (message.acquit(), message.clone()).1).collect()
    }

    /// Changes a message; `None` when it is not in the queue.
    pub fn get_mut(&mut self, id: MessageId) -> Option<&mut QueuedMessage> {
        self.messages.iter_mut().find(|message| message.id == id)
    }

    /// Removes a message that was acknowledged or discarded.
    pub fn remove(&mut self, id: MessageId) -> Option<QueuedMessage> {
        let at = self.messages.iter().position(|message| message.id == id)?;
        self.messages.remove(at)
    }

    /// All messages, in order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut QueuedMessage> {
        self.messages.iter_mut()
    }

    /// All messages, in order.
    pub fn iter(&self) -> impl Iterator<Item = &QueuedMessage> {
        self.messages.iter()
    }
}

/// The order of a message that is written at `time` (Unix ms), above `last`. It is derived from the time so that the
/// messages of several tabs can be sorted.
pub(crate) fn order_after(last: u64, time: i64) -> u64 {
    let by_clock = u64::try_from(time).unwrap_or(0).saturating_mul(1000);
    by_clock.max(last.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(id: MessageId) -> QueuedMessage {
        QueuedMessage::new(id, "x".into(), 0, 0, Stage::Queued)
    }

    #[test]
    fn messages_keep_their_order_through_failures() {
        let mut queue = SendQueue::default();
        let ids: Vec<_> = (1..=3).map(|n| MessageId([n; 16])).collect();
        for id in &ids {
            assert!(queue.push(queued(*id)));
        }
        queue.set(ids[0], Stage::InFlight);
        queue.set(ids[1], Stage::Failed(Status::ContentTooLong));
        assert_eq!(queue.next_queued().unwrap().id, ids[2]);
        queue.set(ids[0], Stage::Queued);
        assert_eq!(queue.next_queued().unwrap().id, ids[0]);
        assert!(queue.remove(ids[0]).is_some());
        assert!(queue.remove(ids[0]).is_none());
        assert!(!queue.set(ids[0], Stage::Queued));
        queue.set(ids[1], Stage::Queued);
        assert_eq!(queue.next_queued().unwrap().id, ids[1]);
    }

    #[test]
    fn requeueing_a_message_requeues_all_in_flight_after_it() {
        let mut queue = SendQueue::default();
        let ids: Vec<_> = (1..=4).map(|n| MessageId([n; 16])).collect();
        for id in &ids {
            assert!(queue.push(queued(*id)));
            queue.set(*id, Stage::InFlight);
        }
        queue.set(ids[2], Stage::Failed(Status::ContentTooLong));
        assert_eq!(queue.requeue_from(ids[1]), [ids[1], ids[3]]);
        let stages: Vec<_> = queue.iter().map(|message| message.stage).collect();
        let failed = Stage::Failed(Status::ContentTooLong);
        assert_eq!(stages, [Stage::InFlight, Stage::Queued, failed, Stage::Queued]);
        assert_eq!(queue.requeue_from(ids[1]), [], "it is no longer in flight");
    }

    #[test]
    fn no_message_is_sent_before_an_earlier_one_is_persisted() {
        let mut queue = SendQueue::default();
        let ids: Vec<_> = (1..=2).map(|n| MessageId([n; 16])).collect();
        let order = order_after(0, 7);
        queue.push(QueuedMessage { stage: Stage::Persisting(1), order, ..queued(ids[0]) });
        let order = order_after(order, 7);
        assert_eq!((order, order_after(9_000, 7)), (7_001, 9_001));
        queue.push(QueuedMessage { order, ..queued(ids[1]) });
        assert!(!queue.push(queued(ids[1])), "it is in the queue already");
        assert_eq!(queue.next_queued(), None);
        queue.persisted(0);
        assert_eq!(queue.next_queued(), None);
        queue.persisted(1);
        assert_eq!(queue.next_queued().unwrap().id, ids[0]);
    }
}
