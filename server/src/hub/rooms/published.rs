//! Events as the hub publishes them, and the recent ones among them.
//!
//! The state of an account is read from the log while the hub goes on publishing. What it has published since the reading
//! began is applied on top of the result, so that the account's state is as if it had been online all the time.

use std::{collections::VecDeque, sync::Arc};

use parlour_core::model::{Role, RoomId, UserId};

/// A published event of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The room.
    pub room: RoomId,
    /// Its sequence number in the room.
    pub seq: u64,
    /// The account that caused it.
    pub sender: UserId,
    /// The time of the event, Unix ms.
    pub time: i64,
    /// The change.
    pub change: RoomChange,
}

/// The change that an event makes, as far as the hub keeps state of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomChange {
    /// A message with this ord.
    Message(u64),
    /// The room was archived, or opened again.
    Archived(bool),
    /// The role of an account has changed.
    Member(UserId, Role),
    /// The room was renamed: an event of the directory, without a sequence number in the room.
    Name(Arc<str>),
    /// An account has another nick: an event of the directory, of no room.
    Nick(UserId, Arc<str>),
    /// The room was created, and these accounts are in it or invited: an event of the directory.
    Created(Arc<[UserId]>),
    /// A change that concerns only subscribers.
    Other,
}

/// The events since the oldest reading began.
#[derive(Debug, Default)]
pub struct RecentlyPublished {
    events: VecDeque<Arc<Published>>,
    /// The number of events before the first of `events`.
    before: u64,
    /// The numbers of events before each reading, and how many readings have the same.
    readings: VecDeque<(u64, usize)>,
}

/// A reading of the log. Its value is the number of events that were published before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading(u64);

impl RecentlyPublished {
    /// Begins a reading; [`end`](Self::end) must be called for it.
    pub fn begin(&mut self) -> Reading {
        let now = self.before + self.events.len() as u64;
        match self.readings.back_mut() {
            Some((at, count)) if *at == now => *count += 1,
            _ => self.readings.push_back((now, 1)),
        }
        Reading(now)
    }

    /// Ends a reading. Returns the events since it began.
    pub fn end(&mut self, reading: Reading) -> Vec<Arc<Published>> {
        let since = usize::try_from(reading.0.saturating_sub(self.before)).unwrap_or(usize::MAX);
        let events = self.events.iter().skip(since).cloned().collect();
        if let Ok(at) = self.readings.binary_search_by_key(&reading.0, |(at, _)| *at)
            && let Some((_, count)) = self.readings.get_mut(at)
        {
            *count -= 1;
        }
        while self.readings.pop_front_if(|(_, count)| *count == 0).is_some() {}
        match self.readings.front() {
            Some((oldest, _)) => {
                let done = usize::try_from(oldest - self.before).unwrap_or(usize::MAX).min(self.events.len());
                self.events.drain(..done);
                self.before = *oldest;
            }
            None => {
                self.before += self.events.len() as u64;
                self.events = VecDeque::new();
            }
        }
        events
    }

    /// Records an event, if a reading needs it.
    pub fn push(&mut self, event: &Published) {
        if !self.readings.is_empty() {
            self.events.push_back(Arc::new(event.clone()));
        }
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.events.len() + self.readings.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64) -> Published {
        let (room, sender) = (RoomId::LOBBY, UserId([1; 16]));
        Published { room, seq, sender, time: 0, change: RoomChange::Message(seq) }
    }

    fn seqs(events: &[Arc<Published>]) -> Vec<u64> {
        events.iter().map(|event| event.seq).collect()
    }

    #[test]
    fn reading_gets_the_events_since_it_began() {
        let mut recent = RecentlyPublished::default();
        recent.push(&event(1));
        let [first, again] = [recent.begin(), recent.begin()];
        recent.push(&event(2));
        let second = recent.begin();
        recent.push(&event(3));
        assert_eq!(seqs(&recent.end(second)), [3]);
        assert_eq!(seqs(&recent.end(first)), [2, 3]);
        let third = recent.begin();
        assert_eq!(seqs(&recent.end(again)), [2, 3]);
        recent.push(&event(4));
        assert_eq!(recent.events.len(), 1, "what no reading needs is dropped");
        assert_eq!(seqs(&recent.end(third)), [4]);
        assert_eq!(recent.table_size(), 0);
    }
}
