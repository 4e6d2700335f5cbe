//! A room: its subscribers, and the messages that are delivered to them together.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use parlour_core::{
    Millis,
    codec::{self, Extension},
    limits::TokenBucket,
    model::MessageId,
    wire,
};

use super::{
    connection_table::ConnectionId,
    nick_registry::NickRegistry,
    output::{Output, Outputs},
    presence::{MemberSnapshot, PresenceChanges},
    recent_messages::RecentMessages,
};
use crate::conn::frame;

/// The interval between presence updates to rich clients. The first change after a quiet interval is sent at
/// once.
pub const PRESENCE_INTERVAL_MS: Millis = 100;
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

/// Subscribers that receive the same encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Basic clients.
    Basic,
    /// Rich clients without batches.
    Rich,
    /// Rich clients that accept batches.
    Batch,
}

/// One room.
#[derive(Debug)]
pub struct Room {
    groups: [Arc<Vec<ConnectionId>>; 3],
    /// Committed messages that are not delivered yet, encoded.
    messages: Vec<Bytes>,
    deliveries: TokenBucket,
    /// The time at which `messages` are delivered, if the delivery was postponed.
    delivery_due: Option<Millis>,
    acks: Vec<(ConnectionId, Vec<wire::Accepted>)>,
    /// The recent messages cache.
    pub recent: RecentMessages,
    changes: PresenceChanges,
    presence_sent_at: Option<Millis>,
    snapshot: MemberSnapshot,
    list_dirty: bool,
    list_sent_at: Option<Millis>,
}

impl Room {
    /// A room without subscribers.
    #[must_use]
    pub fn new(recent: RecentMessages) -> Self {
        Self {
            groups: Default::default(),
            messages: Vec::new(),
            deliveries: TokenBucket::new(DELIVERY_RATE.0, DELIVERY_RATE.1, 0),
            delivery_due: None,
            acks: Vec::new(),
            recent,
            changes: PresenceChanges::default(),
            presence_sent_at: None,
            snapshot: MemberSnapshot::default(),
            list_dirty: false,
            list_sent_at: None,
        }
    }

    fn group(&mut self, group: Group) -> &mut Vec<ConnectionId> {
        // Copied only while an output still refers to the previous list.
        Arc::make_mut(&mut self.groups[group as usize])
    }

    /// Subscribes a connection. Returns its index for [`unsubscribe`](Self::unsubscribe).
    pub fn subscribe(&mut self, conn: ConnectionId, group: Group) -> usize {
        let group = self.group(group);
        group.push(conn);
        group.len() - 1
    }

    /// Unsubscribes a connection. Returns the connection that now has its index, if one was moved.
    pub fn unsubscribe(&mut self, group: Group, index: usize) -> Option<ConnectionId> {
        let group = self.group(group);
        if index < group.len() {
            group.swap_remove(index);
        }
        group.get(index).copied()
    }

    /// Removes all subscribers.
    pub fn unsubscribe_all(&mut self) {
        self.groups = Default::default();
    }

    /// Queues a committed message, encoded, for delivery to all subscribers including the sender. Called in
    /// log order.
    pub fn publish(&mut self, ord: u64, id: MessageId, message: Bytes) {
        self.recent.push(ord, id, message.clone());
        self.messages.push(message);
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
        if self.messages.is_empty() {
            return;
        }
        let messages = std::mem::take(&mut self.messages);
        let [basic, rich, batch] = &self.groups;
        if !(basic.is_empty() && rich.is_empty() && (batch.is_empty() || messages.len() > 1)) {
            // Split so that no buffer is larger than a write queue.
            for part in batches(messages.clone()) {
                let frames = frame::binaries(&part);
                out.fanout(basic, &frames);
                out.fanout(rich, &frames);
                if messages.len() == 1 {
                    return out.fanout(batch, &frames);
                }
            }
        }
        if !batch.is_empty() {
            for part in batches(messages) {
                out.fanout(batch, &frame::binary(&codec::batch(part)));
            }
        }
    }

    /// Records that a member came online or left, for the next presence update and member list.
    pub fn note_presence(&mut self, nick: &Arc<str>, online: bool) {
        self.changes.note(nick, online);
        self.snapshot.note(nick, online);
        self.list_dirty = true;
    }

    /// Returns `true` if a presence change of this nick has not been published.
    #[must_use]
    pub fn has_pending_presence(&self, nick: &str) -> bool {
        self.changes.contains(nick)
    }

    /// Publishes the presence changes to rich clients, without regard to the interval.
    pub fn publish_presence(&mut self, now: Millis, unix_ms: i64, out: &mut Outputs) {
        self.flush(out);
        self.presence_sent_at = Some(now);
        if let Some(presence) = self.changes.take(unix_ms) {
            let frames = frame::binary(&codec::encode(&presence));
            out.fanout(&self.groups[Group::Rich as usize], &frames);
            out.fanout(&self.groups[Group::Batch as usize], &frames);
        }
    }

    /// The time from which the presence changes may be published, if there are any.
    #[must_use]
    pub fn presence_due(&self) -> Option<Millis> {
        (!self.changes.is_empty()).then(|| self.presence_sent_at.map_or(0, |at| at + PRESENCE_INTERVAL_MS))
    }

    /// The time from which the member list may be sent to basic clients, if it has changed and there are any.
    #[must_use]
    pub fn list_due(&self) -> Option<Millis> {
        let is_needed = self.list_dirty && !self.groups[Group::Basic as usize].is_empty();
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
        if self.groups[Group::Basic as usize].is_empty() {
            return;
        }
        if self.list_due().is_some_and(|due| due <= now) {
            self.list_dirty = false;
            self.list_sent_at = Some(now);
            envelope.user_list = list(nicks);
        }
        out.fanout(&self.groups[Group::Basic as usize], &frame::binary(&codec::encode(&envelope)));
    }

    /// Sends the member list to a basic client that has just joined, or to all of them if it is due.
    pub fn send_list(&mut self, now: Millis, conn: ConnectionId, nicks: &NickRegistry, out: &mut Outputs) {
        if self.list_due().is_some_and(|due| due <= now) {
            self.send_to_basic(now, codec::Envelope::default(), nicks, out);
        } else {
            out.send(conn, &codec::Envelope { user_list: list(nicks), ..codec::Envelope::default() });
        }
    }

    /// The number of entries in all tables, without the recent messages cache, which has bounds of its own.
    #[must_use]
    pub fn table_size(&self) -> usize {
        let subscribers = self.groups.iter().map(|group| group.len()).sum::<usize>();
        subscribers + self.messages.len() + self.acks.len() + self.changes.len() + self.snapshot.table_size()
    }

    /// Sends the member list to one rich client: the pages of the cached snapshot, and the changes since it
    /// was encoded.
    pub fn send_snapshot(
        &mut self,
        conn: ConnectionId,
        unix_ms: i64,
        nicks: &NickRegistry,
        out: &mut Outputs,
    ) {
        let (pages, mut since) = self.snapshot.get(nicks);
        for frames in pages {
            out.put(Output::Snapshot { conn, frames: frames.clone() });
        }
        if let Some(presence) = since.take(unix_ms) {
            out.send(conn, &presence);
        }
    }
}

/// The member list of the basic dialect, a map from nick to nick.
pub(super) fn list(nicks: &NickRegistry) -> BTreeMap<String, String> {
    codec::user_list(nicks.members().take(MAX_LISTED_NICKS).map(|nick| nick.to_string()))
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
