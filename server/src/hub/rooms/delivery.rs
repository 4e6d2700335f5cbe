//! Delivery of a room's events to its subscribers. An event is encoded once; all subscribers of an encoding share it.
//!
//! Events that are published together are delivered together. Recent ones are held for subscribers whose state is still
//! being read from the log: a snapshot of the log may be older than what was published meanwhile.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use parlour_core::{Millis, codec, limits::TokenBucket, model::UserId};

use crate::{
    conn::frame,
    hub::{
        connection_table::ConnectionId,
        output::Outputs,
        room::{DELIVERY_RATE, batches},
    },
};

/// The most events that are held for those that are about to subscribe, and the most bytes of them.
const RECENT_EVENTS: usize = 256;
/// See [`RECENT_EVENTS`].
const RECENT_BYTES: usize = 256 * 1024;

/// Subscribers that receive the same encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One event per WebSocket message.
    Single,
    /// Clients that accept batches.
    Batch,
}

/// An account's presence and nick, as it is published next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonChange {
    /// The nick.
    pub nick: Arc<str>,
    /// The account has a connection.
    pub online: bool,
}

/// The events that are held for the subscriptions that wait for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// An event, encoded.
    Event(Bytes),
    /// An account has another nick. It is encoded when it is sent, with the presence of then.
    Nick(UserId, Arc<str>),
}

impl Held {
    fn len(&self) -> usize {
        match self {
            Self::Event(frame) => frame.len(),
            Self::Nick(_, nick) => nick.len(),
        }
    }
}

/// The subscribers of a room, and what is to be delivered to them.
#[derive(Debug)]
pub struct Delivery {
    groups: [Arc<Vec<ConnectionId>>; 2],
    /// Subscriptions that wait for the log.
    waiting: usize,
    /// Published and not delivered yet, by sequence number.
    queue: Vec<Bytes>,
    /// The sequence number of the newest event in `queue`, or of the newest that was delivered.
    head_seq: u64,
    /// The sequence number of the newest delivered event, at the end of the round `round` and of the one before.
    delivered: [u64; 2],
    round: u64,
    rate: TokenBucket,
    /// The time at which `queue` is delivered, if that was postponed.
    due: Option<Millis>,
    /// The newest events while subscriptions wait. Nicks, which belong after an event, have its number.
    recent: VecDeque<(u64, Held)>,
    recent_bytes: usize,
    /// The events up to this one are not in `recent`.
    recent_from: u64,
    /// Changes of presence that are not published yet.
    pub presence: BTreeMap<UserId, PersonChange>,
}

impl Delivery {
    /// A room without subscribers, whose newest event has this sequence number.
    #[must_use]
    pub fn new(head_seq: u64) -> Self {
        Self {
            groups: Default::default(),
            waiting: 0,
            queue: Vec::new(),
            head_seq,
            delivered: [head_seq; 2],
            round: 0,
            rate: TokenBucket::new(DELIVERY_RATE.0, DELIVERY_RATE.1, 0),
            due: None,
            recent: VecDeque::new(),
            recent_bytes: 0,
            recent_from: head_seq,
            presence: BTreeMap::new(),
        }
    }

    /// Holds the events from now on, for a subscription that waits for the log.
    pub fn begin_waiting(&mut self) {
        if self.waiting == 0 {
            self.recent_from = self.head_seq;
        }
        self.waiting += 1;
    }

    /// A subscription does not wait any more.
    pub fn end_waiting(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 {
            (self.recent, self.recent_bytes) = (VecDeque::new(), 0);
        }
    }

    /// The events that were published after a snapshot of the log, and what belongs between them; `None` if the snapshot is so
    /// old that they are not held any more.
    #[must_use]
    pub fn since(&self, seq: u64) -> Option<Vec<Held>> {
        let mut last = self.recent_from;
        let is_later = |(of, _): &&(u64, Held)| {
            let is_event = std::mem::replace(&mut last, *of) != *of;
            if is_event { *of > seq } else { *of >= seq }
        };
        let later = self.recent.iter().filter(is_later).map(|(_, held)| held.clone());
        (seq >= self.recent_from).then(|| later.collect())
    }

    /// Returns `true` if a subscription waits for the log.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// Holds a nick for the subscriptions that wait: it is sent after the newest event.
    pub fn hold_nick(&mut self, account: UserId, nick: &Arc<str>) {
        self.keep_recent(self.head_seq, Held::Nick(account, nick.clone()));
    }

    /// Subscribes a connection. Returns its index for [`unsubscribe`](Self::unsubscribe). The caller delivers the queue
    /// before.
    pub fn subscribe(&mut self, conn: ConnectionId, encoding: Encoding) -> u32 {
        // Copied only while an output still refers to the previous list.
        let group = Arc::make_mut(&mut self.groups[encoding as usize]);
        group.push(conn);
        u32::try_from(group.len() - 1).unwrap_or(u32::MAX)
    }

    /// Unsubscribes a connection. Returns the connection that now has its index, if one was moved.
    pub fn unsubscribe(&mut self, encoding: Encoding, index: u32) -> Option<ConnectionId> {
        let group = Arc::make_mut(&mut self.groups[encoding as usize]);
        if (index as usize) < group.len() {
            group.swap_remove(index as usize);
        }
        group.get(index as usize).copied()
    }

    /// Returns `true` if nobody is subscribed or about to be.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.waiting == 0 && !self.has_subscribers()
    }

    /// Returns `true` if a connection is subscribed.
    #[must_use]
    pub fn has_subscribers(&self) -> bool {
        self.groups.iter().any(|group| !group.is_empty())
    }

    /// Returns `true` if an event would reach anybody, so that it must be encoded.
    #[must_use]
    pub fn needs_events(&self) -> bool {
        !self.is_unused()
    }

    /// Queues an event. Called in the order of the log.
    pub fn publish(&mut self, seq: u64, event: Bytes) {
        self.head_seq = seq;
        if self.waiting > 0 {
            self.keep_recent(seq, Held::Event(event.clone()));
        }
        if self.has_subscribers() {
            self.queue.push(event);
        }
    }

    fn keep_recent(&mut self, seq: u64, held: Held) {
        self.recent_bytes += held.len();
        self.recent.push_back((seq, held));
        while (self.recent.len() > RECENT_EVENTS || self.recent_bytes > RECENT_BYTES)
            && let Some((seq, held)) = self.recent.pop_front()
        {
            self.recent_bytes -= held.len();
            self.recent_from = seq;
        }
    }

    /// Delivers the queued events, unless the delivery rate postpones them. Returns the time at which they are due then.
    pub fn deliver(&mut self, now: Millis, round: u64, out: &mut Outputs) -> Option<Millis> {
        if self.queue.is_empty() {
            self.due = None;
        } else if self.due.is_none_or(|due| due <= now) {
            match self.rate.take(now) {
                Ok(()) => self.flush(round, out),
                Err(wait) => self.due = Some(now + wait),
            }
        }
        self.due
    }

    /// Delivers the queued events at once: before a connection subscribes or unsubscribes, and before subscribers are sent
    /// anything that happened later.
    pub fn flush(&mut self, round: u64, out: &mut Outputs) {
        self.due = None;
        if self.round != round {
            (self.round, self.delivered[0]) = (round, self.delivered[1]);
        }
        self.delivered[1] = self.head_seq;
        let events = std::mem::take(&mut self.queue);
        if events.is_empty() {
            return;
        }
        let [single, batch] = &self.groups;
        // Split so that no buffer is larger than a write queue.
        for part in batches(events) {
            if !single.is_empty() {
                out.fanout(single, &frame::binaries(&part));
            }
            if !batch.is_empty() {
                out.fanout(batch, &frame::binary(&codec::batch(part)));
            }
        }
    }

    /// The sequence number up to which all events were delivered before `round`. What was delivered later may have been
    /// dropped for a slow consumer.
    #[must_use]
    pub fn delivered_before(&self, round: u64) -> u64 {
        if self.round < round { self.delivered[1] } else { self.delivered[0] }
    }

    /// Sends a frame to all subscribers, after the queued events.
    pub fn send_to_all(&mut self, round: u64, envelope: &codec::Envelope, out: &mut Outputs) {
        self.flush(round, out);
        let frames = frame::binary(&codec::encode(envelope));
        self.groups.iter().for_each(|group| out.fanout(group, &frames));
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        let subscribers = self.groups.iter().map(|group| group.len()).sum::<usize>();
        subscribers + self.waiting + self.queue.len() + self.recent.len() + self.presence.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::output::Output;

    fn conn(n: u32) -> ConnectionId {
        ConnectionId::new(n, n)
    }

    fn event(n: u64) -> Bytes {
        codec::encode(&codec::message("tom", None, &n.to_string()))
    }

    /// What each connection is sent, in WebSocket messages and in all.
    fn sent(out: &mut Outputs) -> Vec<(Vec<ConnectionId>, String)> {
        let texts = |frames: &Bytes| {
            let envelopes = codec::decode_rich(&frames[2..]).unwrap();
            envelopes.into_iter().map(|envelope| envelope.content).collect::<Vec<_>>().join("+")
        };
        std::iter::from_fn(|| out.pop())
            .map(|output| match output {
                Output::Fanout { to, frames } => (to.to_vec(), texts(&frames)),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn one_encoding_serves_all_subscribers() {
        let (mut delivery, mut out) = (Delivery::new(7), Outputs::default());
        assert!(!delivery.needs_events());
        for n in 1..=3 {
            let encoding = if n == 2 { Encoding::Single } else { Encoding::Batch };
            delivery.subscribe(conn(n), encoding);
        }
        delivery.publish(8, event(8));
        assert_eq!(delivery.deliver(0, 1, &mut out), None);
        assert_eq!(sent(&mut out), [(vec![conn(2)], "8".into()), (vec![conn(1), conn(3)], "8".into())]);
        delivery.publish(9, event(9));
        delivery.publish(10, event(10));
        delivery.unsubscribe(Encoding::Single, 0);
        delivery.deliver(1, 2, &mut out);
        assert_eq!(sent(&mut out), [(vec![conn(1), conn(3)], "9+10".into())]);
        assert_eq!(delivery.unsubscribe(Encoding::Batch, 0), Some(conn(3)));
        assert_eq!((delivery.unsubscribe(Encoding::Batch, 0), delivery.is_unused()), (None, true));
    }

    #[test]
    fn busy_room_is_delivered_every_5_ms() {
        let (mut delivery, mut out) = (Delivery::new(0), Outputs::default());
        delivery.subscribe(conn(1), Encoding::Batch);
        let mut deliveries = 0;
        for now in 0..1_000 {
            delivery.publish(now + 1, event(now));
            delivery.deliver(now, now, &mut out);
            deliveries += sent(&mut out).len();
        }
        assert!((200..=220).contains(&deliveries), "{deliveries}");
    }

    #[test]
    fn events_after_a_snapshot_are_held_for_those_that_wait_for_it() {
        let mut delivery = Delivery::new(5);
        delivery.publish(6, event(6));
        delivery.begin_waiting();
        (7..=9).for_each(|seq| delivery.publish(seq, event(seq)));
        let since = |delivery: &Delivery, seq| delivery.since(seq).map(|events| events.len());
        assert_eq!(
            [5, 6, 8, 9, 12].map(|seq| since(&delivery, seq)),
            [None, Some(3), Some(1), Some(0), Some(0)]
        );
        (10..2_000).for_each(|seq| delivery.publish(seq, event(seq)));
        assert_eq!(since(&delivery, 6), None, "too many; the log is read again");
        assert_eq!(since(&delivery, 1_990), Some(9));
        delivery.end_waiting();
        assert_eq!((delivery.table_size(), delivery.is_unused()), (0, true));
    }

    #[test]
    fn position_before_a_round_does_not_count_what_the_round_delivered() {
        let (mut delivery, mut out) = (Delivery::new(3), Outputs::default());
        delivery.subscribe(conn(1), Encoding::Single);
        assert_eq!(delivery.delivered_before(1), 3);
        delivery.publish(4, event(4));
        delivery.flush(1, &mut out);
        delivery.publish(5, event(5));
        delivery.flush(1, &mut out);
        assert_eq!((delivery.delivered_before(1), delivery.delivered_before(2)), (3, 5));
        delivery.publish(6, event(6));
        assert_eq!(delivery.delivered_before(9), 5, "it is still queued");
        delivery.flush(4, &mut out);
        assert_eq!((delivery.delivered_before(4), delivery.delivered_before(5)), (5, 6));
    }
}
