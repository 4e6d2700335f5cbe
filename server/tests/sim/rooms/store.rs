//! What a device has stored of one account: its rows, its lease number and the lock of its tabs.

use std::collections::VecDeque;

use parlour_core::{
    Millis,
    client::{self, cursor::Cursor, state::ClientState},
    codec::Envelope,
    model::{Message, Reactions, RoomId, TextState, UserId},
    persist::{
        Change, Key, Rows, Stored, Table,
        account::StoredAccount,
        queue,
        room::{StoredMessages, StoredRoom, put_message},
    },
    ranges::Range,
    room_rows,
    validate::nick_key,
    wire,
};

/// A cursor that the server may not have.
pub type Unconfirmed = Vec<(RoomId, Cursor)>;

/// The data of one scope on a device.
#[derive(Default)]
pub struct Store {
    pub rows: Rows,
    /// The account whose leader has logged in, and not out since.
    pub owner: Option<UserId>,
    unconfirmed: Unconfirmed,
    /// The lease number of the last leader that could be recorded.
    pub lease: u64,
    /// The tab that has the lock.
    pub holder: Option<usize>,
    /// The tabs that have requested the lock, in order.
    pub waiting: VecDeque<usize>,
    /// The time from which the lock can be granted.
    pub free_at: Millis,
}

impl Store {
    /// Returns `true` if a user is logged in.
    pub fn has_account(&self) -> bool {
        self.rows.get(&Key::Account).is_some()
    }

    /// Everything that is stored, without messages.
    pub fn stored(&self) -> Stored {
        Stored::of(&self.rows)
    }

    pub fn write(&mut self, changes: &[Change], unconfirmed: Option<Unconfirmed>) {
        changes.iter().for_each(|change| self.rows.apply(change));
        if let Some(unconfirmed) = unconfirmed {
            self.unconfirmed = unconfirmed;
        }
    }

    /// The state of a new tab: the room list of the device.
    pub fn state(&self) -> ClientState {
        let mut state = ClientState::new(nick_key);
        let stored = self.stored();
        let Some(account) = stored.account else { return state };
        let Some(me) = account.account.filter(|_| account.version > 0) else { return state };
        let rows = wire::AccountRows {
            rows: room_rows::pack(stored.rooms.iter().filter_map(|room| room.row.clone())),
            complete: true,
            version: account.version,
            nick: account.identity.nick.to_string(),
            more: false,
        };
        state.restore(me, &account.log, &rows, &self.unconfirmed);
        state
    }

    /// What the device has of a room.
    pub fn stored_room(&self, state: &ClientState, room: RoomId) -> Option<client::room::StoredRoom> {
        let stored = self.stored().rooms.into_iter().find(|stored| stored.room == room)?;
        if stored.seq == 0 || stored.log != state.log() {
            return None;
        }
        let read = StoredMessages::read(room, &stored.log, &self.rows.values(&StoredMessages::range(room)));
        let range: Option<Range> = read.known.iter().last();
        let me = state.me();
        let messages =
            read.messages.into_iter().filter(|message| range.is_some_and(|r| r.from < message.ord));
        Some(client::room::StoredRoom {
            position: stored.seq,
            last_message: stored.last,
            first_ord: stored.first_ord,
            head_ord: stored.row.as_ref().map_or(0, |row| row.head_ord),
            topic: stored.topic.into(),
            messages: messages.map(|message| shown(message, me)).collect(),
            range,
        })
    }
}

/// A stored message as the timeline shows it.
fn shown(envelope: Envelope, me: Option<parlour_core::model::UserId>) -> Message {
    let sender = parlour_core::model::UserId::from_wire(&envelope.sender);
    let own = envelope.reacted.map(|by| by.emoji).unwrap_or_default();
    Message {
        reactions: Reactions { counts: envelope.reactions.into(), own: own.into() },
        id: parlour_core::model::MessageId::from_wire(&envelope.id).unwrap(),
        sender,
        nick: envelope.user_name.into(),
        content: envelope.content.into(),
        ord: envelope.ord,
        time: envelope.time,
        own: sender == me,
        delivery: parlour_core::model::Delivery::Sent,
        text: TextState::from_wire(envelope.edited, envelope.deleted),
    }
}

/// The changes of the storage for the changes of a client, as the page makes them: with the account, the room list and the
/// newest messages of the rooms that the tab shows.
pub fn changes_of(
    state: &ClientState,
    shown: impl Iterator<Item = (RoomId, Vec<Message>)>,
    changes: Vec<client::Change>,
) -> (Vec<Change>, Option<Unconfirmed>) {
    let mut all = Vec::new();
    let mut unconfirmed = None;
    let shown: Vec<_> = shown.collect();
    for change in changes {
        match change {
            client::Change::PutQueued(room, message) => all.push(queue::put(room, &message)),
            client::Change::DeleteQueued(room, id) => all.push(queue::delete(room, id)),
            client::Change::Forget => {
                all.clear();
                all.extend(Table::ALL.map(Change::Clear));
                unconfirmed = Some(Vec::new());
            }
            client::Change::PutAccount(record) => {
                let log = state.log().to_vec();
                let account = StoredAccount {
                    identity: record.identity,
                    secret: record.secret,
                    account: record.account,
                    log: log.clone(),
                    version: state.account().version(),
                    attempt: record.attempt,
                };
                all.push(account.put());
                all.push(Change::Clear(Table::Rooms));
                all.push(Change::Clear(Table::Messages));
                for entry in state.account().rooms() {
                    let room = entry.room;
                    let known = state.room(room);
                    let position = known.map(client::room::RoomState::subscription).unwrap_or_default();
                    let stored = StoredRoom {
                        room,
                        row: state.room_row(room),
                        log: log.clone(),
                        seq: position.seq,
                        last: parlour_core::model::MessageId::from_wire(&position.id),
                        topic: known.map(|known| known.topic().to_string()).unwrap_or_default(),
                        members: known.and_then(client::room::RoomState::members).unwrap_or(0),
                        first_ord: known.map_or(1, client::room::RoomState::first_ord),
                        // The cursors are stored in `unconfirmed`.
                        is_unconfirmed: false,
                    };
                    all.push(stored.put());
                    let messages =
                        shown.iter().filter(|(of, _)| *of == room).flat_map(|(_, messages)| messages);
                    all.extend(messages.filter_map(|message| {
                        put_message(room, &log, &stored_form(room, message, state.me()))
                    }));
                }
                unconfirmed = Some(state.account().unconfirmed_cursors().collect());
            }
        }
    }
    (all, unconfirmed)
}

/// A message as the device stores it.
fn stored_form(room: RoomId, message: &Message, me: Option<UserId>) -> Envelope {
    let Reactions { counts, own } = &message.reactions;
    Envelope {
        room: room.to_wire(),
        id: message.id.0.to_vec(),
        sender: message.sender.map(|sender| sender.0.to_vec()).unwrap_or_default(),
        user_name: message.nick.to_string(),
        content: message.content.to_string(),
        ord: message.ord,
        seq: message.ord,
        time: message.time,
        edited: i64::from(message.text == TextState::Edited),
        deleted: message.text == TextState::Erased,
        reactions: counts.to_vec(),
        reacted: me.map(|me| wire::Reacted { account: me.0.to_vec(), emoji: own.to_vec() }),
        ..Envelope::default()
    }
}
