//! The account and its room list.
//!
//! Unread messages are not counted one by one: their number is the ord of the room's newest message less that of the read
//! cursor, see [`Cursor`]. The server tells the first in rows, activity and messages. The second is moved here, and by the
//! account's other devices.
//!
//! | module | contents |
//! | --- | --- |
//! | this one | the rows and activity of the server |
//! | `entry` | a room in the list |
//! | `entries` | the rooms, and keeping their order |
//! | `reading` | moving read cursors, and which of them the server has to be told |
//! | `list` | the order of the list, its totals, search, and moving from room to room |

mod entries;
mod entry;
mod list;
mod reading;

use crate::sorted::{SortedMap, SortedSet};
use std::sync::Arc;

use self::{entries::Entries, list::Place};
pub use self::{
    entry::RoomEntry,
    list::{Direction, ListItem, Section, Totals},
};
use super::{
    cursor::Cursor,
    people::{self, People},
};
use crate::{
    Millis,
    model::{RoomId, RoomKind, UserId},
    room_rows, wire,
};

/// Folds a name for comparison: names that differ only in case, width or accents have the same folded name. The page passes
/// one that uses the browser's Unicode tables; [`nick_key`](crate::validate::nick_key) folds case and width only.
pub type Fold = fn(&str) -> String;

/// The account and the rooms in its list.
#[derive(Debug)]
pub struct AccountState {
    /// For [`wire::Login::account_version`]; 0 until the server has told it.
    version: u64,
    /// A complete list was received. Its version may come later.
    is_complete: bool,
    nick: Arc<str>,
    rooms: Entries,
    /// The rooms by handle.
    handles: SortedMap<u32, RoomId>,
    /// The rooms in the rows that were received since the login, until the list is complete.
    listed: SortedSet<RoomId>,
    /// The rooms of the list of another log, until the list of this one is complete.
    former: SortedSet<RoomId>,
    /// The cursors of rooms that a list lacked: that of another tab may be older than this one's, and have the room again later.
    missing: SortedMap<RoomId, Cursor>,
    /// The room that is open, and where in the list it was before.
    open: Option<(RoomId, Place)>,
    /// The cursors that the server has acknowledged or told, but perhaps not stored yet, and when it did.
    acknowledged: SortedMap<RoomId, Millis>,
    /// The rooms whose cursor the server has told, and may not have stored, until the time is known.
    told: Vec<RoomId>,
    fold: Fold,
}

impl AccountState {
    /// An account without rooms.
    #[must_use]
    pub fn new(fold: Fold) -> Self {
        Self {
            version: 0,
            is_complete: false,
            nick: "".into(),
            rooms: Entries::default(),
            handles: SortedMap::new(),
            listed: SortedSet::new(),
            former: SortedSet::new(),
            missing: SortedMap::new(),
            open: None,
            acknowledged: SortedMap::new(),
            told: Vec::new(),
            fold,
        }
    }

    /// The nick of the account.
    #[must_use]
    pub fn nick(&self) -> &Arc<str> {
        &self.nick
    }

    /// The version for the next login: the server then sends only the rows that have changed since.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns `true` if all rooms of the account are in the list.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// A room in the list.
    #[must_use]
    pub fn room(&self, room: RoomId) -> Option<&RoomEntry> {
        self.rooms.get(&room)
    }

    /// All rooms of the list, by id.
    pub fn rooms(&self) -> impl Iterator<Item = &RoomEntry> {
        self.rooms.values()
    }

    /// All rows, with the cursors that the server has, for a tab that has none, or for the device.
    #[must_use]
    pub fn snapshot(&self, people: &People) -> wire::AccountRows {
        wire::AccountRows {
            rows: room_rows::pack(self.rooms.values().map(|entry| entry.to_wire(people))),
            more: false,
            complete: self.is_complete,
            version: self.version,
            nick: self.nick.to_string(),
        }
    }

    /// The row of one room, for other tabs and for the device; `None` if it is not in the list.
    #[must_use]
    pub fn row(&self, room: RoomId, people: &People) -> Option<wire::RoomRow> {
        self.rooms.get(&room).map(|entry| entry.to_wire(people))
    }

    pub(super) fn fold(&self) -> Fold {
        self.fold
    }

    // ---- input

    /// Discards the list, because the server has another log.
    pub(super) fn discard(&mut self) {
        let (fold, open) = (self.fold, self.open);
        let mut former = std::mem::take(&mut self.former);
        self.rooms.keys().for_each(|room| {
            former.insert(*room);
        });
        *self = Self { open, former, ..Self::new(fold) };
    }

    /// A login has succeeded: rows follow.
    pub(super) fn connected(&mut self, nick: &str) {
        self.listed.clear();
        self.set_nick(nick);
    }

    /// Handles the rows of a frame, which are new or have changed. Returns the rooms that are not in the list any more.
    pub(super) fn handle_rows(
        &mut self,
        frame: &wire::AccountRows,
        rows: &[wire::RoomRow],
        people: &People,
    ) -> Vec<RoomId> {
        self.set_nick(&frame.nick);
        let mut removed = Vec::new();
        for row in rows {
            removed.extend(self.handle_row(row, people));
            if row.cursor_unsaved {
                self.told.extend(RoomId::from_wire(&row.room));
            }
        }
        if frame.complete && !frame.more {
            self.is_complete = true;
            let listed = std::mem::take(&mut self.listed);
            let mut old = std::mem::take(&mut self.former);
            self.rooms.keys().for_each(|room| {
                old.insert(*room);
            });
            let old: Vec<_> = old.into_iter().filter(|room| !listed.contains(room)).collect();
            for room in &old {
                if let Some(entry) = self.rooms.get(room) {
                    self.missing.insert(*room, entry.cursor);
                }
                self.remove(*room);
            }
            removed.extend(old);
        }
        if frame.version != 0 {
            // Also a smaller one, of a server that is behind: the next login then yields rows once more.
            self.version = frame.version;
        }
        removed
    }

    /// Handles a row. Returns the room if it is not in the list any more.
    pub(super) fn handle_row(&mut self, row: &wire::RoomRow, people: &People) -> Option<RoomId> {
        let room = RoomId::from_wire(&row.room)?;
        if row.role == i32::from(wire::Role::None) {
            self.listed.remove(&room);
            return self.rooms.contains_key(&room).then(|| {
                self.remove(room);
                room
            });
        }
        let mut entry = RoomEntry::from_wire(row)?;
        if let Some(cursor) = self.missing.remove(&room) {
            entry.is_held = cursor.version > entry.cursor.version;
            entry.cursor = entry.cursor.merged(cursor);
        }
        if let Some(old) = self.rooms.get(&room) {
            entry.is_held = old.is_held || entry.cursor.version > old.cursor.version;
            // An invitation has none, also if the account was a member before.
            if entry.role.is_member() {
                entry.head = old.head.max(entry.head);
                entry.active = old.active.max(entry.active);
            }
            entry.server_cursor = old.server_cursor.merged(entry.cursor);
            entry.cursor = old.cursor.merged(entry.cursor);
            entry.read_all = old.read_all;
            self.handles.remove(&old.handle);
        }
        entry.folded = self.folded_name(&entry, people);
        self.listed.insert(room);
        self.handles.insert(entry.handle, room);
        self.rooms.insert(room, entry);
        None
    }

    /// Handles new messages in rooms to which the connection is not subscribed, at this time in Unix ms. Returns the rooms.
    pub(super) fn handle_activity(&mut self, activity: &wire::Activity, unix: i64) -> Vec<RoomId> {
        let mut rooms = Vec::new();
        for (handle, count) in activity.handles.iter().zip(&activity.messages) {
            let Some(room) = self.handles.get(handle).copied() else { continue };
            let Some(entry) = self.rooms.get_mut(&room) else { continue };
            entry.told = entry.told.saturating_add(*count);
            entry.head = entry.head.max(entry.told);
            entry.active = entry.active.max(minutes(unix));
            rooms.push(room);
        }
        rooms
    }

    /// Handles a message of a subscribed room; `own` if this account has sent it.
    pub(super) fn handle_message(&mut self, room: RoomId, ord: u64, own: bool, time: i64) {
        let Some(entry) = self.rooms.get_mut(&room) else { return };
        entry.told = ord;
        entry.head = entry.head.max(ord);
        entry.active = entry.active.max(minutes(time));
        // As the server does: who has read everything before an own message has read that too.
        if own && entry.cursor.ord.saturating_add(1) >= ord {
            entry.cursor = entry.cursor.advanced(ord);
        }
    }

    /// The server has stated the ord of the newest message of a room.
    pub(super) fn handle_head(&mut self, room: RoomId, head: u64) {
        if let Some(entry) = self.rooms.get_mut(&room) {
            entry.told = head;
            entry.head = entry.head.max(head);
        }
    }

    /// Changes the name of a room, whether it is archived, or the role of the account in it.
    pub(super) fn update(&mut self, room: RoomId, people: &People, change: impl FnOnce(&mut RoomEntry)) {
        let Some(mut entry) = self.rooms.remove(&room) else { return };
        change(&mut entry);
        entry.folded = self.folded_name(&entry, people);
        self.rooms.insert(room, entry);
    }

    /// The nick of an account has changed: direct rooms are named by their people. Returns whether the list shows it.
    pub(super) fn nick_changed(&mut self, account: UserId, people: &People) -> bool {
        let direct = self.rooms.values().filter(|entry| entry.people.contains(&account));
        let folded: Vec<_> = direct.map(|entry| (entry.room, self.folded_name(entry, people))).collect();
        let is_shown = !folded.is_empty();
        for (room, folded) in folded {
            if let Some(entry) = self.rooms.get_mut(&room) {
                entry.folded = folded;
            }
        }
        is_shown
    }

    pub(super) fn set_nick(&mut self, nick: &str) {
        if !nick.is_empty() && *self.nick != *nick {
            self.nick = nick.into();
        }
    }

    fn remove(&mut self, room: RoomId) {
        if let Some(entry) = self.rooms.remove(&room) {
            self.handles.remove(&entry.handle);
            self.acknowledged.remove(&room);
        }
    }

    /// The name by which a room is searched and sorted.
    fn folded_name(&self, entry: &RoomEntry, people: &People) -> String {
        if entry.kind == RoomKind::Direct {
            let mut nicks: Vec<_> =
                entry.people.iter().map(|account| (self.fold)(&people.nick(*account))).collect();
            nicks.sort_unstable();
            nicks.join(" ")
        } else {
            (self.fold)(&entry.name)
        }
    }
}

/// A time in Unix ms as minutes since 1970-01-01 UTC.
fn minutes(unix: i64) -> u32 {
    u32::try_from(unix / 60_000).unwrap_or(0)
}
