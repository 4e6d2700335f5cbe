//! The rooms of the accounts that are online. Nothing is held of a room that nobody online has in its list or is subscribed
//! to. A quiet room takes some hundred bytes; what its subscribers need is allocated while there are any.

use std::{collections::HashMap, sync::Arc};

use parlour_core::{
    Millis,
    model::{RoomId, RoomKind, UserId},
};

use super::{
    delivery::Delivery,
    published::{Published, RoomChange},
    room_lists::AccountKey,
    slab::Slab,
};

/// The number of a room while it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomKey(u32);

impl RoomKey {
    /// The lobby, which is always held.
    pub const LOBBY: Self = Self(0);

    /// The key after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// A key that was not assigned by [`LiveRooms`], for tests.
    #[cfg(test)]
    pub const fn from_index(index: u32) -> Self {
        Self(index)
    }
}

/// What the event log has of a room, apart from its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomState {
    /// Its id.
    pub id: RoomId,
    /// Its kind.
    pub kind: RoomKind,
    /// Its name; empty for DIRECT.
    pub name: Arc<str>,
    /// It can be read, but not written to.
    pub archived: bool,
    /// The sequence number of its newest event.
    pub head_seq: u64,
    /// The ord of its newest message.
    pub head_ord: u64,
    /// The time of the newest message in minutes since 1970; 0 if there is none.
    pub active: u32,
    /// All people of a DIRECT room, by id, with their nicks. A row leaves out the account that it is for.
    pub people: Arc<[(UserId, Arc<str>)]>,
}

impl RoomState {
    /// An empty lobby.
    #[must_use]
    pub fn lobby() -> Self {
        Self {
            id: RoomId::LOBBY,
            kind: RoomKind::Lobby,
            name: "".into(),
            archived: false,
            head_seq: 0,
            head_ord: 0,
            active: 0,
            people: [].into(),
        }
    }
}

impl RoomState {
    /// Applies an event that is newer than all before.
    pub fn apply(&mut self, event: &Published) {
        self.head_seq = event.seq;
        match event.change {
            RoomChange::Message(ord) => {
                self.head_ord = ord;
                self.active = u32::try_from(event.time / 60_000).unwrap_or(0);
            }
            RoomChange::Archived(archived) => self.archived = archived,
            RoomChange::Member(..)
            | RoomChange::Name(_)
            | RoomChange::Nick(..)
            | RoomChange::Created(_)
            | RoomChange::Other => {}
        }
    }

    /// Changes the nick of one of the people of a DIRECT room. Returns `true` if it is one of them.
    pub fn rename_person(&mut self, account: UserId, nick: &Arc<str>) -> bool {
        let is_here = self.people.iter().any(|(person, _)| *person == account);
        if is_here {
            let renamed = |(person, of): &(UserId, Arc<str>)| {
                (*person, if *person == account { nick.clone() } else { of.clone() })
            };
            self.people = self.people.iter().map(renamed).collect();
        }
        is_here
    }
}

/// The rate at which the activity of a room reaches the accounts that are online.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spread {
    /// The ord that they were told of last.
    pub ord: u64,
    /// The time from which they may be told again.
    pub next: Millis,
    /// There are new messages to tell of.
    pub is_marked: bool,
}

/// A room.
#[derive(Debug)]
pub struct LiveRoom {
    /// Its state in the log, as far as it was published.
    pub state: RoomState,
    /// The accounts that are online and have the room in their list.
    pub online: Vec<AccountKey>,
    /// How far its activity has reached them.
    pub spread: Spread,
    /// Its subscribers, if it has any.
    pub delivery: Option<Box<Delivery>>,
}

impl LiveRoom {
    /// Returns `true` if nobody needs the room.
    fn is_unused(&self) -> bool {
        self.online.is_empty() && self.delivery.is_none() && self.state.id != RoomId::LOBBY
    }
}

/// The rooms that are held.
#[derive(Debug)]
pub struct LiveRooms {
    rooms: Slab<LiveRoom>,
    by_id: HashMap<RoomId, RoomKey>,
}

impl LiveRooms {
    /// Only the lobby, with this state.
    #[must_use]
    pub fn new(lobby: RoomState) -> Self {
        let mut rooms = Self { rooms: Slab::default(), by_id: HashMap::new() };
        rooms.insert(lobby);
        rooms
    }

    /// Adds a room. If it is held already, its state stays: the hub has published its events up to there, and what the log
    /// has beyond that is published next.
    pub fn insert(&mut self, state: RoomState) -> RoomKey {
        if let Some(key) = self.key(state.id) {
            return key;
        }
        let (id, spread) = (state.id, Spread { ord: state.head_ord, ..Spread::default() });
        let key = RoomKey(self.rooms.insert(LiveRoom { state, online: Vec::new(), spread, delivery: None }));
        self.by_id.insert(id, key);
        key
    }

    /// Drops a room that nobody needs any more.
    pub fn release(&mut self, key: RoomKey) {
        if self.get(key).is_some_and(LiveRoom::is_unused)
            && let Some(room) = self.rooms.remove(key.0)
        {
            self.by_id.remove(&room.state.id);
        }
    }

    /// The key of a room that is held.
    #[must_use]
    pub fn key(&self, id: RoomId) -> Option<RoomKey> {
        self.by_id.get(&id).copied()
    }

    /// A room.
    #[must_use]
    pub fn get(&self, key: RoomKey) -> Option<&LiveRoom> {
        self.rooms.get(key.0)
    }

    /// A room, to be changed.
    pub fn get_mut(&mut self, key: RoomKey) -> Option<&mut LiveRoom> {
        self.rooms.get_mut(key.0)
    }

    /// The state of a room.
    #[must_use]
    pub fn state(&self, key: RoomKey) -> Option<&RoomState> {
        self.get(key).map(|room| &room.state)
    }

    /// The subscribers of a room, to be changed.
    pub fn delivery_mut(&mut self, key: RoomKey) -> Option<&mut Delivery> {
        self.get_mut(key)?.delivery.as_deref_mut()
    }

    /// The DIRECT rooms with an account. All rooms are looked at.
    #[must_use]
    pub fn direct_rooms_of(&self, account: UserId) -> Vec<RoomKey> {
        let is_here = |room: &LiveRoom| room.state.people.iter().any(|(person, _)| *person == account);
        self.rooms.iter().filter(|(_, room)| is_here(room)).map(|(key, _)| RoomKey(key)).collect()
    }

    /// The rooms that connections are subscribed to, or wait to be. All rooms are looked at.
    #[must_use]
    pub fn delivered(&self) -> Vec<RoomKey> {
        self.rooms.iter().filter(|(_, room)| room.delivery.is_some()).map(|(key, _)| RoomKey(key)).collect()
    }

    /// The number of rooms.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rooms.count()
    }

    /// The memory of the rooms, in bytes.
    #[cfg(test)]
    pub fn memory(&self) -> usize {
        let counters = 2 * size_of::<usize>();
        let of_room = |room: &LiveRoom| {
            let people = room
                .state
                .people
                .iter()
                .map(|(_, nick)| size_of::<(UserId, Arc<str>)>() + nick.len() + counters);
            room.state.name.len()
                + 2 * counters
                + people.sum::<usize>()
                + room.online.capacity() * size_of::<AccountKey>()
        };
        let entries = self.rooms.capacity() * size_of::<Option<LiveRoom>>();
        let index = self.by_id.capacity() * (size_of::<(RoomId, RoomKey)>() + 1) * 8 / 7;
        entries + index + self.rooms.iter().map(|(_, room)| of_room(room)).sum::<usize>()
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        let of_room = |room: &LiveRoom| {
            room.online.len() + room.delivery.as_ref().map_or(0, |delivery| delivery.table_size())
        };
        self.by_id.len()
            + self.rooms.count()
            + self.rooms.iter().map(|(_, room)| of_room(room)).sum::<usize>()
    }
}
