//! What was said and is not yet acknowledged, in the order it was said.

use std::sync::Arc;

use crate::{limits, model::MessageId, status::Status};

/// How far an entry has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Being written to the device's storage, as part of these changes; not to be sent before that is done.
    Keeping(u64),
    /// To be sent.
    Queued,
    /// Sent on this connection, not acknowledged.
    InFlight,
    /// Not to be sent again unless the user says so.
    Failed(Status),
}

/// A message that is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its idempotency key: the same in every attempt.
    pub id: MessageId,
    /// The text.
    pub content: Arc<str>,
    /// When it was written, Unix ms.
    pub time: i64,
    /// How far it has come.
    pub stage: Stage,
    /// Its place among all that is said from this device: larger than those said before it.
    pub order: u64,
}

/// The queue of entries. An entry leaves it when it is acknowledged or discarded, and in no other way.
#[derive(Debug, Default)]
pub struct Outbox {
    /// A plain list: to take the first of a thousand out moves the others in microseconds, and a ring is code that
    /// nothing else in the page needs.
    entries: Vec<Entry>,
}

impl Outbox {
    /// Puts a message in its place, which for a new one is the end. One that is here already stays as it is, and is
    /// answered with `false`.
    ///
    /// # Errors
    /// [`Status::NotConnected`] when [`limits::OUTBOX`] messages wait already.
    pub fn push(&mut self, entry: Entry) -> Result<bool, Status> {
        if self.get(entry.id).is_some() {
            return Ok(false);
        }
        if self.entries.len() >= limits::OUTBOX {
            return Err(Status::NotConnected);
        }
        let at = self.entries.partition_point(|other| other.order <= entry.order);
        self.entries.insert(at, entry);
        Ok(true)
    }

    /// The place after all there are, for something said at this time (Unix ms). Times make it one that also tabs
    /// which do not know of each other agree on.
    #[must_use]
    pub fn next_order(&self, time: i64) -> u64 {
        let by_clock = u64::try_from(time).unwrap_or(0).saturating_mul(1000);
        self.entries.last().map_or(by_clock, |last| by_clock.max(last.order.saturating_add(1)))
    }

    /// The entry of an id.
    #[must_use]
    pub fn get(&self, id: MessageId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// The changes up to these are written: what waited for them may be sent.
    pub fn kept(&mut self, ticket: u64) {
        for entry in &mut self.entries {
            if matches!(entry.stage, Stage::Keeping(waits) if waits <= ticket) {
                entry.stage = Stage::Queued;
            }
        }
    }

    /// The first entry that is to be sent. Nothing is sent before what was said earlier is written down: order
    /// matters more than a moment.
    #[must_use]
    pub fn next_queued(&self) -> Option<&Entry> {
        let waits = |entry: &&Entry| matches!(entry.stage, Stage::Queued | Stage::Keeping(_));
        self.entries.iter().find(waits).filter(|entry| entry.stage == Stage::Queued)
    }

    /// Moves an entry to a stage; `false` when it is not here.
    pub fn set(&mut self, id: MessageId, stage: Stage) -> bool {
        let entry = self.entries.iter_mut().find(|entry| entry.id == id);
        entry.map(|entry| entry.stage = stage).is_some()
    }

    /// The server wants this entry later, and has refused what was sent after it with it, so that the order
    /// stays: it and all in flight behind it are to be sent again. Gives their ids; none when it is not in flight.
    pub fn requeue_from(&mut self, id: MessageId) -> Vec<MessageId> {
        let in_flight = |entry: &Entry| entry.stage == Stage::InFlight;
        let Some(at) = self.entries.iter().position(|entry| entry.id == id && in_flight(entry)) else {
            return Vec::new();
        };
        let again = |entry: &mut Entry| {
            entry.stage = Stage::Queued;
            entry.id
        };
        self.entries.iter_mut().skip(at).filter(|entry| in_flight(entry)).map(again).collect()
    }

    /// Takes an entry out: acknowledged, or discarded.
    pub fn remove(&mut self, id: MessageId) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.id == id)?;
        Some(self.entries.remove(at))
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: MessageId) -> Entry {
        Entry { id, content: "x".into(), time: 0, stage: Stage::Queued, order: 0 }
    }

    #[test]
    fn entries_keep_their_place_through_failures() {
        let mut outbox = Outbox::default();
        let ids: Vec<_> = (1..=3).map(|n| MessageId([n; 16])).collect();
        for id in &ids {
            assert_eq!(outbox.push(entry(*id)), Ok(true));
        }
        outbox.set(ids[0], Stage::InFlight);
        outbox.set(ids[1], Stage::Failed(Status::ContentTooLong));
        assert_eq!(outbox.next_queued().unwrap().id, ids[2]);
        outbox.set(ids[0], Stage::Queued);
        assert_eq!(outbox.next_queued().unwrap().id, ids[0]);
        assert!(outbox.remove(ids[0]).is_some());
        assert!(outbox.remove(ids[0]).is_none());
        assert!(!outbox.set(ids[0], Stage::Queued));
        outbox.set(ids[1], Stage::Queued);
        assert_eq!(outbox.next_queued().unwrap().id, ids[1]);
    }

    #[test]
    fn what_is_wanted_later_takes_all_behind_it_along() {
        let mut outbox = Outbox::default();
        let ids: Vec<_> = (1..=4).map(|n| MessageId([n; 16])).collect();
        for id in &ids {
            assert_eq!(outbox.push(entry(*id)), Ok(true));
            outbox.set(*id, Stage::InFlight);
        }
        outbox.set(ids[2], Stage::Failed(Status::ContentTooLong));
        assert_eq!(outbox.requeue_from(ids[1]), [ids[1], ids[3]]);
        let stages: Vec<_> = outbox.iter().map(|entry| entry.stage).collect();
        let failed = Stage::Failed(Status::ContentTooLong);
        assert_eq!(stages, [Stage::InFlight, Stage::Queued, failed, Stage::Queued]);
        assert_eq!(outbox.requeue_from(ids[1]), [], "it is not in flight any more");
    }

    #[test]
    fn nothing_overtakes_what_is_still_being_written() {
        let mut outbox = Outbox::default();
        let ids: Vec<_> = (1..=2).map(|n| MessageId([n; 16])).collect();
        let order = outbox.next_order(7);
        outbox.push(Entry { stage: Stage::Keeping(1), order, ..entry(ids[0]) }).unwrap();
        let order = outbox.next_order(7);
        assert_eq!(order, 7_001);
        outbox.push(Entry { order, ..entry(ids[1]) }).unwrap();
        assert_eq!(outbox.push(entry(ids[1])), Ok(false), "it is there already");
        assert_eq!(outbox.next_queued(), None);
        outbox.kept(0);
        assert_eq!(outbox.next_queued(), None);
        outbox.kept(1);
        assert_eq!(outbox.next_queued().unwrap().id, ids[0]);
    }

    #[test]
    fn a_full_outbox_takes_no_more() {
        let mut outbox = Outbox::default();
        for n in 0..limits::OUTBOX as u64 {
            outbox.push(entry(MessageId::new(n, [0; 10]))).unwrap();
        }
        assert_eq!(outbox.push(entry(MessageId([1; 16]))), Err(Status::NotConnected));
    }
}
