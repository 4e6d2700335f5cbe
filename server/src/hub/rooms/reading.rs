//! Read cursors of accounts, and their settings of rooms. See [`cursor`](super::cursor).

use parlour_core::{
    Millis,
    model::{RoomId, UserId},
    status::Status,
    wire::{self, response},
};

use super::{
    Rooms,
    cursor::{Cursor, OwnMessages},
    events,
    live_rooms::RoomKey,
    published::Published,
    room_lists::{AccountKey, RoomList},
    viewers::SubscriptionState,
};
use crate::{
    hub::{connection_table::ConnectionId, output::Outputs},
    store::RowChange,
};

/// The number of rows in a frame, about 12 KB.
const ROWS_PER_FRAME: usize = 250;

/// A command to mute a room, or not any more, that is not in the log.
#[derive(Debug)]
pub(super) struct Mute {
    /// The batch that has it.
    pub batch: u64,
    account: UserId,
    room: RoomId,
    muted: bool,
    conn: ConnectionId,
    request: u32,
}

impl Rooms {
    /// Moves the read cursor of a connection's account. The other connections of the account are sent the row at once.
    ///
    /// # Errors
    /// [`Status::NotAMember`] unless the account has joined the room.
    pub fn read(
        &mut self,
        now: Millis,
        conn: ConnectionId,
        room: RoomId,
        cursor: Cursor,
        out: &mut Outputs,
    ) -> Result<(), Status> {
        let (key, room) = self.joined(conn, room)?;
        let head_ord = self.live.state(room).map_or(0, |state| state.head_ord);
        // Own messages that are delivered after the row would move the client's cursor again.
        self.flush(room, out);
        let sent = self.lists.room(key, room).map(|own| own.sent).unwrap_or_default();
        let mut result = Cursor::default();
        let mut is_marked_unread = false;
        let has_changed = self.change_cursor(now, key, room, |own| {
            let (version, has_changed) = (own.version, own.merge(cursor, head_ord));
            // Not if messages are marked as unread.
            is_marked_unread = own.version != version;
            if has_changed && !is_marked_unread {
                own.pass(sent);
            }
            result = *own;
            has_changed
        });
        if is_marked_unread && let Some(own) = self.lists.get_mut(key).and_then(|list| list.room_mut(room)) {
            // Later own messages do not move the cursor over these, which may be marked as unread.
            own.sent = OwnMessages::default();
        }
        if has_changed || result != cursor {
            // The client gets it too if the result may not be what it expects.
            let is_expected = result == cursor && !is_marked_unread;
            self.send_row(key, room, is_expected.then_some(conn), out);
        }
        Ok(())
    }

    /// Moves the read cursors of all rooms of a connection's account to their newest messages. All connections of the account
    /// are sent the changed rows: these may have messages that the client did not know of.
    pub fn read_all(&mut self, now: Millis, conn: ConnectionId, out: &mut Outputs) {
        let Some(key) = self.viewers.get(conn).map(|viewer| viewer.account) else { return };
        let Some(list) = self.lists.get(key) else { return };
        let rooms: Vec<_> = list.rooms().iter().filter(|own| own.is_joined()).map(|own| own.room).collect();
        let connections = list.connections.clone();
        let mut changed = Vec::new();
        for room in rooms {
            let head_ord = self.live.state(room).map_or(0, |state| state.head_ord);
            if self.change_cursor(now, key, room, |own| own.read_all(head_ord)) {
                changed.push(room);
            }
        }
        for rooms in changed.chunks(ROWS_PER_FRAME) {
            let rows: Vec<_> = rooms.iter().filter_map(|room| self.row(key, *room)).collect();
            for conn in &connections {
                rooms.iter().for_each(|room| self.told(*conn, *room));
                out.send(*conn, &events::rows(rows.clone()));
            }
        }
    }

    /// Mutes a room, or not any more. Returns `true` if it is so already. Otherwise it is once the log has it: then
    /// [`settled`](Self::settled) answers the command, and all connections of the account are sent the row. A client that was
    /// told earlier would keep a setting that a server which ends without notice has lost.
    ///
    /// # Errors
    /// [`Status::NotAMember`] unless the account has joined the room.
    pub fn mute(
        &mut self,
        (conn, request): (ConnectionId, u32),
        room: RoomId,
        muted: bool,
    ) -> Result<bool, Status> {
        let (key, key_of_room) = self.joined(conn, room)?;
        let Some(list) = self.lists.get(key) else { return Ok(true) };
        let account = list.id;
        let is_changing = self.mutes.iter().any(|mute| mute.account == account && mute.room == room);
        let is_muted = self.lists.room(key, key_of_room).is_some_and(|own| own.muted);
        if is_muted == muted && !is_changing {
            return Ok(true);
        }
        self.row_changes.push(RowChange::Muted { account, room, muted });
        let batch = self.next_batch;
        self.mutes.push_back(Mute { batch, account, room, muted, conn, request });
        Ok(false)
    }

    /// Everything up to this batch is in the log: mutes the rooms that waited for it.
    pub(super) fn apply_mutes(&mut self, batch: u64, out: &mut Outputs) {
        while let Some(mute) = self.mutes.pop_front_if(|mute| mute.batch <= batch) {
            let Mute { account, room, muted, conn, request, .. } = mute;
            if let Some(key) = self.lists.key(account) {
                let key_of_room = self.live.key(room);
                let list = self.lists.get_mut(key);
                if let Some(membership) = list.and_then(|list| match key_of_room {
                    Some(of) if list.room_mut(of).is_some() => list.room_mut(of),
                    _ => list.left.get_mut(&room),
                }) {
                    membership.muted = muted;
                }
                if let Some(room) = key_of_room {
                    self.send_row(key, room, None, out);
                }
            }
            if self.viewers.get(conn).is_some() {
                let done = response::Result::Done(wire::Done::default());
                out.send(conn, &events::response(request, done));
            }
        }
    }

    /// An account has sent a message. The connections that get it live know the rule; the others are sent the row, also those
    /// that get it as a part of what they read: there a message may have been read before, and marked as unread since.
    pub(super) fn pass_own(
        &mut self,
        now: Millis,
        event: &Published,
        room: RoomKey,
        ord: u64,
        out: &mut Outputs,
    ) {
        let Some(key) = self.lists.key(event.sender) else { return };
        let Some(membership) = self.lists.get_mut(key).and_then(|list| list.room_mut(room)) else { return };
        membership.sent.push(ord);
        let sent = membership.sent;
        if !self.change_cursor(now, key, room, |own| own.pass(sent)) {
            return;
        }
        let connections = self.lists.get(key).map(|list| list.connections.clone()).unwrap_or_default();
        for conn in connections {
            let subscription = self.viewers.get(conn).and_then(|viewer| viewer.subscription(room));
            let is_live =
                |state| matches!(state, SubscriptionState::Active { since, .. } if since < event.seq);
            if !subscription.is_some_and(is_live) {
                self.send_row_to(key, room, conn, out);
            }
        }
    }

    /// The account of a connection, and a room that it has joined.
    fn joined(&self, conn: ConnectionId, room: RoomId) -> Result<(AccountKey, RoomKey), Status> {
        let key = self.viewers.get(conn).map(|viewer| viewer.account);
        let found = key.zip(self.live.key(room));
        found
            .filter(|(key, room)| self.lists.room(*key, *room).is_some_and(|own| own.is_joined()))
            .ok_or(Status::NotAMember)
    }

    /// Changes a cursor, and notes that it must be saved. Returns `true` if it has changed.
    fn change_cursor(
        &mut self,
        now: Millis,
        key: AccountKey,
        room: RoomKey,
        change: impl FnOnce(&mut Cursor) -> bool,
    ) -> bool {
        let Some(membership) = self.lists.get_mut(key).and_then(|list| list.room_mut(room)) else {
            return false;
        };
        let has_changed = change(&mut membership.cursor);
        if has_changed && !std::mem::replace(&mut membership.is_unsaved, true) {
            self.unsaved.push(now, key, room);
        }
        has_changed
    }

    /// Writes the cursors that are due.
    pub(super) fn save_due_cursors(&mut self, now: Millis) {
        while let Some((key, room)) = self.unsaved.pop_due(now) {
            self.save_cursor(key, room);
        }
    }

    /// Writes all changed cursors of an account.
    pub(super) fn save_cursors(&mut self, key: AccountKey) {
        let unsaved = |list: &RoomList| -> Vec<_> {
            list.rooms().iter().filter(|own| own.is_unsaved).map(|own| own.room).collect()
        };
        for room in self.lists.get(key).map(unsaved).unwrap_or_default() {
            self.save_cursor(key, room);
        }
    }

    /// Writes all changed cursors, before a shutdown.
    pub fn save_all_cursors(&mut self) {
        for key in self.lists.keys().collect::<Vec<_>>() {
            self.save_cursors(key);
        }
    }

    pub(super) fn save_cursor(&mut self, key: AccountKey, room: RoomKey) {
        let Some(room_id) = self.live.state(room).map(|state| state.id) else { return };
        let Some(list) = self.lists.get_mut(key) else { return };
        let account = list.id;
        if let Some(membership) = list.room_mut(room)
            && std::mem::take(&mut membership.is_unsaved)
        {
            membership.written_in = self.next_batch;
            let Cursor { ord, version } = membership.cursor;
            self.row_changes.push(RowChange::Cursor { account, room: room_id, ord, version });
            if list.connections.is_empty() {
                self.lingering.push_back((self.next_batch, key));
            }
        }
    }
}
