//! A queue that serves requesters in turn.

use std::{
    collections::{
        HashMap, VecDeque,
        hash_map::Entry::{Occupied, Vacant},
    },
    sync::Arc,
};

/// Items waiting to be served. Each turn serves the oldest item of one requester, so that a requester with many items
/// delays the others by one item per turn.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    /// Never empty lists.
    waiting: HashMap<Arc<str>, VecDeque<T>>,
    /// The requesters with waiting items, in the order of their turns.
    turns: VecDeque<Arc<str>>,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), turns: VecDeque::new() }
    }
}

impl<T> FairQueue<T> {
    pub(super) fn push(&mut self, requester: Arc<str>, item: T) {
        match self.waiting.entry(requester) {
            Occupied(items) => items.into_mut().push_back(item),
            Vacant(slot) => {
                self.turns.push_back(slot.key().clone());
                slot.insert(VecDeque::from([item]));
            }
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let requester = self.turns.pop_front()?;
        let items = self.waiting.get_mut(&requester)?;
        let item = items.pop_front();
        match items.is_empty() {
            true => drop(self.waiting.remove(&requester)),
            false => self.turns.push_back(requester),
        }
        item
    }

    /// Removes an item.
    pub(super) fn remove(&mut self, is_it: impl Fn(&T) -> bool) {
        for items in self.waiting.values_mut() {
            items.retain(|item| !is_it(item));
        }
        self.waiting.retain(|_, items| !items.is_empty());
        self.turns.retain(|requester| self.waiting.contains_key(requester));
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requesters_are_served_in_turn() {
        let mut queue = FairQueue::default();
        for item in ["a1", "a2", "a3", "b1", "c1", "b2"] {
            queue.push(item[..1].into(), item);
        }
        queue.remove(|item| *item == "c1");
        assert_eq!(queue.pop(), Some("a1"));
        queue.push("d".into(), "d1");
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(rest, ["b1", "a2", "d1", "b2", "a3"]);
        assert!(queue.waiting.is_empty() && queue.turns.is_empty());
    }
}
