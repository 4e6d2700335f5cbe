//! The roles of a tab among those of its account, as in the client's service (`src/service/`): the lock, the
//! lease, and the channel between tabs.

use std::collections::VecDeque;

use parlour_core::{
    model::Connection,
    persist::Persisted,
    session::Session,
    tabs::{self, Admission, Command, Follower, FollowerAction, Gate, Leader, LeaderAction, TabCommand},
};

use super::{
    device::{Request, Work},
    storage::Health,
    tab::{Callback, Role},
    world::{At, World},
};

/// The followers must receive the last messages before one of them becomes the leader; ms.
const LOCK_RELEASE_DELAY_MS: u64 = 500;

impl World {
    // ---- the life of a tab

    /// Opens a tab on a device; the user logs in, or the session is resumed.
    pub fn open_tab(&mut self, at: At) {
        let (seed, random) = (self.rng.next(), self.rng.next());
        let now = self.now;
        let device = &mut self.devices[at.device];
        let account = device.current;
        let server = device.accounts[account].server;
        // On the login page the user types the nick; a page that was opened again finds it on the device.
        let is_known = device.health == Health::Works && device.accounts[account].storage.has_account();
        let tab = &mut device.tabs[at.tab];
        tab.open_at = None;
        tab.steady_since = now;
        // A session is used for one server only. It is used for several accounts on it, because each login has to
        // forget the previous account.
        if matches!(tab.role, Role::Closed) || server != device.accounts[tab.account].server {
            tab.session = Session::new(seed, "sim");
            tab.session_number += 1;
        }
        tab.account = account;
        tab.login += 1;
        tab.is_new_login = !is_known || matches!(tab.role, Role::LoggedOut);
        tab.role = Role::Follower(Box::new(Follower::new(now, random)));
        tab.view.connection = Connection::Connecting;
        self.request_lock(at);
        self.post(at, &tabs::command(TabCommand::RequestSnapshot));
        self.report_visibility(at);
        self.run_locks(at.device);
    }

    /// Closes the tab without notice. Changes that were not written are lost; the latest messages may never
    /// have been sent.
    pub fn close_tab(&mut self, at: At) {
        self.drop_link(at, true);
        let device = &mut self.devices[at.device];
        let of_tab = |request: &Request| request.tab == at.tab;
        let (lost, kept): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut device.requests).into_iter().partition(of_tab);
        device.requests = kept;
        device.stuck.retain(|(tab, ..)| *tab != at.tab);
        for (account, id) in lost.iter().flat_map(|request| request.queued().map(|id| (request.account, id)))
        {
            device.accounts[account].not_persisted(id);
        }
        for account in &mut device.accounts {
            account.lock.release(at.tab, self.now);
            account.ledger.forget_unpersisted(Some(at.tab));
        }
        let tab = &mut device.tabs[at.tab];
        tab.role = Role::Closed;
        tab.login += 1;
        tab.hung_until = 0;
        tab.has_stolen = false;
        tab.inbox.clear();
        tab.callbacks.clear();
        tab.view.clear();
    }

    /// The user leaves the room, in this tab and all others of the account.
    pub fn leave(&mut self, at: At) {
        self.guard(at);
        let tab = self.tab(at);
        if tab.follower().is_some_and(|follower| !follower.is_logged_in()) {
            tab.view.clear();
            return self.end(at);
        }
        self.execute(at, Command::Leave);
    }

    /// Leaves the tabs of the account after a logout. Later the user logs in again.
    pub fn end(&mut self, at: At) {
        let now = self.now;
        let device = &mut self.devices[at.device];
        let tab = &mut device.tabs[at.tab];
        tab.login += 1;
        tab.inbox.clear();
        let _ = tab.gate.open(now);
        let role = std::mem::replace(&mut tab.role, Role::LoggedOut);
        if !tab.is_retired {
            let wait = if std::mem::take(&mut tab.view.must_retry_login) { 2_000 } else { 1_000 };
            tab.open_at = Some(now + wait);
        }
        let account = &mut device.accounts[tab.account];
        account.lock.release(at.tab, now + LOCK_RELEASE_DELAY_MS);
        // A follower has its own messages in memory until the leader reports them.
        let of_tab = if matches!(role, Role::Leader(_)) { None } else { Some(at.tab) };
        account.ledger.forget_unpersisted(of_tab);
    }

    // ---- roles

    fn request_lock(&mut self, at: At) {
        let now = self.now;
        let device = &mut self.devices[at.device];
        let tab = &mut device.tabs[at.tab];
        match device.refuses_locks {
            true => tab.callbacks.push_back((now, tab.login, Callback::LockRefused)),
            false => {
                let lock = &mut device.accounts[tab.account].lock;
                lock.release(at.tab, now);
                lock.waiting.push_back((at.tab, tab.login));
            }
        }
    }

    /// Takes the lock from the tab that holds it. If the browser refuses locks, it counts as acquired.
    pub fn steal_lock(&mut self, at: At) {
        let now = self.now;
        self.tally.count("stolen locks");
        let device = &mut self.devices[at.device];
        let tab = &mut device.tabs[at.tab];
        tab.has_stolen = true;
        tab.callbacks.push_back((now, tab.login, Callback::Locked));
        let account = tab.account;
        let lock = &mut device.accounts[account].lock;
        if let Some(loser) = (!device.refuses_locks).then(|| lock.steal(at.tab)).flatten() {
            let loser = &mut device.tabs[loser];
            loser.callbacks.push_back((now, loser.login, Callback::LockLost));
        }
    }

    /// Grants the locks of a device.
    pub fn run_locks(&mut self, device: usize) {
        let now = self.now;
        for account in 0..self.devices[device].accounts.len() {
            let Some((tab, login)) = self.devices[device].accounts[account].lock.grant(now) else { continue };
            let due = now + self.rng.below(4);
            self.devices[device].tabs[tab].callbacks.push_back((due, login, Callback::Locked));
        }
    }

    /// Starts to become the leader: reads the device, then continues in [`Self::lead`].
    pub fn promote(&mut self, at: At) {
        let unix = self.now_of(at.device).unix;
        let Role::Follower(follower) = &mut self.tab(at).role else { return };
        follower.handle_leader_gone();
        let lease = follower.next_lease(unix);
        self.drain(at);
        let tab = self.tab(at);
        tab.role = match std::mem::replace(&mut tab.role, Role::LoggedOut) {
            Role::Follower(follower) => Role::Promoting(follower, Vec::new(), lease),
            other => other,
        };
        // Followers that also miss the old leader wait for this one.
        self.post(at, &Leader::announcement(lease));
        self.request(at, Work::Lead(lease));
    }

    /// Becomes the leader, with the data of the device.
    pub fn lead(&mut self, at: At, requested: u64, lease: u64, persisted: Option<Persisted>) {
        let now = self.now_of(at.device);
        let mut secret = [0; 16];
        self.rng.fill(&mut secret);
        let device = &mut self.devices[at.device];
        let tab = &mut device.tabs[at.tab];
        let Role::Promoting(follower, received, promoted) = &mut tab.role else { return };
        if *promoted != requested {
            // The lock was lost and acquired again meanwhile.
            return;
        }
        let mut persisted = persisted.or_else(|| follower.mirrored()).unwrap_or_default();
        if !persisted.is_logged_in() && !tab.is_new_login {
            // The previous leader has logged out.
            tab.view.clear();
            return self.end(at);
        }
        follower.handle_promotion(&mut persisted);
        // Requests that were made while the device was read. The server sends again what the other events report.
        follower.handle_leader_gone();
        let events: Vec<_> =
            std::iter::from_fn(|| follower.poll_event()).filter(tabs::is_kept_by_leader).collect();
        let received = std::mem::take(received);
        let leader = follower.promoted(lease, !received.is_empty());
        let (unsent, (sends, commands)) = (follower.take_queued(), follower.take_unanswered());
        tab.role = Role::Leader(Box::new(leader));
        tab.gate = Gate::default();
        let account = &mut device.accounts[tab.account];
        events.into_iter().for_each(|event| tab.view.handle_event(event, &mut account.ledger));
        tab.session.handle_new_secret(secret);
        let login = tab.session.handle_login(now, &account.nick, persisted);
        assert_eq!(login, Ok(()), "{} can't log in", account.nick);
        tab.session.handle_adopt_queued(unsent);
        sends.iter().for_each(|value| tab.session.handle_adopt(now, value));
        self.drain(at);
        self.post_snapshot(at);
        commands.into_iter().for_each(|command| self.execute(at, command));
        received.iter().for_each(|bytes| self.handle_tab_message(at, bytes));
        self.report_visibility(at);
    }

    /// Another tab is the leader: becomes a follower, without sending or persisting anything.
    pub fn step_down(&mut self, at: At) {
        let (now, seed, random) = (self.now, self.rng.next(), self.rng.next());
        let tab = self.tab(at);
        let follower = match std::mem::replace(&mut tab.role, Role::LoggedOut) {
            Role::Leader(leader) => Box::new(Follower::after_leading(now, random, &leader, &tab.session)),
            Role::Follower(follower) | Role::Promoting(follower, ..) => follower,
            other => {
                tab.role = other;
                return;
            }
        };
        tab.role = Role::Follower(follower);
        tab.session = Session::new(seed, "sim");
        tab.session_number += 1;
        let _ = tab.gate.open(now);
        self.tally.count("leaders that stepped down");
        self.drop_link(at, false);
        self.request_lock(at);
        self.post(at, &tabs::command(TabCommand::RequestSnapshot));
        self.report_visibility(at);
        while let Some(message) = self.tab(at).follower().and_then(Follower::poll_unpersisted) {
            self.request(at, Work::Forward(message));
        }
    }

    /// Checks, before input, that a leader that hung still holds the lock.
    pub fn guard(&mut self, at: At) {
        let now = self.now;
        let tab = self.tab(at);
        if !tab.is_leader() || matches!(tab.gate.admit(now, ()), Admission::Admitted(())) {
            return;
        }
        let _ = tab.gate.open(now);
        let account = tab.account;
        let device = &self.devices[at.device];
        if !device.refuses_locks && device.accounts[account].lock.holder != Some(at.tab) {
            self.step_down(at);
        }
    }

    pub fn handle_tab_message(&mut self, at: At, bytes: &[u8]) {
        let now = self.now_of(at.device);
        if let Role::Leader(leader) = &self.tab(at).role
            && leader.is_superseded_by(bytes)
        {
            self.step_down(at);
        }
        self.guard(at);
        let tab = self.tab(at);
        if let Role::Promoting(_, received, _) = &mut tab.role {
            received.push(bytes.to_vec());
        }
        if tab.follower().is_some() {
            return self.with_follower(at, |follower| follower.handle_message(now.monotonic, bytes));
        }
        let Role::Leader(leader) = &mut tab.role else { return };
        let action = leader.handle_message(now, bytes, &mut tab.session);
        self.drain(at);
        match action {
            LeaderAction::Nothing => {}
            LeaderAction::Leave => self.leave(at),
            LeaderAction::Visibility(visible) => {
                self.with_session(at, |session, now| {
                    session.handle_timeout(now);
                    session.handle_visibility(now, visible);
                });
            }
            LeaderAction::PublishSnapshot => {
                self.with_session(at, |session, _| session.handle_hidden());
                self.post_snapshot(at);
            }
        }
        let tab = self.tab(at);
        if let Role::Leader(leader) = &mut tab.role
            && let Some(renewal) = leader.poll_renewal(now.monotonic, &tab.session)
        {
            self.post(at, &renewal);
        }
    }

    /// Posts the complete state to the followers.
    fn post_snapshot(&mut self, at: At) {
        let now = self.now;
        let tab = self.tab(at);
        if let Role::Leader(leader) = &mut tab.role {
            let snapshot = leader.snapshot(now, &tab.session);
            self.post(at, &snapshot);
        }
    }

    /// Posts a message to the other tabs of the account.
    pub fn post(&mut self, from: At, bytes: &[u8]) {
        let account = self.tab(from).account;
        self.post_to(from.device, account, Some(from.tab), bytes);
    }

    /// Posts a message to the tabs of an account, except one.
    pub fn post_to(&mut self, device: usize, account: usize, except: Option<usize>, bytes: &[u8]) {
        let due = self.now + 1 + self.rng.below(5);
        for (number, tab) in self.devices[device].tabs.iter_mut().enumerate() {
            if Some(number) != except && tab.account == account && tab.has_joined() {
                let due = due.max(tab.inbox.back().map_or(0, |(due, _)| *due));
                tab.inbox.push_back((due, bytes.to_vec()));
            }
        }
    }

    pub fn report_visibility(&mut self, at: At) {
        let (now, visible) = (self.now, self.tab(at).is_visible);
        if self.tab(at).follower().is_some() {
            self.with_follower(at, |follower| {
                follower.handle_visibility(now, visible);
                FollowerAction::Nothing
            });
        }
    }
}
