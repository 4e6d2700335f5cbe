//! What the user does, the send queue, and the device.

use super::{Change, ClientState, Viewport};
use crate::{
    Millis,
    client::{cursor::Cursor, room::StoredRoom},
    model::{Delivery, Message, MessageId, RoomId, UserId},
    ranges::Range,
    wire,
};

impl ClientState {
    // ---- rooms

    /// Opens a room, or none. The line above new messages is placed where the user has read up to.
    pub fn open_room(&mut self, room: Option<RoomId>) {
        if self.open == room {
            return;
        }
        self.viewport = None;
        if let Some(old) = std::mem::replace(&mut self.open, room) {
            self.set_unread_line(old, None);
        }
        self.account.open(room);
        if let Some(room) = room {
            self.recent.retain(|recent| *recent != room);
            self.recent.push(room);
            self.rooms.or_default(room);
            let entry = self.account.room(room).filter(|entry| entry.unread() > 0);
            let line = entry.map(|entry| entry.cursor().ord);
            self.set_unread_line(room, line);
            self.update_head(room);
            self.collect(room);
        }
        self.is_account_changed = true;
    }

    /// The messages of the open room up to this ord are on the screen of this tab, which is visible and has the focus;
    /// `at_end` if the newest message is. To be called whenever either changes.
    pub fn handle_visible(&mut self, room: RoomId, ord: u64, at_end: bool) {
        if self.open == Some(room) {
            self.viewport = Some(Viewport { room, at_end });
            self.is_account_changed |= self.account.seen(room, ord);
        }
    }

    /// This tab is hidden, or has lost the focus.
    pub fn handle_hidden(&mut self) {
        self.viewport = None;
    }

    /// Marks all messages of a room as read.
    pub fn mark_read(&mut self, room: RoomId) {
        self.is_account_changed |= self.account.mark_read(room);
        self.set_unread_line(room, None);
    }

    /// Marks the messages of a room from an ord on as unread. Seeing them does not move the read cursor until the room is
    /// opened again.
    pub fn mark_unread(&mut self, room: RoomId, ord: u64) {
        self.account.mark_unread(room, ord);
        self.is_account_changed = true;
        if self.open == Some(room) {
            self.set_unread_line(room, Some(ord.saturating_sub(1)));
        }
    }

    /// Marks all messages of all rooms as read. The server learns of it by [`wire::ReadAll`], whose answer is passed to
    /// [`Self::all_read_answered`].
    pub fn mark_all_read(&mut self) {
        self.account.mark_all_read();
        self.is_account_changed = true;
        if let Some(room) = self.open {
            self.set_unread_line(room, None);
        }
    }

    /// Merges the read cursor of another tab.
    pub fn merge_cursor(&mut self, room: RoomId, cursor: Cursor) {
        self.is_account_changed |= self.account.merge_cursor(room, cursor);
    }

    /// The server has acknowledged a read cursor. Returns whether it has moved here.
    pub fn cursor_acknowledged(&mut self, room: RoomId, cursor: Cursor, now: Millis) -> bool {
        let is_moved = self.account.cursor_acknowledged(room, cursor, now);
        self.is_account_changed |= is_moved;
        is_moved
    }

    /// The rows that the server has sent are of this time: it may not have stored their cursors yet.
    pub(in crate::client) fn rows_received(&mut self, now: Millis) {
        self.account.rows_received(now);
    }

    /// The server was alive at this time, as an answer to a ping has shown: it has stored the cursors that it had
    /// acknowledged long before. A tab that does not own the client is not told, because its events may arrive late.
    pub fn server_lived(&mut self, at: Millis) {
        self.account.server_lived(at);
    }

    /// The server has answered [`wire::ReadAll`]; `done` if it was executed. Otherwise the cursors are told one by one.
    pub fn all_read_answered(&mut self, done: bool, now: Millis) {
        self.account.all_read_answered(done, now);
    }

    /// The timeline of a room has evicted the messages of this range.
    pub fn handle_evicted(&mut self, room: RoomId, range: Range) {
        if let Some(state) = self.rooms.get_mut(&room) {
            state.evicted(range);
            self.unsettled.insert(room);
        }
    }

    /// The ords of a room for which a page was requested; their gaps are shown as loading.
    pub fn set_loading(&mut self, room: RoomId, ords: Vec<u64>) {
        if let Some(state) = self.rooms.get_mut(&room) {
            state.set_loading(ords);
            self.unsettled.insert(room);
        }
    }

    // ---- the send queue

    /// Shows a message of the send queue, or its new state.
    pub fn handle_queued(&mut self, room: RoomId, message: Message) {
        self.rooms.or_default(room).queued(message);
        self.collect(room);
    }

    /// The delivery state of a message of the send queue has changed.
    pub fn handle_delivery(&mut self, room: RoomId, id: MessageId, delivery: Delivery) {
        if let Some(state) = self.rooms.get_mut(&room) {
            state.set_delivery(id, delivery);
            self.collect(room);
        }
    }

    /// The user has discarded a message of the send queue.
    pub fn handle_discarded(&mut self, room: RoomId, id: MessageId) {
        if let Some(state) = self.rooms.get_mut(&room) {
            state.discarded(id);
            self.collect(room);
        }
    }

    /// The server has acknowledged a message, which has this sequence number in its room.
    pub fn handle_acknowledged(&mut self, room: RoomId, id: MessageId, seq: u64) {
        if let Some(state) = self.rooms.get_mut(&room) {
            state.acknowledged(id, seq);
            self.collect(room);
        }
    }

    // ---- the device

    /// Restores the rows that the device has, before the first login. `unconfirmed` are the
    /// [cursors](crate::client::account::AccountState::unconfirmed_cursors) that the server may not have.
    pub fn restore(
        &mut self,
        me: UserId,
        log: &[u8],
        rows: &wire::AccountRows,
        unconfirmed: &[(RoomId, Cursor)],
    ) {
        self.me = Some(me);
        self.log = log.to_vec();
        self.handle_rows(rows);
        self.restore_cursors(unconfirmed);
    }

    /// Restores cursors that the server may not have.
    pub(in crate::client) fn restore_cursors(&mut self, unconfirmed: &[(RoomId, Cursor)]) {
        unconfirmed.iter().for_each(|(room, cursor)| self.account.restore_cursor(*room, *cursor));
    }

    /// Restores what the device has of a room, before it is loaded from the server.
    pub fn restore_room(&mut self, room: RoomId, mut stored: StoredRoom) {
        self.name_senders(&mut stored.messages);
        let state = self.rooms.or_default(room);
        if state.position() == 0 && state.held_messages() == 0 {
            state.restore(stored);
            self.changes.push_back(Change::Room(room));
        }
        self.collect(room);
    }

    /// Adds the messages that the device has in this range, which has no others. Ignored if the room was reset since `resets`
    /// was read from [`RoomState::resets`](crate::client::room::RoomState::resets).
    pub fn handle_stored_page(
        &mut self,
        room: RoomId,
        resets: u32,
        range: Range,
        mut messages: Vec<Message>,
    ) {
        self.name_senders(&mut messages);
        if let Some(state) = self.rooms.get_mut(&room).filter(|state| state.resets() == resets) {
            // They were read some time ago.
            let messages = messages.into_iter().map(|message| state.newest(0, message)).collect();
            state.add_page(range, messages);
            self.collect(room);
        }
    }

    /// Gives stored messages the present nicks of their senders, and learns those that are not known yet.
    fn name_senders(&mut self, messages: &mut [Message]) {
        for message in messages {
            let Some(sender) = message.sender else { continue };
            let nick = self.people.nick(sender);
            if nick.is_empty() {
                self.people.set_nick(sender, &message.nick);
            } else {
                message.nick = nick;
            }
        }
    }

    fn set_unread_line(&mut self, room: RoomId, line: Option<u64>) {
        if let Some(state) = self.rooms.get_mut(&room) {
            state.set_unread_line(line);
            self.collect(room);
        }
    }
}
