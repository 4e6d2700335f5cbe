//! Session secrets: who may have a nick back.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parlour_core::Millis;

use super::table::ConnId;

/// A session secret.
pub type Secret = [u8; 32];

/// A session somebody has, or had.
#[derive(Debug, Clone)]
pub struct Session {
    /// The name, under its key.
    pub key: Arc<str>,
    /// The connection; `None` when it is lost.
    pub conn: Option<ConnId>,
    lost_at: Millis,
}

/// Sessions by secret. Those without a connection are kept for a grace time, and no more than so many.
#[derive(Debug)]
pub struct Sessions {
    by_secret: HashMap<Secret, Session>,
    lost: VecDeque<(Millis, Secret)>,
    grace: Millis,
    kept: usize,
}

impl Sessions {
    /// Lost sessions are kept for `grace` ms, and at most `kept` of them, the youngest.
    #[must_use]
    pub fn new(grace: Millis, kept: usize) -> Self {
        Self { by_secret: HashMap::new(), lost: VecDeque::new(), grace, kept }
    }

    /// The session of a secret as a peer gave it, of whatever length.
    #[must_use]
    pub fn get(&self, secret: &[u8]) -> Option<&Session> {
        self.by_secret.get(secret)
    }

    /// The session is on this connection now.
    pub fn attach(&mut self, secret: Secret, key: Arc<str>, conn: ConnId) {
        self.by_secret.insert(secret, Session { key, conn: Some(conn), lost_at: 0 });
    }

    /// The session's connection is gone; it may be taken up again for a while.
    pub fn lose(&mut self, now: Millis, secret: &Secret) {
        if let Some(session) = self.by_secret.get_mut(secret) {
            session.conn = None;
            session.lost_at = now;
            self.lost.push_back((now, *secret));
        }
        self.expire(now);
    }

    /// The session is over for good.
    pub fn end(&mut self, secret: &Secret) {
        self.by_secret.remove(secret);
    }

    /// Forgets what is too old or too much.
    pub fn expire(&mut self, now: Millis) {
        while let Some((at, secret)) = self.lost.front() {
            let current = self.by_secret.get(secret).is_some_and(|s| s.conn.is_none() && s.lost_at == *at);
            if current && now.saturating_sub(*at) < self.grace && self.lost.len() <= self.kept {
                break;
            }
            if current {
                self.by_secret.remove(secret);
            }
            self.lost.pop_front();
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_secret.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_secret.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_session_is_kept_for_a_while_and_a_held_one_for_ever() {
        let mut sessions = Sessions::new(1000, 2);
        let conn = ConnId::new(0, 0);
        for n in 1..=4 {
            sessions.attach([n; 32], "a".into(), conn);
        }
        sessions.lose(0, &[1; 32]);
        sessions.lose(500, &[2; 32]);
        sessions.attach([1; 32], "a".into(), conn);
        sessions.lose(900, &[1; 32]);
        sessions.expire(1499);
        assert!(sessions.get(&[1; 32]).is_some() && sessions.get(&[2; 32]).is_some());
        sessions.expire(1500);
        assert!(sessions.get(&[1; 32]).is_some() && sessions.get(&[2; 32]).is_none());
        sessions.lose(1600, &[3; 32]);
        sessions.lose(1600, &[4; 32]);
        assert!(sessions.get(&[1; 32]).is_none(), "only two are kept");
        assert_eq!(sessions.len(), 2);
        sessions.expire(9999);
        assert!(sessions.is_empty() && sessions.lost.is_empty());
        assert!(sessions.get(b"short").is_none());
    }
}
