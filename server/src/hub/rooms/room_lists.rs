//! The room lists of the accounts that are online. A list is loaded from the event log when the first connection of its
//! account logs in, and dropped when the last one has ended.

use std::{collections::HashMap, sync::Arc};

use parlour_core::model::{Role, RoomId, UserId};

use super::{
    cursor::{Cursor, OwnMessages},
    live_rooms::RoomKey,
    slab::Slab,
};
use crate::hub::connection_table::ConnectionId;

/// The number of an account while it is online.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey(u32);

impl AccountKey {
    /// A key that was not assigned by [`RoomLists`], for tests.
    #[cfg(test)]
    pub const fn from_index(index: u32) -> Self {
        Self(index)
    }
}

/// A room in an account's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The room.
    pub room: RoomKey,
    /// The number of the room in the account's list.
    pub handle: u32,
    /// The index of the account among those of the room that are online.
    pub place: u32,
    /// The role; never [`Role::None`].
    pub role: Role,
    /// Only attention is indicated, not unread messages.
    pub muted: bool,
    /// The read cursor.
    pub cursor: Cursor,
    /// The account's newest messages.
    pub sent: OwnMessages,
    /// The cursor has changed and is not written to the log yet.
    pub is_unsaved: bool,
    /// The batch with which the cursor was last written; 0 if it has not changed since the log was read.
    pub written_in: u64,
}

impl Membership {
    /// Returns `true` if the account has joined the room. An account that is only invited does not learn about its messages.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        self.role >= Role::Member
    }
}

/// The room list of an account with at least one connection.
#[derive(Debug)]
pub struct RoomList {
    /// The id of the account.
    pub id: UserId,
    /// Its nick.
    pub nick: Arc<str>,
    /// Its connections.
    pub connections: Vec<ConnectionId>,
    /// Its rooms, by their keys.
    rooms: Vec<Membership>,
    /// What it had of the rooms that it has left since the list was loaded.
    pub left: HashMap<RoomId, Membership>,
}

impl RoomList {
    /// The rooms, by their keys.
    #[must_use]
    pub fn rooms(&self) -> &[Membership] {
        &self.rooms
    }

    fn position(&self, room: RoomKey) -> Result<usize, usize> {
        self.rooms.binary_search_by_key(&room, |membership| membership.room)
    }

    /// A room of the list.
    #[must_use]
    pub fn room(&self, room: RoomKey) -> Option<&Membership> {
        self.position(room).ok().and_then(|at| self.rooms.get(at))
    }

    /// A room of the list, to be changed.
    pub fn room_mut(&mut self, room: RoomKey) -> Option<&mut Membership> {
        self.position(room).ok().and_then(|at| self.rooms.get_mut(at))
    }

    /// Adds a room, or replaces it.
    pub fn put_room(&mut self, membership: Membership) {
        match self.position(membership.room) {
            Ok(at) => self.rooms[at] = membership,
            Err(at) => self.rooms.insert(at, membership),
        }
    }

    /// Removes a room.
    pub fn remove_room(&mut self, room: RoomKey) -> Option<Membership> {
        self.position(room).ok().map(|at| self.rooms.remove(at))
    }
}

/// The room lists of the accounts that are online.
#[derive(Debug, Default)]
pub struct RoomLists {
    lists: Slab<RoomList>,
    by_id: HashMap<UserId, AccountKey>,
}

impl RoomLists {
    /// Adds the list of an account, without connections and rooms, unless there is one.
    pub fn insert(&mut self, id: UserId, nick: Arc<str>) -> AccountKey {
        let lists = &mut self.lists;
        *self.by_id.entry(id).or_insert_with(|| {
            AccountKey(lists.insert(RoomList {
                id,
                nick,
                connections: Vec::new(),
                rooms: Vec::new(),
                left: HashMap::new(),
            }))
        })
    }

    /// Removes the list of an account.
    pub fn remove(&mut self, key: AccountKey) -> Option<RoomList> {
        let list = self.lists.remove(key.0)?;
        self.by_id.remove(&list.id);
        Some(list)
    }

    /// The key of an account, if it is online.
    #[must_use]
    pub fn key(&self, id: UserId) -> Option<AccountKey> {
        self.by_id.get(&id).copied()
    }

    /// The list of an account.
    #[must_use]
    pub fn get(&self, key: AccountKey) -> Option<&RoomList> {
        self.lists.get(key.0)
    }

    /// The list of an account, to be changed.
    pub fn get_mut(&mut self, key: AccountKey) -> Option<&mut RoomList> {
        self.lists.get_mut(key.0)
    }

    /// A room in the list of an account.
    #[must_use]
    pub fn room(&self, key: AccountKey, room: RoomKey) -> Option<&Membership> {
        self.get(key)?.room(room)
    }

    /// The keys of all accounts.
    pub fn keys(&self) -> impl Iterator<Item = AccountKey> {
        self.lists.iter().map(|(number, _)| AccountKey(number))
    }

    /// The memory of the lists, in bytes.
    #[cfg(test)]
    pub fn memory(&self) -> usize {
        let of_list =
            |list: &RoomList| size_of::<RoomList>() + list.rooms.capacity() * size_of::<Membership>();
        self.lists.iter().map(|(_, list)| of_list(list)).sum()
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        let rooms =
            self.lists.iter().map(|(_, list)| list.connections.len() + list.rooms.len() + list.left.len());
        self.by_id.len() + self.lists.count() + rooms.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn membership(room: u32) -> Membership {
        Membership {
            room: RoomKey::from_index(room),
            handle: room + 100,
            place: 0,
            role: Role::Member,
            muted: false,
            cursor: Cursor::default(),
            sent: OwnMessages::default(),
            is_unsaved: false,
            written_in: 0,
        }
    }

    #[test]
    fn list_is_found_by_account_and_its_rooms_by_key() {
        let mut lists = RoomLists::default();
        let key = lists.insert(UserId([1; 16]), "tom".into());
        assert_eq!(lists.insert(UserId([1; 16]), "other".into()), key, "it is online");
        let list = lists.get_mut(key).unwrap();
        for room in [5, 1, 3, 1] {
            list.put_room(membership(room));
        }
        let handles = |list: &RoomList| list.rooms().iter().map(|room| room.handle).collect::<Vec<_>>();
        assert_eq!(handles(list), [101, 103, 105]);
        assert_eq!(list.remove_room(RoomKey::from_index(3)).map(|room| room.handle), Some(103));
        assert!(list.room(RoomKey::from_index(3)).is_none());
        assert_eq!(list.room(RoomKey::from_index(5)).map(|room| room.handle), Some(105));
        assert!(lists.remove(key).is_some_and(|list| &*list.nick == "tom"));
        assert_eq!((lists.key(UserId([1; 16])), lists.table_size()), (None, 0));
    }
}
