//! The accounts that the hub knows: those that are online, and those that a session can return to.
//!
//! An account that is neither is only in the event log. So the table is bounded by the connections and the sessions.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use parlour_core::{model::UserId, validate};

use super::{connection_table::ConnectionId, rate_limits::RateLimits};
use crate::skeletons::skeletons;

/// An account.
#[derive(Debug)]
pub struct Account {
    /// The nick that it shows.
    pub nick: Arc<str>,
    /// The key of the nick.
    pub key: Arc<str>,
    /// The number of its sessions, connected or lost.
    sessions: usize,
    /// Its state while it has a connection.
    pub online: Option<Box<Online>>,
}

/// The state of an account that is online. All of its connections share it.
#[derive(Debug)]
pub struct Online {
    /// Its connections; never empty.
    pub connections: Vec<ConnectionId>,
    /// Its rate limits.
    pub limits: RateLimits,
    /// `true` if it has sent a message since it came online.
    pub has_sent: bool,
    /// The batch with its last message; 0 if there is none.
    pub last_batch: u64,
    /// `true` if its creation is in the log, or in the append queue.
    pub is_created: bool,
}

impl Account {
    /// Returns `true` if a session can return to it.
    #[must_use]
    pub fn has_session(&self) -> bool {
        self.sessions > 0
    }
}

/// Accounts by id.
#[derive(Debug, Default)]
pub struct Accounts {
    by_id: HashMap<UserId, Account>,
    /// What the log knows of the nicks of these accounts.
    held: HeldNicks,
}

impl Accounts {
    /// An account.
    #[must_use]
    pub fn get(&self, account: UserId) -> Option<&Account> {
        self.by_id.get(&account)
    }

    /// The state of an account that is online.
    #[must_use]
    pub fn online(&self, account: UserId) -> Option<&Online> {
        self.by_id.get(&account)?.online.as_deref()
    }

    /// The state of an account that is online, to be changed.
    pub fn online_mut(&mut self, account: UserId) -> Option<&mut Online> {
        self.by_id.get_mut(&account)?.online.as_deref_mut()
    }

    /// Adds an account, or changes the nick of one.
    pub fn put(&mut self, account: UserId, nick: Arc<str>) {
        let key: Arc<str> = validate::nick_key(&nick).into();
        match self.by_id.get_mut(&account) {
            Some(known) => {
                if *known.nick != *nick {
                    self.held.remove(account, &known.nick);
                }
                (known.nick, known.key) = (nick, key);
            }
            None => drop(self.by_id.insert(account, Account { nick, key, sessions: 0, online: None })),
        }
    }

    /// The account comes online.
    pub fn connect(&mut self, account: UserId, online: Online) {
        if let Some(account) = self.by_id.get_mut(&account) {
            account.online = Some(Box::new(online));
        }
    }

    /// Removes a connection of an account. Returns the state that is over if it was the last one.
    pub fn disconnect(&mut self, account: UserId, conn: ConnectionId) -> Option<Online> {
        let account = self.by_id.get_mut(&account)?;
        let online = account.online.as_mut()?;
        online.connections.retain(|other| *other != conn);
        if online.connections.is_empty() { account.online.take().map(|online| *online) } else { None }
    }

    /// The account has another session.
    pub fn add_session(&mut self, account: UserId) {
        if let Some(account) = self.by_id.get_mut(&account) {
            account.sessions += 1;
        }
    }

    /// A session of the account has ended.
    pub fn end_session(&mut self, account: UserId) {
        if let Some(account) = self.by_id.get_mut(&account) {
            account.sessions = account.sessions.saturating_sub(1);
        }
    }

    /// Forgets an account.
    pub fn forget(&mut self, account: UserId) {
        if let Some(known) = self.by_id.remove(&account) {
            self.held.remove(account, &known.nick);
        }
    }

    /// Returns `true` if the account holds its nick in the log for sure. Otherwise it has to take it.
    #[must_use]
    pub fn holds_nick(&self, account: UserId) -> bool {
        self.by_id.get(&account).is_some_and(|known| self.held.is_held(account, &known.nick))
    }

    /// The log has given the nick to the account, and has taken it, and all that look like it, from any other.
    pub fn nick_taken(&mut self, account: UserId, nick: &str) {
        match self.by_id.contains_key(&account) {
            true => self.held.take(account, nick),
            // It has left meanwhile.
            false => self.held.forget(nick),
        }
    }

    /// The holder of this nick in the log is not known, because an append has failed that may have taken it.
    pub fn holder_uncertain(&mut self, nick: &str) {
        self.held.forget(nick);
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        let connections = self.by_id.values().filter_map(|account| account.online.as_ref());
        self.by_id.len()
            + self.held.0.len()
            + connections.map(|online| online.connections.len()).sum::<usize>()
    }
}

/// The holders of nicks in the log, by digests of what makes nicks collide there: their key and their skeletons. If two
/// digests are equal by chance, an account takes its nick once more although it holds it.
#[derive(Debug, Default)]
struct HeldNicks(HashMap<u64, UserId>);

impl HeldNicks {
    fn is_held(&self, account: UserId, nick: &str) -> bool {
        digests(nick).iter().all(|digest| self.0.get(digest) == Some(&account))
    }

    fn take(&mut self, account: UserId, nick: &str) {
        for digest in digests(nick) {
            self.0.insert(digest, account);
        }
    }

    fn remove(&mut self, account: UserId, nick: &str) {
        for digest in digests(nick) {
            if self.0.get(&digest) == Some(&account) {
                self.0.remove(&digest);
            }
        }
    }

    fn forget(&mut self, nick: &str) {
        for digest in digests(nick) {
            self.0.remove(&digest);
        }
    }
}

fn digests(nick: &str) -> [u64; 3] {
    let digest = |kind: u8, text: &str| {
        let mut hasher = DefaultHasher::new();
        (kind, text).hash(&mut hasher);
        hasher.finish()
    };
    let [shown, folded] = skeletons(nick);
    // Skeletons of different kinds collide with each other too.
    [digest(0, &validate::nick_key(nick)), digest(1, &shown), digest(1, &folded)]
}

#[cfg(test)]
mod tests {
    use parlour_core::limits::Limits;

    use super::*;

    const TOM: UserId = UserId([1; 16]);
    const EVE: UserId = UserId([2; 16]);

    fn accounts() -> Accounts {
        let mut accounts = Accounts::default();
        for (account, nick) in [(TOM, "Tom"), (EVE, "eve")] {
            accounts.put(account, nick.into());
            accounts.add_session(account);
            accounts.nick_taken(account, nick);
        }
        accounts
    }

    #[test]
    fn nick_is_held_until_another_account_takes_it_or_one_that_looks_like_it() {
        for taken in ["tom", "TOM", "tоm"] {
            let mut accounts = accounts();
            assert!(accounts.holds_nick(TOM) && accounts.holds_nick(EVE));
            accounts.put(EVE, taken.into());
            assert!(!accounts.holds_nick(EVE));
            accounts.nick_taken(EVE, taken);
            assert!(accounts.holds_nick(EVE) && !accounts.holds_nick(TOM), "{taken}");
            accounts.nick_taken(TOM, "Tom");
            assert!(accounts.holds_nick(TOM) && !accounts.holds_nick(EVE), "{taken}");
        }
    }

    #[test]
    fn nick_that_an_unknown_account_has_or_may_have_taken_is_not_held() {
        let mut accounts = accounts();
        accounts.nick_taken(UserId([3; 16]), "tom");
        accounts.holder_uncertain("eve");
        assert!(!accounts.holds_nick(TOM) && !accounts.holds_nick(EVE));
    }

    #[test]
    fn account_is_online_until_its_last_connection_ends() {
        let mut accounts = accounts();
        let [one, other] = [1, 2].map(|n| ConnectionId::new(n, n));
        let limits = RateLimits::new(0, &Limits::default());
        let connections = vec![one, other];
        let online = Online { connections, limits, has_sent: true, last_batch: 7, is_created: true };
        accounts.connect(TOM, online);
        assert!(accounts.disconnect(TOM, one).is_none() && accounts.online(TOM).is_some());
        assert_eq!(accounts.disconnect(TOM, other).map(|online| online.last_batch), Some(7));
        assert!(accounts.online(TOM).is_none());
    }

    #[test]
    fn nothing_is_left_of_a_forgotten_account() {
        let mut accounts = accounts();
        accounts.put(EVE, "Eve2".into());
        accounts.nick_taken(EVE, "Eve2");
        [TOM, EVE].into_iter().for_each(|account| accounts.forget(account));
        assert_eq!(accounts.table_size(), 0);
    }
}
