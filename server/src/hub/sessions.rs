//! Sessions: who may have a nick back. Only the hashes of their secrets are known here.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parlour_core::{Millis, validate};
use sha2::{Digest as _, Sha256};

use super::table::ConnId;
use crate::log::SessionRecord;

/// A session's secret, as its owner has it.
pub type Secret = [u8; 32];

/// SHA-256 of a secret: enough to know it again, and worth nothing to who reads it.
pub type Hash = [u8; 32];

/// The hash of a secret, of whatever length.
#[must_use]
pub fn hash(secret: &[u8]) -> Hash {
    Sha256::digest(secret).into()
}

/// A session somebody has, or had.
#[derive(Debug, Clone)]
pub struct Session {
    /// The name, under its key.
    pub key: Arc<str>,
    /// The connection; `None` when it is lost.
    pub conn: Option<ConnId>,
    /// How many connections were opened before that one or, when it is lost, the one it had.
    pub opened: u64,
    /// The largest `attempt` of its logins.
    pub attempt: Box<str>,
    /// When a lost one is forgotten.
    until: Millis,
}

/// Sessions by the hash of their secret. Those without a connection are kept for a grace time, and no more than so
/// many.
#[derive(Debug)]
pub struct Sessions {
    by_hash: HashMap<Hash, Session>,
    /// Lost ones, in the order in which they are forgotten.
    lost: VecDeque<(Millis, Hash)>,
    grace: Millis,
    kept: usize,
}

impl Sessions {
    /// Lost sessions are kept for `grace` ms, and at most `kept` of them, the youngest.
    #[must_use]
    pub fn new(grace: Millis, kept: usize) -> Self {
        Self { by_hash: HashMap::new(), lost: VecDeque::new(), grace, kept }
    }

    /// Takes in sessions of an earlier run, all of which are lost; `now` is on the hub's clock, `unix_ms` the same
    /// moment. Those that had a connection when the server ended have lost it now. Gives how long each was lost, in ms.
    pub fn restore(
        &mut self,
        now: Millis,
        unix_ms: i64,
        records: &[SessionRecord],
    ) -> Vec<(Arc<str>, Millis)> {
        let age = |record: &SessionRecord| {
            record.lost_at.map_or(0, |at| u64::try_from(unix_ms.saturating_sub(at)).unwrap_or(0))
        };
        let mut known: Vec<_> = records.iter().map(|record| (age(record), record)).collect();
        known.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
        known.retain(|(age, _)| *age < self.grace);
        let known = known.split_off(known.len().saturating_sub(self.kept));
        for (age, record) in &known {
            let key = validate::nick_key(&record.nick).into();
            let until = now + (self.grace - age);
            self.by_hash
                .insert(record.hash, Session { key, conn: None, opened: 0, attempt: "".into(), until });
            self.lost.push_back((until, record.hash));
        }
        known.into_iter().map(|(age, record)| (record.nick.as_str().into(), age)).collect()
    }

    /// The session of a secret.
    #[must_use]
    pub fn get(&self, hash: &Hash) -> Option<&Session> {
        self.by_hash.get(hash)
    }

    /// The session is on this connection now, which was opened after `opened - 1` others.
    pub fn attach(&mut self, hash: Hash, key: Arc<str>, conn: ConnId, opened: u64, attempt: Box<str>) {
        self.by_hash.insert(hash, Session { key, conn: Some(conn), opened, attempt, until: 0 });
    }

    /// The session's connection is gone; it may be taken up again for a while.
    pub fn lose(&mut self, now: Millis, hash: &Hash) {
        if let Some(session) = self.by_hash.get_mut(hash) {
            session.conn = None;
            session.until = now + self.grace;
            self.lost.push_back((session.until, *hash));
        }
    }

    /// The session is over for good.
    pub fn end(&mut self, hash: &Hash) {
        self.by_hash.remove(hash);
    }

    /// Forgets one that is too old or too much; to be asked until there is none.
    pub fn expire(&mut self, now: Millis) -> Option<Hash> {
        while let Some(&(until, hash)) = self.lost.front() {
            let current = self.by_hash.get(&hash).is_some_and(|s| s.conn.is_none() && s.until == until);
            if current && now < until && self.lost.len() <= self.kept {
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

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONN: ConnId = ConnId::new(0, 0);

    fn expired(sessions: &mut Sessions, now: Millis) -> Vec<u8> {
        std::iter::from_fn(|| sessions.expire(now)).map(|hash| hash[0]).collect()
    }

    #[test]
    fn a_lost_session_is_kept_for_a_while_and_a_held_one_for_ever() {
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
        assert_eq!(expired(&mut sessions, 1600), [1], "only two are kept");
        assert_eq!(sessions.len(), 2);
        assert_eq!(expired(&mut sessions, 9999), [3, 4]);
        assert!(sessions.is_empty() && sessions.lost.is_empty());
    }

    #[test]
    fn sessions_of_an_earlier_run_go_on_ageing() {
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
