//! A client that applies what it is sent.

use std::collections::BTreeMap;

use parlour_core::{
    codec::{self, Extension},
    model::{Role, RoomId, UserId},
    room_rows,
    wire::{self, server_event::Body},
};

use super::{super::super::cursor::Cursor, log::LogRoom};

/// The state that a client has of a room in its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub handle: u32,
    pub name: String,
    pub role: Role,
    pub head: u64,
    pub read: u64,
    pub version: u32,
    pub muted: bool,
    pub archived: bool,
}

impl Row {
    pub fn cursor(&self) -> Cursor {
        Cursor { version: self.version, ord: self.read }
    }

    pub(super) fn merge(&mut self, cursor: Cursor) {
        let merged = cursor.max(self.cursor());
        (self.version, self.read) = (merged.version, merged.ord);
    }
}

/// A client.
#[derive(Debug, Default)]
pub struct Client {
    pub user: Option<UserId>,
    pub rows: BTreeMap<RoomId, Row>,
    /// The cursors that the server is known to have.
    pub(super) confirmed: BTreeMap<RoomId, Cursor>,
    /// Subscribed rooms, and the position in each once its window has arrived.
    pub subscribed: BTreeMap<RoomId, Option<u64>>,
    /// The rows and activity frames that it was sent, and their bytes.
    pub frames: usize,
    pub activity: Vec<usize>,
    pub people: BTreeMap<Vec<u8>, (String, bool)>,
}

impl Client {
    pub(super) fn apply_rows(&mut self, frame: wire::AccountRows) {
        for row in room_rows::unpack(frame) {
            let room = RoomId::from_wire(&row.room).unwrap();
            let role = Role::from_wire(row.role).unwrap();
            if role == Role::None {
                self.rows.remove(&room);
                self.confirmed.remove(&room);
                self.subscribed.remove(&room);
                continue;
            }
            let mut row = Row {
                handle: row.handle,
                name: row.name,
                role,
                head: row.head_ord,
                read: row.head_ord - row.unread,
                version: row.cursor_version,
                muted: row.muted,
                archived: row.archived,
            };
            let confirmed = self.confirmed.entry(room).or_default();
            *confirmed = row.cursor().max(*confirmed);
            // An account that is only invited does not learn about messages.
            if let Some(old) = self.rows.get(&room).filter(|_| role >= Role::Member) {
                row.merge(old.cursor());
            }
            self.rows.insert(room, row);
        }
    }

    pub(super) fn receive(&mut self, log: &BTreeMap<RoomId, LogRoom>, bytes: &[u8]) {
        let envelope = codec::decode(bytes).unwrap();
        match envelope.extension {
            None => {
                let room = RoomId::from_wire(&envelope.room).unwrap();
                self.apply_event(log, room, envelope.seq, Some((envelope.ord, &envelope.sender)));
            }
            Some(Extension::Event(event)) => {
                let room = RoomId::from_wire(&event.room).unwrap();
                match event.body.unwrap() {
                    Body::Rows(rows) => self.apply_rows(rows),
                    Body::Event(event) => self.apply_event(log, room, event.seq, None),
                    Body::Activity(activity) => {
                        for (handle, messages) in activity.handles.iter().zip(activity.messages) {
                            let row = self.rows.values_mut().find(|row| row.handle == *handle);
                            row.expect("activity of a room in the list").head += messages;
                        }
                    }
                    Body::Presence(changes) => {
                        for person in changes.people {
                            let online = person.state() == wire::PresenceState::Online;
                            self.people.insert(person.account, (person.nick, online));
                        }
                    }
                    // The answer to a mute.
                    Body::Response(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn apply_event(
        &mut self,
        log: &BTreeMap<RoomId, LogRoom>,
        room: RoomId,
        seq: u64,
        message: Option<(u64, &Vec<u8>)>,
    ) {
        let account = self.user.unwrap();
        // A member gets events up to the one that removes it.
        let before = log[&room].roles.iter().rfind(|(at, of, _)| *of == account && *at < seq);
        let was_member = room == RoomId::LOBBY || before.is_some_and(|(.., role)| *role >= Role::Member);
        assert!(was_member, "{account:?} got event {seq} of {room:?}: {:?}", log[&room].roles);
        let Some(Some(position)) = self.subscribed.get_mut(&room) else { return };
        if seq <= *position {
            return;
        }
        assert_eq!(seq, *position + 1, "an event of {room:?} is missing");
        *position = seq;
        if let (Some((ord, sender)), Some(row)) = (message, self.rows.get_mut(&room)) {
            row.head = row.head.max(ord);
            if *sender == account.0.to_vec() && row.read + 1 == ord {
                row.read = ord;
            }
        }
    }
}

/// The WebSocket messages in a buffer, with the size of each frame.
pub(super) fn messages(mut frames: &[u8]) -> Vec<(Vec<u8>, usize)> {
    let mut messages = Vec::new();
    while let [_, length, rest @ ..] = frames {
        let (header, length) = match length {
            126 => (4, usize::from(u16::from_be_bytes([rest[0], rest[1]]))),
            127 => (10, usize::try_from(u64::from_be_bytes(rest[..8].try_into().unwrap())).unwrap()),
            length => (2, usize::from(*length)),
        };
        messages.push((frames[header..header + length].to_vec(), header + length));
        frames = &frames[header + length..];
    }
    messages
}
