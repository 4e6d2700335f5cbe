//! Sessions: a session is the login of a device to an account, which continues after a lost connection and a restart. Only
//! hashes of the secrets are stored.
//!
//! Lost sessions are bounded, in total and per address, so that one address cannot displace those of others. When there
//! are too many, the first to go are those that never sent a message, and among them the oldest.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use parlour_core::{Millis, model::UserId};
use sha2::{Digest as _, Sha256};

use super::connection_table::ConnectionId;
use crate::store::StoredSession;

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
    /// The account.
    pub account: UserId,
    /// The connections; none while it is lost.
    pub connections: Vec<ConnectionId>,
    /// The ordinal of its latest connection among all that were opened since the start.
    pub opened: u64,
    /// The highest `attempt` of its logins.
    pub attempt: Box<str>,
    /// `true` if it has sent a message.
    pub has_sent: bool,
    /// The details of its loss; `None` while it has a connection.
    lost: Option<Lost>,
}

#[derive(Debug, Clone)]
struct Lost {
    expires_at: Millis,
    /// Its ordinal among the lost sessions, which is also the order in which they expire.
    number: u64,
    /// The address of its last connection; `None` if that was before the server was started.
    address: Option<IpAddr>,
}

/// The limits of the lost sessions that are stored.
#[derive(Debug, Clone, Copy)]
pub struct LostLimits {
    /// The time for which one is stored, in ms.
    pub grace: Millis,
    /// The number of all of them.
    pub total: usize,
    /// The number of those of one address.
    pub per_address: usize,
}

/// The sessions of an earlier run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Those that can be resumed, and how long each has been lost, in ms; oldest first.
    pub lost: Vec<(StoredSession, Millis)>,
    /// Those that have ended meanwhile.
    pub ended: Vec<Hash>,
}

/// Sessions by the hash of their secret. Lost ones expire after a grace time.
#[derive(Debug)]
pub struct Sessions {
    by_hash: HashMap<Hash, Session>,
    lost: LostOrder,
    lost_by_address: HashMap<IpAddr, LostOrder>,
    last_number: u64,
    limits: LostLimits,
    /// The number of lost sessions that were looked at to find one to remove.
    #[cfg(test)]
    steps: usize,
}

/// Lost sessions by whether they have sent a message, and by their ordinal.
#[derive(Debug, Default)]
struct LostOrder(BTreeMap<(bool, u64), Hash>);

impl LostOrder {
    /// The oldest that has sent a message, or that has not.
    fn oldest(&self, has_sent: bool) -> Option<Hash> {
        self.0.range((has_sent, 0)..=(has_sent, u64::MAX)).next().map(|(_, hash)| *hash)
    }

    /// The first to be removed if there are more than `limit`.
    fn excess(&self, limit: usize) -> Option<Hash> {
        (self.0.len() > limit).then(|| self.0.first_key_value()).flatten().map(|(_, hash)| *hash)
    }
}

impl Sessions {
    /// No sessions.
    #[must_use]
    pub fn new(limits: LostLimits) -> Self {
        Self {
            by_hash: HashMap::new(),
            lost: LostOrder::default(),
            lost_by_address: HashMap::new(),
            last_number: 0,
            limits,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// Restores the sessions of an earlier run, all of them as lost. `now` and `unix_ms` are the same moment
    /// on two clocks. Sessions that were connected when the server ended count as lost now.
    pub fn restore(&mut self, now: Millis, unix_ms: i64, records: &[StoredSession]) -> Restored {
        let age = |record: &StoredSession| {
            let lost_at = record.session.lost_at;
            lost_at.map_or(0, |at| u64::try_from(unix_ms.saturating_sub(at)).unwrap_or(0))
        };
        let grace = self.limits.grace;
        let mut lost: Vec<_> = records.iter().map(|record| (age(record), record)).collect();
        lost.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
        let expired = lost.partition_point(|(age, _)| *age >= grace);
        let ended = expired.max(lost.len().saturating_sub(self.limits.total));
        let (ended, lost) = lost.split_at(ended);
        for (age, record) in lost {
            let session = Session {
                account: record.session.account,
                connections: Vec::new(),
                opened: 0,
                attempt: "".into(),
                // It is not known; so that a flood after the start does not displace it.
                has_sent: true,
                lost: None,
            };
            self.by_hash.insert(record.session.hash, session);
            self.insert_lost(now + (grace - age), &record.session.hash, None);
        }
        Restored {
            lost: lost.iter().map(|(age, record)| ((*record).clone(), *age)).collect(),
            ended: ended.iter().map(|(_, record)| record.session.hash).collect(),
        }
    }

    /// The session of a secret.
    #[must_use]
    pub fn get(&self, hash: &Hash) -> Option<&Session> {
        self.by_hash.get(hash)
    }

    /// Adds a session without a connection. It must get one, or be [lost](Self::lose).
    pub fn insert(&mut self, hash: Hash, account: UserId) {
        let session = Session {
            account,
            connections: Vec::new(),
            opened: 0,
            attempt: "".into(),
            has_sent: false,
            lost: None,
        };
        self.by_hash.insert(hash, session);
    }

    /// A login to the session, on a connection whose ordinal since the start is `opened`.
    pub fn note_login(&mut self, hash: &Hash, opened: u64, attempt: &str) {
        if let Some(session) = self.by_hash.get_mut(hash) {
            (session.opened, session.attempt) = (opened, attempt.into());
        }
    }

    /// Connects the session to `conn`, as of [`note_login`](Self::note_login). Returns `true` if it had a connection
    /// already.
    pub fn attach(&mut self, hash: &Hash, conn: ConnectionId, opened: u64, attempt: &str) -> bool {
        self.remove_lost(hash);
        self.note_login(hash, opened, attempt);
        let Some(session) = self.by_hash.get_mut(hash) else { return false };
        session.connections.push(conn);
        session.connections.len() > 1
    }

    /// Removes a connection of the session. Returns `true` if it was the last one.
    pub fn detach(&mut self, hash: &Hash, conn: ConnectionId) -> bool {
        let Some(session) = self.by_hash.get_mut(hash) else { return false };
        session.connections.retain(|other| *other != conn);
        session.connections.is_empty()
    }

    /// The session has lost its last connection from `address`; it can be resumed until it expires. Returns a session that
    /// was removed because there are too many now.
    pub fn lose(
        &mut self,
        now: Millis,
        hash: &Hash,
        address: IpAddr,
        has_sent: bool,
    ) -> Option<(Hash, Session)> {
        self.remove_lost(hash);
        self.by_hash.get_mut(hash)?.has_sent |= has_sent;
        self.insert_lost(now + self.limits.grace, hash, Some(address));
        let of_address = self.lost_by_address.get(&address)?;
        let excess =
            of_address.excess(self.limits.per_address).or_else(|| self.lost.excess(self.limits.total))?;
        #[cfg(test)]
        {
            self.steps += 1;
        }
        Some((excess, self.end(&excess)?))
    }

    fn insert_lost(&mut self, expires_at: Millis, hash: &Hash, address: Option<IpAddr>) {
        let Some(session) = self.by_hash.get_mut(hash) else { return };
        self.last_number += 1;
        let place = (session.has_sent, self.last_number);
        session.lost = Some(Lost { expires_at, number: self.last_number, address });
        self.lost.0.insert(place, *hash);
        if let Some(address) = address {
            self.lost_by_address.entry(address).or_default().0.insert(place, *hash);
        }
    }

    /// Ends the session.
    pub fn end(&mut self, hash: &Hash) -> Option<Session> {
        self.remove_lost(hash);
        self.by_hash.remove(hash)
    }

    /// Removes the session from the lost ones.
    fn remove_lost(&mut self, hash: &Hash) {
        let Some(session) = self.by_hash.get_mut(hash) else { return };
        let Some(lost) = session.lost.take() else { return };
        let place = (session.has_sent, lost.number);
        self.lost.0.remove(&place);
        if let Some(address) = lost.address
            && let Some(of_address) = self.lost_by_address.get_mut(&address)
        {
            of_address.0.remove(&place);
            if of_address.0.is_empty() {
                self.lost_by_address.remove(&address);
            }
        }
    }

    /// Removes a lost session that has expired. Call until it returns `None`.
    pub fn expire(&mut self, now: Millis) -> Option<(Hash, Session)> {
        for has_sent in [false, true] {
            #[cfg(test)]
            {
                self.steps += 1;
            }
            if let Some(hash) = self.lost.oldest(has_sent)
                && let Some(lost) = self.by_hash.get(&hash).and_then(|session| session.lost.as_ref())
                && lost.expires_at <= now
            {
                return Some((hash, self.end(&hash)?));
            }
        }
        None
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        let of_addresses = self.lost_by_address.values().map(|order| 1 + order.0.len()).sum::<usize>();
        self.by_hash.len() + self.lost.0.len() + of_addresses
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::store::{Account, SessionRecord};

    const CONN: ConnectionId = ConnectionId::new(0, 0);
    const TOM: UserId = UserId([1; 16]);

    fn sessions(total: usize, per_address: usize) -> Sessions {
        Sessions::new(LostLimits { grace: 1000, total, per_address })
    }

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    /// Connects a session, which may be new.
    fn attach(sessions: &mut Sessions, hash: Hash) {
        if sessions.get(&hash).is_none() {
            sessions.insert(hash, TOM);
        }
        sessions.attach(&hash, CONN, 1, "");
    }

    /// A session that is lost from the address `from`. Returns the one that was removed.
    fn lose(sessions: &mut Sessions, now: Millis, n: u8, from: u32, has_sent: bool) -> Option<u8> {
        attach(sessions, [n; 32]);
        assert!(sessions.detach(&[n; 32], CONN));
        sessions.lose(now, &[n; 32], address(from), has_sent).map(|(hash, _)| hash[0])
    }

    fn expired(sessions: &mut Sessions, now: Millis) -> Vec<u8> {
        std::iter::from_fn(|| sessions.expire(now)).map(|(hash, _)| hash[0]).collect()
    }

    #[test]
    fn only_lost_sessions_expire() {
        let mut sessions = sessions(2, 2);
        for n in 1..=4 {
            attach(&mut sessions, [n; 32]);
        }
        sessions.lose(0, &[1; 32], address(1), true);
        sessions.lose(500, &[2; 32], address(1), true);
        attach(&mut sessions, [1; 32]);
        sessions.lose(900, &[1; 32], address(1), true);
        assert!(expired(&mut sessions, 1499).is_empty());
        assert_eq!(expired(&mut sessions, 1500), [2]);
        assert!(sessions.get(&[1; 32]).is_some() && sessions.get(&[2; 32]).is_none());
        assert!(sessions.lose(1600, &[3; 32], address(1), true).is_none());
        let removed = sessions.lose(1600, &[4; 32], address(1), true);
        assert_eq!(removed.map(|(hash, _)| hash[0]), Some(1), "only two are stored");
        assert_eq!(sessions.by_hash.len(), 2);
        assert_eq!(expired(&mut sessions, 9999), [3, 4]);
        assert_eq!(sessions.table_size(), 0);
    }

    #[test]
    fn one_address_displaces_only_its_own_sessions() {
        let mut sessions = sessions(100, 3);
        assert_eq!(lose(&mut sessions, 0, 1, 1, false), None);
        assert_eq!(lose(&mut sessions, 0, 2, 2, true), None);
        let removed: Vec<_> = (3..=20).filter_map(|n| lose(&mut sessions, 0, n, 2, false)).collect();
        assert_eq!(removed, (3..=18).collect::<Vec<_>>(), "the oldest of those that never sent anything");
        assert!(sessions.get(&[1; 32]).is_some() && sessions.get(&[2; 32]).is_some());
    }

    #[test]
    fn sessions_that_never_sent_anything_are_displaced_first() {
        let mut sessions = sessions(4, 4);
        for (n, has_sent, removed) in [
            (1, true, None),
            (2, false, None),
            (3, true, None),
            (4, false, None),
            (5, true, Some(2)),
            (6, true, Some(4)),
            (7, false, Some(7)),
            (8, true, Some(1)),
        ] {
            assert_eq!(lose(&mut sessions, 0, n, n.into(), has_sent), removed, "{n}");
        }
        // Once it has sent something, this holds for its later connections too.
        assert_eq!(lose(&mut sessions, 0, 3, 3, false), None);
        assert_eq!(lose(&mut sessions, 0, 9, 9, false), Some(9));
    }

    #[test]
    fn expiry_looks_at_each_session_once() {
        let mut sessions = sessions(50_000, 50_000);
        let hash = |n: u32| {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&n.to_be_bytes());
            hash
        };
        for n in 0..60_000 {
            attach(&mut sessions, hash(n));
            sessions.lose(u64::from(n) / 100, &hash(n), address(n % 7), n % 3 == 0);
        }
        assert_eq!(
            (sessions.by_hash.len(), sessions.steps),
            (50_000, 10_000),
            "one for each that was displaced"
        );
        sessions.steps = 0;
        let expired: usize = (0..2_000).map(|now| std::iter::from_fn(|| sessions.expire(now)).count()).sum();
        assert_eq!(expired, 50_000);
        assert!(sessions.steps <= 2 * (50_000 + 2_000), "{}", sessions.steps);
    }

    #[test]
    fn restored_sessions_keep_their_age() {
        let record = |n: u8, lost_at| {
            let session = SessionRecord { hash: [n; 32], account: UserId([n; 16]), lost_at };
            let account = Account { user: session.account, nick: format!("Nick{n}"), holds_nick: true };
            StoredSession { session, account }
        };
        let mut sessions = sessions(3, 3);
        let records =
            [record(1, None), record(2, Some(9_400)), record(3, Some(9_000)), record(4, Some(11_000))];
        let restored = sessions.restore(5, 10_000, &records);
        let [one, two, _, four] = records;
        assert_eq!(restored.lost, [(two, 600), (one, 0), (four, 0)]);
        assert_eq!(restored.ended, [[3; 32]]);
        assert_eq!(sessions.get(&[2; 32]).unwrap().account, UserId([2; 16]));
        assert!(expired(&mut sessions, 404).is_empty());
        assert_eq!(expired(&mut sessions, 405), [2]);
        assert_eq!(expired(&mut sessions, 1_005), [1, 4]);
    }

    #[test]
    fn session_is_lost_with_its_last_connection() {
        let mut sessions = sessions(3, 3);
        attach(&mut sessions, [1; 32]);
        let other = ConnectionId::new(1, 1);
        sessions.attach(&[1; 32], other, 2, "");
        assert!(!sessions.detach(&[1; 32], CONN));
        assert!(sessions.detach(&[1; 32], other));
    }
}
