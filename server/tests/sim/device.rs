//! A device: its tabs, its storage, and the accounts of its user.

use std::collections::{BTreeSet, VecDeque};

use parlour_core::{Millis, model::MessageId, persist::Change, tabs::FollowerMessage};

use super::{
    ledger::Ledger,
    network::Middlebox,
    storage::{self, Health, Storage},
    tab::{Role, Tab},
    truth::{self, User},
};

/// A nick on a server: the scope of everything that a client knows.
pub struct Account {
    /// The number of the server.
    pub server: usize,
    pub nick: String,
    pub storage: Storage,
    /// The lease number of the last leader that could be recorded.
    pub lease: u64,
    pub lock: Lock,
    pub ledger: Ledger,
}

/// The lock whose holder is the leader among the tabs of an account.
#[derive(Debug, Default)]
pub struct Lock {
    pub holder: Option<usize>,
    /// The tabs that have requested it, in order, and the number of their login.
    pub waiting: VecDeque<(usize, u64)>,
    /// It is released at this time.
    pub free_at: Millis,
}

impl Lock {
    /// The time at which it can be granted, if a tab waits for it.
    pub fn due(&self) -> Option<Millis> {
        (self.holder.is_none() && !self.waiting.is_empty()).then_some(self.free_at)
    }

    /// Grants it to the first tab that waits for it, and returns that tab and its login.
    pub fn grant(&mut self, now: Millis) -> Option<(usize, u64)> {
        if self.due()? > now {
            return None;
        }
        let (tab, login) = self.waiting.pop_front()?;
        self.holder = Some(tab);
        Some((tab, login))
    }

    /// A tab takes the lock from the one that holds it. Returns that one.
    pub fn steal(&mut self, tab: usize) -> Option<usize> {
        self.waiting.retain(|(waiting, _)| *waiting != tab);
        self.holder.replace(tab).filter(|holder| *holder != tab)
    }

    /// A tab gives up the lock, which is free from `free_at` on, or its request.
    pub fn release(&mut self, tab: usize, free_at: Millis) {
        self.waiting.retain(|(waiting, _)| *waiting != tab);
        if self.holder == Some(tab) {
            (self.holder, self.free_at) = (None, free_at);
        }
    }
}

impl Account {
    /// Records the lease number of a new leader, or a larger one if that is not larger than the last one.
    pub fn claim_lease(&mut self, lease: u64) -> u64 {
        self.lease = lease.max(self.lease + 1);
        self.lease
    }

    /// These changes were written.
    pub fn persisted(&mut self, changes: &[Change]) {
        for id in storage::queued_by(changes) {
            self.ledger.unpersisted.remove(&id);
        }
    }

    /// Returns `true` if every message was delivered or has failed, and the storage knows it.
    pub fn is_settled(&self) -> bool {
        let is_done = |id| self.ledger.has_failed(id);
        self.ledger.is_settled() && self.storage.queued_messages().all(is_done)
    }

    /// A message could not be written to the storage.
    pub fn not_persisted(&mut self, id: MessageId) {
        if !self.storage.has_queued(id) {
            self.ledger.unpersisted.insert(id);
        }
    }
}

/// A transaction that a tab has requested.
pub enum Work {
    /// The changes of a session whose tab has this lease number.
    Persist(u64, Vec<Change>, Option<u64>),
    /// A message of a follower.
    Forward(FollowerMessage),
    /// A follower reads.
    Mirror,
    /// The next leader records its lease number, and reads.
    Lead(u64),
}

/// A requested transaction.
pub struct Request {
    pub due: Millis,
    pub tab: usize,
    /// The number of the tab's login.
    pub login: u64,
    /// The number of the tab's session.
    pub session: u64,
    pub account: usize,
    pub work: Work,
}

impl Request {
    /// The changes to write; `None` if it reads.
    pub fn changes(&self) -> Option<&[Change]> {
        match &self.work {
            Work::Persist(_, changes, _) => Some(changes),
            Work::Forward(message) => Some(std::slice::from_ref(&message.change)),
            Work::Mirror | Work::Lead(_) => None,
        }
    }

    /// The messages that it puts into the send queue.
    pub fn queued(&self) -> impl Iterator<Item = MessageId> {
        storage::queued_by(self.changes().unwrap_or_default())
    }
}

/// A device and its user.
pub struct Device {
    pub accounts: Vec<Account>,
    /// The account that the user uses.
    pub current: usize,
    pub tabs: Vec<Tab>,
    /// The transactions that have been requested, in order.
    pub requests: VecDeque<Request>,
    pub health: Health,
    /// Writes that the storage hangs in: tab, account and changes.
    pub stuck: Vec<(usize, usize, Vec<Change>)>,
    /// The page has waited for a transaction in vain, so that it does not wait for the next ones.
    pub timed_out: bool,
    /// The time at which the last result of a transaction is reported: they are reported in order.
    pub reported_at: Millis,
    pub middlebox: Option<Middlebox>,
    /// The browser refuses all locks.
    pub refuses_locks: bool,
    /// Offset by which this device's clock is ahead.
    pub skew: i64,
}

impl Device {
    /// A device whose user has these accounts: server and nick.
    pub fn new(accounts: Vec<(usize, String)>, tabs: usize, has_storage: bool) -> Self {
        let account = |(server, nick)| Account {
            server,
            nick,
            storage: Storage::default(),
            lease: 0,
            lock: Lock::default(),
            ledger: Ledger::default(),
        };
        Self {
            accounts: accounts.into_iter().map(account).collect(),
            current: 0,
            tabs: (0..tabs).map(|_| Tab::new()).collect(),
            requests: VecDeque::new(),
            health: if has_storage { Health::Works } else { Health::Absent },
            stuck: Vec::new(),
            timed_out: false,
            reported_at: 0,
            middlebox: None,
            refuses_locks: false,
            skew: 0,
        }
    }

    /// Returns `true` if the storage works at times. If it never does, the tab is not closed, because exactly-once
    /// could not hold.
    pub fn has_storage(&self) -> bool {
        self.health != Health::Absent
    }

    pub fn account(&self) -> &Account {
        &self.accounts[self.current]
    }

    /// The users of the accounts on a server, with the tabs that show them.
    pub fn users(&self, server: usize) -> impl Iterator<Item = User<'_>> {
        let accounts = self.accounts.iter().enumerate().filter(move |(_, account)| account.server == server);
        accounts.map(move |(number, account)| {
            let tabs = self.tabs.iter().filter(|tab| tab.has_joined() && tab.account == number);
            let tabs = tabs.map(|tab| {
                let members = match &tab.role {
                    Role::Follower(follower) | Role::Promoting(follower, ..) => follower.members().0,
                    _ => tab.session.members().0,
                };
                (&tab.view, truth::names(&members))
            });
            let queued: BTreeSet<MessageId> = account.storage.queued_messages().collect();
            User { nick: &account.nick, ledger: &account.ledger, tabs: tabs.collect(), queued }
        })
    }

    /// Returns `true` if the user is in the room of the current account in every tab that is in use, has loaded
    /// everything, and every message was delivered or has failed.
    pub fn is_quiet(&self) -> bool {
        let ready = |tab: &Tab| {
            tab.is_retired || tab.is_online() && tab.account == self.current && tab.view.gaps.is_empty()
        };
        self.tabs.iter().all(ready) && self.account().is_settled()
    }
}
