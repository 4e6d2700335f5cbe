//! Connections by id: a slot that is reused and a serial number that is not.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

/// Identifies one connection for as long as the server runs. The serial number wraps after 2^32 connections.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    slot: u32,
    serial: u32,
}

impl ConnectionId {
    /// An id that was not allocated by [`ConnectionIds`], for tests.
    #[must_use]
    pub const fn new(slot: u32, serial: u32) -> Self {
        Self { slot, serial }
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.serial)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.serial, self.slot)
    }
}

/// Allocates ids.
#[derive(Debug, Default)]
pub struct ConnectionIds(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    free: Vec<u32>,
    /// The number of slots, free or in use.
    count: u32,
    last_serial: u32,
}

impl ConnectionIds {
    /// Allocates an unused id.
    pub fn allocate(&self) -> ConnectionId {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.last_serial = slots.last_serial.wrapping_add(1);
        let slot = slots.free.pop().unwrap_or_else(|| {
            slots.count += 1;
            slots.count - 1
        });
        ConnectionId { slot, serial: slots.last_serial }
    }

    /// Makes the slot available again. Call once for each id, when no table contains it.
    pub fn release(&self, id: ConnectionId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).free.push(id.slot);
    }
}

/// A map from [`ConnectionId`] with lookup by index.
#[derive(Debug)]
pub struct ConnectionTable<T>(Vec<Option<(u32, T)>>);

impl<T> Default for ConnectionTable<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ConnectionTable<T> {
    /// Inserts a value; a previous value in the slot is dropped.
    pub fn insert(&mut self, id: ConnectionId, value: T) {
        let slot = id.slot as usize;
        if self.0.len() <= slot {
            self.0.resize_with(slot + 1, || None);
        }
        self.0[slot] = Some((id.serial, value));
    }

    /// The value of exactly this id.
    #[must_use]
    pub fn get(&self, id: ConnectionId) -> Option<&T> {
        match self.0.get(id.slot as usize) {
            Some(Some((serial, value))) if *serial == id.serial => Some(value),
            _ => None,
        }
    }

    /// The value of exactly this id, to be changed.
    pub fn get_mut(&mut self, id: ConnectionId) -> Option<&mut T> {
        match self.0.get_mut(id.slot as usize) {
            Some(Some((serial, value))) if *serial == id.serial => Some(value),
            _ => None,
        }
    }

    /// Removes and returns the value.
    pub fn remove(&mut self, id: ConnectionId) -> Option<T> {
        let slot = self.0.get_mut(id.slot as usize)?;
        slot.take_if(|(serial, _)| *serial == id.serial).map(|(_, value)| value)
    }

    /// All entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (ConnectionId, &T)> {
        self.0.iter().enumerate().filter_map(|(slot, entry)| {
            let (serial, value) = entry.as_ref()?;
            Some((ConnectionId { slot: u32::try_from(slot).ok()?, serial: *serial }, value))
        })
    }

    /// All entries, mutable, in no particular order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (ConnectionId, &mut T)> {
        self.0.iter_mut().enumerate().filter_map(|(slot, entry)| {
            let (serial, value) = entry.as_mut()?;
            Some((ConnectionId { slot: u32::try_from(slot).ok()?, serial: *serial }, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_reused_and_ids_are_not() {
        let ids = ConnectionIds::default();
        let mut table = ConnectionTable::default();
        let first = ids.allocate();
        table.insert(first, 'a');
        assert_eq!(table.remove(first), Some('a'));
        ids.release(first);
        let second = ids.allocate();
        assert_eq!((second.slot, second.serial), (first.slot, first.serial + 1));
        table.insert(second, 'b');
        assert_eq!(table.get(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.iter().collect::<Vec<_>>(), [(second, &'b')]);
    }
}
