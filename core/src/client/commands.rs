//! Handling commands, and the answers of the server.

use super::{
    Client, Clocks, Command, Event, Origin, Position, Reply,
    connection::{Online, State},
    cursor::Cursor,
    requests::{Purpose, refusal},
    rich::read_refusal,
    sending::concerns_account,
    subscriptions::Stage,
};
use crate::{
    Millis,
    codec::{self, Extension},
    model::{Dialect, Refusal, RoomId},
    status::Status,
    wire::{self, client_command::Operation, response::Result as Answer},
};

/// The minimum time between two rounds of telling the server of read cursors, in ms.
const CURSOR_INTERVAL_MS: Millis = 500;

impl Client {
    /// Executes a command of a tab. It is answered once by [`Event::Answer`], with the number that the tab has given it.
    pub fn handle_command(&mut self, now: Clocks, origin: Origin, number: u32, command: Command) {
        if matches!(self.connection, State::Idle | State::Failed | State::Left) {
            let refusal = refusal(Status::NotConnected);
            return self.answer(now, origin, number, command.room(), Err(refusal));
        }
        let done = Ok(Reply::Done { seq: 0, time: 0 });
        match command {
            Command::Subscribe { room, position } => {
                match self.subscriptions.add(room, origin, position) {
                    Ok(unused) => unused.into_iter().for_each(|room| self.unsubscribe(now, room)),
                    Err(status) => return self.answer(now, origin, number, room, Err(refusal(status))),
                }
                self.request(now, origin, number, command);
            }
            Command::Unsubscribe { room } => {
                self.subscriptions.remove(room, origin);
                self.answer(now, origin, number, room, done);
            }
            Command::Read { room, cursor } => {
                self.emit(now, Event::Cursor(room, cursor));
                self.answer(now, origin, number, room, done);
            }
            Command::ReadAll => {
                self.read_all(now);
                self.answer(now, origin, number, RoomId::LOBBY, done);
            }
            command => self.request(now, origin, number, command),
        }
        self.send_requests(now);
    }

    /// The tab of this client shows a room that it has subscribed earlier. The next login asks for this room first.
    pub fn handle_shown(&mut self, room: RoomId) {
        self.subscriptions.show(room);
    }

    /// A tab was closed: it shows no room any more. Its commands are still executed.
    pub fn handle_closed_tab(&mut self, origin: Origin) {
        self.subscriptions.remove_origin(origin);
    }

    fn request(&mut self, now: Clocks, origin: Origin, number: u32, command: Command) {
        let room = command.room();
        if self.has_basic_identity() {
            let result = self.basic_command(&command);
            if result.is_err() && matches!(command, Command::Subscribe { .. }) {
                self.subscriptions.end(room);
            }
            return self.answer(now, origin, number, room, result);
        }
        if let Err(status) = self.requests.add(now.monotonic, origin, number, command) {
            self.answer(now, origin, number, room, Err(refusal(status)));
        }
    }

    fn answer(
        &mut self,
        now: Clocks,
        origin: Origin,
        number: u32,
        room: RoomId,
        result: Result<Reply, Refusal>,
    ) {
        self.emit(now, Event::Answer { origin, number, room, result });
    }

    /// Reports that the user has read everything. The server learns of it by one command, if there is a connection.
    fn read_all(&mut self, now: Clocks) {
        let cursors = |client: &Self| -> Vec<(RoomId, Cursor)> {
            client.state.account().rooms().map(|entry| (entry.room, entry.cursor())).collect()
        };
        let before = cursors(self);
        self.state.mark_all_read();
        for (old, new) in before.into_iter().zip(cursors(self)) {
            if old != new {
                self.emit(now, Event::Cursor(new.0, new.1));
            }
        }
        if self.can_request() && !self.requests.purposes().any(|purpose| *purpose == Purpose::ReadAll) {
            self.requests.add_internal(Purpose::ReadAll);
        } else {
            // Executed later, it would also mark messages as read that the user has not seen.
            self.state.all_read_answered(false, now.monotonic);
        }
    }

    // ---- sending requests

    fn can_request(&self) -> bool {
        matches!(self.connection, State::Online(Online { dialect: Dialect::Rich, .. }))
    }

    /// Requests the events of a room after the position of the tabs that show it.
    pub(super) fn request_subscription(&mut self, room: RoomId) {
        self.subscriptions.set_stage(room, Stage::Requested);
        self.requests.add_internal(Purpose::Subscribe(room));
    }

    /// Requests the subscriptions that the server does not seem to know: no window has followed the login, or the command of
    /// the tab has failed.
    pub(super) fn request_subscriptions(&mut self) {
        for room in self.subscriptions.in_stage(Stage::StatedAtLogin) {
            self.request_subscription(room);
        }
        for room in self.subscriptions.in_stage(Stage::Unknown) {
            let is_of_room = |purpose: &Purpose| matches!(purpose, Purpose::Command(.., Command::Subscribe { room: of, .. }) if *of == room);
            if !self.requests.purposes().any(is_of_room) {
                self.request_subscription(room);
            }
        }
    }

    /// No tab shows a room any more.
    fn unsubscribe(&mut self, now: Clocks, room: RoomId) {
        self.requests.take_unsent(|purpose| *purpose == Purpose::Subscribe(room));
        self.emit(now, Event::Unsubscribed(room));
        if self.can_request() {
            self.requests.add_internal(Purpose::Unsubscribe(room));
        }
    }

    /// When there is a request to send, on a connection.
    pub(super) fn requests_due(&self) -> Option<Millis> {
        if !self.can_request() {
            return None;
        }
        let cursors = self.has_untold_cursors().then_some(self.cursors_due);
        [self.requests.send_due(), cursors].into_iter().flatten().min()
    }

    /// Sends the requests that can be sent now.
    pub(super) fn send_requests(&mut self, now: Clocks) {
        if !self.can_request() {
            return;
        }
        self.request_cursors(now);
        while let Some((number, purpose)) = self.requests.next_to_send(now.monotonic) {
            let with_room = |room: RoomId, operation| wire::ClientCommand {
                request: number,
                room: room.to_wire(),
                id: Vec::new(),
                operation: Some(operation),
            };
            let command = match purpose {
                Purpose::Command(.., command) => command.to_wire(number),
                Purpose::Subscribe(room) => {
                    with_room(room, Operation::Subscribe(self.subscriptions.position(room).to_wire()))
                }
                Purpose::Unsubscribe(room) => with_room(room, Operation::Unsubscribe(wire::Unsubscribe {})),
                Purpose::Cursor(room, cursor) => with_room(room, Operation::Read(cursor.to_wire())),
                Purpose::ReadAll => with_room(RoomId::LOBBY, Operation::ReadAll(wire::ReadAll {})),
            };
            self.send(&codec::extension(Extension::Command(command)));
        }
    }

    /// Whether the server is to be told of read cursors, and no earlier ones are being told.
    fn has_untold_cursors(&self) -> bool {
        let is_telling = |purpose: &Purpose| matches!(purpose, Purpose::Cursor(..));
        !self.requests.purposes().any(is_telling) && self.state.account().untold_cursors().next().is_some()
    }

    /// Reports the cursors that the user has moved in the tab that owns the client: the other tabs do not know them.
    pub(super) fn report_cursors(&mut self) {
        let untold: Vec<_> = self.state.account().untold_cursors().collect();
        for (room, cursor) in untold {
            if self.reported_cursors.insert(room, cursor) != Some(cursor) {
                self.events.push_back(Event::Cursor(room, cursor));
            }
        }
    }

    fn request_cursors(&mut self, now: Clocks) {
        if now.monotonic < self.cursors_due || !self.has_untold_cursors() {
            return;
        }
        self.cursors_due = now.monotonic + CURSOR_INTERVAL_MS;
        let untold: Vec<_> = self.state.account().untold_cursors().collect();
        for (room, cursor) in untold {
            self.requests.add_internal(Purpose::Cursor(room, cursor));
        }
    }

    // ---- answers

    /// The server has answered a request.
    pub(super) fn answered(&mut self, now: Clocks, response: wire::Response) {
        let result = match response.result {
            Some(Answer::Refusal(refused)) => {
                let refused = read_refusal(refused);
                if !refused.status.is_terminal() {
                    let pauses_all = concerns_account(refused.status);
                    let failed = self.requests.postpone(now.monotonic, response.request, refused, pauses_all);
                    if let Some((purpose, refused)) = failed {
                        self.request_failed(now, purpose, refused);
                    }
                    return;
                }
                Err(refused)
            }
            Some(result) => Ok(result),
            None => Err(refusal(Status::Unsupported)),
        };
        let Some(purpose) = self.requests.take_answered(response.request) else {
            self.ignored += 1;
            return;
        };
        match result {
            Ok(result) => self.request_done(now, purpose, result),
            Err(refused) => {
                let subscribed = match &purpose {
                    Purpose::Command(.., Command::Subscribe { room, .. }) => Some(*room),
                    _ => None,
                };
                self.request_failed(now, purpose, refused);
                // Perhaps another tab was subscribed, or this one before.
                if let Some(room) = subscribed.filter(|room| self.subscriptions.end(*room)) {
                    self.emit(now, Event::Unsubscribed(room));
                }
            }
        }
    }

    fn request_done(&mut self, now: Clocks, purpose: Purpose, result: Answer) {
        match purpose {
            Purpose::Command(origin, number, command) => {
                let room = command.room();
                let reply = self.read_reply(now, origin, &command, result);
                let is_window = matches!(reply, Some(Reply::Window(_)));
                self.answer(now, origin, number, room, reply.ok_or_else(|| refusal(Status::Unsupported)));
                if is_window {
                    self.end_unsubscribed(now, room);
                }
            }
            Purpose::Subscribe(room) => {
                if let Answer::Window(window) = result {
                    self.window(now, room, window);
                }
            }
            Purpose::Cursor(room, cursor) => self.cursor_acknowledged(now, room, cursor),
            Purpose::ReadAll => self.state.all_read_answered(true, now.monotonic),
            Purpose::Unsubscribe(_) => {}
        }
    }

    /// The reply in an answer; `None` if it does not fit the command.
    fn read_reply(
        &mut self,
        now: Clocks,
        origin: Origin,
        command: &Command,
        result: Answer,
    ) -> Option<Reply> {
        let room = command.room();
        Some(match (command, result) {
            (Command::Subscribe { .. }, Answer::Window(window)) => {
                self.window_of_tab(now, room, origin, &window);
                Reply::Window(window)
            }
            (Command::LoadPage { .. }, Answer::Page(page)) => {
                self.page_received(now, &page);
                Reply::Loaded(page)
            }
            (Command::Search { .. } | Command::ListRevisions { .. }, Answer::Page(page)) => {
                Reply::Found(page)
            }
            (Command::CreateRoom { .. } | Command::Join { .. }, Answer::Room(row)) => Reply::Room(row),
            (Command::BrowseRooms { .. }, Answer::Rooms(rooms)) => Reply::Rooms(rooms),
            (
                Command::ListMembers { .. } | Command::FindPeople { .. } | Command::ListReactions { .. },
                Answer::People(people),
            ) => Reply::People(people),
            (Command::LinkDevice, Answer::Link(link)) => Reply::Link(link),
            (command, Answer::Done(wire::Done { seq, time })) => {
                match command {
                    Command::Leave { .. } => {
                        self.discard_lane(now, room);
                        self.subscriptions.end(room);
                    }
                    Command::ChangeNick { nick, .. } => self.nick_changed(now, nick),
                    _ => {}
                }
                Reply::Done { seq, time }
            }
            _ => return None,
        })
    }

    fn request_failed(&mut self, now: Clocks, purpose: Purpose, refused: Refusal) {
        match purpose {
            Purpose::Command(origin, number, command) => {
                let room = command.room();
                self.answer(now, origin, number, room, Err(refused));
            }
            Purpose::Subscribe(room) => {
                // The account was removed from the room while there was no connection.
                self.subscriptions.end(room);
                self.emit(now, Event::Unsubscribed(room));
            }
            // The account is not in the room any more.
            Purpose::Cursor(room, cursor) => self.cursor_acknowledged(now, room, cursor),
            Purpose::ReadAll => self.state.all_read_answered(false, now.monotonic),
            Purpose::Unsubscribe(_) => {}
        }
    }

    /// The server has a cursor. The tabs are told if they do not have it any more.
    fn cursor_acknowledged(&mut self, now: Clocks, room: RoomId, cursor: Cursor) {
        if self.state.cursor_acknowledged(room, cursor, now.monotonic) {
            self.emit(now, Event::Cursor(room, cursor));
        }
    }

    /// A window for all tabs also answers the subscriptions that wait to be sent, if they are from the same position.
    pub(super) fn answer_subscribers(
        &mut self,
        now: Clocks,
        room: RoomId,
        after: Position,
        window: &wire::RoomWindow,
    ) {
        let is_answered = |purpose: &Purpose| match purpose {
            Purpose::Command(.., Command::Subscribe { room: of, position }) => {
                *of == room && *position == after
            }
            _ => false,
        };
        for purpose in self.requests.take_unsent(is_answered) {
            if let Purpose::Command(origin, number, _) = purpose {
                self.answer(now, origin, number, room, Ok(Reply::Window(window.clone())));
            }
        }
    }

    /// The time of some commands is over.
    pub(super) fn fail_overdue_commands(&mut self, now: Clocks) {
        for (purpose, refused) in self.requests.take_overdue(now.monotonic) {
            self.request_failed(now, purpose, refused);
        }
    }

    /// No connection will be attempted: all commands fail.
    pub(super) fn fail_commands(&mut self, now: Clocks, status: Status) {
        for purpose in self.requests.take_all() {
            self.request_failed(now, purpose, refusal(status));
        }
    }
}
