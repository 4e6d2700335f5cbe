//! The rooms of an account, and their order in the list, which is kept: a message in one room of a thousand moves one row.

use std::cell::RefCell;

use super::{
    RoomEntry,
    list::{ListItem, Place, compare},
};
use crate::{model::RoomId, sorted::SortedMap};

/// Beyond this part of the rooms, moving each one that has changed costs more than sorting all.
const SORTED_ANEW: usize = 8;

/// The rooms by id. Whoever changes an entry notes it, so that its row is moved when the order is read next.
#[derive(Debug, Default)]
pub(super) struct Entries {
    rooms: SortedMap<RoomId, RoomEntry>,
    order: RefCell<Order>,
}

/// The order of the list, as it was read last.
#[derive(Debug, Default)]
struct Order {
    rows: Vec<(Place, RoomId)>,
    /// The rooms that have changed since, some more than once.
    changed: Vec<RoomId>,
}

impl Entries {
    pub fn get(&self, room: &RoomId) -> Option<&RoomEntry> {
        self.rooms.get(room)
    }

    pub fn contains_key(&self, room: &RoomId) -> bool {
        self.rooms.contains_key(room)
    }

    pub fn keys(&self) -> impl Iterator<Item = &RoomId> {
        self.rooms.keys()
    }

    pub fn values(&self) -> impl Iterator<Item = &RoomEntry> {
        self.rooms.values()
    }

    /// An entry to be changed.
    pub fn get_mut(&mut self, room: &RoomId) -> Option<&mut RoomEntry> {
        self.note_change(*room);
        self.rooms.get_mut(room)
    }

    /// All entries to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut RoomEntry> {
        *self.order.get_mut() = Order::default();
        self.rooms.values_mut()
    }

    pub fn insert(&mut self, room: RoomId, entry: RoomEntry) {
        self.note_change(room);
        self.rooms.insert(room, entry);
    }

    pub fn remove(&mut self, room: &RoomId) -> Option<RoomEntry> {
        self.note_change(*room);
        self.rooms.remove(room)
    }

    /// The place of a room in the list may be another one now.
    pub fn note_change(&mut self, room: RoomId) {
        let Order { rows, changed } = self.order.get_mut();
        if changed.len() > rows.len() / SORTED_ANEW {
            // All are sorted anew.
            rows.clear();
            changed.clear();
        } else {
            changed.push(room);
        }
    }

    /// The rooms in the order of the list. `place` gives the part of the list that a room is in.
    pub fn in_order(&self, place: impl Fn(&RoomEntry) -> Place) -> Vec<ListItem> {
        let Order { rows, changed } = &mut *self.order.borrow_mut();
        if rows.is_empty() {
            *rows = self.sorted(&place);
        } else if !changed.is_empty() {
            changed.sort_unstable();
            changed.dedup();
            rows.retain(|(_, room)| changed.binary_search(room).is_err());
            for entry in changed.iter().filter_map(|room| self.rooms.get(room)) {
                let row = (place(entry), entry.room);
                let at = rows.partition_point(|other| self.is_before(*other, row));
                rows.insert(at, row);
            }
        }
        changed.clear();
        rows.iter().map(|(place, room)| ListItem { section: place.section, room: *room }).collect()
    }

    /// All rooms, sorted anew.
    fn sorted(&self, place: impl Fn(&RoomEntry) -> Place) -> Vec<(Place, RoomId)> {
        let mut entries: Vec<_> = self.rooms.values().map(|entry| (place(entry), entry)).collect();
        entries.sort_unstable_by(|(place, one), (other_place, other)| {
            place.cmp(other_place).then_with(|| compare(place.section, one, other))
        });
        entries.into_iter().map(|(place, entry)| (place, entry.room)).collect()
    }

    fn is_before(&self, (place, room): (Place, RoomId), (other_place, other): (Place, RoomId)) -> bool {
        place.cmp(&other_place).is_lt()
            || place == other_place
                && self
                    .rooms
                    .get(&room)
                    .zip(self.rooms.get(&other))
                    .is_some_and(|(one, other)| compare(place.section, one, other).is_lt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::{account::AccountState, people::People},
        model::{Role, RoomKind},
        validate, wire,
    };

    /// A list in which each row is changed in several ways, always has the order of one that is sorted anew.
    #[test]
    fn order_is_that_of_a_list_sorted_anew() {
        let (mut account, people) = (AccountState::new(validate::nick_key), People::default());
        let mut random = 7_u32;
        for step in 0..4_000_u32 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let number = (random >> 16) % 60;
            let room = RoomId([u8::try_from(number + 1).unwrap(); 16]);
            let value = random >> 24;
            match (random >> 8) % 10 {
                0 | 1 => {
                    let kind = if number.is_multiple_of(3) { RoomKind::Direct } else { RoomKind::Public };
                    let row = wire::RoomRow {
                        room: room.to_wire(),
                        handle: number + 1,
                        kind: kind.to_wire().into(),
                        name: format!("room {}", value % 9),
                        role: Role::Member.to_wire().into(),
                        head_ord: value.into(),
                        unread: u64::from(value % 2),
                        archived: value.is_multiple_of(7),
                        active: value,
                        ..wire::RoomRow::default()
                    };
                    account.handle_row(&row, &people);
                }
                2 => account.remove(room),
                3 => account.open(Some(room).filter(|_| !value.is_multiple_of(4))),
                4 => _ = account.mark_read(room),
                5 => account.mark_unread(room, value.into()),
                6 => account.update(room, &people, |entry| entry.muted = value.is_multiple_of(2)),
                7 if value.is_multiple_of(16) => account.mark_all_read(),
                8 => account.handle_message(
                    room,
                    value.into(),
                    value.is_multiple_of(2),
                    i64::from(step) * 60_000,
                ),
                _ => {
                    let (handles, messages) = (vec![number + 1], vec![1]);
                    account.handle_activity(&wire::Activity { handles, messages }, i64::from(step) * 60_000);
                }
            }
            // Sometimes several rooms have changed.
            if !(random >> 4).is_multiple_of(3) {
                continue;
            }
            let anew: Vec<_> = account.rooms.sorted(|entry| account.place(entry));
            let anew: Vec<_> =
                anew.into_iter().map(|(place, room)| ListItem { section: place.section, room }).collect();
            assert_eq!(account.list(), anew, "in step {step}");
        }
    }
}
