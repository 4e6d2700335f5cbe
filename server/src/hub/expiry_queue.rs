//! Keys with a deadline each. Every operation takes logarithmic time; nothing is scanned.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
};

use parlour_core::Millis;

/// Keys in the order of their deadlines.
#[derive(Debug)]
pub struct ExpiryQueue<K> {
    deadlines: HashMap<K, Millis>,
    order: BTreeSet<(Millis, K)>,
    /// The number of entries that were looked at.
    #[cfg(test)]
    steps: usize,
}

impl<K> Default for ExpiryQueue<K> {
    fn default() -> Self {
        Self {
            deadlines: HashMap::new(),
            order: BTreeSet::new(),
            #[cfg(test)]
            steps: 0,
        }
    }
}

impl<K: Clone + Ord + Hash> ExpiryQueue<K> {
    /// Sets the deadline of a key, which replaces an earlier one.
    pub fn set(&mut self, key: K, deadline: Millis) {
        self.remove(&key);
        self.deadlines.insert(key.clone(), deadline);
        self.order.insert((deadline, key));
    }

    /// Returns `true` if the key is in the queue.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.deadlines.contains_key(key)
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &K) {
        if let Some((key, deadline)) = self.deadlines.remove_entry(key) {
            self.order.remove(&(deadline, key));
        }
    }

    /// Removes the first key whose deadline has passed. Call until it returns `None`.
    pub fn pop_due(&mut self, now: Millis) -> Option<K> {
        #[cfg(test)]
        {
            self.steps += 1;
        }
        if self.next_due()? > now {
            return None;
        }
        let (_, key) = self.order.pop_first()?;
        self.deadlines.remove(&key);
        Some(key)
    }

    /// The first deadline.
    #[must_use]
    pub fn next_due(&self) -> Option<Millis> {
        self.order.first().map(|(deadline, _)| *deadline)
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.deadlines.len() + self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_expire_in_order_and_a_later_deadline_replaces_an_earlier_one() {
        let mut queue = ExpiryQueue::default();
        for (key, deadline) in [('a', 10), ('b', 20), ('c', 20), ('a', 30), ('d', 5)] {
            queue.set(key, deadline);
        }
        queue.remove(&'d');
        assert_eq!((queue.pop_due(19), queue.next_due()), (None, Some(20)));
        let due: Vec<_> = std::iter::from_fn(|| queue.pop_due(30)).collect();
        assert_eq!(due, ['b', 'c', 'a']);
        assert_eq!(queue.table_size(), 0);
    }

    #[test]
    fn expiry_looks_at_each_key_once() {
        let mut queue = ExpiryQueue::default();
        for n in 0..50_000_u32 {
            queue.set(n % 20_000, n.into());
        }
        let mut expired = 0;
        for now in 0..50_000 {
            expired += std::iter::from_fn(|| queue.pop_due(now)).count();
        }
        assert_eq!((expired, queue.steps), (20_000, 20_000 + 50_000), "once for a key, and once for a call");
    }
}
