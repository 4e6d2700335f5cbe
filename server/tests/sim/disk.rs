//! Executes the transactions that the tabs of a device request, or lets them fail.

use parlour_core::{
    Millis,
    persist::{Change, Table},
};

use super::{
    device::{Device, Request, Work},
    storage::{Health, queued_by},
    tab::{Callback, Tab},
    world::{At, World},
};

/// The time for which the page waits for a transaction, in ms.
const TRANSACTION_TIMEOUT_MS: Millis = 2_000;

impl World {
    /// A tab requests a transaction, which is executed after those before it.
    pub fn request(&mut self, at: At, work: Work) {
        let slow = if self.rng.once_in(20) { 1_500 } else { 12 };
        let due = self.now + self.rng.below(slow);
        let device = &mut self.devices[at.device];
        let tab = &device.tabs[at.tab];
        let (login, session, account) = (tab.login, tab.session_number, tab.account);
        let due = due.max(device.requests.back().map_or(0, |request| request.due));
        device.requests.push_back(Request { due, tab: at.tab, login, session, account, work });
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
        let due = |request: &mut Request| request.due <= now;
        while let Some(request) = self.devices[device].requests.pop_front_if(due) {
            let this = &mut self.devices[device];
            let (wait, is_refused) = this.execute(&request);
            let leaves = is_logout(request.changes().unwrap_or_default());
            // A late logout, or one that is repeated, may follow the next login, whose secret stays.
            let is_logged_out = !this.tabs[request.tab].has_joined();
            let account = &mut this.accounts[request.account];
            let works = this.health == Health::Works;
            let read = || works.then(|| account.storage.persisted());
            let callback = match request.work {
                Work::Persist(..) if is_refused => Callback::Superseded(request.session),
                Work::Persist(ticket, ..) => Callback::Persisted(request.session, ticket),
                Work::Forward(message) => Callback::Stored(request.account, message),
                Work::Mirror => Callback::Mirror(read()),
                Work::Lead(lease) => {
                    let persisted = read();
                    let recorded = if works { account.claim_lease(lease) } else { lease };
                    Callback::Lead(lease, recorded, persisted)
                }
            };
            this.reported_at = this.reported_at.max(now + wait);
            this.tabs[request.tab].callbacks.push_back((this.reported_at, request.login, callback));
            // A tab that hangs may use the secret once more, before it knows.
            if leaves
                && !is_refused
                && is_logged_out
                && !self.plan.hangs
                && matches!(this.health, Health::Works | Health::Absent)
            {
                self.forget_secrets((device, request.account));
            }
        }
    }
}

/// Returns `true` if these changes delete the identity.
fn is_logout(changes: &[Change]) -> bool {
    changes.iter().any(|change| *change == Change::Clear(Table::Account))
}

impl Device {
    /// The storage works again. What hung is executed.
    pub fn recover(&mut self) {
        self.health = Health::Works;
        self.timed_out = false;
        for (_, account, changes) in std::mem::take(&mut self.stuck) {
            self.accounts[account].storage.apply(&changes);
            self.accounts[account].persisted(&changes);
        }
    }

    /// Executes a transaction. Returns after which time its result is reported, in ms, and whether it was refused because
    /// its tab is not the leader any more.
    fn execute(&mut self, request: &Request) -> (Millis, bool) {
        let account = &mut self.accounts[request.account];
        let changes = request.changes().unwrap_or_default();
        if self.health == Health::Works {
            if matches!(request.work, Work::Persist(.., Some(lease)) if lease < account.lease) {
                queued_by(changes).for_each(|id| account.not_persisted(id));
                return (0, true);
            }
            account.storage.apply(changes);
            account.persisted(changes);
            let is_leader = matches!(request.work, Work::Persist(.., Some(_)));
            // After a logout nothing stays, unless a tab that hung may resume.
            if is_leader && is_logout(changes) && !self.tabs[request.tab].has_stolen {
                account.lease = 0;
            }
            return (0, false);
        }
        let is_over = self.tabs[request.tab].login != request.login;
        for id in queued_by(changes) {
            account.not_persisted(id);
            if is_over {
                // A login hands its messages to the next one through the device.
                account.ledger.forget_if_unpersisted(id);
            }
        }
        // Nobody has it in memory any more.
        let is_logged_in = |tab: &Tab| tab.has_joined() && tab.account == request.account;
        if !self.tabs.iter().any(is_logged_in) {
            account.ledger.forget_unpersisted(None);
        }
        match self.health {
            Health::Hangs(_) => {
                self.stuck.push((request.tab, request.account, changes.to_vec()));
                let wait =
                    if std::mem::replace(&mut self.timed_out, true) { 0 } else { TRANSACTION_TIMEOUT_MS };
                (wait, false)
            }
            _ => (0, false),
        }
    }
}
