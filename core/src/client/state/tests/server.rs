//! A naive model of a server with rooms: everything that ever happened is in one list for each room, and each answer is
//! computed from it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    client::cursor::Cursor,
    codec::{self, Envelope, Extension},
    model::{MessageId, RoomId, UserId},
    room_rows,
    wire::{self, room_event::Change, server_event::Body},
};

/// The account of the client that is tested.
pub const ME: UserId = UserId([1; 16]);

pub fn user(number: u8) -> UserId {
    UserId([number; 16])
}

pub fn room_id(number: usize) -> RoomId {
    if number == 0 { RoomId::LOBBY } else { RoomId([0xA0 + number as u8; 16]) }
}

/// Something that happened in a room; its sequence number is its place in the list.
#[derive(Clone, Debug)]
pub enum Happened {
    Message {
        ord: u64,
        id: MessageId,
        sender: UserId,
        content: String,
    },
    Topic(String),
    Name(String),
    Member(UserId, wire::Role),
    /// A message with this ord was edited, or erased (`None`).
    Changed(u64, Option<String>),
    /// An account has reacted to the message with this ord, or has removed its reaction.
    Reacted {
        ord: u64,
        account: UserId,
        emoji: &'static str,
        remove: bool,
    },
}

#[derive(Clone, Debug)]
pub struct Room {
    pub id: RoomId,
    pub kind: wire::RoomKind,
    pub name: String,
    pub topic: String,
    pub events: Vec<Happened>,
    /// Messages with a smaller ord were deleted.
    pub first_ord: u64,
    pub role: wire::Role,
    pub muted: bool,
    pub others: BTreeSet<UserId>,
    /// All cursors of the account that the server was ever told of.
    pub cursors: Vec<Cursor>,
    /// The version at which the row has changed.
    pub changed: u64,
}

impl Room {
    pub fn head(&self) -> u64 {
        self.messages().map(|(ord, ..)| ord).max().unwrap_or(0)
    }

    /// All messages that ever were: ord, sequence number, id, sender, content.
    pub fn messages(&self) -> impl Iterator<Item = (u64, u64, MessageId, UserId, &str)> {
        self.events.iter().enumerate().filter_map(|(at, event)| match event {
            Happened::Message { ord, id, sender, content } => {
                Some((*ord, at as u64 + 1, *id, *sender, content.as_str()))
            }
            _ => None,
        })
    }

    /// The present text of a message, whether it was edited, and whether it was erased.
    pub(super) fn text<'a>(&'a self, ord: u64, sent: &'a str) -> (&'a str, bool, bool) {
        let mut text = (sent, false, false);
        for event in &self.events {
            match event {
                Happened::Changed(of, Some(content)) if *of == ord => text = (content, true, false),
                Happened::Changed(of, None) if *of == ord => return ("", false, true),
                _ => {}
            }
        }
        text
    }

    /// All messages that ever were, with their present texts: ord, sender, content.
    pub fn texts(&self) -> impl Iterator<Item = (u64, UserId, String)> {
        self.messages().map(|(ord, _, _, sender, sent)| (ord, sender, self.text(ord, sent).0.to_owned()))
    }

    /// The cursor that is the largest one by version, and then by ord.
    pub fn cursor(&self) -> Cursor {
        let key = |cursor: &Cursor| (u128::from(cursor.version) << 64) + u128::from(cursor.ord);
        self.cursors.iter().copied().max_by_key(key).unwrap_or_default()
    }

    /// The number of messages after the cursor, counted one by one.
    pub fn unread(&self) -> u64 {
        let read = self.cursor().ord;
        self.messages().filter(|(ord, ..)| *ord > read).count() as u64
    }

    pub(super) fn row(&self, people: &BTreeMap<UserId, String>) -> wire::RoomRow {
        let handle = if self.id == RoomId::LOBBY { 0 } else { u32::from(self.id.0[0]) };
        let unread = self.unread();
        let others = self.others.iter().filter(|_| self.kind == wire::RoomKind::Direct);
        wire::RoomRow {
            room: self.id.to_wire(),
            handle,
            kind: self.kind.into(),
            name: self.name.clone(),
            role: self.role.into(),
            head_ord: self.head(),
            unread,
            cursor_version: self.cursor().version,
            attention: if self.kind == wire::RoomKind::Direct { unread as u32 } else { 0 },
            muted: self.muted,
            people: others.map(|account| person(*account, people)).collect(),
            ..wire::RoomRow::default()
        }
    }
}

pub fn person(account: UserId, people: &BTreeMap<UserId, String>) -> wire::Person {
    let nick = people.get(&account).cloned().unwrap_or_default();
    wire::Person { account: account.0.to_vec(), nick, state: wire::PresenceState::Online.into() }
}

/// What the server sends, or the answer to a command.
#[derive(Clone, Debug)]
pub enum Item {
    Envelope(Box<Envelope>),
    CursorAcknowledged(RoomId, Cursor),
    AllRead,
    Unsubscribed(RoomId),
    Acknowledged(RoomId, MessageId, u64),
}

/// The server and one connection.
#[derive(Debug)]
pub struct Server {
    pub log: Vec<u8>,
    pub rooms: Vec<Room>,
    pub people: BTreeMap<UserId, String>,
    /// The global sequence number.
    pub(super) gseq: u64,
    pub(super) is_connected: bool,
    pub(super) subscribed: BTreeSet<RoomId>,
    /// The newest ord of each room that the connection was told.
    pub(super) told: BTreeMap<RoomId, u64>,
    /// Pages that were read, and are sent after the next event.
    pub(super) slow_pages: Vec<(RoomId, wire::MessagePage)>,
    pub(super) out: VecDeque<Item>,
}

impl Server {
    pub fn new() -> Self {
        let room = |number, kind, name: &str| Room {
            id: room_id(number),
            kind,
            name: name.into(),
            topic: String::new(),
            events: Vec::new(),
            first_ord: 1,
            role: wire::Role::Member,
            muted: false,
            others: [user(2), user(3), user(4)].into(),
            cursors: Vec::new(),
            changed: 1,
        };
        let mut direct = room(2, wire::RoomKind::Direct, "");
        direct.others = [user(2)].into();
        let people = (1..=4).map(|number| (user(number), format!("nick{number}"))).collect();
        Self {
            log: vec![1; 16],
            rooms: vec![
                room(0, wire::RoomKind::Lobby, "Lobby"),
                room(1, wire::RoomKind::Public, "Rust"),
                direct,
            ],
            people,
            gseq: 1,
            is_connected: false,
            subscribed: BTreeSet::new(),
            told: BTreeMap::new(),
            slow_pages: Vec::new(),
            out: VecDeque::new(),
        }
    }

    pub fn is_connected(&self) -> bool {
        self.is_connected
    }

    pub fn is_subscribed(&self, room: RoomId) -> bool {
        self.subscribed.contains(&room)
    }

    pub fn room(&self, room: RoomId) -> &Room {
        self.rooms.iter().find(|of| of.id == room).unwrap()
    }

    pub(super) fn room_mut(&mut self, room: RoomId) -> &mut Room {
        self.rooms.iter_mut().find(|of| of.id == room).unwrap()
    }

    pub fn poll(&mut self) -> Option<Item> {
        self.out.pop_front()
    }

    pub(super) fn send(&mut self, body: Body, room: RoomId) {
        if self.is_connected {
            let event = wire::ServerEvent { room: room.to_wire(), body: Some(body) };
            self.out.push_back(Item::Envelope(Box::new(codec::extension(Extension::Event(event)))));
        }
    }

    pub(super) fn answer(&mut self, result: wire::response::Result, room: RoomId) {
        self.send(Body::Response(wire::Response { request: 1, result: Some(result) }), room);
    }

    // ---- what happens

    pub(super) fn append(&mut self, room: RoomId, event: Happened) -> u64 {
        self.gseq += 1;
        let (gseq, subscribed) = (self.gseq, self.is_subscribed(room));
        let of = self.room_mut(room);
        of.events.push(event.clone());
        of.changed = gseq;
        let seq = of.events.len() as u64;
        if subscribed {
            let frame = self.frame(room, seq, &event);
            self.out.push_back(Item::Envelope(Box::new(frame)));
            if let Happened::Message { ord, .. } = event {
                self.told.insert(room, ord);
            }
        }
        for (room, mut page) in std::mem::take(&mut self.slow_pages) {
            // The server knows the present nicks.
            for of in &mut page.people {
                *of = person(UserId::from_wire(&of.account).unwrap(), &self.people);
            }
            self.answer(wire::response::Result::Page(page), room);
        }
        seq
    }

    pub(super) fn frame(&self, room: RoomId, seq: u64, event: &Happened) -> Envelope {
        let change = match event {
            Happened::Message { ord, .. } => return self.message_frame(room, seq, *ord),
            Happened::Changed(ord, content) => {
                let content = content.clone();
                let (edited, deleted) = (i64::from(content.is_some()), content.is_none());
                let message = self.message_frame(room, seq, *ord);
                let content = content.unwrap_or_default();
                let reactions = if deleted { Vec::new() } else { self.room(room).wire_reactions(*ord).0 };
                return Envelope { changed: true, edited, deleted, content, reactions, ..message };
            }
            Happened::Reacted { ord, account, .. } => {
                let of = self.room(room).reactions(*ord);
                let own = of.iter().filter(|(_, accounts)| accounts.contains(account));
                let emoji = own.map(|(emoji, _)| (*emoji).to_owned()).collect();
                let reacted = Some(wire::Reacted { account: account.0.to_vec(), emoji });
                let reactions = self.room(room).wire_reactions(*ord).0;
                return Envelope { changed: true, reactions, reacted, ..self.message_frame(room, seq, *ord) };
            }
            Happened::Topic(topic) => Change::Topic(topic.clone()),
            Happened::Name(name) => Change::Name(name.clone()),
            Happened::Member(account, role) => Change::Member(wire::MemberChange {
                person: Some(person(*account, &self.people)),
                role: (*role).into(),
                members: Some(self.room(room).others.len() as u32),
            }),
        };
        let by = match event {
            Happened::Member(account, _) => *account,
            _ => user(2),
        };
        let event =
            wire::RoomEvent { seq, time: 0, sender: Some(person(by, &self.people)), change: Some(change) };
        codec::extension(Extension::Event(wire::ServerEvent {
            room: room.to_wire(),
            body: Some(Body::Event(event)),
        }))
    }

    /// Appends a message, unless its sender has sent it before. Returns its sequence number.
    pub fn post(&mut self, room: RoomId, sender: UserId, id: MessageId, content: &str) -> u64 {
        if let Some((_, seq, ..)) =
            self.room(room).messages().find(|(.., of, by, _)| (*of, *by) == (id, sender))
        {
            return seq;
        }
        let ord = self.room(room).head() + 1;
        let seq = self.append(room, Happened::Message { ord, id, sender, content: content.into() });
        let cursor = self.room(room).cursor();
        if sender == ME && cursor.ord + 1 >= ord {
            self.tell_cursor(room, cursor.advanced(ord));
        }
        seq
    }

    pub fn set_topic(&mut self, room: RoomId, topic: &str) {
        self.room_mut(room).topic = topic.into();
        self.append(room, Happened::Topic(topic.into()));
    }

    pub fn set_name(&mut self, room: RoomId, name: &str) {
        self.room_mut(room).name = name.into();
        self.append(room, Happened::Name(name.into()));
        self.push_row(room);
    }

    /// Another person joins or leaves.
    pub fn toggle_member(&mut self, room: RoomId, account: UserId) {
        let others = &mut self.room_mut(room).others;
        let role = if others.remove(&account) {
            wire::Role::None
        } else {
            others.insert(account);
            wire::Role::Member
        };
        self.append(room, Happened::Member(account, role));
    }

    /// The account leaves the room, or comes back.
    pub fn toggle_own(&mut self, room: RoomId) {
        let of = self.room_mut(room);
        of.role = if of.role == wire::Role::None { wire::Role::Member } else { wire::Role::None };
        let role = of.role;
        self.append(room, Happened::Member(ME, role));
        self.subscribed.remove(&room);
        self.push_row(room);
    }

    pub fn delete_oldest(&mut self, room: RoomId, count: u64) {
        let of = self.room_mut(room);
        of.first_ord = (of.first_ord + count).min(of.head() + 1);
    }

    pub fn rename(&mut self, account: UserId, nick: &str) {
        self.people.insert(account, nick.into());
        let people = vec![person(account, &self.people)];
        self.send(Body::Presence(wire::PresenceChanges { people, time: 0, partners: false }), RoomId::LOBBY);
    }

    /// The server tells the connection a cursor that it has not from it.
    pub fn tell_cursor(&mut self, room: RoomId, cursor: Cursor) {
        let gseq = self.gseq;
        let of = self.room_mut(room);
        of.cursors.push(cursor);
        of.changed = gseq;
        self.push_row(room);
    }

    pub(super) fn push_row(&mut self, room: RoomId) {
        let row = self.room(room).row(&self.people);
        self.told.insert(room, row.head_ord);
        let is_all_told = self.rooms.iter().all(|of| self.told.get(&of.id) == Some(&of.head()));
        let version = if is_all_told { self.gseq } else { 0 };
        let rows =
            wire::AccountRows { rows: room_rows::pack([row]), version, ..wire::AccountRows::default() };
        self.send(Body::Rows(rows), RoomId::LOBBY);
    }

    /// Sends what is new in the rooms that the connection has not subscribed to.
    pub fn flush_activity(&mut self) {
        let mut activity = wire::Activity::default();
        for room in &self.rooms {
            let told = self.told.entry(room.id).or_insert(0);
            if *told < room.head() && room.role != wire::Role::None {
                activity.handles.push(room.row(&self.people).handle);
                activity.messages.push(room.head() - *told);
                *told = room.head();
            }
        }
        if !activity.handles.is_empty() {
            self.send(Body::Activity(activity), RoomId::LOBBY);
        }
    }

    /// The log is replaced by a backup of itself.
    pub fn restore_backup(&mut self, log: u8) {
        self.disconnect();
        self.log = vec![log; 16];
        for room in &mut self.rooms {
            room.events.truncate(room.events.len() * 2 / 3);
            room.first_ord = room.first_ord.min(room.head() + 1);
            room.cursors = vec![Cursor { ord: room.cursor().ord.min(room.head()), ..room.cursor() }];
        }
    }
}
