//! What the device has of the account and its rooms: the changes that keep it in step with the state of the tab that owns
//! the client, and reading it again.
//!
//! The version of the room list is stored together with the rows that it refers to, and the position of a room together
//! with its messages, in one transaction each.

use super::{
    AccountRecord, persistence,
    room::{self, RoomState},
    state::{self, ClientState},
};
use crate::sorted::{SortedMap, SortedSet};
use crate::{
    codec::{self, Envelope},
    model::{Delivery, Message, MessageId, Reactions, RoomId, TextState, UserId},
    persist::{
        Change, PERSISTED_MESSAGES, Stored, Table,
        account::StoredAccount,
        queue,
        room::{StoredMessages, StoredRoom, put_message},
    },
    ranges::Range,
    room_rows,
    timeline::TimelineUpdate,
    wire,
};

/// What the device has of the rooms, as far as this client has written it.
#[derive(Debug, Default)]
pub struct DeviceRooms {
    log: Vec<u8>,
    /// The version of the room list.
    version: u64,
    rooms: SortedMap<RoomId, StoredRoom>,
    /// For each room the ord up to which all messages were deleted.
    deleted: SortedMap<RoomId, u64>,
    /// How often each room was reset when its messages were taken last.
    resets: SortedMap<RoomId, u32>,
    /// Messages that are not written yet, by ord, each with whether it has changed.
    messages: SortedMap<RoomId, SortedMap<u64, (Message, bool)>>,
    /// Rooms of which the device lacks changes that the tab has seen as a follower. It keeps their old positions, so that the server
    /// tells the changes again.
    behind: SortedSet<RoomId>,
    /// Rooms whose messages on the device are of an earlier log, or do not belong to the room any more.
    discarded: SortedSet<RoomId>,
    is_changed: bool,
}

impl DeviceRooms {
    /// Restores the account and its room list in `state`, unless it has them already.
    #[must_use]
    pub fn restore(state: &mut ClientState, stored: &Stored) -> Self {
        let Some(account) = &stored.account else { return Self::default() };
        let Some(me) = account.account.filter(|_| !account.log.is_empty()) else { return Self::default() };
        let rooms: SortedMap<_, _> = stored.rooms.iter().map(|room| (room.room, room.clone())).collect();
        if state.me().is_none() {
            let rows = wire::AccountRows {
                rows: room_rows::pack(rooms.values().filter_map(|room| room.row.clone())),
                more: false,
                // Without a version, it may have been written before the rest was received.
                complete: account.version != 0,
                version: account.version,
                nick: account.identity.nick.to_string(),
            };
            // The restored row of an unconfirmed cursor has it.
            state.restore(me, &account.log, &rows, &[]);
            let unconfirmed: Vec<_> = rooms
                .values()
                .filter(|room| room.is_unconfirmed)
                .filter_map(|room| Some((room.room, state.account().room(room.room)?.cursor())))
                .collect();
            state.restore_cursors(&unconfirmed);
        }
        let is_behind =
            |stored: &&StoredRoom| state.room(stored.room).is_some_and(|room| room.position() > stored.seq);
        let behind = rooms.values().filter(is_behind).map(|stored| stored.room).collect();
        Self { log: account.log.clone(), version: account.version, rooms, behind, ..Self::default() }
    }

    /// Notes a change of the state. Returns whether there is something to write now.
    pub fn handle_change(&mut self, state: &ClientState, change: &state::Change) -> bool {
        match change {
            state::Change::Timeline(room, update) => match update {
                TimelineUpdate::Message(message) => self.add(*room, message, false),
                TimelineUpdate::Changed(message) => self.add(*room, message, true),
                TimelineUpdate::Page(messages) => {
                    messages.iter().for_each(|message| self.add(*room, message, false))
                }
                TimelineUpdate::Cleared => {
                    // Without a reset, the messages were evicted from memory only.
                    let resets = state.room(*room).map_or(0, RoomState::resets);
                    if self.resets.insert(*room, resets).unwrap_or(0) != resets {
                        self.messages.remove(room);
                        self.discarded.insert(*room);
                    }
                }
                _ => return self.is_changed,
            },
            state::Change::Removed(room) => {
                self.messages.remove(room);
                self.discarded.insert(*room);
            }
            state::Change::Account | state::Change::Room(_) => {}
            state::Change::Event(..) | state::Change::Person(_) => return self.is_changed,
        }
        self.is_changed = true;
        true
    }

    fn add(&mut self, room: RoomId, message: &Message, is_changed: bool) {
        if message.delivery == Delivery::Sent && message.sender.is_some() && message.ord > 0 {
            self.messages.or_default(room).insert(message.ord, (message.clone(), is_changed));
        }
    }

    /// Encodes the changes of the client, and those of its rooms with the account.
    pub fn encode(
        &mut self,
        state: &ClientState,
        record: Option<&AccountRecord>,
        changes: Vec<persistence::Change>,
    ) -> Vec<Change> {
        let mut encoded = Vec::new();
        for change in changes {
            match change {
                persistence::Change::PutAccount(record) => encoded.extend(self.put_account(state, &record)),
                persistence::Change::PutQueued(room, message) => encoded.push(queue::put(room, &message)),
                persistence::Change::DeleteQueued(room, id) => encoded.push(queue::delete(room, id)),
                persistence::Change::Forget => {
                    encoded.clear();
                    let tables = [Table::Account, Table::SendQueue, Table::Messages, Table::Rooms];
                    encoded.extend(tables.map(Change::Clear));
                    *self = Self::default();
                }
            }
        }
        if let Some(record) = record
            && self.is_changed
        {
            encoded.extend(self.put_account(state, record));
        }
        encoded
    }

    /// The account, after the changes of its rooms. A basic server has no account, and its messages have no lasting numbers.
    fn put_account(&mut self, state: &ClientState, record: &AccountRecord) -> Vec<Change> {
        let AccountRecord { identity, account, secret, attempt } = record.clone();
        let mut changes = if account.is_some() { self.write_rooms(state) } else { Vec::new() };
        let (log, version) = (self.log.clone(), self.version);
        changes.push(StoredAccount { identity, secret, account, log, version, attempt }.put());
        changes
    }

    /// The changes of all rooms since the last call.
    fn write_rooms(&mut self, state: &ClientState) -> Vec<Change> {
        let mut changes = Vec::new();
        // The positions are not written now.
        self.is_changed = state.has_changes();
        if state.log() != self.log {
            // Its messages and positions are not in the new log.
            changes.extend([Table::Messages, Table::Rooms].map(Change::Clear));
            let messages = std::mem::take(&mut self.messages);
            let resets = std::mem::take(&mut self.resets);
            *self = Self { log: state.log().to_vec(), messages, resets, ..Self::default() };
        }
        self.version = state.account().version();
        for room in std::mem::take(&mut self.discarded) {
            changes.extend(StoredRoom::delete(room));
            self.rooms.remove(&room);
            self.deleted.remove(&room);
            self.behind.remove(&room);
        }
        let unconfirmed: SortedSet<_> = state.account().unconfirmed_cursors().map(|(room, _)| room).collect();
        for room in state.account().rooms().map(|entry| entry.room) {
            let stored = self.room(state, room, unconfirmed.contains(&room));
            if self.rooms.get(&room) != Some(&stored) {
                changes.push(stored.put());
                self.rooms.insert(room, stored);
            }
        }
        for (room, messages) in std::mem::take(&mut self.messages) {
            self.write_messages(state, room, messages, &mut changes);
        }
        changes
    }

    /// A room as it is to be stored.
    fn room(&self, state: &ClientState, room: RoomId, is_unconfirmed: bool) -> StoredRoom {
        let mut stored = self.rooms.get(&room).cloned().unwrap_or_else(|| StoredRoom {
            room,
            row: None,
            log: self.log.clone(),
            seq: 0,
            last: None,
            topic: String::new(),
            members: 0,
            first_ord: 1,
            is_unconfirmed: false,
        });
        stored.row = state.room_row(room);
        stored.is_unconfirmed = is_unconfirmed;
        if let (true, Some(row), Some(entry)) = (is_unconfirmed, &mut stored.row, state.account().room(room))
        {
            // The server does not tell it again, because it may never have had it.
            row.unread = entry.cursor().unread(row.head_ord);
            row.cursor_version = entry.cursor().version;
        }
        // A room that was evicted from memory has no position, but the device has its messages.
        if let Some(loaded) = state.room(room).filter(|loaded| loaded.position() > 0) {
            // A position is written with the messages that belong to it, which are among the changes.
            if !self.behind.contains(&room) && !state.has_changes() {
                stored.seq = loaded.position();
                stored.last = MessageId::from_wire(&loaded.subscription().id);
            }
            stored.topic = loaded.topic().to_string();
            stored.members = loaded.members().unwrap_or(stored.members);
            stored.first_ord = loaded.first_ord();
        }
        stored
    }

    fn write_messages(
        &mut self,
        state: &ClientState,
        room: RoomId,
        messages: SortedMap<u64, (Message, bool)>,
        changes: &mut Vec<Change>,
    ) {
        let Some(head) = state.account().room(room).map(|entry| entry.head()) else { return };
        let kept = PERSISTED_MESSAGES as u64;
        let oldest = head.saturating_sub(kept);
        // The device may have an older message too, whose erased text must not stay there.
        let may_be_known = |message: &Message, is_changed| is_changed || message.text != TextState::Original;
        let put = messages
            .into_values()
            .filter(|(message, is_changed)| message.ord > oldest || may_be_known(message, *is_changed));
        let envelopes = put.map(|(message, _)| envelope(room, &message, state.me()));
        changes.extend(envelopes.filter_map(|envelope| put_message(room, &self.log, &envelope)));
        let deleted = self.deleted.or_default(room);
        if head - *deleted > kept + kept / 2 {
            *deleted = oldest;
            changes.push(Change::DeleteMessages(room, oldest));
        }
    }
}

/// Restores a room of `state` from the values that the device has under its keys: that of the table `Rooms`, and those of
/// [`StoredMessages::range`]. A room that has been loaded is left as it is, and gets older messages only if the device is in step
/// with it.
pub fn restore_room(state: &mut ClientState, room: RoomId, values: &[Vec<u8>], messages: &[Vec<u8>]) {
    let Some(stored) = values.first().and_then(|value| StoredRoom::decode(value)) else { return };
    if stored.room != room || stored.log != state.log() || stored.log.is_empty() {
        return;
    }
    if state.room(room).is_some_and(|loaded| loaded.position() > stored.seq) {
        return;
    }
    let me = state.me();
    let StoredMessages { messages, known } = StoredMessages::read(room, &stored.log, messages);
    let messages: Vec<_> = messages.into_iter().filter_map(|envelope| read(envelope, me)).collect();
    let within = |range: Range| -> Vec<Message> {
        let is_in = |message: &&Message| range.from < message.ord && message.ord <= range.to;
        messages.iter().filter(is_in).cloned().collect()
    };
    let mut ranges: Vec<_> = known.iter().collect();
    // Without messages, a page is loaded rather than everything after the position.
    let Some(newest) = ranges.pop() else { return };
    let head = state.account().room(room).map_or(newest.to, |entry| entry.head());
    state.restore_room(
        room,
        room::StoredRoom {
            position: stored.seq,
            last_message: stored.last,
            first_ord: stored.first_ord,
            head_ord: head.max(newest.to),
            topic: stored.topic.into(),
            messages: within(newest),
            range: Some(newest),
        },
    );
    let resets = state.room(room).map_or(0, RoomState::resets);
    for range in ranges {
        state.handle_stored_page(room, resets, range, within(range));
    }
}

/// A message as it is stored.
fn envelope(room: RoomId, message: &Message, me: Option<UserId>) -> Envelope {
    let Reactions { counts, own } = &message.reactions;
    let account = me.map(|me| me.0.to_vec()).unwrap_or_default();
    let reacted = (!own.is_empty()).then(|| wire::Reacted { account, emoji: own.to_vec() });
    Envelope {
        reactions: counts.to_vec(),
        reacted,
        room: room.to_wire(),
        ord: message.ord,
        time: message.time,
        sender: message.sender.map(|sender| sender.0.to_vec()).unwrap_or_default(),
        edited: i64::from(message.text == TextState::Edited),
        deleted: message.text == TextState::Erased,
        ..codec::message(&message.nick, Some(message.id), &message.content)
    }
}

fn read(envelope: Envelope, me: Option<UserId>) -> Option<Message> {
    let sender = UserId::from_wire(&envelope.sender)?;
    let own = envelope.reacted.map(|by| by.emoji).unwrap_or_default();
    Some(Message {
        reactions: Reactions { counts: envelope.reactions.into(), own: own.into() },
        id: MessageId::from_wire(&envelope.id)?,
        sender: Some(sender),
        nick: envelope.user_name.into(),
        content: envelope.content.into(),
        ord: envelope.ord,
        time: envelope.time,
        own: me == Some(sender),
        delivery: Delivery::Sent,
        text: TextState::from_wire(envelope.edited, envelope.deleted),
    })
}

#[cfg(test)]
mod tests;
