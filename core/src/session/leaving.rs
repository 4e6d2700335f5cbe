//! Leaving: the session ends on this device at once, and on the server as soon as it can be told; see
//! [`left_sessions`](crate::left_sessions).

use super::{Clocks, Command, Session, State, connection::ANSWER_TIMEOUT_MS};
use crate::{
    codec,
    event::Event,
    model::{Connection, Dialect},
    status::Status,
};

impl Session {
    /// Logs out: sends the exit envelope, closes the connection, stops reconnecting and forgets the secret, except for
    /// ending the session on the server later. Messages that are not acknowledged stay on the device, and are sent after
    /// the next login under the same nick.
    pub fn handle_leave(&mut self, now: Clocks) {
        if let State::Online(online) = &self.state {
            let close = if online.dialect == Dialect::Basic { None } else { Some(Status::Normal.code()) };
            self.flush(now);
            let exit = codec::exit(&self.nick);
            self.send(&exit);
            self.commands.push_back(Command::Close(close));
        } else if self.is_connecting() {
            self.commands.push_back(Command::Close(Some(Status::Normal.code())));
        }
        self.requeue_in_flight();
        let has_no_session = matches!(self.state, State::Failed) && self.last_status == Status::NickTaken;
        self.state = State::Idle;
        let secret = std::mem::take(&mut self.secret);
        if !has_no_session {
            // Also if the exit was sent, because the connection may be dead without anybody knowing.
            self.left.add(secret);
        }
        self.left.put_back();
        self.persister.leave();
        let nick = self.nick.clone();
        self.reset(&nick);
        self.emit(Event::Connection(Connection::Idle));
        self.emit(Event::LoggedOut);
    }

    /// A first login has ended with this status. Continues with ending a session that the user has left if that one may
    /// reserve the nick. Returns whether it does.
    pub(super) fn end_left_session(&mut self, now: Clocks, status: Status) -> bool {
        let is_taken = matches!(self.state, State::LoggingIn { .. }) && status == Status::NickTaken;
        if is_taken {
            // Somebody else has the nick, if this was the login to such a session.
            self.left.ended();
        } else {
            self.left.put_back();
        }
        if !is_taken || self.identity.is_some() || !self.left.end_next() {
            return false;
        }
        self.open(now);
        true
    }

    /// Logged in to a session that the user has left: ends it.
    pub(super) fn exit_left_session(&mut self, now: Clocks) {
        let exit = codec::exit(&self.nick);
        self.send(&exit);
        self.state = State::Exiting { deadline: now.monotonic + ANSWER_TIMEOUT_MS };
    }

    /// The connection on which a session was ended is closed: logs in.
    pub(super) fn left_session_closed(&mut self, now: Clocks, status: Status) {
        if status == Status::Normal {
            self.left.ended();
        } else {
            self.left.put_back();
        }
        self.open(now);
    }
}
