//! Sessions: they allow a client to resume its nick after a lost connection. Only hashes of the secrets are
//! stored.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parlour_core::{Millis, validate};
use sha2::{Digest as _, Sha256};

use super::connection_table::ConnectionId;
use crate::store::SessionRecord;

/// A session's secret, known to its client.
pub type Secret = [u8; 32];

/// SHA-256 of a secret.
pub type Hash = [u8; 32];

/// Hashes a secret of any length.
#[must_use]
pub fn hash(secret: &[u8]) -> Hash {
    Sha256::digest(secret).into()
}

/// A session, connected or lost.
#[derive(Debug, Clone)]
pub struct Session {
    /// The key of its nick.
    pub key: Arc<str>,
    /// The connection; `None` while it is lost.
    pub conn: Option<ConnectionId>,
    /// The ordinal of its latest connection among all that were opened since the start.
    pub opened: u64,
    /// The highest `attempt` of its logins.
    pub attempt: Box<str>,
    /// When a lost session expires.
    expires_at: Millis,
}

/// Sessions by the hash of their secret. Lost ones expire after a grace time, and their number is limited.
#[derive(Debug)]
pub struct Sessions {
    by_hash: HashMap<Hash, Session>,
    /// Lost sessions, in the order in which they expire.
    lost: VecDeque<(Millis, Hash)>,
    grace: Millis,
    max_lost: usize,
}

impl Sessions {
    /// Lost sessions expire after `grace` ms; at most `max_lost` are stored, the newest.
    #[must_use]
    pub fn new(grace: Millis, max_lost: usize) -> Self {
        Self { by_hash: HashMap::new(), lost: VecDeque::new(), grace, max_lost }
    }

    /// Restores the sessions of an earlier run, all of them as lost. `now` and `unix_ms` are the same moment
    /// on two clocks. Sessions that were connected when the server ended count as lost now. Returns the nick
    /// of each and how long it has been lost, in ms.
    pub fn restore(
        &mut self,
        now: Millis,
        unix_ms: i64,
        records: &[SessionRecord],
    ) -> Vec<(Arc<str>, Millis)> {
        let age = |record: &SessionRecord| {
            record.lost_at.map_or(0, |at| u64::try_from(unix_ms.saturating_sub(at)).unwrap_or(0))
        };
        let mut lost: Vec<_> = records.iter().map(|record| (age(record), record)).collect();
        lost.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
        lost.retain(|(age, _)| *age < self.grace);
        let lost = lost.split_off(lost.len().saturating_sub(self.max_lost));
        for (age, record) in &lost {
            let key = validate::nick_key(&record.nick).into();
            let expires_at = now + (self.grace - age);
            self.by_hash
                .insert(record.hash, Session { key, conn: None, opened: 0, attempt: "".into(), expires_at });
            self.lost.push_back((expires_at, record.hash));
        }
        lost.into_iter().map(|(age, record)| (record.nick.as_str().into(), age)).collect()
    }

    /// The session of a secret.
    #[must_use]
    pub fn get(&self, hash: &Hash) -> Option<&Session> {
        self.by_hash.get(hash)
    }

    /// Connects the session to `conn`, whose ordinal since the start is `opened`.
    pub fn attach(&mut self, hash: Hash, key: Arc<str>, conn: ConnectionId, opened: u64, attempt: Box<str>) {
        self.by_hash.insert(hash, Session { key, conn: Some(conn), opened, attempt, expires_at: 0 });
    }

    /// The session has lost its connection; it can be resumed until it expires.
    pub fn lose(&mut self, now: Millis, hash: &Hash) {
        if let Some(session) = self.by_hash.get_mut(hash) {
            session.conn = None;
            session.expires_at = now + self.grace;
            self.lost.push_back((session.expires_at, *hash));
        }
    }

    /// Ends the session.
    pub fn end(&mut self, hash: &Hash) {
        self.by_hash.remove(hash);
    }

    /// Removes a lost session that has expired, or the oldest one if there are too many. Call until it returns `None`.
    pub fn expire(&mut self, now: Millis) -> Option<Hash> {
        while let Some(&(expires_at, hash)) = self.lost.front() {
            let current =
                self.by_hash.get(&hash).is_some_and(|s| s.conn.is_none() && s.expires_at == expires_at);
            if current && now < expires_at && self.lost.len() <= self.max_lost {
                return None;
            }
            self.lost.pop_front();
            if current {
                self.by_hash.remove(&hash);
                return Some(hash);
            }
        }
        None
    }

    /// The number of sessions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether there are no sessions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONN: ConnectionId = ConnectionId::new(0, 0);

    fn expired(sessions: &mut Sessions, now: Millis) -> Vec<u8> {
        std::iter::from_fn(|| sessions.expire(now)).map(|hash| hash[0]).collect()
    }

    #[test]
    fn only_lost_sessions_expire() {
        let mut sessions = Sessions::new(1000, 2);
        for n in 1..=4 {
            sessions.attach([n; 32], "a".into(), CONN, 1, "".into());
        }
        sessions.lose(0, &[1; 32]);
        sessions.lose(500, &[2; 32]);
        sessions.attach([1; 32], "a".into(), CONN, 1, "".into());
        sessions.lose(900, &[1; 32]);
        assert!(expired(&mut sessions, 1499).is_empty());
        assert_eq!(expired(&mut sessions, 1500), [2]);
        assert!(sessions.get(&[1; 32]).is_some() && sessions.get(&[2; 32]).is_none());
        sessions.lose(1600, &[3; 32]);
        sessions.lose(1600, &[4; 32]);
        assert_eq!(expired(&mut sessions, 1600), [1], "only two are stored");
        assert_eq!(sessions.len(), 2);
        assert_eq!(expired(&mut sessions, 9999), [3, 4]);
        assert!(sessions.is_empty() && sessions.lost.is_empty());
    }

    #[test]
    fn restored_sessions_keep_their_age() {
        let record = |n: u8, lost_at| SessionRecord { hash: [n; 32], nick: format!("Nick{n}"), lost_at };
        let mut sessions = Sessions::new(1000, 3);
        let records =
            [record(1, None), record(2, Some(9_400)), record(3, Some(9_000)), record(4, Some(11_000))];
        let restored = sessions.restore(5, 10_000, &records);
        assert_eq!(restored, [("Nick2".into(), 600), ("Nick1".into(), 0), ("Nick4".into(), 0)]);
        assert_eq!(&*sessions.get(&[2; 32]).unwrap().key, "nick2");
        assert!(expired(&mut sessions, 404).is_empty());
        assert_eq!(expired(&mut sessions, 405), [2]);
        assert_eq!(expired(&mut sessions, 1_005), [1, 4]);
    }
}
