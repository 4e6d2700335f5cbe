//! Leaving: the session ends on this device at once, and on the server as soon as it can be told.
//!
//! A server reserves the nick of a session whose connection was lost, and the next login has another secret. If the server
//! does not know that the user has left, it refuses that login: the nick is taken. So the secret of such a session is kept
//! in memory, only for this nick and server, and only to end the session: when the server says that the nick is taken, the
//! client logs in to the old session, sends the exit envelope, and logs in to a new one.

use std::collections::VecDeque;

use super::{Clocks, Command, Session, State, connection::ANSWER_TIMEOUT_MS};
use crate::{
    codec,
    event::Event,
    model::{Connection, Dialect},
    status::Status,
};

/// The most sessions that are kept because the server may not know that the user has left them.
const MAX_LEFT_SESSIONS: usize = 4;

/// The sessions that the user has left without the server's knowledge.
#[derive(Debug, Default)]
pub(super) struct LeftSessions {
    /// Their secrets, oldest first.
    secrets: VecDeque<Vec<u8>>,
    /// The number of them that this login has not tried to end yet.
    untried: usize,
    /// The secret of the session that is being ended.
    ending: Option<Vec<u8>>,
}

impl LeftSessions {
    /// A login begins.
    pub fn begin(&mut self) {
        self.put_back();
        self.untried = self.secrets.len();
    }

    /// Adds the secret of a session, or of a login whose answer is not known. An empty one is none.
    fn add(&mut self, secret: Vec<u8>) {
        if secret.is_empty() || self.secrets.contains(&secret) {
            return;
        }
        self.secrets.push_back(secret);
        while self.secrets.len() > MAX_LEFT_SESSIONS {
            self.secrets.pop_front();
        }
    }

    /// It is not known whether the session was ended.
    fn put_back(&mut self) {
        if let Some(secret) = self.ending.take() {
            self.secrets.push_back(secret);
        }
    }

    /// Returns `true` if the user has left the session with this secret.
    pub fn contains(&self, secret: &[u8]) -> bool {
        self.secrets.iter().any(|left| left == secret)
    }

    /// The secret of the session that is being ended.
    pub fn ending(&self) -> Option<&Vec<u8>> {
        self.ending.as_ref()
    }

    /// The user is logged in, so no session reserves the nick.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

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
            self.left.ending = None;
        } else {
            self.left.put_back();
        }
        if !is_taken || self.identity.is_some() || self.left.untried == 0 {
            return false;
        }
        self.left.untried -= 1;
        self.left.ending = self.left.secrets.pop_back();
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
            self.left.ending = None;
        } else {
            self.left.put_back();
        }
        self.open(now);
    }
}
