//! The order of the room list, its totals, search, and moving from room to room.

use std::cmp::Ordering;

use super::{AccountState, RoomEntry};
use crate::model::{Role, RoomId, RoomKind};

/// A section of the room list, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// Invitations that are not answered.
    Invitations,
    /// Rooms with attention or unread messages; muted ones only with attention.
    Unread,
    /// Direct rooms, the most recently active first.
    Direct,
    /// Other rooms.
    Rooms,
    /// Archived rooms.
    Archived,
}

/// A room in the order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListItem {
    /// The section.
    pub section: Section,
    /// The room.
    pub room: RoomId,
}

/// The sums over all rooms, for the badges of title and icon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The number of unread messages that the account is to be told of, and of invitations.
    pub attention: u64,
    /// The number of unread messages in rooms that are not muted.
    pub unread: u64,
    /// The number of rooms that have either.
    pub rooms: usize,
}

/// A direction in the room list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Down the list.
    Next,
    /// Up the list.
    Previous,
}

impl AccountState {
    /// Opens a room, or none. The open room keeps its place in the list, so that it does not move while it is read. Seeing
    /// its messages moves the read cursor again after some were marked as unread.
    pub(in crate::client) fn open(&mut self, room: Option<RoomId>) {
        if self.open.map(|(open, _)| open) == room {
            return;
        }
        if let Some((former, _)) = self.open.take() {
            self.rooms.note_change(former);
        }
        if let Some(room) = room
            && let Some(entry) = self.rooms.get_mut(&room)
        {
            entry.is_held = false;
            self.open = Some((room, Place::of(entry)));
        }
    }

    /// The rooms in the order of the list. Within a section: those with attention first, direct rooms by their last activity,
    /// others by name.
    #[must_use]
    pub fn list(&self) -> Vec<ListItem> {
        self.rooms.in_order(|entry| self.place(entry))
    }

    /// The sums over all rooms.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.rooms.values().filter(|entry| entry.is_unread()).fold(Totals::default(), |sum, entry| Totals {
            attention: sum.attention + entry.attention(),
            unread: sum.unread + if entry.muted { 0 } else { entry.unread() },
            rooms: sum.rooms + 1,
        })
    }

    /// The rooms whose name, or one of whose people, contains a text, without regard to case, width and accents: first those
    /// that begin with it, then those with a word that does; otherwise in the order of the list. All rooms for an empty text.
    #[must_use]
    pub fn search(&self, text: &str) -> Vec<ListItem> {
        let wanted = (self.fold)(text.trim());
        let mut found: Vec<_> = self
            .list()
            .into_iter()
            .filter_map(|item| Some((rank(&self.rooms.get(&item.room)?.folded, &wanted)?, item)))
            .collect();
        found.sort_by_key(|(rank, _)| *rank);
        found.into_iter().map(|(_, item)| item).collect()
    }

    /// The room after or before another one in the list; the first or the last one if there is no other one. Passes over the
    /// section of archived rooms. `None` if there is no other room.
    #[must_use]
    pub fn neighbour(&self, of: Option<RoomId>, direction: Direction) -> Option<RoomId> {
        self.step(of, direction, |entry| self.place(entry).section != Section::Archived)
    }

    /// The next or previous room with something unread, beginning anew at the other end of the list; those with attention are
    /// preferred. `None` if there is no other one.
    #[must_use]
    pub fn next_unread(&self, from: Option<RoomId>, direction: Direction) -> Option<RoomId> {
        self.step(from, direction, |entry| entry.attention() > 0)
            .or_else(|| self.step(from, direction, RoomEntry::is_unread))
    }

    fn step(
        &self,
        from: Option<RoomId>,
        direction: Direction,
        is_wanted: impl Fn(&RoomEntry) -> bool,
    ) -> Option<RoomId> {
        let mut rooms: Vec<_> = self.list().into_iter().map(|item| item.room).collect();
        if direction == Direction::Previous {
            rooms.reverse();
        }
        if let Some(at) = rooms.iter().position(|room| Some(*room) == from) {
            rooms.rotate_left(at);
            rooms.remove(0);
        }
        rooms.into_iter().find(|room| self.rooms.get(room).is_some_and(&is_wanted))
    }

    pub(super) fn place(&self, entry: &RoomEntry) -> Place {
        match self.open {
            Some((room, place)) if room == entry.room => place,
            _ => Place::of(entry),
        }
    }
}

/// The part of the list that a room is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub section: Section,
    has_no_attention: bool,
}

impl Place {
    fn of(entry: &RoomEntry) -> Self {
        let section = if entry.role == Role::Invited {
            Section::Invitations
        } else if entry.is_unread() {
            Section::Unread
        } else if entry.archived {
            Section::Archived
        } else if entry.kind == RoomKind::Direct {
            Section::Direct
        } else {
            Section::Rooms
        };
        Self { section, has_no_attention: entry.attention() == 0 }
    }
}

/// The order of two rooms in the same place: total, so that rooms with the same name keep their order.
pub(super) fn compare(section: Section, one: &RoomEntry, other: &RoomEntry) -> Ordering {
    let by_name = || one.folded.cmp(&other.folded).then_with(|| one.room.cmp(&other.room));
    match section {
        Section::Direct => other.active.cmp(&one.active).then_with(by_name),
        _ => by_name(),
    }
}

/// The place of a name among the matches of a search; `None` if it does not match.
fn rank(name: &str, wanted: &str) -> Option<u8> {
    let begins_word = |(at, _): (usize, &str)| {
        let before = name[..at].chars().next_back();
        before.is_none_or(|before| before.is_whitespace() || before.is_ascii_punctuation())
    };
    if name.starts_with(wanted) {
        Some(0)
    } else if name.match_indices(wanted).any(begins_word) {
        Some(1)
    } else {
        name.contains(wanted).then_some(2)
    }
}
