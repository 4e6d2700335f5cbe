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
mod tests;
