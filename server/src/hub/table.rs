//! Connections by number: a slot that is used again, and a serial number that is not.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

/// Names one connection for as long as the server runs. (The serial number wraps after 2^32 connections; by
/// then whoever had it before is gone.)
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnId {
    slot: u32,
    serial: u32,
}

impl ConnId {
    /// An id of one's own making, where no [`Ids`] gives them out: tests.
    #[must_use]
    pub const fn new(slot: u32, serial: u32) -> Self {
        Self { slot, serial }
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.serial)
    }
}

impl fmt::Debug for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.serial, self.slot)
    }
}

/// Gives out ids.
#[derive(Debug, Default)]
pub struct Ids(Mutex<(Vec<u32>, u32, u32)>);

impl Ids {
    /// An id that is nobody's.
    pub fn take(&self) -> ConnId {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (free, next, serial) = &mut *inner;
        *serial = serial.wrapping_add(1);
        let slot = free.pop().unwrap_or_else(|| {
            *next += 1;
            *next - 1
        });
        ConnId { slot, serial: *serial }
    }

    /// The id's slot may be used again; to be called once for each id, when no table holds it.
    pub fn give_back(&self, id: ConnId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.push(id.slot);
    }
}

/// A map from [`ConnId`] that costs an index to look into.
#[derive(Debug)]
pub struct Table<T>(Vec<Option<(u32, T)>>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Table<T> {
    /// Puts a value; what was in the slot is dropped.
    pub fn insert(&mut self, id: ConnId, value: T) {
        let slot = id.slot as usize;
        if self.0.len() <= slot {
            self.0.resize_with(slot + 1, || None);
        }
        self.0[slot] = Some((id.serial, value));
    }

    /// The value of exactly this id.
    #[must_use]
    pub fn get(&self, id: ConnId) -> Option<&T> {
        match self.0.get(id.slot as usize) {
            Some(Some((serial, value))) if *serial == id.serial => Some(value),
            _ => None,
        }
    }

    /// As [`get`](Self::get), to change.
    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut T> {
        match self.0.get_mut(id.slot as usize) {
            Some(Some((serial, value))) if *serial == id.serial => Some(value),
            _ => None,
        }
    }

    /// Takes the value out.
    pub fn remove(&mut self, id: ConnId) -> Option<T> {
        let slot = self.0.get_mut(id.slot as usize)?;
        slot.take_if(|(serial, _)| *serial == id.serial).map(|(_, value)| value)
    }

    /// All there are, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (ConnId, &T)> {
        self.0.iter().enumerate().filter_map(|(slot, entry)| {
            let (serial, value) = entry.as_ref()?;
            Some((ConnId { slot: u32::try_from(slot).ok()?, serial: *serial }, value))
        })
    }

    /// As [`iter`](Self::iter), the values to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().flatten().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_used_again_and_an_id_is_not() {
        let ids = Ids::default();
        let mut table = Table::default();
        let first = ids.take();
        table.insert(first, 'a');
        assert_eq!(table.remove(first), Some('a'));
        ids.give_back(first);
        let second = ids.take();
        assert_eq!((second.slot, second.serial), (first.slot, first.serial + 1));
        table.insert(second, 'b');
        assert_eq!(table.get(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.iter().collect::<Vec<_>>(), [(second, &'b')]);
    }
}
