//! A log that answers late, and clients that apply what they are sent.

mod client;
mod log;
mod readings;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use parlour_core::{
    codec::{self, Extension},
    model::{Role, RoomId, RoomKind, UserId},
    wire::server_event::Body,
};

use self::{
    client::{Client, Row, messages},
    log::{Committed, LogRoom},
    readings::Purpose,
};
use super::super::{Rooms, cursor::Cursor, live_rooms::RoomState};
use crate::{
    hub::{
        connection_table::ConnectionId,
        output::{Output, Outputs},
    },
    store::RowChange,
};

pub fn user(n: u8) -> UserId {
    UserId([n; 16])
}

pub fn room(n: u8) -> RoomId {
    RoomId([n; 16])
}

pub fn conn(n: u32) -> ConnectionId {
    ConnectionId::new(n, n)
}

/// The server's rooms, the log and the clients.
pub struct World {
    pub rooms: Rooms,
    pub out: Outputs,
    pub now: u64,
    pub log: BTreeMap<RoomId, LogRoom>,
    pub clients: BTreeMap<u32, Client>,
    handles: BTreeMap<UserId, u32>,
    unpublished: VecDeque<Committed>,
    readings: VecDeque<(Purpose, Option<BTreeMap<RoomId, LogRoom>>)>,
    /// Submitted row changes, by batch.
    batches: VecDeque<(u64, Vec<RowChange>)>,
    submitted: u64,
    pub is_slow: Vec<u32>,
}

impl World {
    pub fn new() -> Self {
        let mut world = Self {
            rooms: Rooms::new(RoomState::lobby()),
            out: Outputs::default(),
            now: 0,
            log: BTreeMap::new(),
            clients: BTreeMap::new(),
            handles: BTreeMap::new(),
            unpublished: VecDeque::new(),
            readings: VecDeque::new(),
            batches: VecDeque::new(),
            submitted: 0,
            is_slow: Vec::new(),
        };
        world.add_room(RoomId::LOBBY, RoomKind::Lobby, &[]);
        world
    }

    pub fn disconnect(&mut self, n: u32) {
        let Some(client) = self.clients.remove(&n) else { return };
        self.rooms.disconnect(conn(n));
        self.is_slow.retain(|slow| *slow != n);
        let account = client.user.unwrap();
        let is_last = self.clients.values().all(|other| other.user != Some(account));
        if is_last {
            self.rooms.note_presence(account, &"nick".into(), false);
        }
    }

    pub fn subscribe(&mut self, n: u32, room: RoomId) {
        if !self.clients.contains_key(&n) {
            return;
        }
        if let Ok(ticket) = self.rooms.subscribe(conn(n), room, &mut self.out) {
            self.read_outputs();
            if let Some(client) = self.clients.get_mut(&n) {
                client.subscribed.insert(room, None);
            }
            self.readings.push_back((Purpose::Subscribe(n, room, ticket), None));
        }
    }

    pub fn unsubscribe(&mut self, n: u32, room: RoomId) {
        self.rooms.end_subscription(conn(n), room, &mut self.out);
        self.read_outputs();
        if let Some(client) = self.clients.get_mut(&n) {
            client.subscribed.remove(&room);
        }
    }

    pub fn read(&mut self, n: u32, room: RoomId, cursor: Cursor) {
        let Some(client) = self.clients.get_mut(&n) else { return };
        if self.rooms.read(self.now, conn(n), room, cursor, &mut self.out).is_ok()
            && let Some(row) = client.rows.get_mut(&room)
        {
            // A client does not say that it has read what it does not know.
            row.merge(cursor);
            let confirmed = client.confirmed.entry(room).or_default();
            *confirmed = cursor.max(*confirmed);
        }
        self.read_outputs();
    }

    /// The clients tell the server the cursors that it may not have: those that own messages have moved.
    fn tell_cursors(&mut self) {
        for n in self.clients.keys().copied().collect::<Vec<_>>() {
            let client = &self.clients[&n];
            let untold = |(room, row): (&RoomId, &Row)| {
                let confirmed = client.confirmed.get(room).copied().unwrap_or_default();
                (row.role >= Role::Member && row.cursor() > confirmed).then_some((*room, row.cursor()))
            };
            for (room, cursor) in client.rows.iter().filter_map(untold).collect::<Vec<_>>() {
                self.read(n, room, cursor);
            }
        }
    }

    pub fn read_all(&mut self, n: u32) {
        self.rooms.read_all(self.now, conn(n), &mut self.out);
        self.read_outputs();
    }

    pub fn mute(&mut self, n: u32, room: RoomId, muted: bool) {
        // The row follows when the log has it.
        let _ = self.rooms.mute((conn(n), 1), room, muted);
    }

    /// Waits until what was read is in the log: within 30 s.
    pub fn save_cursors(&mut self) {
        self.advance(30_000);
        self.submit_rows();
        self.commit_rows();
    }

    pub fn advance(&mut self, ms: u64) {
        self.now += ms;
        self.rooms.handle_timeout(self.now);
        self.rooms.deliver(self.now, self.now as i64, &mut self.out);
        self.read_outputs();
        self.rooms.end_round();
    }

    /// The write queue of a connection was full in this round.
    pub fn overflow(&mut self, n: u32) {
        if self.clients.contains_key(&n) && !self.is_slow.contains(&n) {
            self.rooms.suspend(conn(n));
            self.is_slow.push(n);
        }
    }

    pub fn drained(&mut self, n: u32) {
        if !self.is_slow.contains(&n) {
            return;
        }
        self.is_slow.retain(|slow| *slow != n);
        let resumptions = self.rooms.resume(conn(n), &mut self.out);
        self.read_outputs();
        for resumption in resumptions {
            let position = self.clients[&n].subscribed[&resumption.room];
            assert!(position.is_none_or(|has| has >= resumption.after), "events would be missing");
            self.readings.push_back((Purpose::Subscribe(n, resumption.room, resumption.ticket), None));
        }
    }

    /// Everything that is under way arrives.
    pub fn settle(&mut self) {
        for n in self.is_slow.clone() {
            self.drained(n);
        }
        for _ in 0..6 {
            while self.publish() {}
            self.execute_readings();
            for attempt in 0.. {
                assert!(attempt < 300, "a reading is never used");
                if !self.answer_reading() {
                    break;
                }
                self.execute_readings();
            }
            self.submit_rows();
            while !self.batches.is_empty() {
                self.commit_rows();
            }
            self.advance(1_000);
            self.tell_cursors();
        }
    }

    pub fn read_outputs(&mut self) {
        while let Some(output) = self.out.pop() {
            match output {
                Output::Send { conn, frames } => self.receive(conn, &frames, true),
                Output::Fanout { to, frames } => {
                    to.iter().for_each(|conn| self.receive(*conn, &frames, false))
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn receive(&mut self, conn: ConnectionId, frames: &Bytes, is_essential: bool) {
        let n: u32 = conn.to_string().parse().unwrap();
        if !is_essential && self.is_slow.contains(&n) {
            return;
        }
        let Some(client) = self.clients.get_mut(&n) else { return };
        client.frames += 1;
        for (message, size) in messages(frames) {
            for envelope in codec::decode_rich(&message).unwrap() {
                if let Some(Extension::Event(event)) = &envelope.extension
                    && matches!(event.body, Some(Body::Activity(_)))
                {
                    client.activity.push(size);
                }
                client.receive(&self.log, &codec::encode(&envelope));
            }
        }
    }
}
