//! The lobby as basic clients know it: delivery of its messages to them, and the member list. And acknowledgements, which are
//! sent together after each round.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use parlour_core::{
    Millis,
    codec::{self, Extension},
    limits::TokenBucket,
    model::{MessageId, RoomId},
    wire,
};

use super::{connection_table::ConnectionId, nick_registry::NickRegistry, output::Outputs, rooms::events};
use crate::{conn::frame, store::StoredMessage};

/// The delivery rate of a room, per minute and at once. Up to this rate each message is delivered by itself;
/// above it, messages that arrive within 5 ms are delivered together: browsers draw less often than that, and a
/// delivery costs browser and server more than a message.
pub(super) const DELIVERY_RATE: (u32, u32) = (12_000, 20);
/// The interval between member lists to basic clients.
pub const LIST_INTERVAL_MS: Millis = 1000;
/// The most nicks in a basic client's member list.
pub const MAX_LISTED_NICKS: usize = 1000;
/// The most messages of one batch.
const MAX_BATCH_MESSAGES: usize = 256;
/// The most bytes of one batch.
const MAX_BATCH_BYTES: usize = 48 * 1024;

/// The lobby of basic clients.
#[derive(Debug)]
pub struct Room {
    subscribers: Arc<Vec<ConnectionId>>,
    /// Committed messages that are not delivered yet, encoded.
    messages: Vec<Bytes>,
    deliveries: TokenBucket,
    /// The time at which `messages` are delivered, if the delivery was postponed.
    delivery_due: Option<Millis>,
    acks: Vec<(ConnectionId, Vec<wire::Accepted>)>,
    list_dirty: bool,
    list_sent_at: Option<Millis>,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            subscribers: Arc::default(),
            messages: Vec::new(),
            deliveries: TokenBucket::new(DELIVERY_RATE.0, DELIVERY_RATE.1, 0),
            delivery_due: None,
            acks: Vec::new(),
            list_dirty: false,
            list_sent_at: None,
        }
    }
}

impl Room {
    /// Subscribes a connection. Returns its index for [`unsubscribe`](Self::unsubscribe).
    pub fn subscribe(&mut self, conn: ConnectionId) -> usize {
        // Copied only while an output still refers to the previous list.
        let subscribers = Arc::make_mut(&mut self.subscribers);
        subscribers.push(conn);
        subscribers.len() - 1
    }

    /// Unsubscribes a connection. Returns the connection that now has its index, if one was moved.
    pub fn unsubscribe(&mut self, index: usize) -> Option<ConnectionId> {
        let subscribers = Arc::make_mut(&mut self.subscribers);
        if index < subscribers.len() {
            subscribers.swap_remove(index);
        }
        subscribers.get(index).copied()
    }

    /// Removes all subscribers.
    pub fn unsubscribe_all(&mut self) {
        self.subscribers = Arc::default();
    }

    /// Queues a committed message for delivery to all subscribers including the sender. Called in log order.
    pub fn publish(&mut self, message: &StoredMessage) {
        if self.subscribers.is_empty() {
            return;
        }
        let StoredMessage { id, place, sender, nick, content, state, .. } = message;
        let (id, place, sender, state) = (*id, *place, *sender, *state);
        let room = RoomId::LOBBY;
        self.messages.push(events::message(&events::Message {
            room,
            id,
            place,
            sender,
            nick,
            content,
            state,
        }));
    }

    /// Queues an acknowledgement for a sender.
    pub fn acknowledge(&mut self, conn: ConnectionId, id: MessageId, seq: u64, time: i64) {
        let accepted = wire::Accepted { id: id.0.to_vec(), seq, time };
        match self.acks.last_mut() {
            Some((last, list)) if *last == conn => list.push(accepted),
            _ => self.acks.push((conn, vec![accepted])),
        }
    }

    /// Delivers the queued messages, unless the delivery rate postpones them.
    pub fn deliver(&mut self, now: Millis, out: &mut Outputs) {
        // Acknowledgements are not postponed: a client that waits for one may not send its next message.
        self.flush_acks(out);
        if self.messages.is_empty() || self.delivery_due.is_some_and(|due| now < due) {
            return;
        }
        match self.deliveries.take(now) {
            Ok(()) => self.flush(out),
            Err(wait) => self.delivery_due = Some(now + wait),
        }
    }

    /// The time at which the queued messages are due, if they were postponed.
    #[must_use]
    pub fn delivery_due(&self) -> Option<Millis> {
        self.delivery_due
    }

    fn flush_acks(&mut self, out: &mut Outputs) {
        for (conn, accepted) in self.acks.drain(..) {
            out.send(conn, &codec::extension(Extension::Ack(wire::Ack { accepted })));
        }
    }

    /// Delivers the queued messages at once: before a connection subscribes, and before subscribers are sent
    /// anything that happened later.
    pub fn flush(&mut self, out: &mut Outputs) {
        self.delivery_due = None;
        self.flush_acks(out);
        let messages = std::mem::take(&mut self.messages);
        if messages.is_empty() || self.subscribers.is_empty() {
            return;
        }
        // Split so that no buffer is larger than a write queue.
        for part in batches(messages) {
            out.fanout(&self.subscribers, &frame::binaries(&part));
        }
    }

    /// Records that the members online have changed, for the next member list.
    pub fn members_changed(&mut self) {
        self.list_dirty = true;
    }

    /// The time from which the member list may be sent to basic clients, if it has changed and there are any.
    #[must_use]
    pub fn list_due(&self) -> Option<Millis> {
        let is_needed = self.list_dirty && !self.subscribers.is_empty();
        is_needed.then(|| self.list_sent_at.map_or(0, |at| at + LIST_INTERVAL_MS))
    }

    /// Sends an envelope to all basic clients, with the member list if that is due.
    pub fn send_to_basic(
        &mut self,
        now: Millis,
        mut envelope: codec::Envelope,
        nicks: &NickRegistry,
        out: &mut Outputs,
    ) {
        if self.subscribers.is_empty() {
            return;
        }
        if self.list_due().is_some_and(|due| due <= now) {
            self.list_dirty = false;
            self.list_sent_at = Some(now);
            envelope.user_list = list(nicks);
        }
        out.fanout(&self.subscribers, &frame::binary(&codec::encode(&envelope)));
    }

    /// Sends the member list to a basic client that has just joined, or to all of them if it is due.
    pub fn send_list(&mut self, now: Millis, conn: ConnectionId, nicks: &NickRegistry, out: &mut Outputs) {
        if self.list_due().is_some_and(|due| due <= now) {
            self.send_to_basic(now, codec::Envelope::default(), nicks, out);
        } else {
            out.send(conn, &codec::Envelope { user_list: list(nicks), ..codec::Envelope::default() });
        }
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.subscribers.len() + self.messages.len() + self.acks.len()
    }
}

/// The member list of the basic dialect, a map from nick to nick.
pub(super) fn list(nicks: &NickRegistry) -> BTreeMap<String, String> {
    codec::user_list(nicks.members().take(MAX_LISTED_NICKS).map(|(_, nick, _)| nick.to_string()))
}

/// Splits messages into batches.
pub(super) fn batches(messages: Vec<Bytes>) -> Vec<Vec<Bytes>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = 0;
    for message in messages {
        if let Some(part) = parts.last_mut()
            && (part.is_empty()
                || (part.len() < MAX_BATCH_MESSAGES && bytes + message.len() < MAX_BATCH_BYTES))
        {
            bytes += message.len();
            part.push(message);
        } else {
            bytes = message.len();
            parts.push(vec![message]);
        }
    }
    parts
}
