//! A queue that serves addresses in turn, and the users of each address in turn.

use std::{
    collections::{
        HashMap, VecDeque,
        hash_map::Entry::{Occupied, Vacant},
    },
    hash::Hash,
    net::IpAddr,
};

use parlour_core::model::UserId;

use crate::store::Requester;

/// Items waiting to be served. Each turn serves the oldest item of one user, so that whoever has many items, under many
/// names or one, delays the others by one item per turn.
#[derive(Debug)]
pub(crate) struct FairQueue<T>(Rotation<Option<IpAddr>, Rotation<Option<UserId>, VecDeque<T>>>);

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self(Rotation::default())
    }
}

impl<T> FairQueue<T> {
    pub(crate) fn push(&mut self, requester: Requester, item: T) {
        self.0.of(requester.address).of(requester.account).push_back(item);
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        self.0.next(|users| {
            let item = users.next(|items| {
                let item = items.pop_front();
                (item, items.is_empty())
            });
            (item, users.waiting.is_empty())
        })
    }

    /// The number of items.
    pub(crate) fn len(&self) -> usize {
        self.0.waiting.values().flat_map(|users| users.waiting.values()).map(VecDeque::len).sum()
    }

    /// Removes items of a requester.
    pub(crate) fn remove_of(&mut self, requester: &Requester, is_it: impl Fn(&T) -> bool) {
        self.0.retain_of(&requester.address, |users| {
            users.retain_of(&requester.account, |items| {
                items.retain(|item| !is_it(item));
                !items.is_empty()
            });
            !users.waiting.is_empty()
        });
    }

    /// Removes items.
    pub(crate) fn remove(&mut self, is_it: impl Fn(&T) -> bool) {
        self.0.retain(|users| {
            users.retain(|items| {
                items.retain(|item| !is_it(item));
                !items.is_empty()
            });
            !users.waiting.is_empty()
        });
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Queues that are served in turn. None of them is empty between two calls.
#[derive(Debug)]
struct Rotation<K, Q> {
    waiting: HashMap<K, Q>,
    /// The keys, in the order of their turns.
    turns: VecDeque<K>,
}

impl<K, Q> Default for Rotation<K, Q> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), turns: VecDeque::new() }
    }
}

impl<K: Clone + Eq + Hash, Q: Default> Rotation<K, Q> {
    /// The queue of a key, to add an item to.
    fn of(&mut self, key: K) -> &mut Q {
        match self.waiting.entry(key) {
            Occupied(queue) => queue.into_mut(),
            Vacant(slot) => {
                self.turns.push_back(slot.key().clone());
                slot.insert(Q::default())
            }
        }
    }

    /// Takes an item from the queue whose turn it is. `take` returns the item and whether the queue is empty then.
    fn next<T>(&mut self, take: impl FnOnce(&mut Q) -> (Option<T>, bool)) -> Option<T> {
        let key = self.turns.pop_front()?;
        let (item, is_empty) = take(self.waiting.get_mut(&key)?);
        match is_empty {
            true => drop(self.waiting.remove(&key)),
            false => self.turns.push_back(key),
        }
        item
    }

    fn retain_of(&mut self, key: &K, keep: impl FnOnce(&mut Q) -> bool) {
        if self.waiting.get_mut(key).is_some_and(|queue| !keep(queue)) {
            self.waiting.remove(key);
            self.turns.retain(|turn| turn != key);
        }
    }

    fn retain(&mut self, mut keep: impl FnMut(&mut Q) -> bool) {
        self.waiting.retain(|_, queue| keep(queue));
        self.turns.retain(|key| self.waiting.contains_key(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(items: &[&'static str]) -> FairQueue<&'static str> {
        let mut queue = FairQueue::default();
        items.iter().for_each(|item| push(&mut queue, item));
        queue
    }

    /// Items are named by address, user and number.
    fn push(queue: &mut FairQueue<&'static str>, item: &'static str) {
        let address = item[..1].parse::<u8>().ok().map(|n| [10, 0, 0, n].into());
        let account = Some(UserId([item.as_bytes()[1]; 16]));
        queue.push(Requester { address, account }, item);
    }

    fn rest(mut queue: FairQueue<&'static str>) -> Vec<&'static str> {
        let rest = std::iter::from_fn(|| queue.pop()).collect();
        assert!(queue.0.waiting.is_empty() && queue.0.turns.is_empty());
        rest
    }

    #[test]
    fn users_of_an_address_are_served_in_turn() {
        let mut queue = queue(&["1a1", "1a2", "1a3", "1b1", "1c1", "1b2"]);
        queue.remove(|item| *item == "1c1");
        assert_eq!(queue.pop(), Some("1a1"));
        push(&mut queue, "1d1");
        assert_eq!(rest(queue), ["1b1", "1a2", "1d1", "1b2", "1a3"]);
    }

    #[test]
    fn addresses_are_served_in_turn() {
        let mut queue = queue(&["1a1", "1b1", "1c1", "1d1", "2e1", "1a2", "2e2", "3f1"]);
        assert_eq!(queue.pop(), Some("1a1"));
        queue.remove(|item| *item == "3f1");
        assert_eq!(rest(queue), ["2e1", "1b1", "2e2", "1c1", "1d1", "1a2"]);
    }
}
