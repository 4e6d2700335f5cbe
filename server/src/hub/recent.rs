//! The ids of messages accepted lately, so that a resend is acknowledged again and said once.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher as _, RandomState},
};

use parlour_core::{Millis, model::MessageId};

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its place in the room.
    pub seq: u64,
    /// When it was accepted, Unix ms.
    pub time: i64,
}

/// An id seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// On the same message of the same sender.
    Same(Accepted),
    /// On another message.
    Other,
}

/// A bounded memory of ids.
#[derive(Debug)]
pub struct Recent {
    by_id: HashMap<MessageId, (u64, Accepted)>,
    order: VecDeque<(Millis, MessageId)>,
    kept: usize,
    age: Millis,
    hasher: RandomState,
}

impl Recent {
    /// Remembers the last `kept` ids for `age` ms.
    #[must_use]
    pub fn new(kept: usize, age: Millis) -> Self {
        let hasher = RandomState::new();
        Self { by_id: HashMap::new(), order: VecDeque::new(), kept, age, hasher }
    }

    /// Whether the id was used, and for the same message.
    #[must_use]
    pub fn get(&self, id: MessageId, nick_key: &str, content: &str) -> Option<Seen> {
        let (print, accepted) = self.by_id.get(&id)?;
        Some(if *print == self.print(nick_key, content) { Seen::Same(*accepted) } else { Seen::Other })
    }

    /// Remembers a message.
    pub fn insert(&mut self, now: Millis, id: MessageId, nick_key: &str, content: &str, accepted: Accepted) {
        while let Some((at, oldest)) = self.order.front()
            && (self.order.len() >= self.kept || now.saturating_sub(*at) > self.age)
        {
            self.by_id.remove(oldest);
            self.order.pop_front();
        }
        self.by_id.insert(id, (self.print(nick_key, content), accepted));
        self.order.push_back((now, id));
    }

    fn print(&self, nick_key: &str, content: &str) -> u64 {
        self.hasher.hash_one((nick_key, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_the_last_ones() {
        let mut recent = Recent::new(2, 1000);
        let id = |n| MessageId([n; 16]);
        let accepted = |seq| Accepted { seq, time: 1 };
        recent.insert(0, id(1), "tom", "hi", accepted(1));
        recent.insert(0, id(2), "tom", "ho", accepted(2));
        assert_eq!(recent.get(id(1), "tom", "hi"), Some(Seen::Same(accepted(1))));
        assert_eq!(recent.get(id(1), "tom", "ho"), Some(Seen::Other));
        assert_eq!(recent.get(id(1), "lili", "hi"), Some(Seen::Other));
        assert_eq!(recent.get(id(3), "tom", "hi"), None);
        recent.insert(1, id(3), "tom", "hi", accepted(3));
        assert_eq!(recent.get(id(1), "tom", "hi"), None);
        recent.insert(1002, id(4), "tom", "hi", accepted(4));
        assert_eq!(recent.get(id(3), "tom", "hi"), None);
        assert_eq!(recent.by_id.len(), 1);
    }
}
