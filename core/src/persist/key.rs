//! The tables of the storage, their keys, and changes to make to them.
//!
//! A key of the database is a pair: the name of the scope, and a [`Key`] encoded as bytes, which sort as the keys
//! do. All tables but that of the account are divided by room.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::ids::{MessageId, RoomId};

/// The version of the database. `boot/device.js` has the steps from each version to the next one.
pub const DATABASE_VERSION: u32 = 2;

/// A table of the storage. The numbers are those of `boot/device.js`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// The account: one value.
    Account = 0,
    /// The messages that are not acknowledged.
    SendQueue = 1,
    /// The newest messages of each room.
    Messages = 2,
    /// The state of each room.
    Rooms = 3,
    /// What was typed in each room and tab and not sent.
    Drafts = 4,
    /// The scroll position of each room and tab.
    Scroll = 5,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 6] =
        [Self::Account, Self::SendQueue, Self::Messages, Self::Rooms, Self::Drafts, Self::Scroll];
}

/// The key of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// The account.
    Account,
    /// A message of the send queue. Not by its order: two tabs may give the same one.
    Queued(RoomId, MessageId),
    /// A message of a room, by its ord.
    Message(RoomId, u64),
    /// The state of a room.
    Room(RoomId),
    /// The draft of a tab, by the id of the tab.
    Draft(RoomId, String),
    /// The scroll position of a tab, by the id of the tab.
    Scroll(RoomId, String),
}

impl Key {
    /// The table of the key.
    #[must_use]
    pub fn table(&self) -> Table {
        match self {
            Self::Account => Table::Account,
            Self::Queued(..) => Table::SendQueue,
            Self::Message(..) => Table::Messages,
            Self::Room(_) => Table::Rooms,
            Self::Draft(..) => Table::Drafts,
            Self::Scroll(..) => Table::Scroll,
        }
    }

    /// The key in its table.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Account => Bytes::new(),
            Self::Queued(room, id) => in_room(*room, &id.0),
            Self::Message(room, ord) => in_room(*room, &ord.to_be_bytes()),
            Self::Room(room) => in_room(*room, &[]),
            Self::Draft(room, tab) | Self::Scroll(room, tab) => in_room(*room, tab.as_bytes()),
        }
    }
}

fn in_room(RoomId(room): RoomId, rest: &[u8]) -> Bytes {
    [&room[..], rest].concat().into()
}

/// Keys of a table, from the first to the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The table.
    pub table: Table,
    /// The first key.
    pub from: Bytes,
    /// The last key; `None` for the last one of the table.
    pub to: Option<Bytes>,
}

impl KeyRange {
    /// All keys of a table.
    #[must_use]
    pub fn all(table: Table) -> Self {
        Self { table, from: Bytes::new(), to: None }
    }

    /// The keys of one room, in any table but that of the account.
    #[must_use]
    pub fn of_room(table: Table, room: RoomId) -> Self {
        // Above all ords, ids of messages, and ids of tabs, which are ASCII.
        Self { table, from: in_room(room, &[]), to: Some(in_room(room, &[u8::MAX; 16])) }
    }

    fn of_key(key: &Key) -> Self {
        Self { table: key.table(), from: key.encode(), to: Some(key.encode()) }
    }
}

/// A change to make to the storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Insert a value under a key, or replace the existing one.
    Put(Key, Bytes),
    /// Delete a key, if it exists.
    Delete(Key),
    /// Delete the messages of a room up to and including this ord.
    DeleteMessages(RoomId, u64),
    /// Delete all keys of a table.
    Clear(Table),
}

impl Change {
    /// The keys that are changed, and their new value; `None` if they are deleted.
    #[must_use]
    pub fn parts(&self) -> (KeyRange, Option<&Bytes>) {
        match self {
            Self::Put(key, value) => (KeyRange::of_key(key), Some(value)),
            Self::Delete(key) => (KeyRange::of_key(key), None),
            Self::DeleteMessages(room, up_to) => {
                let [from, to] = [0, *up_to].map(|ord| Key::Message(*room, ord).encode());
                (KeyRange { table: Table::Messages, from, to: Some(to) }, None)
            }
            Self::Clear(table) => (KeyRange::all(*table), None),
        }
    }
}

/// The rows of one scope in memory: what a storage does with changes, for tests and simulations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows(BTreeMap<(Table, Bytes), (Key, Bytes)>);

impl Rows {
    /// Makes a change.
    pub fn apply(&mut self, change: &Change) {
        if let Change::Put(key, value) = change {
            self.0.insert((key.table(), key.encode()), (key.clone(), value.clone()));
            return;
        }
        let (KeyRange { table, from, to }, _) = change.parts();
        let is_deleted = |key: &Bytes| *key >= from && to.as_ref().is_none_or(|to| key <= to);
        self.0.retain(|(of, key), _| *of != table || !is_deleted(key));
    }

    /// Returns `true` if there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Bytes> {
        self.0.get(&(key.table(), key.encode())).map(|(_, value)| value)
    }

    /// The keys of a table, in their order.
    pub fn keys(&self, table: Table) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |((of, _), _)| *of == table).map(|(_, (key, _))| key)
    }

    /// The values in a range of keys, in the order of the keys.
    #[must_use]
    pub fn values(&self, range: &KeyRange) -> Vec<Vec<u8>> {
        let is_in = |(table, key): &(Table, Bytes)| {
            *table == range.table && *key >= range.from && range.to.as_ref().is_none_or(|to| key <= to)
        };
        self.0.iter().filter(|(key, _)| is_in(key)).map(|(_, (_, value))| value.to_vec()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMS: [RoomId; 4] = [
        RoomId::LOBBY,
        RoomId([1; 16]),
        RoomId([u8::MAX; 16]),
        RoomId([0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]),
    ];

    fn keys() -> Vec<Key> {
        let of_room = |room| {
            let ids = [MessageId([0; 16]), MessageId([u8::MAX; 16])].map(|id| Key::Queued(room, id));
            let ords = [0, 9, 0x0101, u64::MAX].map(|ord| Key::Message(room, ord));
            let tabs = ["0".repeat(16), "f".repeat(16), "a".into()];
            let of_tabs =
                tabs.into_iter().flat_map(move |tab| [Key::Draft(room, tab.clone()), Key::Scroll(room, tab)]);
            ids.into_iter().chain(ords).chain(of_tabs).chain([Key::Room(room)])
        };
        ROOMS.into_iter().flat_map(of_room).chain([Key::Account]).collect()
    }

    fn room(key: &Key) -> Option<RoomId> {
        match key {
            Key::Account => None,
            Key::Queued(room, _)
            | Key::Message(room, _)
            | Key::Room(room)
            | Key::Draft(room, _)
            | Key::Scroll(room, _) => Some(*room),
        }
    }

    #[test]
    fn tables_and_version_are_those_of_device_js() {
        let script = include_str!("../../../boot/device.js");
        let names = |list: &str| {
            let (_, names) = script.split_once(list).unwrap();
            names
                .split_once(']')
                .unwrap()
                .0
                .split(", ")
                .map(|name| name.trim_matches('"').to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(names("const STEPS = [").len(), DATABASE_VERSION as usize);
        let tables = [
            (Table::Account, "account"),
            (Table::SendQueue, "queue"),
            (Table::Messages, "messages"),
            (Table::Rooms, "rooms"),
            (Table::Drafts, "drafts"),
            (Table::Scroll, "scroll"),
        ];
        assert_eq!(tables.map(|(table, _)| table), Table::ALL);
        for (table, name) in tables {
            assert_eq!(names("const TABLES = [")[table as usize], name);
        }
    }

    #[test]
    fn keys_are_different_and_sort_by_room() {
        let mut keys = keys();
        keys.sort();
        let encoded = |key: &Key| (key.table(), key.encode());
        assert!(keys.is_sorted_by(|a, b| encoded(a) < encoded(b)), "{keys:?}");
    }

    #[test]
    fn ranges_have_the_keys_of_one_room() {
        for key in keys() {
            for (table, of) in
                Table::ALL.into_iter().skip(1).flat_map(|table| ROOMS.map(|room| (table, room)))
            {
                let range = KeyRange::of_room(table, of);
                let is_in = range.from <= key.encode() && Some(key.encode()) <= range.to;
                let expected = key.table() == table && room(&key) == Some(of);
                assert_eq!(is_in && key.table() == table, expected, "{key:?} {range:?}");
            }
        }
    }

    #[test]
    fn changes_of_a_room_leave_the_others() {
        let mut rows = Rows::default();
        keys().into_iter().for_each(|key| rows.apply(&Change::Put(key, Bytes::from_static(b"value"))));
        let all: Vec<_> =
            Table::ALL.into_iter().flat_map(|table| rows.keys(table).cloned().collect::<Vec<_>>()).collect();
        for changes in [
            Change::DeleteMessages(ROOMS[1], 0x0100),
            Change::Delete(Key::Room(ROOMS[3])),
            Change::Clear(Table::Drafts),
        ] {
            let mut rows = rows.clone();
            rows.apply(&changes);
            for key in &all {
                let is_deleted = match &changes {
                    Change::DeleteMessages(room, up_to) => {
                        matches!(key, Key::Message(of, ord) if of == room && ord <= up_to)
                    }
                    Change::Delete(deleted) => key == deleted,
                    Change::Clear(table) => key.table() == *table,
                    Change::Put(..) => false,
                };
                assert_eq!(rows.get(key).is_none(), is_deleted, "{changes:?} {key:?}");
            }
        }
    }
}
