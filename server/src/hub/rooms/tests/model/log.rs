//! The log: its rooms and members, and what is committed and not published yet.

use std::collections::BTreeMap;

use bytes::Bytes;
use parlour_core::{
    model::{MessageId, Role, RoomId, RoomKind, UserId},
    wire,
};

use super::{
    super::super::{
        cursor::Cursor,
        events,
        published::{Published, RoomChange},
    },
    World, user,
};
use crate::store::{self as rooms, Place, RowChange, TextState};

/// A member as the log has it. One that has left keeps its handle and cursor.
#[derive(Clone, Debug)]
pub struct Member {
    pub role: Role,
    pub handle: u32,
    pub cursor: Cursor,
    pub muted: bool,
}

/// A room as the log has it.
#[derive(Clone, Debug)]
pub struct LogRoom {
    pub state: rooms::Room,
    pub members: BTreeMap<UserId, Member>,
    /// The roles that accounts got, by sequence number.
    pub roles: Vec<(u64, UserId, Role)>,
}

/// A message or change that is committed and not published yet.
#[derive(Debug)]
pub(super) enum Committed {
    Event(Published),
    Name(RoomId, String),
}

impl World {
    pub fn add_room(&mut self, room: RoomId, kind: RoomKind, members: &[UserId]) {
        let state = rooms::Room {
            room,
            kind,
            name: String::new(),
            topic: String::new(),
            archived: false,
            head_seq: 0,
            head_ord: 0,
            first_ord: 1,
            active: 0,
            members: 0,
        };
        self.log.insert(room, LogRoom { state, members: BTreeMap::new(), roles: Vec::new() });
        for member in members {
            self.member(room, *member).role = Role::Member;
            self.log.get_mut(&room).unwrap().roles.push((0, *member, Role::Member));
        }
    }

    fn member(&mut self, room: RoomId, account: UserId) -> &mut Member {
        let next = self.handles.entry(account).or_insert(1);
        let handle = if room == RoomId::LOBBY { 0 } else { *next };
        self.log.get_mut(&room).unwrap().members.entry(account).or_insert_with(|| {
            *next += 1;
            let role = if room == RoomId::LOBBY { Role::Member } else { Role::None };
            Member { role, handle, cursor: Cursor::default(), muted: false }
        })
    }

    fn commit(&mut self, room: RoomId, sender: UserId, change: impl FnOnce(&mut LogRoom) -> RoomChange) {
        let time = 1_000_000_000 + self.now as i64;
        let log = self.log.get_mut(&room).unwrap();
        log.state.head_seq += 1;
        let change = change(log);
        let event = Published { room, seq: log.state.head_seq, sender, time, change };
        self.unpublished.push_back(Committed::Event(event));
    }

    pub fn post(&mut self, room: RoomId, sender: UserId) {
        if self.member(room, sender).role < Role::Member {
            return;
        }
        let time = 1_000_000_000 + self.now as i64;
        self.commit(room, sender, |log| {
            log.state.head_ord += 1;
            log.state.active = time;
            RoomChange::Message(log.state.head_ord)
        });
    }

    pub fn set_role(&mut self, room: RoomId, account: UserId, role: Role) {
        let before = self.member(room, account).role;
        // Nobody is invited who is a member.
        let is_possible = before != role && (role != Role::Invited || before == Role::None);
        if room == RoomId::LOBBY || !is_possible {
            return;
        }
        self.member(room, account).role = role;
        self.commit(room, account, |log| {
            log.roles.push((log.state.head_seq, account, role));
            RoomChange::Member(account, role)
        });
    }

    pub fn archive(&mut self, room: RoomId, archived: bool) {
        if room == RoomId::LOBBY {
            return;
        }
        self.commit(room, user(0), |log| {
            log.state.archived = archived;
            RoomChange::Archived(archived)
        });
    }

    pub fn rename(&mut self, room: RoomId, name: &str) {
        if room == RoomId::LOBBY {
            return;
        }
        self.log.get_mut(&room).unwrap().state.name = name.into();
        self.unpublished.push_back(Committed::Name(room, name.into()));
    }

    /// Publishes the oldest event that is not published yet.
    pub fn publish(&mut self) -> bool {
        match self.unpublished.pop_front() {
            None => return false,
            Some(Committed::Name(room, name)) => {
                self.rooms.rename_room(room, &name.as_str().into(), &mut self.out);
            }
            Some(Committed::Event(event)) => {
                self.rooms.publish(self.now, &event, || encode(&event), &mut self.out);
            }
        }
        self.read_outputs();
        true
    }

    /// Submits the row changes that the hub has collected.
    pub fn submit_rows(&mut self) {
        self.submitted += 1;
        let changes = self.rooms.take_row_changes(self.submitted);
        self.batches.push_back((self.submitted, changes));
    }

    /// The oldest batch of row changes fails, and is submitted again.
    pub fn fail_rows(&mut self) {
        let Some((batch, changes)) = self.batches.pop_front() else { return };
        self.submitted += 1;
        self.batches.push_back((self.submitted, changes));
        self.rooms.resubmitted(self.submitted);
        self.rooms.settled(batch, &mut self.out);
        self.read_outputs();
    }

    /// The oldest batch of row changes is committed.
    pub fn commit_rows(&mut self) {
        let Some((batch, changes)) = self.batches.pop_front() else { return };
        for change in changes {
            match change {
                RowChange::Cursor { account, room, ord, version } => {
                    let head = self.log[&room].state.head_ord;
                    assert!(ord <= head, "a cursor beyond the newest message");
                    self.member(room, account).cursor.merge(Cursor { version, ord }, head);
                }
                RowChange::Muted { account, room, muted } => self.member(room, account).muted = muted,
                other => panic!("{other:?}"),
            }
        }
        self.rooms.settled(batch, &mut self.out);
        self.read_outputs();
    }
}

pub(super) fn stored_row_or_left(
    log: &BTreeMap<RoomId, LogRoom>,
    room: RoomId,
    account: UserId,
) -> rooms::RoomRow {
    stored_row(log, room, account).unwrap_or_else(|| rooms::RoomRow {
        room: log[&room].state.clone(),
        handle: 0,
        role: Role::None,
        read_ord: 0,
        cursor_version: 0,
        muted: false,
        people: Vec::new(),
    })
}

pub(super) fn stored_row(
    log: &BTreeMap<RoomId, LogRoom>,
    room: RoomId,
    account: UserId,
) -> Option<rooms::RoomRow> {
    let of = log.get(&room)?;
    let lobby = Member { role: Role::Member, handle: 0, cursor: Cursor::default(), muted: false };
    let member = of.members.get(&account).or((room == RoomId::LOBBY).then_some(&lobby))?;
    (member.role != Role::None).then(|| rooms::RoomRow {
        room: of.state.clone(),
        handle: member.handle,
        role: member.role,
        read_ord: member.cursor.ord,
        cursor_version: member.cursor.version,
        muted: member.muted,
        people: Vec::new(),
    })
}

fn encode(event: &Published) -> Bytes {
    let Published { room, seq, sender, time, .. } = *event;
    match &event.change {
        RoomChange::Message(ord) => {
            let id = MessageId([0; 16]);
            events::message(&events::Message {
                room,
                id,
                place: Place { seq, ord: *ord, time },
                sender,
                nick: "n",
                content: "c",
                state: TextState::Original,
            })
        }
        _ => {
            let change = wire::room_event::Change::Archived(true);
            events::room_event(room, seq, time, wire::Person::default(), change)
        }
    }
}
