//! What was said and is not yet acknowledged, in the order it was said.

use std::{collections::VecDeque, sync::Arc};

use crate::{limits, model::MessageId, status::Status};

/// How far an entry has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
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
}

/// The queue of entries. An entry leaves it when it is acknowledged or discarded, and in no other way.
#[derive(Debug, Default)]
pub struct Outbox {
    entries: VecDeque<Entry>,
}

impl Outbox {
    /// Puts a message at the end.
    ///
    /// # Errors
    /// [`Status::NotConnected`] when [`limits::OUTBOX`] messages wait already.
    pub fn push(&mut self, id: MessageId, content: Arc<str>, time: i64) -> Result<(), Status> {
        if self.entries.len() >= limits::OUTBOX {
            return Err(Status::NotConnected);
        }
        self.entries.push_back(Entry { id, content, time, stage: Stage::Queued });
        Ok(())
    }

    /// The first entry that is to be sent.
    #[must_use]
    pub fn next_queued(&self) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.stage == Stage::Queued)
    }

    /// Moves an entry to a stage; `false` when it is not here.
    pub fn set(&mut self, id: MessageId, stage: Stage) -> bool {
        let entry = self.entries.iter_mut().find(|entry| entry.id == id);
        entry.map(|entry| entry.stage = stage).is_some()
    }

    /// The connection is gone: what was in flight is to be sent again, in its old place.
    pub fn requeue(&mut self) {
        for entry in &mut self.entries {
            if entry.stage == Stage::InFlight {
                entry.stage = Stage::Queued;
            }
        }
    }

    /// The server wants this entry later, and has refused what was sent after it with it, so that the order
    /// stays: it and all in flight behind it are to be sent again. `false` when it is not in flight.
    pub fn requeue_from(&mut self, id: MessageId) -> bool {
        let in_flight = |entry: &Entry| entry.stage == Stage::InFlight;
        let Some(at) = self.entries.iter().position(|entry| entry.id == id && in_flight(entry)) else {
            return false;
        };
        for entry in self.entries.iter_mut().skip(at).filter(|entry| in_flight(entry)) {
            entry.stage = Stage::Queued;
        }
        true
    }

    /// Takes an entry out: acknowledged, or discarded.
    pub fn remove(&mut self, id: MessageId) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.id == id)?;
        self.entries.remove(at)
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

    #[test]
    fn entries_keep_their_place_through_failures() {
        let mut outbox = Outbox::default();
        let ids: Vec<_> = (1..=3).map(|n| MessageId([n; 16])).collect();
        for id in &ids {
            outbox.push(*id, "x".into(), 0).unwrap();
        }
        outbox.set(ids[0], Stage::InFlight);
        outbox.set(ids[1], Stage::Failed(Status::ContentTooLong));
        assert_eq!(outbox.next_queued().unwrap().id, ids[2]);
        outbox.requeue();
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
            outbox.push(*id, "x".into(), 0).unwrap();
            outbox.set(*id, Stage::InFlight);
        }
        outbox.set(ids[2], Stage::Failed(Status::ContentTooLong));
        assert!(outbox.requeue_from(ids[1]));
        let stages: Vec<_> = outbox.iter().map(|entry| entry.stage).collect();
        let failed = Stage::Failed(Status::ContentTooLong);
        assert_eq!(stages, [Stage::InFlight, Stage::Queued, failed, Stage::Queued]);
        assert!(!outbox.requeue_from(ids[1]), "it is not in flight any more");
    }

    #[test]
    fn a_full_outbox_takes_no_more() {
        let mut outbox = Outbox::default();
        for n in 0..limits::OUTBOX as u64 {
            outbox.push(MessageId::new(n, [0; 10]), "x".into(), 0).unwrap();
        }
        assert_eq!(outbox.push(MessageId([1; 16]), "x".into(), 0), Err(Status::NotConnected));
    }
}
