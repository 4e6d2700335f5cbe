//! Checks every frame that the server sends, at the moment when it does: nothing of a room reaches a connection whose account
//! is not a member there, and each command is answered once.

use std::collections::HashMap;

use parlour_core::{
    Millis,
    codec::{self, Envelope, Extension},
    model::{Role, RoomId, UserId},
    room_rows,
    wire::{self, response::Result as Answer, room_event::Change, server_event::Body},
};
use parlour_server::hub::connection_table::ConnectionId;

use super::log::Log;

/// The time for which the list of an account may still have a room that the account is not in any more, in ms: a reading of
/// the log may take that long.
const LIST_LATENCY_MS: Millis = 10_000;

/// A part of a frame that concerns a room.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// A live event: the account is a member at its place, or loses the membership by it.
    Live { room: RoomId, seq: u64, target: Option<Vec<u8>> },
    /// The answer to a command.
    Answer { request: u32, newest: Option<u64>, rows: Vec<RoomId>, is_people: bool, is_refused: bool },
    /// A window that no command has requested.
    Window { room: RoomId, newest: u64 },
    /// Rows of the room list.
    Rows(Vec<RoomId>),
    /// The account that has logged in, and the window of the welcome.
    Welcome { account: Vec<u8>, newest: Option<u64> },
}

/// A command that was not answered yet.
#[derive(Debug)]
struct Open {
    room: RoomId,
    at: Millis,
}

/// A connection of a client with rooms.
#[derive(Debug, Default)]
struct Client {
    /// Known from the welcome on.
    account: Option<UserId>,
    /// The room that the login opens.
    opened: RoomIdOrLobby,
    open: HashMap<u32, Open>,
}

/// The lobby by default.
#[derive(Debug, Clone, Copy)]
struct RoomIdOrLobby(RoomId);

impl Default for RoomIdOrLobby {
    fn default() -> Self {
        Self(RoomId::LOBBY)
    }
}

/// The connections of the server.
#[derive(Debug, Default)]
pub struct Wire {
    clients: HashMap<ConnectionId, Client>,
    pub complaints: Vec<String>,
}

/// The parts of frames, to be checked for each connection that gets them.
pub struct Frames(Vec<Part>);

impl Frames {
    /// Reads the payloads of frames to clients with rooms.
    pub fn read(payloads: &[Vec<u8>]) -> Self {
        let envelopes = payloads.iter().flat_map(|bytes| codec::decode_rich(bytes).expect("an envelope"));
        Self(envelopes.filter_map(part_of).collect())
    }
}

fn part_of(envelope: Envelope) -> Option<Part> {
    let room = RoomId::from_wire(&envelope.room)?;
    match envelope.extension {
        None if envelope.seq > 0 => Some(Part::Live { room, seq: envelope.seq, target: None }),
        Some(Extension::Welcome(welcome)) => Some(Part::Welcome {
            account: welcome.account,
            newest: welcome.window.as_ref().map(newest_of_window),
        }),
        Some(Extension::Event(event)) => {
            let room = RoomId::from_wire(&event.room)?;
            Some(match event.body? {
                Body::Response(response) => answer(response),
                Body::Event(event) => {
                    let target = match event.change {
                        Some(Change::Member(change)) => change.person.map(|person| person.account),
                        _ => None,
                    };
                    Part::Live { room, seq: event.seq, target }
                }
                Body::Rows(rows) => Part::Rows(rooms_of(rows)),
                Body::Window(window) => Part::Window { room, newest: newest_of_window(&window) },
                Body::Activity(_) | Body::Presence(_) => return None,
            })
        }
        _ => None,
    }
}

fn answer(response: wire::Response) -> Part {
    let mut part = (None, Vec::new(), false, false);
    match response.result.expect("a result") {
        Answer::Window(window) => part.0 = Some(newest_of_window(&window)),
        Answer::Page(page) => part.0 = Some(newest_of_page(&page)),
        Answer::Room(row) => part.1.extend(RoomId::from_wire(&row.room)),
        Answer::People(people) => part.2 = !people.roles.is_empty(),
        Answer::Refusal(_) => part.3 = true,
        Answer::Done(_) | Answer::Rooms(_) | Answer::Link(_) => {}
    }
    let (newest, rows, is_people, is_refused) = part;
    Part::Answer { request: response.request, newest, rows, is_people, is_refused }
}

/// The rooms of rows, without those that the client is to remove.
fn rooms_of(rows: wire::AccountRows) -> Vec<RoomId> {
    let rows = room_rows::unpack(rows).into_iter();
    let listed = rows.filter(|row| Role::from_wire(row.role) != Some(Role::None));
    listed.filter_map(|row| RoomId::from_wire(&row.room)).collect()
}

fn newest_of_window(window: &wire::RoomWindow) -> u64 {
    let frames = window.frames.iter().filter_map(|frame| codec::decode(frame).ok());
    let seqs = frames.map(|frame| match frame.extension {
        Some(Extension::Event(wire::ServerEvent { body: Some(Body::Event(event)), .. })) => event.seq,
        _ => frame.seq,
    });
    seqs.chain(window.page.as_ref().map(newest_of_page)).max().unwrap_or(0)
}

fn newest_of_page(page: &wire::MessagePage) -> u64 {
    page.messages.iter().map(|message| message.seq).max().unwrap_or(0)
}

impl Wire {
    /// The server was killed.
    pub fn clear(&mut self) {
        self.clients.clear();
    }

    /// A client has sent this.
    pub fn sent(&mut self, now: Millis, conn: ConnectionId, bytes: &[u8]) {
        for envelope in codec::decode_rich(bytes).expect("an envelope") {
            match envelope.extension {
                Some(Extension::Login(login)) => {
                    let opened = RoomId::from_wire(&login.open).expect("a room");
                    let client = Client { opened: RoomIdOrLobby(opened), ..Client::default() };
                    self.clients.insert(conn, client);
                }
                Some(Extension::Command(command)) => {
                    let Some(client) = self.clients.get_mut(&conn) else { continue };
                    let room = RoomId::from_wire(&command.room).expect("a room");
                    let before = client.open.insert(command.request, Open { room, at: now });
                    assert!(before.is_none(), "a number of a command is used twice");
                }
                _ => {}
            }
        }
    }

    /// A connection has ended.
    pub fn ended(&mut self, conn: ConnectionId) {
        self.clients.remove(&conn);
    }

    /// The commands that were not answered for this long.
    pub fn unanswered(&self, now: Millis, patience: Millis) -> usize {
        let open = self.clients.values().flat_map(|client| client.open.values());
        open.filter(|open| open.at + patience < now).count()
    }

    /// The server sends this to a connection.
    pub fn received(&mut self, log: &Log, now: Millis, conn: ConnectionId, frames: &Frames) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        for part in &frames.0 {
            let complaint = client.receive(log, now, part);
            self.complaints.extend(complaint.map(|complaint| format!("{complaint}: {part:?}")));
        }
    }
}

impl Client {
    fn receive(&mut self, log: &Log, now: Millis, part: &Part) -> Option<&'static str> {
        if let Part::Welcome { account, newest } = part {
            self.account = UserId::from_wire(account);
            return newest.and_then(|newest| self.check_read(log, self.opened.0, newest));
        }
        let Some(account) = self.account else { return Some("something comes before the welcome") };
        match part {
            Part::Live { room, seq, target } => {
                let is_member = log.rooms.get(room)?.role_at(account, *seq).is_member();
                let is_own = target.as_deref() == Some(&account.0);
                (!is_member && !is_own).then_some("a live event reaches an account that is not a member")
            }
            Part::Window { room, newest } => self.check_read(log, *room, *newest),
            Part::Rows(rooms) => check_rows(log, account, now, rooms),
            Part::Answer { request, newest, rows, is_people, .. } => {
                let Some(open) = self.open.remove(request) else {
                    return Some("a command is answered twice");
                };
                let read = newest.and_then(|newest| self.check_read(log, open.room, newest));
                let members = is_people.then(|| self.check_read(log, open.room, 0)).flatten();
                read.or(members).or_else(|| check_rows(log, account, now, rows))
            }
            Part::Welcome { .. } => None,
        }
    }

    /// The account gets events of a room up to this one.
    fn check_read(&self, log: &Log, room: RoomId, newest: u64) -> Option<&'static str> {
        let may_read = self.account.is_some_and(|account| log.rooms[&room].may_read(account, newest));
        (!may_read).then_some("the log of a room reaches an account that is not a member")
    }
}

fn check_rows(log: &Log, account: UserId, now: Millis, rooms: &[RoomId]) -> Option<&'static str> {
    let since = now.saturating_sub(LIST_LATENCY_MS);
    let may_list = |room: &RoomId| log.rooms.get(room).is_some_and(|log| log.may_list(account, since));
    (!rooms.iter().all(may_list)).then_some("a list has a room that the account is not in")
}
