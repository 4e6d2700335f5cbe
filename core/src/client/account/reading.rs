//! Moving read cursors, and telling the server.

use super::{AccountState, Cursor, RoomEntry, RoomId};
use crate::Millis;

/// The time after which the server has certainly stored a cursor that it has acknowledged, in ms. A server that ends without
/// notice within this time may have lost it, so the client tells it once more. Frames may be handled late, as after a
/// suspension of the tab, so only the time of a ping that was answered proves that the server was still alive.
const CURSOR_STORED_MS: Millis = 60_000;

impl AccountState {
    /// The user has seen the messages up to this ord on the screen of a visible tab with the focus. Returns whether the cursor
    /// has moved. After messages were marked as unread it does not move until the room is opened again.
    pub(in crate::client) fn seen(&mut self, room: RoomId, ord: u64) -> bool {
        match self.rooms.get_mut(&room) {
            Some(entry) if !entry.is_held => {
                let cursor = entry.cursor.advanced(ord.min(entry.head));
                std::mem::replace(&mut entry.cursor, cursor) != cursor
            }
            _ => false,
        }
    }

    /// Marks all messages of a room as read. Returns whether the cursor has moved.
    pub(in crate::client) fn mark_read(&mut self, room: RoomId) -> bool {
        let Some(entry) = self.rooms.get_mut(&room) else { return false };
        entry.is_held = false;
        let cursor = entry.cursor.advanced(entry.head);
        std::mem::replace(&mut entry.cursor, cursor) != cursor
    }

    /// Marks the messages of a room from an ord on as unread.
    pub(in crate::client) fn mark_unread(&mut self, room: RoomId, ord: u64) {
        if let Some(entry) = self.rooms.get_mut(&room) {
            entry.cursor = entry.cursor.moved_back(ord);
            entry.is_held = true;
        }
    }

    /// Marks all messages of all rooms as read.
    pub(in crate::client) fn mark_all_read(&mut self) {
        for entry in self.rooms.values_mut() {
            entry.is_held = false;
            let cursor = entry.cursor.advanced(entry.head);
            let is_moved = std::mem::replace(&mut entry.cursor, cursor) != cursor;
            // The server moves its own cursor, whose version may be smaller.
            if is_moved && cursor.version == entry.server_cursor.version {
                entry.read_all = Some(cursor);
            }
        }
    }

    /// Merges the cursor of another tab. Returns whether it has moved.
    pub(in crate::client) fn merge_cursor(&mut self, room: RoomId, cursor: Cursor) -> bool {
        let Some(entry) = self.rooms.get_mut(&room) else { return false };
        entry.is_held |= cursor.version > entry.cursor.version;
        if cursor == entry.server_cursor {
            // The server has it, but may not have stored it.
            self.told.push(room);
        }
        let cursor = entry.cursor.merged(cursor);
        std::mem::replace(&mut entry.cursor, cursor) != cursor
    }

    /// The cursors that the server has to be told of, except those that it learns of by "mark all as read".
    pub fn untold_cursors(&self) -> impl Iterator<Item = (RoomId, Cursor)> {
        self.rooms.values().filter_map(|entry| Some((entry.room, entry.untold_cursor()?)))
    }

    /// The cursors that the server may not have stored, for the device and for other tabs: they are to be told after a reload.
    pub fn unconfirmed_cursors(&self) -> impl Iterator<Item = (RoomId, Cursor)> {
        let is_unconfirmed = |entry: &&RoomEntry| {
            entry.cursor > entry.server_cursor || self.acknowledged.contains_key(&entry.room)
        };
        self.rooms.values().filter(is_unconfirmed).map(|entry| (entry.room, entry.cursor))
    }

    /// Restores a cursor that the server may not have.
    pub(in crate::client) fn restore_cursor(&mut self, room: RoomId, cursor: Cursor) {
        if let Some(entry) = self.rooms.get_mut(&room) {
            entry.cursor = entry.cursor.merged(cursor);
            // The row has it too, but is not from the server.
            entry.server_cursor = Cursor::default();
        }
    }

    /// The server has acknowledged a cursor. Returns whether the cursor has moved: the room may have been left and joined again
    /// meanwhile, so that this client has lost it.
    pub(in crate::client) fn cursor_acknowledged(
        &mut self,
        room: RoomId,
        cursor: Cursor,
        now: Millis,
    ) -> bool {
        let mut is_moved = false;
        if let Some(entry) = self.rooms.get_mut(&room) {
            let merged = entry.cursor.merged(cursor);
            is_moved = std::mem::replace(&mut entry.cursor, merged) != merged;
            entry.server_cursor = entry.server_cursor.merged(cursor);
            self.acknowledged.insert(room, now);
        }
        is_moved
    }

    /// The rows and cursors that were handled are of this time.
    pub(in crate::client) fn rows_received(&mut self, now: Millis) {
        for room in std::mem::take(&mut self.told) {
            self.acknowledged.insert(room, now);
        }
    }

    /// The server was alive at this time, as an answer to a ping has shown. It has stored older cursors.
    pub(in crate::client) fn server_lived(&mut self, at: Millis) {
        self.acknowledged.retain(|_, since| at.saturating_sub(*since) < CURSOR_STORED_MS);
    }

    /// The server has answered "mark all as read"; `true` if it was executed. Otherwise the cursors are told one by one.
    pub(in crate::client) fn all_read_answered(&mut self, done: bool, now: Millis) {
        for entry in self.rooms.values_mut() {
            if let Some(cursor) = entry.read_all.take()
                && done
            {
                entry.server_cursor = entry.server_cursor.merged(cursor);
                self.acknowledged.insert(entry.room, now);
            }
        }
    }

    /// The connection was lost. Cursors that the server may not have stored are to be told again.
    pub(in crate::client) fn disconnected(&mut self) {
        for (room, _) in std::mem::take(&mut self.acknowledged) {
            if let Some(entry) = self.rooms.get_mut(&room) {
                entry.server_cursor = Cursor::default();
            }
        }
        for entry in self.rooms.values_mut() {
            entry.read_all = None;
        }
    }
}
