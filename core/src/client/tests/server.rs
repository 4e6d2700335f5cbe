//! A server for random sequences: it drops connections, delays and duplicates what it sends, and refuses messages and
//! commands.

use std::collections::{BTreeSet, VecDeque};

use super::{property::ROOMS, *};

/// How long the server waits for the resend of a message that it has refused temporarily, in ms. As in the hub, a client that
/// sends something else all the time goes on after it.
pub(super) const RESEND_TIMEOUT_MS: Millis = 60_000;

/// A server that executes each id once, and keeps the order of a room over temporary refusals.
#[derive(Debug, Default)]
pub(super) struct Server {
    /// The ids of the messages of each room, in order.
    pub log: BTreeMap<RoomId, Vec<MessageId>>,
    /// The ids of executed commands.
    pub executed: BTreeSet<MessageId>,
    pub is_open: bool,
    pub subscribed: BTreeSet<RoomId>,
    /// The windows that are being made: request, room and position. Meanwhile the room is not subscribed.
    pub reading: VecDeque<(u32, RoomId, u64)>,
    pub steps: u32,
    pub inbox: VecDeque<Envelope>,
    pub outbox: VecDeque<Envelope>,
    /// The time.
    pub now: Millis,
    /// The first message of each room that was refused temporarily and did not come again, and when it is given up.
    pub held: BTreeMap<RoomId, (MessageId, Millis)>,
    /// Refuses messages to this room temporarily.
    pub blocked: Option<RoomId>,
    /// Refuses this many messages and commands because of the rate limit of the account.
    pub rate_limited: u8,
    /// Refuses this many messages and commands for good.
    pub refused: u8,
    /// The messages that were refused for good. If the refusal is lost with the connection, the message comes again, after
    /// later ones.
    pub failed: BTreeSet<MessageId>,
    /// Sends windows after a login.
    pub restores: bool,
}

impl Server {
    pub fn disconnect(&mut self) {
        self.is_open = false;
        self.subscribed.clear();
        self.reading.clear();
        self.inbox.clear();
        self.outbox.clear();
    }

    pub fn seq(&self, room: RoomId) -> u64 {
        self.log.get(&room).map_or(0, |log| log.len() as u64)
    }

    /// The status of a refusal of the next message or command, if it is refused.
    fn refusal(&mut self) -> Option<Status> {
        for (count, status) in
            [(&mut self.rate_limited, Status::RateLimited), (&mut self.refused, Status::NoSuchRoom)]
        {
            if *count > 0 {
                *count -= 1;
                return Some(status);
            }
        }
        None
    }

    fn window(&mut self, room: RoomId, after: u64) -> wire::RoomWindow {
        self.subscribed.insert(room);
        let log = self.log.get(&room).cloned().unwrap_or_default();
        let missed = (1..).zip(log).filter(|(seq, _)| *seq > after);
        let frames = missed.map(|(seq, id)| codec::encode(&talk(room, ME, seq, id)).to_vec()).collect();
        wire::RoomWindow { frames, ..window(self.seq(room)) }
    }

    /// Handles the oldest envelope that was received.
    pub fn step(&mut self) {
        self.steps += 1;
        if self.steps.is_multiple_of(2)
            && let Some((request, room, after)) = self.reading.pop_front()
        {
            let window = self.window(room, after);
            return self.outbox.push_back(response(request, Answer::Window(window)));
        }
        let Some(envelope) = self.inbox.pop_front() else { return };
        match envelope.extension.clone() {
            Some(Ext::Login(login)) => self.login(&login),
            Some(Ext::Ping(ping)) => {
                self.outbox.push_back(codec::extension(Ext::Pong(wire::Pong { nonce: ping.nonce })))
            }
            Some(Ext::Command(command)) => self.command(command),
            None => self.message(&envelope),
            Some(_) => {}
        }
    }

    fn login(&mut self, login: &wire::Login) {
        let open = RoomId::from_wire(&login.open).unwrap();
        let position = login.positions.iter().find(|position| position.room == login.open);
        let window = self.window(open, position.map_or(0, |position| position.seq));
        self.outbox.push_back(with_welcome(|welcome| {
            welcome.window = Some(window);
            welcome.limits =
                Some(wire::Limits { messages_per_minute: 600, burst: 8, ..wire::Limits::default() });
            let frame = welcome.rows.as_mut().unwrap();
            let added = wire::RoomRow { kind: 1, ..row(ROOMS[2], 2) };
            frame.rows = room_rows::pack(room_rows::unpack(frame.clone()).into_iter().chain([added]));
        }));
        if self.restores {
            for position in &login.positions {
                let room = RoomId::from_wire(&position.room).unwrap();
                if room != open {
                    let window = self.window(room, position.seq);
                    self.outbox.push_back(server_window(room, window));
                }
            }
        }
    }

    fn message(&mut self, envelope: &Envelope) {
        let room = RoomId::from_wire(&envelope.room).unwrap();
        let id = MessageId::from_wire(&envelope.id).unwrap();
        let log = self.log.entry(room).or_default();
        if let Some(at) = log.iter().position(|known| *known == id) {
            self.held.retain(|_, (held, _)| *held != id);
            return self.outbox.push_back(ack(id, at as u64 + 1));
        }
        let refused = match self.held.get(&room) {
            Some((held, given_up_at)) if *held != id && self.now < *given_up_at => Some(Status::Internal),
            _ if self.blocked == Some(room) => Some(Status::Internal),
            _ => self.refusal(),
        };
        match refused {
            Some(status) if status.is_terminal() => {
                self.held.remove(&room);
                self.failed.insert(id);
                self.outbox.push_back(codec::refusal(status, Some(id), 0, None));
            }
            Some(status) => {
                let given_up_at = self.now + RESEND_TIMEOUT_MS;
                let held = self.held.entry(room).or_insert((id, given_up_at));
                if held.1 <= self.now {
                    *held = (id, given_up_at);
                }
                self.outbox.push_back(codec::refusal(status, Some(id), 700, None));
            }
            None => {
                self.held.remove(&room);
                self.log.entry(room).or_default().push(id);
                let seq = self.seq(room);
                self.outbox.push_back(ack(id, seq));
                if self.subscribed.contains(&room) {
                    self.outbox.push_back(talk(room, ME, seq, id));
                }
            }
        }
    }

    fn command(&mut self, command: wire::ClientCommand) {
        let room = RoomId::from_wire(&command.room).unwrap();
        let is_internal = matches!(command.operation, Some(Operation::Unsubscribe(_) | Operation::Read(_)));
        if let Some(status) = self.refusal().filter(|_| !is_internal) {
            return self.outbox.push_back(refused(command.request, status, 700));
        }
        self.executed.extend(MessageId::from_wire(&command.id));
        let answer = match command.operation.unwrap() {
            Operation::Subscribe(subscribe) => {
                self.subscribed.remove(&room);
                return self.reading.push_back((command.request, room, subscribe.seq));
            }
            Operation::BrowseRooms(_) => Answer::Rooms(wire::RoomPage::default()),
            Operation::Page(_) => Answer::Page(wire::MessagePage::default()),
            operation => {
                if matches!(operation, Operation::Unsubscribe(_)) {
                    self.subscribed.remove(&room);
                }
                Answer::Done(wire::Done::default())
            }
        };
        self.outbox.push_back(response(command.request, answer));
    }
}
