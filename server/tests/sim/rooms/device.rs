//! A device: the storage, whose transactions may be aborted or hang, and the locks of its tabs.

use std::collections::{BTreeMap, VecDeque};

use parlour_core::{
    Millis,
    client::tabs::FollowerMessage,
    model::{MessageId, RoomId, UserId},
    persist::{Change, Key, Scopes, Table},
};

use super::{
    store::{Store, Unconfirmed},
    tab::{Input, Tab},
    world::World,
};
use crate::{
    network::Middlebox,
    storage::{Health, queued_by},
};

/// The time for which the page waits for a transaction, in ms.
const TRANSACTION_TIMEOUT_MS: Millis = 2_000;

/// The tables of which nothing stays after a logout.
const ACCOUNT_TABLES: [Table; 4] = [Table::Account, Table::SendQueue, Table::Messages, Table::Rooms];

/// A transaction that a tab has requested.
pub enum Work {
    /// The changes of the client with this number, in a tab with this lease number.
    Write { client: u64, ticket: u64, lease: u64, changes: Vec<Change>, unconfirmed: Option<Unconfirmed> },
    /// A message of a follower.
    Store(Box<FollowerMessage>),
    /// The changes by which a follower deletes its messages after a logout.
    Delete(Vec<Change>),
    /// The deletion of what is in this scope, if its account has logged out or it is not listed.
    DeleteLeft(String),
    /// The next leader records its lease number, and reads.
    Lead(u64),
}

/// A requested transaction.
pub struct Request {
    due: Millis,
    pub tab: usize,
    page: u64,
    scope: String,
    /// The account that is logged in in the tab.
    account: Option<UserId>,
    work: Work,
}

impl Request {
    /// The cursors that are written with the changes.
    fn unconfirmed(&self) -> Option<Unconfirmed> {
        match &self.work {
            Work::Write { unconfirmed, .. } => unconfirmed.clone(),
            Work::Store(_) | Work::Delete(_) | Work::DeleteLeft(_) | Work::Lead(_) => None,
        }
    }

    /// The lease number of the leader that has requested it, or that its tab follows.
    fn lease(&self) -> Option<u64> {
        match &self.work {
            Work::Write { lease, .. } => Some(*lease),
            Work::Store(message) => Some(message.lease),
            Work::Delete(_) | Work::DeleteLeft(_) | Work::Lead(_) => None,
        }
    }

    fn changes(&self) -> &[Change] {
        match &self.work {
            Work::Write { changes, .. } => changes,
            Work::Store(message) => std::slice::from_ref(&message.change),
            Work::Delete(changes) => changes,
            Work::DeleteLeft(_) | Work::Lead(_) => &[],
        }
    }
}

/// A device.
pub struct Device {
    pub tabs: Vec<usize>,
    /// Offset by which its clock is ahead.
    pub skew: i64,
    /// The table of scopes. It is not in the storage that fails.
    pub scopes: Scopes,
    /// The data of each scope.
    pub stores: BTreeMap<String, Store>,
    pub health: Health,
    /// The storage has failed in this run, so its tabs are not closed any more.
    pub has_failed: bool,
    requests: VecDeque<Request>,
    /// Writes that the storage hangs in, and their scopes.
    stuck: Vec<(String, Vec<Change>, Option<Unconfirmed>)>,
    /// The page has waited for a transaction in vain, so that it does not wait for the next ones.
    timed_out: bool,
    /// The time at which the last result is reported: they are reported in order.
    reported_at: Millis,
    pub middlebox: Option<Middlebox>,
    /// Its browser has a storage. Without one, what was not sent is lost with the tab, and the session with the last tab.
    pub has_storage: bool,
    /// Its browser has no locks, or refuses them.
    pub refuses_locks: bool,
}

impl Device {
    pub fn new(tabs: Vec<usize>) -> Self {
        Self {
            tabs,
            skew: 0,
            scopes: Scopes::default(),
            stores: BTreeMap::new(),
            health: Health::Works,
            has_failed: false,
            requests: VecDeque::new(),
            stuck: Vec::new(),
            timed_out: false,
            reported_at: 0,
            middlebox: None,
            has_storage: true,
            refuses_locks: false,
        }
    }

    pub fn due(&self) -> Option<Millis> {
        let locks = self.stores.values().filter(|store| store.holder.is_none() && !store.waiting.is_empty());
        let locks = locks.map(|store| store.free_at);
        self.requests.front().map(|request| request.due).into_iter().chain(locks).min()
    }

    /// The data of a scope.
    pub fn store(&mut self, scope: &str) -> &mut Store {
        self.stores.entry(scope.into()).or_default()
    }

    /// Returns `true` if the storage has failed and has a message that it could not give to the tabs. The next page that is
    /// opened sends it.
    pub fn keeps(&self, room: RoomId, id: MessageId) -> bool {
        self.has_failed && self.stores.values().any(|store| store.rows.get(&Key::Queued(room, id)).is_some())
    }

    fn works(&self) -> bool {
        self.has_storage && self.health == Health::Works
    }

    /// The data of a scope, if there is some and it can be read.
    pub fn readable(&self, scope: &str) -> Option<&Store> {
        self.stores.get(scope).filter(|_| self.works())
    }

    pub fn fail(&mut self, health: Health) {
        if self.has_storage {
            (self.health, self.has_failed) = (health, true);
        }
    }

    /// The storage works again. What hung is executed.
    pub fn recover(&mut self) {
        (self.health, self.timed_out) = (Health::Works, false);
        for (scope, changes, unconfirmed) in std::mem::take(&mut self.stuck) {
            self.store(&scope).write(&changes, unconfirmed);
        }
    }
}

/// Returns `true` if these changes delete the account.
fn is_logout(changes: &[Change]) -> bool {
    changes.contains(&Change::Clear(Table::Account))
}

impl World {
    /// A tab requests a transaction, which is executed after those before it.
    pub fn request(&mut self, tab: usize, work: Work) {
        let slow = if self.rng.once_in(20) { 1_500 } else { 12 };
        let due = self.now + self.rng.below(slow);
        let Tab { page, device, ref scope, .. } = self.tabs[tab];
        let account = self.tabs[tab].client_account();
        let scope = if let Work::DeleteLeft(left) = &work { left.clone() } else { scope.clone() };
        let last = self.devices[device].requests.back();
        let due = due.max(last.map_or(0, |request| request.due));
        let request = Request { due, tab, page, scope, account, work };
        self.check_stored(tab, account, request.changes());
        self.devices[device].requests.push_back(request);
    }

    /// The tab is closed: its transactions that were not executed are not any more.
    pub fn cancel_requests(&mut self, tab: usize) {
        self.devices[self.tabs[tab].device].requests.retain(|request| request.tab != tab);
    }

    /// Executes the transactions of a device that are due.
    pub fn run_storage(&mut self, device: usize) {
        let now = self.now;
        let this = &mut self.devices[device];
        if let Health::Aborts(until) | Health::Hangs(until) = this.health
            && until <= now
        {
            this.recover();
        }
        while let Some(request) =
            self.devices[device].requests.pop_front_if(|request: &mut Request| request.due <= now)
        {
            let this = &mut self.devices[device];
            let works = this.works();
            let last_lease = this.store(&request.scope).lease;
            let is_refused = request.lease().is_some_and(|lease| works && lease < last_lease);
            let mut wait = 0;
            if works && !is_refused {
                let store = this.store(&request.scope);
                store.write(request.changes(), request.unconfirmed());
                // After a logout nothing stays, unless a tab that hung may resume.
                if is_logout(request.changes()) && !self.tabs[request.tab].has_stolen {
                    store.lease = 0;
                }
                if let Some(account) = request.account {
                    let queued = queued_by(request.changes()).map(|id| (account, id));
                    self.ledger.persisted.extend(queued);
                }
            } else if matches!(this.health, Health::Hangs(_)) {
                this.stuck.push((request.scope.clone(), request.changes().to_vec(), request.unconfirmed()));
                wait = if std::mem::replace(&mut this.timed_out, true) { 0 } else { TRANSACTION_TIMEOUT_MS };
            }
            let input = match request.work {
                Work::Write { client, ticket, .. } => Input::Written { client, ticket, is_refused },
                Work::Store(message) if is_refused => Input::Superseded(message),
                Work::Store(message) => Input::Stored(message),
                Work::Delete(_) => continue,
                Work::DeleteLeft(scope) => {
                    if works || !this.has_storage {
                        self.delete_left(request.tab, &scope);
                    }
                    continue;
                }
                Work::Lead(lease) => {
                    let is_left = this.scopes.is_left(&request.scope);
                    let store = this.store(&request.scope);
                    let recorded = if works { lease.max(store.lease + 1) } else { lease };
                    if works {
                        store.lease = recorded;
                    }
                    let stored = match (works, is_left) {
                        // Data that could not be deleted is nobody's.
                        (_, true) => Some(Box::default()),
                        (works, false) => works.then(|| Box::new(store.stored())),
                    };
                    Input::Read { lease, recorded, stored }
                }
            };
            this.reported_at = this.reported_at.max(now + wait);
            let due = this.reported_at;
            if self.tabs[request.tab].page == request.page {
                self.tabs[request.tab].deliver(due, input);
            }
        }
    }

    /// Deletes what is in a scope, if its account has logged out or it is not listed.
    fn delete_left(&mut self, tab: usize, scope: &str) {
        let has_stolen = self.tabs[tab].has_stolen;
        let device = &mut self.devices[self.tabs[tab].device];
        if !device.scopes.is_left(scope) && device.scopes.is_listed(scope) {
            return;
        }
        let _ = device.scopes.deleted(scope);
        let _ = device.scopes.free(scope);
        let store = device.store(scope);
        if store.has_account() {
            self.tally.count("accounts deleted some time after the logout");
        }
        store.write(&ACCOUNT_TABLES.map(Change::Clear), Some(Vec::new()));
        if !has_stolen {
            store.lease = 0;
        }
    }

    /// A page is opened: deletes what could not be deleted at logouts.
    pub fn delete_all_left(&mut self, tab: usize) {
        let left: Vec<_> = self.devices[self.tabs[tab].device].scopes.left().map(str::to_owned).collect();
        left.into_iter().for_each(|scope| self.request(tab, Work::DeleteLeft(scope)));
    }

    // ---- the lock

    /// The data of the scope of a tab.
    fn store_of(&mut self, tab: usize) -> &mut Store {
        let Tab { device, ref scope, .. } = self.tabs[tab];
        self.devices[device].store(scope)
    }

    /// Returns `true` if a tab has the lock of its scope, or was the last one to lead without it.
    pub fn holds_lock(&self, tab: usize) -> bool {
        let Tab { device, ref scope, .. } = self.tabs[tab];
        self.devices[device].stores.get(scope).is_some_and(|store| store.holder == Some(tab))
    }

    /// Returns `true` if the browser of a tab refuses locks.
    pub fn refuses_locks(&self, tab: usize) -> bool {
        self.devices[self.tabs[tab].device].refuses_locks
    }

    pub fn request_lock(&mut self, tab: usize) {
        if self.refuses_locks(tab) {
            self.tally.count("refused locks");
            let due = self.now + 1;
            return self.tabs[tab].deliver(due, Input::Refused);
        }
        self.store_of(tab).waiting.push_back(tab);
        self.grant_locks(self.tabs[tab].device);
    }

    /// A tab gives up the lock, which is free after this time, or its request.
    pub fn release_lock(&mut self, tab: usize, delay: Millis) {
        let now = self.now;
        let store = self.store_of(tab);
        store.waiting.retain(|waiting| *waiting != tab);
        if store.holder == Some(tab) {
            (store.holder, store.free_at) = (None, now + delay);
        }
        self.grant_locks(self.tabs[tab].device);
    }

    /// Takes the lock from the tab that holds it. If the browser refuses that too, the tab leads without it, and nobody is told.
    pub fn steal_lock(&mut self, tab: usize) {
        let is_refused = self.refuses_locks(tab);
        self.tally.count(if is_refused { "leaders without a lock" } else { "stolen locks" });
        self.tabs[tab].has_stolen = true;
        let due = self.now + 1;
        let store = self.store_of(tab);
        store.waiting.retain(|waiting| *waiting != tab);
        if let Some(loser) = store.holder.replace(tab).filter(|holder| *holder != tab && !is_refused) {
            self.tabs[loser].deliver(due, Input::Lost);
        }
        self.tabs[tab].deliver(due, Input::Granted);
    }

    /// Grants the locks that are free.
    pub fn grant_locks(&mut self, device: usize) {
        let now = self.now;
        for store in self.devices[device].stores.values_mut() {
            if store.holder.is_none()
                && store.free_at <= now
                && let Some(tab) = store.waiting.pop_front()
            {
                store.holder = Some(tab);
                let due = now + 1 + self.rng.below(4);
                self.tabs[tab].deliver(due, Input::Granted);
            }
        }
    }
}
