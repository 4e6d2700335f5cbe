//! A server with the lobby and one room, of one account.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{
    client::cursor::Cursor,
    model::Role,
    wire::{client_command::Operation, page_request::Start, response::Result as Answer, server_event::Body},
};

pub(super) const ME: UserId = UserId([1; 16]);
pub(super) const OTHER: UserId = UserId([2; 16]);

/// A message of a log: its id, sender and text.
pub(super) type Logged = (MessageId, UserId, String);

#[derive(Debug)]
pub(super) struct Server {
    /// The id of the log.
    pub id: [u8; 16],
    logs: BTreeMap<RoomId, Vec<Logged>>,
    pub cursors: BTreeMap<RoomId, Cursor>,
    subscribed: BTreeSet<RoomId>,
    /// Refuses these messages.
    pub refused: Vec<MessageId>,
    /// Refuses the nick of the account.
    pub refuses_nick: bool,
    /// The number of times that each message was received.
    pub received: BTreeMap<MessageId, u32>,
    /// The commands that were executed, and how often.
    pub executed: BTreeMap<MessageId, u32>,
    /// All commands that were received.
    pub operations: Vec<Operation>,
    /// The secrets and the nicks of the logins.
    pub logins: Vec<(Vec<u8>, String)>,
    /// Answers no commands.
    pub is_slow: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            id: [4; 16],
            logs: [(RoomId::LOBBY, Vec::new()), (ROOM, Vec::new())].into(),
            cursors: BTreeMap::new(),
            subscribed: BTreeSet::new(),
            refused: Vec::new(),
            refuses_nick: false,
            received: BTreeMap::new(),
            executed: BTreeMap::new(),
            operations: Vec::new(),
            logins: Vec::new(),
            is_slow: false,
        }
    }
}

impl Server {
    pub fn log(&self, room: RoomId) -> &[Logged] {
        &self.logs[&room]
    }

    fn head(&self, room: RoomId) -> u64 {
        self.log(room).len() as u64
    }

    /// The log is replaced by one with these messages in the lobby.
    pub fn replace_log(&mut self, messages: &[MessageId]) {
        self.id = [self.id[0] + 1; 16];
        self.logs.values_mut().for_each(Vec::clear);
        self.cursors.clear();
        for id in messages {
            self.logs.get_mut(&RoomId::LOBBY).unwrap().push((*id, OTHER, "new".into()));
        }
    }

    fn row(&self, room: RoomId, handle: u32) -> wire::RoomRow {
        let cursor = self.cursors.get(&room).copied().unwrap_or_default();
        wire::RoomRow {
            room: room.to_wire(),
            handle,
            kind: i32::from(handle != 0),
            name: "room".into(),
            role: Role::Member.to_wire().into(),
            head_ord: self.head(room),
            unread: self.head(room) - cursor.ord,
            cursor_version: cursor.version,
            ..wire::RoomRow::default()
        }
    }

    fn rows(&self) -> wire::AccountRows {
        let rows = vec![self.row(RoomId::LOBBY, 0), self.row(ROOM, 1)];
        wire::AccountRows {
            rows: room_rows::pack(rows),
            complete: true,
            version: 9,
            ..wire::AccountRows::default()
        }
    }

    /// Handles an envelope. Returns the answers.
    pub fn handle(&mut self, envelope: Envelope) -> Vec<Envelope> {
        match envelope.extension {
            Some(Extension::Login(login)) => self.log_in(login, envelope.user_name),
            Some(Extension::Ping(ping)) => {
                vec![codec::extension(Extension::Pong(wire::Pong { nonce: ping.nonce }))]
            }
            Some(Extension::Command(command)) => self.command(command),
            None if envelope.r#type == codec::TALK => {
                let (room, id) =
                    (RoomId::from_wire(&envelope.room).unwrap(), MessageId::from_wire(&envelope.id));
                self.talk(room, id.unwrap(), &envelope.content)
            }
            _ => Vec::new(),
        }
    }

    fn log_in(&mut self, login: wire::Login, nick: String) -> Vec<Envelope> {
        self.logins.push((login.secret.clone(), nick.clone()));
        if self.refuses_nick && nick == "tom" {
            let code = Status::NickTaken.code().into();
            return vec![codec::extension(Extension::Refusal(wire::Refusal { code, ..Default::default() }))];
        }
        let is_same = login.log == self.id;
        let positions =
            login.positions.iter().map(|position| (RoomId::from_wire(&position.room).unwrap(), position.seq));
        let positions: BTreeMap<_, _> = positions.collect();
        let position = |room| positions.get(&room).copied().filter(|_| is_same).unwrap_or(0);
        let open = RoomId::from_wire(&login.open).unwrap();
        self.subscribed = positions.keys().copied().chain([open]).collect();
        let welcome = wire::Welcome {
            version: 1,
            nick,
            secret: login.secret,
            capabilities: vec!["batch".into(), "rooms".into(), "search".into()],
            log: self.id.to_vec(),
            account: ME.0.to_vec(),
            rows: Some(self.rows()),
            window: Some(self.window(open, position(open))),
            ..wire::Welcome::default()
        };
        let mut answers = vec![codec::extension(Extension::Welcome(welcome))];
        for room in self.subscribed.iter().filter(|room| **room != open) {
            answers.push(event(*room, Body::Window(self.window(*room, position(*room)))));
        }
        answers
    }

    fn window(&self, room: RoomId, seq: u64) -> wire::RoomWindow {
        let head = self.head(room);
        let mut window = wire::RoomWindow { seq: head, ..wire::RoomWindow::default() };
        if seq == 0 || seq > head {
            window.reset = seq > 0;
            window.page = Some(self.page(room, 0, head));
        } else {
            window.frames =
                (seq + 1..=head).map(|seq| codec::encode(&self.message(room, seq)).into()).collect();
        }
        window
    }

    /// The messages above `from`, up to `to`.
    fn page(&self, room: RoomId, from: u64, to: u64) -> wire::MessagePage {
        let person = |account: UserId| wire::Person {
            account: account.0.to_vec(),
            nick: nick(account).into(),
            state: 1,
        };
        let message = |ord: u64| {
            let (id, sender, content) = &self.log(room)[usize::try_from(ord - 1).unwrap()];
            let sender = u32::from(*sender == OTHER);
            let (id, content) = (id.0.to_vec(), content.clone());
            wire::PageMessage { id, seq: ord, ord, time: 5, sender, content, ..wire::PageMessage::default() }
        };
        wire::MessagePage {
            messages: (from + 1..=to).map(message).collect(),
            people: vec![person(ME), person(OTHER)],
            from,
            to,
            first_ord: 1,
            head_ord: self.head(room),
            seq: self.head(room),
            ..wire::MessagePage::default()
        }
    }

    fn message(&self, room: RoomId, seq: u64) -> Envelope {
        let (id, sender, content) = &self.log(room)[usize::try_from(seq - 1).unwrap()];
        let (room, account) = (room.to_wire(), sender.0.to_vec());
        Envelope {
            room,
            sender: account,
            seq,
            ord: seq,
            time: 5,
            ..codec::message(nick(*sender), Some(*id), content)
        }
    }

    fn talk(&mut self, room: RoomId, id: MessageId, content: &str) -> Vec<Envelope> {
        *self.received.entry(id).or_default() += 1;
        if self.refused.contains(&id) {
            let code = Status::ContentTooLong.code().into();
            let refusal = wire::Refusal { code, id: id.0.to_vec(), ..wire::Refusal::default() };
            return vec![codec::extension(Extension::Refusal(refusal))];
        }
        let known = self.log(room).iter().position(|logged| logged.0 == id);
        let mut answers = if known.is_some() { Vec::new() } else { self.post(room, ME, id, content) };
        let seq = known.map_or(self.head(room), |at| at as u64 + 1);
        let accepted = vec![wire::Accepted { id: id.0.to_vec(), seq, time: 5 }];
        answers.insert(0, codec::extension(Extension::Ack(wire::Ack { accepted })));
        answers
    }

    /// A message is appended. Returns what the account's connection receives.
    pub fn post(&mut self, room: RoomId, sender: UserId, id: MessageId, content: &str) -> Vec<Envelope> {
        self.logs.get_mut(&room).unwrap().push((id, sender, content.into()));
        if self.subscribed.contains(&room) {
            return vec![self.message(room, self.head(room))];
        }
        let handles = vec![u32::from(room == ROOM)];
        vec![event(RoomId::LOBBY, Body::Activity(wire::Activity { handles, messages: vec![1] }))]
    }

    fn command(&mut self, command: wire::ClientCommand) -> Vec<Envelope> {
        let room = RoomId::from_wire(&command.room).unwrap();
        let operation = command.operation.unwrap();
        self.operations.push(operation.clone());
        if self.is_slow {
            return Vec::new();
        }
        if let Some(id) = MessageId::from_wire(&command.id) {
            // The same command is answered again, and has no second effect.
            self.executed.entry(id).or_insert(0);
            *self.executed.get_mut(&id).unwrap() = 1;
        }
        let result = match operation {
            Operation::Subscribe(subscribe) => {
                self.subscribed.insert(room);
                Answer::Window(self.window(room, subscribe.seq))
            }
            Operation::Unsubscribe(_) => {
                self.subscribed.remove(&room);
                Answer::Done(wire::Done::default())
            }
            Operation::Page(page) => {
                let Some(Start::Before(before)) = page.start else { panic!("{page:?}") };
                let to = before.min(self.head(room) + 1) - 1;
                Answer::Page(self.page(room, to.saturating_sub(page.count.into()), to))
            }
            Operation::Search(_) => {
                let head = self.head(room);
                Answer::Page(wire::MessagePage {
                    from: 0,
                    to: 0,
                    complete: true,
                    ..self.page(room, head - 1, head)
                })
            }
            Operation::Read(cursor) => {
                let merged = self.cursors.entry(room).or_default();
                *merged = merged.merged(cursor.into());
                Answer::Done(wire::Done::default())
            }
            Operation::Join(_) => Answer::Room(self.row(room, 1)),
            _ => Answer::Done(wire::Done::default()),
        };
        let response = wire::Response { request: command.request, result: Some(result) };
        vec![event(RoomId::LOBBY, Body::Response(response))]
    }
}

fn nick(account: UserId) -> &'static str {
    if account == ME { "tom" } else { "lili" }
}

fn event(room: RoomId, body: Body) -> Envelope {
    codec::extension(Extension::Event(wire::ServerEvent { room: room.to_wire(), body: Some(body) }))
}
