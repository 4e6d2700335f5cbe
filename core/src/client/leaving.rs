//! Logging out, and continuing under another nick.
//!
//! A session ends on this device at once, and on the server as soon as it can be told; see
//! [`left_sessions`](crate::left_sessions).
//!
//! Another account may take the nick while this one is away. Then the user continues under another one: the account, its
//! session, messages and positions stay the same.

use super::{
    Client, Clocks, Event, Output,
    connection::{ANSWER_TIMEOUT_MS, Exit, State},
};
use crate::{
    codec,
    left_sessions::LeftSessions,
    limits::Limits,
    model::{Connection, Dialect},
    status::Status,
    validate,
};

impl Client {
    /// Logs out: sends the exit envelope, closes the connection, stops reconnecting, and deletes everything of the account
    /// on the device. Messages that are not acknowledged are deleted too, because nobody else may send them;
    /// [`unacknowledged`](Self::unacknowledged) lists them before.
    pub fn handle_log_out(&mut self, now: Clocks) {
        if let State::Online(online) = &self.connection {
            let close = if online.dialect == Dialect::Basic { None } else { Some(Status::Normal.code()) };
            self.flush(now);
            let exit = codec::exit(&self.nick);
            self.send(&exit);
            self.outputs.push_back(Output::Close(close));
        } else if self.is_connecting() {
            self.outputs.push_back(Output::Close(Some(Status::Normal.code())));
        }
        let has_no_session =
            matches!(self.connection, State::Failed) && self.last_status == Status::NickTaken;
        self.disconnected(now);
        self.connection = State::Left;
        let secret = std::mem::take(&mut self.secret);
        if !has_no_session || self.account.is_some() {
            // Also if the exit was sent, because the connection may be dead without anybody knowing.
            self.left.add(secret);
        }
        self.left.put_back();
        self.fail_commands(now, Status::NotConnected);
        self.identity = None;
        self.send_queue = super::SendLanes::default();
        self.persister.forget();
        self.emit(now, Event::Connection(Connection::Idle));
        self.emit(now, Event::LoggedOut);
    }

    /// The sessions that the server may not know to have ended, for [`Setup::left`](super::Setup::left) of the next client for
    /// this server.
    #[must_use]
    pub fn into_left_sessions(mut self) -> LeftSessions {
        self.left.put_back();
        self.left.for_nick(&self.nick)
    }

    /// Logs in under another nick, because the server has refused the user's. When the server accepts it, reports it with
    /// [`Event::LoggedIn`].
    ///
    /// # Errors
    /// The errors of [`validate::nick`]; [`Status::SignedIn`] unless the server has refused the nick of a user who is
    /// logged in, or has not answered this client yet.
    pub fn handle_rename(&mut self, now: Clocks, nick: &str) -> Result<(), Status> {
        let nick = validate::nick(nick, &Limits::default())?;
        let is_refused = match &self.connection {
            State::Opening { .. } | State::LoggingIn { .. } | State::Waiting { .. } | State::Failed => {
                self.last_status.is_about_nick() || self.last_status == Status::NotConnected
            }
            State::Idle | State::Exiting { .. } | State::Online(_) | State::Left => false,
        };
        if self.identity.is_none() || !is_refused {
            return Err(Status::SignedIn);
        }
        if matches!(self.connection, State::Opening { .. } | State::LoggingIn { .. }) {
            self.outputs.push_back(Output::Close(None));
        }
        // With the nick that they have, the user only tries again.
        self.rename = (!nick.eq_ignore_ascii_case(&self.nick)).then_some(nick);
        self.backoff.reset();
        self.open(now);
        Ok(())
    }

    /// A first login has ended with this status. Continues with ending a session that the user has left if that one may
    /// reserve the nick. Returns whether it does.
    pub(super) fn end_left_session(&mut self, now: Clocks, status: Status) -> bool {
        let is_taken = matches!(self.connection, State::LoggingIn { .. }) && status == Status::NickTaken;
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

    /// Logged in to a session that is not wanted: ends it.
    pub(super) fn exit(&mut self, now: Clocks, purpose: Exit) {
        let exit = codec::exit(&self.nick);
        self.send(&exit);
        self.connection = State::Exiting { deadline: now.monotonic + ANSWER_TIMEOUT_MS, purpose };
    }

    /// The connection on which a session was ended is closed.
    pub(super) fn exited(&mut self, now: Clocks, status: Status) {
        let State::Exiting { purpose, .. } = self.connection else { return };
        if purpose == Exit::OtherAccount {
            self.connection = State::Idle;
            return self.fail(now, Status::AccountGone, None);
        }
        if status == Status::Normal {
            self.left.ended();
        } else {
            self.left.put_back();
        }
        self.open(now);
    }
}
