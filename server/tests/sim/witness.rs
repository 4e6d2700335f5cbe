//! A member of the room with a perfect connection, which checks the order of what the server publishes: messages
//! are in the order of the log, and every sender is in the room when its message comes.

use std::collections::BTreeSet;

use parlour_core::{
    codec::{self, Envelope, Extension},
    wire,
};
use parlour_server::hub::connection_table::ConnectionId;

use super::network::payloads;

/// The nick of every witness.
pub const NICK: &str = "witness";

/// The witness of a server.
#[derive(Debug, Default)]
pub struct Witness {
    /// `None` while the server is down.
    pub conn: Option<ConnectionId>,
    /// The members according to the published changes; `None` before the first list.
    members: Option<BTreeSet<String>>,
    newest: u64,
    /// Violations of an invariant.
    pub complaints: Vec<String>,
}

impl Witness {
    /// The envelope of its login. It has no history, so that everything it receives is live.
    pub fn login() -> Vec<u8> {
        let login = wire::Login {
            version: 1,
            capabilities: vec!["batch".into()],
            secret: vec![7; 32],
            ..wire::Login::default()
        };
        codec::encode(&codec::login(NICK, login)).to_vec()
    }

    /// The server was killed.
    pub fn disconnected(&mut self) {
        *self = Self { complaints: std::mem::take(&mut self.complaints), ..Self::default() };
    }

    /// Receives WebSocket frames.
    pub fn receive(&mut self, frames: &[u8]) {
        for bytes in payloads(frames) {
            for envelope in codec::decode_rich(&bytes).expect("an envelope") {
                self.handle(envelope);
            }
        }
    }

    fn handle(&mut self, envelope: Envelope) {
        match envelope.extension {
            Some(Extension::Roster(page)) => {
                let members = self.members.get_or_insert_default();
                if page.first {
                    members.clear();
                }
                members.extend(page.members.into_iter().map(|member| member.nick));
            }
            Some(Extension::Presence(presence)) => {
                presence.changes.into_iter().for_each(|change| self.presence_changed(&change));
            }
            None if envelope.seq > 0 => self.message(&envelope),
            _ => {}
        }
    }

    /// A change may name a member that came and left in between, or the reverse; it has no effect then.
    fn presence_changed(&mut self, change: &wire::Member) {
        let Some(members) = &mut self.members else { return };
        match change.state() {
            wire::PresenceState::Left => members.remove(&change.nick),
            _ => members.insert(change.nick.clone()),
        };
    }

    fn message(&mut self, message: &Envelope) {
        let nick = &message.user_name;
        if self.members.as_ref().is_some_and(|members| !members.contains(nick)) {
            self.complaints.push(format!("{nick} was not in the room when its message {} came", message.seq));
        }
        if message.seq <= self.newest {
            self.complaints.push(format!("message {} came after {}", message.seq, self.newest));
        }
        self.newest = message.seq;
    }
}
