//! The envelopes of a server with rooms.

use super::{
    Client, Clocks, Event, Origin, Output, Position,
    connection::{Exit, State},
    subscriptions::Stage,
};
use crate::{
    codec::{self, Envelope, Extension, Kind},
    limits::Limits,
    model::{Dialect, Identity, MessageId, Refusal, RoomId, UserId},
    room_rows,
    status::Status,
    validate,
    wire::{self, server_event::Body},
};

impl Client {
    pub(super) fn welcome(&mut self, now: Clocks, mut welcome: wire::Welcome) {
        let has = |name: &str| welcome.capabilities.iter().any(|capability| capability == name);
        let is_supported = (1..=crate::PROTOCOL_VERSION).contains(&welcome.version) && has("rooms");
        let Some(account) = UserId::from_wire(&welcome.account).filter(|_| is_supported) else {
            return self.fail(now, Status::VersionUnsupported, None);
        };
        if self.account.is_some_and(|known| known != account) {
            return self.exit(now, Exit::OtherAccount);
        }
        self.account = Some(account);
        // The events go to the user interface and to other tabs.
        self.secret = std::mem::take(&mut welcome.secret);
        // A login with an invalid nick would fail.
        let requested = self.rename.as_ref().unwrap_or(&self.nick);
        let nick = validate::nick(&welcome.nick, &Limits::default()).unwrap_or_else(|_| requested.clone());
        let limits = welcome.limits.unwrap_or_default();
        let identity = Identity {
            nick: nick.as_str().into(),
            dialect: Dialect::Rich,
            limits: Limits::from_wire(&limits),
            server_name: Some(welcome.server_name.clone()).filter(|name| !name.is_empty()),
            search: true,
            echoes_text: false,
        };
        let can_batch = has("batch");
        if !self.state.log().is_empty() && self.state.log() != welcome.log {
            self.subscriptions.reset_positions();
            self.requests.log_changed();
            self.reported_cursors.clear();
        }
        self.subscriptions.set_limit(limits.subscriptions);
        let window = welcome.window.take();
        let reports_queue = self.go_online(now, identity, welcome.heartbeat_ms.into(), can_batch);
        welcome.nick = nick;
        self.emit_received(now, codec::extension(Extension::Welcome(welcome)));
        if let Some(window) = window {
            self.window(now, self.subscriptions.requested_at_login(), window);
        }
        self.finish_login(now, reports_queue);
        self.ping(now);
    }

    pub(super) fn rich_envelope(&mut self, now: Clocks, mut envelope: Envelope) {
        match envelope.extension.take() {
            None if codec::kind(&envelope) == Kind::Message => self.rich_message(now, envelope),
            None => self.ignored += 1,
            Some(Extension::Ack(ack)) => {
                for wire::Accepted { id, seq, time } in ack.accepted {
                    match MessageId::from_wire(&id) {
                        Some(id) => self.acknowledge(now, id, seq, time),
                        None => self.ignored += 1,
                    }
                }
            }
            Some(Extension::Event(event)) => self.server_event(now, event),
            Some(Extension::Refusal(refusal)) => match MessageId::from_wire(&refusal.id) {
                Some(id) => {
                    let status = Status::from_code(u16::try_from(refusal.code).unwrap_or(0));
                    self.message_refused(now, id, status, refusal.retry_after_ms.into());
                }
                None => self.connection_refused(now, refusal),
            },
            Some(Extension::Ping(ping)) => {
                self.send(&codec::extension(Extension::Pong(wire::Pong { nonce: ping.nonce })));
            }
            Some(Extension::Pong(pong)) => self.pong(now, pong.nonce),
            Some(Extension::GoingAway(going)) => self.server_delay = Some(going.retry_after_ms.into()),
            Some(_) => self.ignored += 1,
        }
    }

    fn server_event(&mut self, now: Clocks, event: wire::ServerEvent) {
        let Some(room) = RoomId::from_wire(&event.room) else {
            self.ignored += 1;
            return;
        };
        match event.body {
            Some(Body::Response(response)) => self.answered(now, response),
            Some(Body::Window(window)) => self.window(now, room, window),
            Some(Body::Event(ref body)) => {
                if !self.subscriptions.advance(room, body.seq, None) {
                    self.resubscribe(room);
                }
                if let Some(wire::room_event::Change::Member(change)) = &body.change
                    && let Some(person) = &change.person
                    && self.account.is_some_and(|account| person.account == account.0)
                {
                    self.removed(room, change.role);
                }
                self.emit_event(now, event);
            }
            Some(Body::Rows(ref rows)) => {
                for row in room_rows::unpack(rows.clone()) {
                    if let Some(room) = RoomId::from_wire(&row.room) {
                        self.removed(room, row.role);
                    }
                }
                let nick = rows.nick.clone();
                self.emit_event(now, event);
                self.nick_changed(now, &nick);
            }
            Some(Body::Activity(_) | Body::Presence(_)) => self.emit_event(now, event),
            None => self.ignored += 1,
        }
    }

    pub(super) fn emit_event(&mut self, now: Clocks, event: wire::ServerEvent) {
        self.emit_received(now, codec::extension(Extension::Event(event)));
    }

    /// A live message.
    fn rich_message(&mut self, now: Clocks, envelope: Envelope) {
        let ids = RoomId::from_wire(&envelope.room).zip(MessageId::from_wire(&envelope.id));
        let is_valid = !envelope.content.is_empty() || envelope.deleted || envelope.changed;
        let Some((room, id)) = ids.filter(|_| is_valid) else {
            self.ignored += 1;
            return;
        };
        let id = (!envelope.changed).then_some(id);
        if id.is_some() {
            self.settle(now, &envelope);
        }
        let is_complete = self.subscriptions.advance(room, envelope.seq, id);
        self.emit_received(now, envelope);
        if !is_complete {
            self.resubscribe(room);
        }
    }

    /// Acknowledges the message of an envelope if it is an own one. Another account may have used the same id.
    fn settle(&mut self, now: Clocks, envelope: &Envelope) {
        let is_own = self.account.is_some_and(|account| envelope.sender == account.0);
        if let Some(id) = MessageId::from_wire(&envelope.id).filter(|_| is_own) {
            self.acknowledge(now, id, envelope.seq, envelope.time);
        }
    }

    /// The window of a subscription that this client has made or restored, for all tabs that show the room.
    pub(super) fn window(&mut self, now: Clocks, room: RoomId, window: wire::RoomWindow) {
        let after = self.subscriptions.position(room);
        let position = self.read_window(now, room, &window);
        self.subscriptions.window(room, position);
        let body = Some(Body::Window(window.clone()));
        self.emit_event(now, wire::ServerEvent { room: room.to_wire(), body });
        self.answer_subscribers(now, room, after, &window);
        self.end_unsubscribed(now, room);
    }

    /// Reports once more that no tab is subscribed to a room, if none is: a window was under way when the subscription ended.
    pub(super) fn end_unsubscribed(&mut self, now: Clocks, room: RoomId) {
        if self.subscriptions.stage(room).is_none() {
            self.emit(now, Event::Unsubscribed(room));
        }
    }

    /// The window of a tab that has subscribed. The server ends an earlier subscription of the room when a new one begins. So
    /// it has delivered no events in between; if there were any, the other tabs lack them, and they are requested.
    pub(super) fn window_of_tab(
        &mut self,
        now: Clocks,
        room: RoomId,
        origin: Origin,
        window: &wire::RoomWindow,
    ) {
        let others = self.subscriptions.position(room);
        let position = self.read_window(now, room, window);
        let is_ahead = position.seq > others.seq && self.subscriptions.is_shown_by_other(room, origin);
        match self.subscriptions.stage(room) {
            Some(Stage::Live) if is_ahead => self.request_subscription(room),
            // They are requested already, from the position that the other tabs have.
            Some(Stage::Requested) if is_ahead => {}
            _ => self.subscriptions.window(room, position),
        }
    }

    /// Acknowledges the own messages among the events of a window: they were stored, and need not be sent again. Returns the
    /// position of the tabs after it.
    fn read_window(&mut self, now: Clocks, room: RoomId, window: &wire::RoomWindow) -> Position {
        let mut last = None;
        for frame in &window.frames {
            let Ok(envelope) = codec::decode(frame) else { continue };
            if envelope.extension.is_none() && !envelope.changed {
                self.settle(now, &envelope);
                last = MessageId::from_wire(&envelope.id).map(|id| (envelope.seq, id)).or(last);
            }
        }
        if let Some(page) = &window.page {
            last = self.page_received(now, page).or(last);
        }
        let id = last.filter(|(seq, _)| *seq == window.seq).map(|(_, id)| id);
        // A position that has not moved keeps its id.
        let known = self.subscriptions.position(room);
        let id = id.or(known.id.filter(|_| known.seq == window.seq && !window.reset));
        let is_behind = window.behind || (!window.reset && window.seq < known.seq);
        if is_behind { known } else { Position { seq: window.seq, id } }
    }

    /// Handles what a page means for the client itself. Returns the newest message.
    pub(super) fn page_received(
        &mut self,
        now: Clocks,
        page: &wire::MessagePage,
    ) -> Option<(u64, MessageId)> {
        let me = self.account.map(|account| account.0);
        let mut last = None;
        for message in &page.messages {
            let Some(id) = MessageId::from_wire(&message.id) else { continue };
            let sender = page.people.get(message.sender as usize);
            if sender.is_some_and(|sender| Some(&sender.account[..]) == me.as_ref().map(|me| &me[..])) {
                self.acknowledge(now, id, message.seq, message.time);
            }
            last = last.max(Some((message.seq, id)));
        }
        last
    }

    /// The server has left out live events of a room: requests them.
    fn resubscribe(&mut self, room: RoomId) {
        if self.subscriptions.stage(room) == Some(Stage::Live) {
            self.request_subscription(room);
        }
    }

    /// The account is not in a room any more.
    fn removed(&mut self, room: RoomId, role: i32) {
        if role == i32::from(wire::Role::None) && room != RoomId::LOBBY {
            self.subscriptions.end(room);
        }
    }

    /// The account has another nick, if this is not empty.
    pub(super) fn nick_changed(&mut self, now: Clocks, nick: &str) {
        if nick.is_empty() || *nick == *self.nick || validate::nick(nick, &Limits::default()).is_err() {
            return;
        }
        self.nick = nick.into();
        if let Some(identity) = &mut self.identity {
            identity.nick = nick.into();
            let identity = identity.clone();
            self.emit(now, Event::LoggedIn(identity, self.account));
            self.write_pending();
        }
    }

    /// The server has refused the login, or something that is neither a message nor a command.
    pub(super) fn connection_refused(&mut self, now: Clocks, refusal: wire::Refusal) {
        let refusal = read_refusal(refusal);
        let status = refusal.status;
        if status == Status::Overtaken
            && let Some(largest) = &refusal.suggestion
            && let Ok(largest) = u64::from_str_radix(largest, 16)
        {
            // The clock was set back, so the attempts of this page are numbered too low.
            self.attempt = self.attempt.max(largest);
        }
        if matches!(self.connection, State::LoggingIn { .. }) {
            // The Close that follows has the same code, so there is no need to wait for it.
            self.refusal = Some(refusal);
            self.outputs.push_back(Output::Close(None));
            self.connection_lost(now, status);
        } else {
            // Only this refusal is followed by a Close.
            if status == Status::Replaced {
                self.refusal = Some(refusal.clone());
            }
            self.emit(now, Event::Refused(refusal));
        }
    }
}

/// The refusal in a message of the wire.
pub(super) fn read_refusal(refusal: wire::Refusal) -> Refusal {
    Refusal {
        status: Status::from_code(u16::try_from(refusal.code).unwrap_or(0)),
        text: refusal.text,
        suggestion: Some(refusal.suggestion).filter(|suggestion| !suggestion.is_empty()),
        retry_after: refusal.retry_after_ms,
    }
}
