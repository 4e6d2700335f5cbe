//! Logging in and out of a tab, as on the login page and in the client's service: a tab joins the tabs of a scope, and leaves
//! them.

use parlour_core::{
    Millis,
    client::{
        state::ClientState,
        tabs::{Follower, TabCommand},
    },
    left_sessions::LeftSessions,
    model::UserId,
    validate::nick_key,
};

use super::{
    device::Work,
    ledger::Key,
    tab::{Role, Shown},
    world::{User, World},
};

/// The followers must receive the last messages before one of them becomes the leader; ms.
const LOCK_RELEASE_DELAY_MS: Millis = 500;

/// The URL of a server's socket.
fn url(server: usize) -> String {
    format!("ws://server{server}")
}

impl World {
    /// Opens a tab: it resumes the session of its scope, or shows the login page, where its user logs in.
    pub fn open_tab(&mut self, at: usize) {
        self.tabs[at].open_at = None;
        self.delete_all_left(at);
        let tab = &self.tabs[at];
        if tab.scope.is_empty() {
            return self.log_in_again(at);
        }
        let device = &self.devices[tab.device];
        let holder = device.stores.get(&tab.scope).and_then(|store| store.holder);
        let has_leader = holder.is_some() && !device.refuses_locks;
        let is_missing = match device.readable(&tab.scope) {
            Some(store) => !store.has_account() || device.scopes.is_left(&tab.scope),
            // One that fails is tried again by the user.
            None => !device.has_storage,
        };
        if !has_leader && is_missing {
            return self.log_in_again(at);
        }
        self.tabs[at].is_new_login = false;
        self.join(at);
    }

    /// A user types the nick of an account, or a link code, on the login page of a tab.
    pub fn log_in(&mut self, at: usize, user: usize, nick: &str, link_code: Option<String>) {
        let User { server, account, .. } = self.users[user];
        let tab = &self.tabs[at];
        let device = &self.devices[tab.device];
        let scope = match account.filter(|_| link_code.is_some()) {
            Some(account) => device.scopes.of_account(&url(server), account, nick),
            None => device.scopes.of_nick(&url(server), nick),
        };
        self.log_in_to(at, scope, user, nick, link_code);
    }

    /// Logs in in a scope.
    pub fn log_in_to(
        &mut self,
        at: usize,
        scope: String,
        user: usize,
        nick: &str,
        link_code: Option<String>,
    ) {
        let User { server, .. } = self.users[user];
        let tab = &mut self.tabs[at];
        (tab.scope, tab.link_code, tab.is_new_login) = (scope, link_code, true);
        (tab.user, tab.nick) = (user, nick.into());
        if tab.left.0 != server {
            // Nothing of one server reaches another.
            tab.left = (server, LeftSessions::default());
        }
        self.join(at);
    }

    /// The user of a tab logs in again: to the account of another tab, or to a new one, under the old nick if it may still be
    /// free.
    fn log_in_again(&mut self, at: usize) {
        let device = &self.devices[self.tabs[at].device];
        let other = device.tabs.iter().copied().find(|other| *other != at && self.tabs[*other].is_open());
        if let Some(other) = other.filter(|_| !self.rng.once_in(4)) {
            let nick = self.tabs[other].shown_nick();
            return self.log_in(at, self.tabs[other].user, &nick, None);
        }
        let server = self.rng.index(self.servers.len());
        if server != self.server_of(at) {
            self.tally.count("changes of the server");
        }
        let keeps_nick = self.rng.once_in(2);
        let user = self.new_user(server);
        let nick = self.tabs[at].last_nick.take().filter(|_| keeps_nick);
        let nick = nick.unwrap_or_else(|| self.users[user].nick.clone());
        self.log_in(at, user, &nick, None);
    }

    /// A tab has logged in to an account.
    pub fn logged_in(&mut self, at: usize, account: UserId) {
        let user = self.tabs[at].user;
        let known = self.users.iter().position(|user| user.account == Some(account));
        // The account may be another one than that whose nick was typed: another tab has left that meanwhile.
        let user = match known {
            Some(known) => known,
            None if self.users[user].account.is_none() => user,
            None => self.new_user(self.users[user].server),
        };
        self.users[user].account = Some(account);
        self.tabs[at].user = user;
    }

    /// A user who has no account yet.
    pub fn new_user(&mut self, server: usize) -> usize {
        self.users.push(User::new(self.users.len(), server));
        self.tally.count("logins to new accounts");
        self.users.len() - 1
    }

    /// Joins the tabs of the scope as a follower.
    fn join(&mut self, at: usize) {
        let (now, page) = (self.now, self.next_number());
        // The tab that owns the client has the origin 0.
        let origin = parlour_core::client::Origin(self.rng.next() | 1);
        let mut state = ClientState::new(nick_key);
        self.limit_memory(&mut state);
        let tab = &mut self.tabs[at];
        tab.was_listed = self.devices[tab.device].scopes.is_listed(&tab.scope);
        (tab.connect_at, tab.page, tab.origin, tab.account) = (None, page.into(), origin, None);
        tab.steady_since = now;
        tab.role = Role::Follower(Box::new(Follower::new(now, origin, state)));
        let complaints = std::mem::take(&mut tab.shown.complaints);
        tab.shown = Shown::default();
        tab.shown.complaints = complaints;
        self.request_lock(at);
        self.report_visibility(at);
    }

    /// The user logs out. If messages are not acknowledged, the page asks whether to wait for them.
    pub fn leave(&mut self, at: usize) {
        let now = self.clocks(at);
        let unsent = match &self.tabs[at].role {
            Role::Leader(_, client) => client.unacknowledged().len(),
            Role::Follower(follower) | Role::Promoting(follower, _) => follower.unacknowledged(),
            Role::Closed => return,
        };
        if unsent > 0 && self.rng.once_in(2) {
            return self.tally.count("logouts that wait");
        }
        self.tally.count("logouts");
        if unsent == 0 {
            self.check_all_sent(at);
        }
        match &mut self.tabs[at].role {
            Role::Follower(follower) | Role::Promoting(follower, _) if follower.is_logged_in() => {
                follower.handle_command(now, TabCommand::LogOut);
            }
            Role::Follower(_) | Role::Promoting(..) => self.end(at),
            Role::Leader(..) => self.log_out(at),
            Role::Closed => {}
        }
    }

    /// What the user is told to be sent is in the log.
    fn check_all_sent(&self, at: usize) {
        let Some(account) = self.tabs[at].account else { return };
        let of_tab = self.ledger.sent.iter().filter(|(key, sent)| key.0 == account && sent.tab == at);
        for (key, sent) in of_tab {
            let is_done = self.log_of(at).has(key.0, key.1) || self.ledger.excused.contains(key);
            assert!(is_done, "a logout deletes {sent:?}, and its user was not asked");
        }
    }

    /// Logs out in the leader.
    pub fn log_out(&mut self, at: usize) {
        let now = self.clocks(at);
        if let Role::Leader(_, client) = &mut self.tabs[at].role {
            if let Some(record) = client.record() {
                self.secrets.leave(record.secret);
            }
            client.handle_log_out(now);
            self.drain(at);
        }
    }

    /// Leaves the tabs of the scope after a logout, or after a first login has failed. Later its user logs in again.
    pub fn end(&mut self, at: usize) {
        let (now, page) = (self.now, self.next_number());
        self.release_lock(at, LOCK_RELEASE_DELAY_MS);
        let server = self.server_of(at);
        let tab = &mut self.tabs[at];
        tab.last_nick = Some(tab.shown_nick()).filter(|_| !tab.shown.connection.is_nick_refused());
        let (account, device) = (tab.account, tab.device);
        let scope = std::mem::take(&mut tab.scope);
        let mut of_tab = Some(at);
        let role = std::mem::replace(&mut tab.role, Role::Closed);
        if let Role::Leader(_, client) = role {
            tab.left = (server, client.into_left_sessions());
            // A follower has its own messages in memory until it knows of the logout.
            of_tab = None;
        }
        tab.closed(page.into());
        tab.open_at = Some(now + 1_000);
        self.drop_link(at, false);
        if of_tab.is_none() {
            let device = &mut self.devices[device];
            device.store(&scope).owner = None;
            let _ = device.scopes.logged_out(&scope, account);
            self.request(at, Work::DeleteLeft(scope));
        }
        if let Some(account) = account {
            self.discard(account, device, of_tab);
        }
    }

    /// What an account has not sent from a device, or from one of its tabs, is discarded at a logout.
    fn discard(&mut self, account: UserId, device: usize, tab: Option<usize>) {
        let servers = &self.servers;
        let is_logged = |key: &Key| servers.iter().any(|server| server.log.has(key.0, key.1));
        for _ in 0..self.ledger.logged_out(account, device, tab, is_logged) {
            self.tally.count("messages discarded at logouts");
        }
    }
}
