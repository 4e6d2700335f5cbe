//! State that a new hub recovers from the event log.

use parlour_core::model::RoomId;

use super::{Hub, nick_registry::Claim};
use crate::store::{
    LogError, LogReader, RowChange, SessionRecord, StoredSession, retention_clock::implausible_ms,
};

/// State that a new hub recovers from the event log.
#[derive(Debug, Clone, Default)]
pub struct Recovered {
    /// The id of the log.
    pub log: [u8; 16],
    /// The sequence number of the newest event of the lobby.
    pub head_seq: u64,
    /// The ord of its newest message.
    pub head_ord: u64,
    /// The time of that message, Unix ms; 0 if there never was one.
    pub active: i64,
    /// The sessions of earlier runs.
    pub sessions: Vec<StoredSession>,
    /// The Unix time in ms at which the hub's clock is 0.
    pub unix_ms: i64,
}

impl Recovered {
    /// Reads the state from a log.
    ///
    /// # Errors
    /// The errors of the log.
    pub fn read(log: &mut dyn LogReader, unix_ms: i64) -> Result<Self, LogError> {
        // A wrong clock must not end sessions: then they count as lost until the last time that is known.
        let ahead = implausible_ms(log.clock()?, unix_ms);
        let mut sessions = log.sessions()?;
        for StoredSession { session, .. } in &mut sessions {
            session.lost_at = session.lost_at.map(|lost_at| lost_at.saturating_add(ahead));
        }
        let lobby = log.room(RoomId::LOBBY)?;
        let (head_seq, head_ord, active) =
            lobby.map_or((0, 0, 0), |lobby| (lobby.head_seq, lobby.head_ord, lobby.active));
        Ok(Self { log: log.id()?, head_seq, head_ord, active, sessions, unix_ms })
    }
}

impl Hub {
    /// Restores the sessions of earlier runs, their accounts, and the nicks that are still reserved.
    pub(super) fn restore_sessions(&mut self, recovered: &Recovered) {
        let restored = self.sessions.restore(0, recovered.unix_ms, &recovered.sessions);
        // Otherwise they would count as connected until now after the next start too.
        for StoredSession { session, .. } in &recovered.sessions {
            if session.lost_at.is_none() {
                let record = SessionRecord { lost_at: Some(recovered.unix_ms), ..session.clone() };
                self.append_queue.push_row(RowChange::PutSession(record));
            }
        }
        for hash in restored.ended {
            self.append_queue.push_row(RowChange::EndSession(hash));
        }
        for (StoredSession { account, .. }, age) in restored.lost {
            let id = account.user;
            if self.accounts.get(id).is_none() {
                self.accounts.put(id, account.nick.as_str().into());
                if account.holds_nick {
                    self.accounts.nick_taken(id, &account.nick);
                }
            }
            self.accounts.add_session(id);
            if age < self.settings.name_grace
                && account.holds_nick
                && self.nicks.check_for(&account.nick, Some(id)).is_ok()
            {
                let key = self.nicks.insert(&account.nick.into(), Claim::Reserved(id));
                self.reserved.set(key, self.settings.name_grace - age);
            }
        }
    }
}
