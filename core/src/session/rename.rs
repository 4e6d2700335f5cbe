//! Continuing under another nick. While this device was away, the server may have given the user's nick to somebody else.
//!
//! The session stays the same until the server has accepted the new nick: its messages keep their ids, and its position
//! is used for the login. So a message that the server had stored before the connection was lost is recognised, either
//! among the messages since that position or by the server, and is not sent under the new nick too.

use super::{Clocks, Command, Session, State};
use crate::{event::Event, limits::Limits, status::Status, validate};

/// A nick under which the user wants to continue.
#[derive(Debug)]
pub(super) struct Rename {
    pub nick: String,
    /// The secret of the account with this nick, chosen by this client.
    pub secret: Vec<u8>,
}

impl Session {
    /// Logs in under another nick, because the server has refused the user's, in this tab or in the leader before it. When
    /// the server accepts it, reports [`Event::Renamed`]; the messages that are not acknowledged are sent under it. Call
    /// [`handle_new_secret`](Self::handle_new_secret) before.
    ///
    /// # Errors
    /// The errors of [`validate::nick`]; [`Status::SignedIn`] unless the server has refused the nick of a user who is
    /// logged in, or has not answered this session yet.
    pub fn handle_rename(&mut self, now: Clocks, nick: &str) -> Result<(), Status> {
        let nick = validate::nick(nick, &Limits::default())?;
        let is_refused = match &self.state {
            State::Opening { .. } | State::LoggingIn { .. } | State::Waiting { .. } | State::Failed => {
                self.last_status.is_about_nick() || self.last_status == Status::NotConnected
            }
            State::Idle | State::Exiting { .. } | State::Online(_) => false,
        };
        if self.identity.is_none() || !is_refused {
            return Err(Status::SignedIn);
        }
        if matches!(self.state, State::Opening { .. } | State::LoggingIn { .. }) {
            self.commands.push_back(Command::Close(None));
        }
        let secret = std::mem::take(&mut self.next_secret);
        // With the nick that they have, the user only tries again.
        self.rename = (!nick.eq_ignore_ascii_case(&self.nick)).then_some(Rename { nick, secret });
        self.backoff.reset();
        self.open(now);
        Ok(())
    }

    /// The server has accepted the login; `nick` is the user's in its spelling.
    pub(super) fn finish_rename(&mut self, nick: &str) {
        self.nick = nick.into();
        if self.rename.take().is_some() {
            for message in self.send_queue.iter_mut() {
                message.is_renamed = true;
            }
            self.emit(Event::Renamed(nick.into()));
        }
    }

    /// Shows the messages of the queue under the new nick, and persists that they were written under another one.
    pub(super) fn report_renamed(&mut self) {
        for message in self.send_queue.iter().filter(|message| message.is_renamed) {
            let _ = self.persister.put_queued(message);
        }
        self.emit_send_queue();
    }
}
