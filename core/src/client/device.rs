//! What the device has of the account and its rooms: the changes that keep it in step with the state of the tab that owns
//! the client, and reading it again.
//!
//! The version of the room list is stored together with the rows that it refers to, and the position of a room together
//! with its messages, in one transaction each.

use super::{
    AccountRecord,
    account::AccountState,
    persistence,
    room::{self, RoomState},
    state::{self, ClientState},
};
use crate::sorted::{SortedMap, SortedSet};
use crate::{
    codec::{self, Envelope},
    model::{Delivery, Message, MessageId, RoomId, UserId},
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
    /// Messages that are not written yet.
    messages: SortedMap<RoomId, SortedMap<u64, Message>>,
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
                complete: true,
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
        Self { log: account.log.clone(), version: account.version, rooms, ..Self::default() }
    }

    /// Notes a change of the state. Returns whether there is something to write now.
    pub fn handle_change(&mut self, state: &ClientState, change: &state::Change) -> bool {
        match change {
            state::Change::Timeline(room, update) => match update {
                TimelineUpdate::Message(message) => self.add(*room, message),
                TimelineUpdate::Page(messages) => {
                    messages.iter().for_each(|message| self.add(*room, message))
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

    fn add(&mut self, room: RoomId, message: &Message) {
        if message.delivery == Delivery::Sent && message.sender.is_some() && message.seq > 0 {
            self.messages.or_default(room).insert(message.seq, message.clone());
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
        self.is_changed = false;
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
            self.write_messages(state.account(), room, messages, &mut changes);
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
        // A room that was evicted from memory has no position, but the device has its messages.
        if let Some(loaded) = state.room(room).filter(|loaded| loaded.position() > 0) {
            stored.seq = loaded.position();
            stored.last = MessageId::from_wire(&loaded.subscription().id);
            stored.topic = loaded.topic().to_string();
            stored.members = loaded.members().unwrap_or(stored.members);
            stored.first_ord = loaded.first_ord();
        }
        stored
    }

    fn write_messages(
        &mut self,
        account: &AccountState,
        room: RoomId,
        messages: SortedMap<u64, Message>,
        changes: &mut Vec<Change>,
    ) {
        let Some(head) = account.room(room).map(|entry| entry.head()) else { return };
        let kept = PERSISTED_MESSAGES as u64;
        let oldest = head.saturating_sub(kept);
        let put = messages.into_values().filter(|message| message.seq > oldest);
        changes.extend(put.filter_map(|message| put_message(room, &self.log, &envelope(room, &message))));
        let deleted = self.deleted.or_default(room);
        if head - *deleted > kept + kept / 2 {
            *deleted = oldest;
            changes.push(Change::DeleteMessages(room, oldest));
        }
    }
}

/// Restores a room of `state` from the values that the device has under its keys: that of the table `Rooms`, and those of
/// [`StoredMessages::range`]. A room that has been loaded is left as it is.
pub fn restore_room(state: &mut ClientState, room: RoomId, values: &[Vec<u8>], messages: &[Vec<u8>]) {
    let Some(stored) = values.first().and_then(|value| StoredRoom::decode(value)) else { return };
    if stored.room != room || stored.log != state.log() || stored.log.is_empty() {
        return;
    }
    let me = state.me();
    let StoredMessages { messages, known } = StoredMessages::read(room, &stored.log, messages);
    let messages: Vec<_> = messages.into_iter().filter_map(|envelope| read(envelope, me)).collect();
    let within = |range: Range| -> Vec<Message> {
        let is_in = |message: &&Message| range.from < message.seq && message.seq <= range.to;
        messages.iter().filter(is_in).cloned().collect()
    };
    let mut ranges: Vec<_> = known.iter().collect();
    // Without messages, a page is loaded rather than everything after the position.
    let Some(newest) = ranges.pop() else { return };
    let view = state.room(room).map(|loaded| loaded.view().clone()).unwrap_or_default();
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
            view,
        },
    );
    let resets = state.room(room).map_or(0, RoomState::resets);
    for range in ranges {
        state.handle_stored_page(room, resets, range, within(range));
    }
}

/// A message as it is stored.
fn envelope(room: RoomId, message: &Message) -> Envelope {
    Envelope {
        room: room.to_wire(),
        ord: message.seq,
        time: message.time,
        sender: message.sender.map(|sender| sender.0.to_vec()).unwrap_or_default(),
        ..codec::message(&message.nick, Some(message.id), &message.content)
    }
}

fn read(envelope: Envelope, me: Option<UserId>) -> Option<Message> {
    let sender = UserId::from_wire(&envelope.sender)?;
    Some(Message {
        id: MessageId::from_wire(&envelope.id)?,
        sender: Some(sender),
        nick: envelope.user_name.into(),
        content: envelope.content.into(),
        seq: envelope.ord,
        time: envelope.time,
        own: me == Some(sender),
        delivery: Delivery::Sent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Clocks,
        client::{Event, Origin},
        codec::Extension,
        limits::Limits,
        model::{Dialect, Identity},
        persist::{KeyRange, Rows},
        validate::nick_key,
        wire::server_event::Body,
    };

    const ME: UserId = UserId([1; 16]);
    const ROOM: RoomId = RoomId([7; 16]);

    fn record() -> AccountRecord {
        let identity = Identity {
            nick: "tom".into(),
            dialect: Dialect::Rich,
            limits: Limits::default(),
            server_name: None,
            search: true,
            echoes_text: false,
        };
        AccountRecord { identity, account: Some(ME), secret: vec![1; 32], attempt: 1 }
    }

    fn receive(state: &mut ClientState, extension: Extension) {
        let event = Event::Received(Box::new(codec::extension(extension)));
        state.apply(Clocks::default(), Origin::LOCAL, &event);
    }

    fn row(unread: u64, head_ord: u64) -> wire::RoomRow {
        let (room, kind) = (ROOM.to_wire(), wire::RoomKind::Public.into());
        let (name, role) = ("garden".into(), wire::Role::Member.into());
        wire::RoomRow { room, kind, name, role, handle: 1, unread, head_ord, ..wire::RoomRow::default() }
    }

    fn welcome(log: u8, head_ord: u64) -> Extension {
        let rows = wire::AccountRows {
            rows: room_rows::pack([row(head_ord, head_ord)]),
            complete: true,
            version: 9,
            ..wire::AccountRows::default()
        };
        let (account, log, nick) = (ME.0.to_vec(), vec![log; 16], "tom".into());
        Extension::Welcome(wire::Welcome { account, log, nick, rows: Some(rows), ..wire::Welcome::default() })
    }

    fn window(ords: std::ops::RangeInclusive<u64>) -> Extension {
        let message = |ord: u64| wire::PageMessage {
            id: [ord as u8 | 0x80; 16].to_vec(),
            seq: ord,
            ord,
            time: 1_000 + ord as i64,
            sender: 0,
            content: format!("message {ord}"),
        };
        let person = wire::Person { account: vec![2; 16], nick: "lili".into(), state: 0 };
        let (from, to) = (*ords.start() - 1, *ords.end());
        let page = wire::MessagePage {
            messages: ords.map(message).collect(),
            people: vec![person],
            from,
            to,
            first_ord: 1,
            head_ord: to,
            seq: to,
            ..wire::MessagePage::default()
        };
        let topic = "flowers".into();
        let window = wire::RoomWindow { seq: to, page: Some(page), topic, ..wire::RoomWindow::default() };
        let body = Some(Body::Window(window));
        Extension::Event(wire::ServerEvent { room: ROOM.to_wire(), body })
    }

    /// Passes the changes of the state on, and writes them.
    fn write(device: &mut DeviceRooms, state: &mut ClientState, rows: &mut Rows) {
        while let Some(change) = state.poll_change() {
            device.handle_change(state, &change);
        }
        device.encode(state, Some(&record()), Vec::new()).iter().for_each(|change| rows.apply(change));
    }

    fn restored(rows: &Rows) -> (ClientState, DeviceRooms) {
        let mut state = ClientState::new(nick_key);
        let device = DeviceRooms::restore(&mut state, &Stored::of(rows));
        let values = |table| rows.values(&KeyRange::of_room(table, ROOM));
        restore_room(&mut state, ROOM, &values(Table::Rooms), &values(Table::Messages));
        (state, device)
    }

    fn contents(state: &mut ClientState) -> Vec<String> {
        let mut contents = Vec::new();
        while let Some(change) = state.poll_change() {
            if let state::Change::Timeline(ROOM, TimelineUpdate::Page(page)) = change {
                contents.extend(page.into_iter().map(|message| message.content.to_string()));
            }
        }
        contents
    }

    #[test]
    fn room_list_and_messages_are_shown_before_the_connection() {
        let (mut state, mut device, mut rows) =
            (ClientState::new(nick_key), DeviceRooms::default(), Rows::default());
        state.open_room(Some(ROOM));
        receive(&mut state, welcome(5, 3));
        receive(&mut state, window(1..=3));
        state.handle_visible(ROOM, 2, false);
        write(&mut device, &mut state, &mut rows);

        let (mut state, mut device) = restored(&rows);
        let entry = state.account().room(ROOM).unwrap();
        assert_eq!((&*entry.name, entry.unread(), state.account().version()), ("garden", 1, 9));
        let untold: Vec<_> =
            state.account().untold_cursors().map(|(room, cursor)| (room, cursor.ord)).collect();
        assert_eq!(untold, [(ROOM, 2)], "the server has not acknowledged it");
        let loaded = state.room(ROOM).unwrap();
        assert_eq!((loaded.position(), &**loaded.topic(), loaded.is_outdated()), (3, "flowers", true));
        assert_eq!(contents(&mut state), ["message 1", "message 2", "message 3"]);
        // Nothing has changed.
        let before = rows.clone();
        write(&mut device, &mut state, &mut rows);
        assert_eq!(rows, before);
    }

    #[test]
    fn messages_of_a_log_that_was_replaced_are_deleted() {
        let (mut state, mut device, mut rows) =
            (ClientState::new(nick_key), DeviceRooms::default(), Rows::default());
        state.open_room(Some(ROOM));
        receive(&mut state, welcome(5, 3));
        receive(&mut state, window(1..=3));
        write(&mut device, &mut state, &mut rows);
        receive(&mut state, welcome(6, 1));
        receive(&mut state, window(1..=1));
        write(&mut device, &mut state, &mut rows);
        assert_eq!(contents(&mut restored(&rows).0), ["message 1"]);
        assert_eq!(rows.keys(Table::Messages).count(), 1);
    }

    #[test]
    fn old_messages_are_deleted_and_a_gap_stays_one() {
        let (mut state, mut device, mut rows) =
            (ClientState::new(nick_key), DeviceRooms::default(), Rows::default());
        state.open_room(Some(ROOM));
        receive(&mut state, welcome(5, 100));
        receive(&mut state, window(51..=100));
        write(&mut device, &mut state, &mut rows);
        for last in (100..=1_000).step_by(50) {
            receive(&mut state, window(last - 49..=last));
            write(&mut device, &mut state, &mut rows);
        }
        assert_eq!(rows.keys(Table::Messages).next(), Some(&crate::persist::Key::Message(ROOM, 301)));
        // A write has failed.
        rows.apply(&Change::Delete(crate::persist::Key::Message(ROOM, 900)));
        let known: Vec<_> =
            restored(&rows).0.room(ROOM).unwrap().known().iter().map(|r| (r.from, r.to)).collect();
        assert_eq!(known, [(300, 899), (900, 1_000)]);
    }

    #[test]
    fn nothing_stays_after_a_logout() {
        let (mut state, mut device, mut rows) =
            (ClientState::new(nick_key), DeviceRooms::default(), Rows::default());
        state.open_room(Some(ROOM));
        receive(&mut state, welcome(5, 3));
        receive(&mut state, window(1..=3));
        write(&mut device, &mut state, &mut rows);
        assert!(!rows.is_empty());
        let forgotten = device.encode(&state, None, vec![persistence::Change::Forget]);
        forgotten.iter().for_each(|change| rows.apply(change));
        assert!(rows.is_empty());
    }

    #[test]
    fn line_is_above_the_messages_of_a_window_that_are_not_read() {
        let mut state = ClientState::new(nick_key);
        state.open_room(Some(ROOM));
        receive(&mut state, welcome(5, 3));
        receive(&mut state, window(1..=3));
        assert_eq!(state.room(ROOM).unwrap().unread_line(), Some(0));
        // It stays where it was.
        state.handle_visible(ROOM, 2, false);
        receive(&mut state, window(1..=3));
        assert_eq!(state.room(ROOM).unwrap().unread_line(), Some(0));
    }
}
