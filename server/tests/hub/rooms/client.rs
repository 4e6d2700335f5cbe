//! A client that keeps the state that it is sent.

use std::collections::BTreeMap;

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::{Role, RoomId},
    room_rows,
    wire::{
        self, client_command::Operation, response::Result as Answer, room_event::Change, server_event::Body,
    },
};

use crate::common::world::{Conn, World};

/// A row of the room list.
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
    /// The nicks of the other people of a DIRECT room, sorted.
    pub people: Vec<String>,
}

/// What a client knows.
#[derive(Clone, Debug, Default)]
pub struct Client {
    pub conn: Conn,
    pub account: Vec<u8>,
    pub secret: Vec<u8>,
    pub rows: BTreeMap<RoomId, Row>,
    /// The position in each subscribed room.
    pub positions: BTreeMap<RoomId, u64>,
    /// The texts of messages by room, in order.
    pub messages: BTreeMap<RoomId, Vec<String>>,
    /// Messages that were edited or erased, as they are then.
    pub changed: Vec<Envelope>,
    /// Other events of rooms.
    pub events: Vec<(RoomId, Change)>,
    pub people: BTreeMap<String, bool>,
    pub activity: usize,
    answers: BTreeMap<u32, Vec<Answer>>,
    requests: u32,
    /// The number of frames that were read.
    read: usize,
}

impl Client {
    /// Logs in with a secret, an empty one for a new account.
    pub fn login(w: &mut World, nick: &str, secret: &[u8]) -> Self {
        Self::login_with(w, nick, wire::Login { secret: secret.to_vec(), ..wire::Login::default() })
    }

    pub fn login_with(w: &mut World, nick: &str, login: wire::Login) -> Self {
        let conn = w.connect();
        let capabilities = ["rooms", "batch"].map(Into::into).to_vec();
        w.send(conn, &codec::login(nick, wire::Login { version: 1, capabilities, ..login }));
        let welcome = w.received(conn).welcome();
        let welcome = welcome.unwrap_or_else(|| panic!("{nick}: {:?}", w.received(conn))).clone();
        let mut client = Self {
            conn,
            account: welcome.account.clone(),
            secret: welcome.secret.clone(),
            ..Self::default()
        };
        client.apply_rows(welcome.rows.unwrap());
        if let Some(window) = welcome.window {
            client.apply_window(RoomId::LOBBY, window);
        }
        client.update(w);
        client
    }

    /// Sends a command without waiting for its answer. Returns its number.
    pub fn send(&mut self, w: &mut World, room: RoomId, operation: Operation) -> u32 {
        let request = self.handle(w, room, operation);
        w.settle();
        request
    }

    /// Gives a command to the hub, which does not give its proposals to the log yet. Returns its number.
    pub fn handle(&mut self, w: &mut World, room: RoomId, operation: Operation) -> u32 {
        self.requests += 1;
        let id = parlour_core::model::MessageId::new(self.requests.into(), [self.conn as u8; 10]);
        let command = wire::ClientCommand {
            request: self.requests,
            room: room.to_wire(),
            id: id.0.to_vec(),
            operation: Some(operation),
        };
        w.handle(self.conn, &codec::extension(Extension::Command(command)));
        self.requests
    }

    /// The answers to a command.
    pub fn answers(&mut self, w: &World, request: u32) -> Vec<Answer> {
        self.update(w);
        self.answers.remove(&request).unwrap_or_default()
    }

    /// Executes a command. Returns its only answer.
    pub fn command(&mut self, w: &mut World, room: RoomId, operation: Operation) -> Answer {
        let is_subscription = matches!(operation, Operation::Subscribe(_));
        let request = self.send(w, room, operation);
        let answers = self.answers(w, request);
        assert_eq!(answers.len(), 1, "{answers:?}");
        let answer = answers[0].clone();
        if let (true, Answer::Window(window)) = (is_subscription, &answer) {
            self.apply_window(room, window.clone());
        }
        answer
    }

    pub fn create(&mut self, w: &mut World, kind: wire::RoomKind, name: &str, people: &[&Self]) -> RoomId {
        let people = people.iter().map(|client| client.account.clone()).collect();
        let create = wire::CreateRoom { kind: kind.into(), name: name.into(), topic: String::new(), people };
        match self.command(w, RoomId::LOBBY, Operation::CreateRoom(create)) {
            Answer::Room(row) => RoomId::from_wire(&row.room).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub fn subscribe(&mut self, w: &mut World, room: RoomId) {
        let answer = self.command(w, room, Operation::Subscribe(wire::Subscribe::default()));
        assert!(matches!(answer, Answer::Window(_)), "{answer:?}");
    }

    /// Moves the read cursor, not beyond what is known.
    pub fn read_up_to(&mut self, w: &mut World, room: RoomId, ord: u64, version: u32) {
        let Some(row) = self.rows.get_mut(&room).filter(|row| row.role >= Role::Member) else { return };
        let ord = ord.min(row.head);
        let cursor = wire::Cursor { ord, version };
        (row.version, row.read) = (row.version, row.read).max((version, ord));
        self.command(w, room, Operation::Read(cursor));
    }

    pub fn post(&mut self, w: &mut World, room: RoomId, id: u8, text: &str) {
        let id = parlour_core::model::MessageId([id; 16]);
        let message = codec::message("", Some(id), text);
        w.send(self.conn, &Envelope { room: room.to_wire(), ..message });
    }

    /// Continues after the frames that it has received were cleared.
    pub fn restart(&mut self) {
        self.read = 0;
    }

    /// Applies what was received.
    pub fn update(&mut self, w: &World) {
        let frames: Vec<_> = w.received(self.conn).frames[self.read..].to_vec();
        self.read += frames.len();
        for frame in frames {
            self.apply(frame);
        }
    }

    fn apply(&mut self, frame: Envelope) {
        match frame.extension {
            None if frame.ord > 0 => self.apply_message(&frame),
            Some(Extension::Event(event)) => {
                let room = RoomId::from_wire(&event.room).unwrap();
                match event.body.unwrap() {
                    Body::Response(response) => {
                        self.answers.entry(response.request).or_default().push(response.result.unwrap());
                    }
                    Body::Event(event) => self.apply_event(room, event.seq, event.change),
                    Body::Rows(rows) => self.apply_rows(rows),
                    Body::Window(window) => self.apply_window(room, window),
                    Body::Activity(activity) => {
                        self.activity += 1;
                        for (handle, messages) in activity.handles.iter().zip(activity.messages) {
                            let row = self.rows.values_mut().find(|row| row.handle == *handle);
                            row.unwrap().head += messages;
                        }
                    }
                    Body::Presence(changes) => {
                        for person in changes.people {
                            let online = person.state() == wire::PresenceState::Online;
                            self.people.insert(person.nick, online);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn apply_message(&mut self, message: &Envelope) {
        let room = RoomId::from_wire(&message.room).unwrap();
        if self.apply_position(room, message.seq) {
            if message.changed {
                return self.changed.push(message.clone());
            }
            self.messages.entry(room).or_default().push(message.content.clone());
            if let Some(row) = self.rows.get_mut(&room) {
                row.head = row.head.max(message.ord);
                if message.sender == self.account && row.read + 1 == message.ord {
                    row.read = message.ord;
                }
            }
        }
    }

    fn apply_event(&mut self, room: RoomId, seq: u64, change: Option<Change>) {
        if self.apply_position(room, seq) {
            self.events.push((room, change.unwrap()));
        }
    }

    /// Returns `true` if the event is new.
    fn apply_position(&mut self, room: RoomId, seq: u64) -> bool {
        let position = self.positions.get_mut(&room).unwrap();
        if seq <= *position {
            return false;
        }
        assert_eq!(seq, *position + 1, "an event of {room:?} is missing");
        *position = seq;
        true
    }

    fn apply_rows(&mut self, rows: wire::AccountRows) {
        for row in room_rows::unpack(rows) {
            let room = RoomId::from_wire(&row.room).unwrap();
            let role = Role::from_wire(row.role).unwrap();
            if role == Role::None {
                self.rows.remove(&room);
                self.positions.remove(&room);
                continue;
            }
            let (head, read) = (row.head_ord, row.head_ord - row.unread);
            let (handle, name, archived, version) = (row.handle, row.name, row.archived, row.cursor_version);
            let muted = row.muted;
            let mut people: Vec<_> = row.people.into_iter().map(|person| person.nick).collect();
            people.sort();
            self.rows.insert(room, Row { handle, name, role, head, read, version, muted, archived, people });
        }
    }

    fn apply_window(&mut self, room: RoomId, window: wire::RoomWindow) {
        assert!(!window.behind);
        if window.reset {
            let page = window.page.unwrap();
            self.messages.insert(room, page.messages.into_iter().map(|message| message.content).collect());
            self.positions.insert(room, window.seq);
            if let Some(row) = self.rows.get_mut(&room) {
                row.head = row.head.max(page.head_ord);
            }
            return;
        }
        for frame in window.frames {
            self.apply(codec::decode(&frame).unwrap());
        }
        self.positions.insert(room, window.seq);
    }
}
