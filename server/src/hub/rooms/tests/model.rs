//! A log that answers late, and clients that apply what they are sent.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use parlour_core::{
    codec::{self, Extension},
    model::{MessageId, Role, RoomId, RoomKind, UserId},
    room_rows,
    wire::{self, server_event::Body},
};

use super::super::{
    ReadList, Reload, Rooms, Subscribed,
    cursor::Cursor,
    delivery::Encoding,
    events,
    live_rooms::RoomState,
    published::{Published, Reading, RoomChange},
};
use crate::{
    hub::{
        connection_table::ConnectionId,
        output::{Output, Outputs},
    },
    store::{self as rooms, RowChange},
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
enum Committed {
    Event(Published),
    Name(RoomId, String),
}

/// What a reading of the log is for.
#[derive(Debug)]
enum Purpose {
    Login(u32, UserId, Reading),
    Reload(Reload),
    Subscribe(u32, RoomId, u64),
}

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

    fn merge(&mut self, cursor: Cursor) {
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
    confirmed: BTreeMap<RoomId, Cursor>,
    /// Subscribed rooms, and the position in each once its window has arrived.
    pub subscribed: BTreeMap<RoomId, Option<u64>>,
    /// The rows and activity frames that it was sent, and their bytes.
    pub frames: usize,
    pub activity: Vec<usize>,
    pub people: BTreeMap<Vec<u8>, (String, bool)>,
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

    pub fn connect(&mut self, n: u32, account: UserId) {
        if !self.clients.contains_key(&n) && !self.is_logging_in(n) {
            let reading = self.rooms.begin_login(account);
            self.readings.push_back((Purpose::Login(n, account, reading), None));
        }
    }

    fn is_logging_in(&self, n: u32) -> bool {
        self.readings.iter().any(|(purpose, _)| matches!(purpose, Purpose::Login(of, ..) if *of == n))
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

    /// The log executes the readings that were asked for until now; their results come later.
    pub fn execute_readings(&mut self) {
        for reload in self.rooms.take_reloads() {
            self.readings.push_back((Purpose::Reload(reload), None));
        }
        for (_, snapshot) in &mut self.readings {
            snapshot.get_or_insert_with(|| self.log.clone());
        }
    }

    /// The result of the oldest executed reading arrives.
    pub fn answer_reading(&mut self) -> bool {
        let Some((purpose, Some(log))) = self.readings.pop_front_if(|(_, snapshot)| snapshot.is_some())
        else {
            return false;
        };
        match purpose {
            Purpose::Login(n, account, reading) => self.log_in(n, account, reading, &log),
            Purpose::Reload(Reload { account, room, reading }) => {
                let row = stored_row(&log, room, account);
                self.rooms.reloaded(account, room, row.as_ref(), reading, &mut self.out);
                self.read_outputs();
            }
            Purpose::Subscribe(n, room, ticket) => {
                let seq = log[&room].state.head_seq;
                let role =
                    self.clients.get(&n).and_then(|client| Some(stored_row(&log, room, client.user?)?.role));
                if role.is_none_or(|role| role < Role::Member) {
                    // The log has removed the account, which is not published yet.
                    self.rooms.abandon(conn(n), room, ticket, &mut self.out);
                    self.read_outputs();
                    if let Some(client) = self.clients.get_mut(&n) {
                        client.subscribed.remove(&room);
                    }
                    return true;
                }
                let result = self.rooms.subscribed(conn(n), room, ticket, seq, &mut self.out);
                self.read_outputs();
                match result {
                    Subscribed::Outdated => {
                        self.readings.push_back((Purpose::Subscribe(n, room, ticket), None));
                    }
                    Subscribed::Early => {
                        self.readings.push_back((Purpose::Subscribe(n, room, ticket), Some(log)));
                    }
                    Subscribed::Ended | Subscribed::Replaced | Subscribed::Overtaken => {}
                    Subscribed::Live(events) => {
                        if let Some(client) = self.clients.get_mut(&n) {
                            client.subscribed.insert(room, Some(seq));
                            if let Some(row) = client.rows.get_mut(&room) {
                                row.head = row.head.max(log[&room].state.head_ord);
                            }
                            // The messages of the window count as those that are delivered.
                            events.iter().for_each(|event| client.receive(&self.log, event));
                        }
                    }
                }
            }
        }
        true
    }

    fn log_in(&mut self, n: u32, account: UserId, reading: Reading, log: &BTreeMap<RoomId, LogRoom>) {
        let rows = log.keys().filter_map(|room| stored_row(log, *room, account));
        let all = rooms::RoomRows { rows: rows.collect(), version: 7 };
        let nick = "nick".into();
        self.rooms.connect(conn(n), Encoding::Batch, (account, &nick), &all.rows, reading);
        self.rooms.note_presence(account, &nick, true);
        let mut client = Client { user: Some(account), ..Client::default() };
        let read = ReadList { all, changed: None };
        for frame in self.rooms.login_rows(conn(n), &read) {
            client.apply_rows(frame);
        }
        // An update of a row that was under way is lost with a client that logs in again.
        self.read_outputs();
        self.clients.insert(n, client);
    }

    /// Logs in as with a version of which everything has been seen, on top of the rows that a client had.
    pub fn resume(
        &mut self,
        n: u32,
        account: UserId,
        before: &BTreeMap<RoomId, LogRoom>,
        rows: BTreeMap<RoomId, Row>,
    ) {
        let reading = self.rooms.begin_login(account);
        let log = self.log.clone();
        let all: Vec<_> = log.keys().filter_map(|room| stored_row(&log, *room, account)).collect();
        let of = |log: &BTreeMap<RoomId, LogRoom>, room| {
            log.get(&room).map(|of| (format!("{:?}", of.state), format!("{:?}", of.members.get(&account))))
        };
        let changed = log.keys().filter(|room| of(&log, **room) != of(before, **room));
        let changed = changed.map(|room| stored_row_or_left(&log, *room, account)).collect();
        let nick = "nick".into();
        self.rooms.connect(conn(n), Encoding::Batch, (account, &nick), &all, reading);
        let confirmed = rows.iter().map(|(room, row)| (*room, row.cursor())).collect();
        let mut client = Client { user: Some(account), rows, confirmed, ..Client::default() };
        let read = ReadList { all: rooms::RoomRows { rows: all, version: 7 }, changed: Some(changed) };
        for frame in self.rooms.login_rows(conn(n), &read) {
            client.apply_rows(frame);
        }
        self.read_outputs();
        self.clients.insert(n, client);
    }

    /// Submits the row changes that the hub has collected.
    pub fn submit_rows(&mut self) {
        self.submitted += 1;
        let changes = self.rooms.take_row_changes(self.submitted);
        self.batches.push_back((self.submitted, changes));
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

    /// The rows that an account would be sent if it logged in now for the first time.
    pub fn fresh_rows(&self, account: UserId) -> BTreeMap<RoomId, Row> {
        let mut client = Client::default();
        let rows = self.log.keys().filter_map(|room| stored_row(&self.log, *room, account));
        let all = rooms::RoomRows { rows: rows.collect(), version: 7 };
        let state = &self.log[&RoomId::LOBBY].state;
        let lobby = RoomState { head_seq: state.head_seq, head_ord: state.head_ord, ..RoomState::lobby() };
        let mut rooms = Rooms::new(lobby);
        let reading = rooms.begin_login(account);
        rooms.connect(conn(1), Encoding::Single, (account, &"nick".into()), &all.rows, reading);
        for frame in rooms.login_rows(conn(1), &ReadList { all, changed: None }) {
            client.apply_rows(frame);
        }
        client.rows
    }
}

impl Client {
    fn apply_rows(&mut self, frame: wire::AccountRows) {
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
            // Whoever is only invited does not learn about messages.
            if let Some(old) = self.rows.get(&room).filter(|_| role >= Role::Member) {
                row.merge(old.cursor());
            }
            self.rows.insert(room, row);
        }
    }

    fn receive(&mut self, log: &BTreeMap<RoomId, LogRoom>, bytes: &[u8]) {
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

fn stored_row_or_left(log: &BTreeMap<RoomId, LogRoom>, room: RoomId, account: UserId) -> rooms::RoomRow {
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

fn stored_row(log: &BTreeMap<RoomId, LogRoom>, room: RoomId, account: UserId) -> Option<rooms::RoomRow> {
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
                seq,
                ord: *ord,
                time,
                sender,
                nick: "n",
                content: "c",
            })
        }
        _ => {
            let change = wire::room_event::Change::Archived(true);
            events::room_event(room, seq, time, wire::Person::default(), change)
        }
    }
}

/// The WebSocket messages in a buffer, with the size of each frame.
fn messages(mut frames: &[u8]) -> Vec<(Vec<u8>, usize)> {
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
