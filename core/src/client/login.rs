//! The login, and what follows it in either dialect.

use super::{
    Client, Clocks, Event, Position,
    connection::{ANSWER_TIMEOUT_MS, Online, State},
    sending::{Throttle, own_message},
};
use crate::{
    Millis, PROTOCOL_VERSION, codec,
    heartbeat::Heartbeat,
    hex,
    model::{Connection, Identity, RoomId},
    send_queue::QueuedMessage,
    wire,
};

/// The capabilities of this client. A basic server sends the login back as Text, so it must be shorter than 128 bytes.
const CAPABILITIES: [&str; 2] = ["batch", "rooms"];

impl Client {
    /// The socket is open.
    pub fn handle_opened(&mut self, now: Clocks) {
        if !matches!(self.connection, State::Opening { .. }) {
            return;
        }
        // The clock makes the number larger than those of earlier sessions of this device, which may not be persisted; the
        // increment makes it larger than the last one if the clock was set back.
        self.attempt = u64::try_from(now.unix).unwrap_or(0).max(self.attempt + 1);
        let attempt = hex(&self.attempt.to_be_bytes());
        let agent = self.agent.clone();
        let login = wire::Login { version: PROTOCOL_VERSION, agent, attempt, ..wire::Login::default() };
        let login = match self.left.ending() {
            Some(secret) => wire::Login { secret: secret.clone(), ..login },
            None => self.complete_login(login),
        };
        let nick = self.rename.as_ref().unwrap_or(&self.nick);
        let envelope = codec::login(nick, login);
        self.send(&envelope);
        self.connection = State::LoggingIn { deadline: now.monotonic + ANSWER_TIMEOUT_MS };
    }

    /// Adds what the server needs in order to answer with everything that has changed.
    fn complete_login(&mut self, login: wire::Login) -> wire::Login {
        let capabilities = CAPABILITIES.map(Into::into).into();
        let (secret, link_code) = (self.secret.clone(), self.link_code.clone().unwrap_or_default());
        let login = wire::Login { capabilities, secret, link_code, ..login };
        if self.account.is_none() {
            // A new account has only the lobby. And a first login has to be valid UTF-8, which ids and logs are not.
            self.subscriptions.first_login();
            return login;
        }
        let position = |(room, position): (RoomId, Position)| {
            let wire::Subscribe { seq, id } = position.to_wire();
            wire::RoomPosition { room: room.to_wire(), seq, id }
        };
        wire::Login {
            positions: self.subscriptions.state_at_login().into_iter().map(position).collect(),
            log: self.state.log().to_vec(),
            open: self.subscriptions.requested_at_login().to_wire(),
            account_version: self.state.account().version(),
            ..login
        }
    }

    /// The login has succeeded, in either dialect. The events of the server's state come between this and
    /// [`finish_login`](Self::finish_login). Returns whether the send queue is to be reported then.
    pub(super) fn go_online(
        &mut self,
        now: Clocks,
        identity: Identity,
        heartbeat: Millis,
        can_batch: bool,
    ) -> bool {
        self.limits = identity.limits;
        self.nick_taken_since = None;
        self.suggestion = None;
        self.link_code = None;
        let limits = identity.limits;
        self.connection = State::Online(Online {
            dialect: identity.dialect,
            since: now.monotonic,
            heartbeat: Heartbeat::new(now.monotonic, heartbeat),
            can_batch,
            throttle: Throttle::new(now.monotonic, &limits),
        });
        self.left.clear();
        self.nick = identity.nick.to_string();
        let is_renamed = self.rename.take().is_some();
        self.emit(now, Event::LoggedIn(identity.clone(), self.account));
        self.identity.replace(identity).is_none() || is_renamed
    }

    /// The state of the server was reported: sends what waits.
    pub(super) fn finish_login(&mut self, now: Clocks, reports_queue: bool) {
        let State::Online(online) = &self.connection else { return };
        let dialect = online.dialect;
        self.emit(now, Event::Connection(Connection::Online { dialect }));
        if reports_queue {
            self.emit_send_queue(now);
        }
        self.fail_guilty(now);
        // At once, because the account can't be continued without the secret.
        self.write_pending();
        self.flush(now);
        self.send_requests(now);
    }

    /// Reports messages of the send queue again that are not shown any more: the account was not in their room for some time.
    pub(super) fn emit_hidden_messages(&mut self, now: Clocks) {
        let is_hidden = |room: RoomId, message: &QueuedMessage| {
            self.state.account().room(room).is_some()
                && self.state.room(room).is_none_or(|state| !state.shows_queued(message.id))
        };
        let hidden: Vec<_> = self
            .send_queue
            .iter()
            .filter(|(room, message)| is_hidden(*room, message))
            .map(|(room, message)| own_message(room, message))
            .collect();
        hidden.into_iter().for_each(|message| self.emit(now, Event::Own(message)));
    }

    /// Reports all messages of the send queue.
    pub(super) fn emit_send_queue(&mut self, now: Clocks) {
        let queued: Vec<_> =
            self.send_queue.iter().map(|(room, message)| own_message(room, message)).collect();
        queued.into_iter().for_each(|message| self.emit(now, Event::Own(message)));
    }
}
