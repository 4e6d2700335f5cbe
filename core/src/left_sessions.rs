//! The secrets of sessions that the user has left without the server's knowledge.
//!
//! A server reserves the nick of a session whose connection was lost, and the next login has another secret. If the server
//! does not know that the user has left, it refuses that login: the nick is taken. So the secret of such a session is kept
//! in memory, only for this nick and server, and only to end the session: when the server says that the nick is taken, the
//! client logs in to the old session, sends the exit envelope, and logs in to a new one.

use std::collections::VecDeque;

/// The most sessions that are kept because the server may not know that the user has left them.
const MAX_LEFT_SESSIONS: usize = 4;

/// The sessions that the user has left without the server's knowledge.
#[derive(Debug, Default)]
pub struct LeftSessions {
    /// The nick of the user, once they were taken out of a client.
    nick: String,
    /// Their secrets, oldest first.
    secrets: VecDeque<Vec<u8>>,
    /// The number of them that this login has not tried to end yet.
    untried: usize,
    /// The secret of the session that is being ended.
    ending: Option<Vec<u8>>,
}

impl LeftSessions {
    /// The sessions of this nick, for another client.
    pub(crate) fn for_nick(self, nick: &str) -> Self {
        Self { nick: nick.into(), ..self }
    }

    /// These sessions, if they are of this nick; otherwise none.
    pub(crate) fn of_nick(self, nick: &str) -> Self {
        // As when the server compares nicks: those that differ in ASCII case only are the same user.
        if self.nick.eq_ignore_ascii_case(nick) { self } else { Self::default() }
    }

    /// A login begins.
    pub(crate) fn begin(&mut self) {
        self.put_back();
        self.untried = self.secrets.len();
    }

    /// Adds the secret of a session, or of a login whose answer is not known. An empty one is none.
    pub(crate) fn add(&mut self, secret: Vec<u8>) {
        if secret.is_empty() || self.secrets.contains(&secret) {
            return;
        }
        self.secrets.push_back(secret);
        while self.secrets.len() > MAX_LEFT_SESSIONS {
            self.secrets.pop_front();
        }
    }

    /// Begins to end the next session that this login has not tried. `false` if there is none.
    pub(crate) fn end_next(&mut self) -> bool {
        if self.untried == 0 {
            return false;
        }
        self.untried -= 1;
        self.ending = self.secrets.pop_back();
        true
    }

    /// The session that was being ended has ended, or somebody else has the nick.
    pub(crate) fn ended(&mut self) {
        self.ending = None;
    }

    /// It is not known whether the session was ended.
    pub(crate) fn put_back(&mut self) {
        if let Some(secret) = self.ending.take() {
            self.secrets.push_back(secret);
        }
    }

    /// Returns `true` if the user has left the session with this secret.
    pub(crate) fn contains(&self, secret: &[u8]) -> bool {
        self.secrets.iter().any(|left| left == secret)
    }

    /// The secret of the session that is being ended.
    pub(crate) fn ending(&self) -> Option<&Vec<u8>> {
        self.ending.as_ref()
    }

    /// The user is logged in, so no session reserves the nick.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
