//! The roles of a tab among those of its device, as in the client's service: it becomes the leader, or a follower.

use parlour_core::{
    client::{
        Client, Persisted, Setup,
        tabs::{Follower, Gate},
    },
    persist::Stored,
};

use super::{
    device::Work,
    tab::{Input, Role},
    world::World,
};

impl World {
    /// Posts a message to the other tabs of the device.
    pub fn post(&mut self, from: usize, bytes: &[u8]) {
        let due = self.now + 1 + self.rng.below(5);
        for to in self.devices[self.tabs[from].device].tabs.clone() {
            if to != from && self.tabs[to].is_open() && self.tabs[to].scope == self.tabs[from].scope {
                self.tabs[to].deliver(due, Input::Channel(bytes.to_vec()));
            }
        }
    }

    pub fn post_snapshot(&mut self, at: usize) {
        let now = self.now;
        let Role::Leader(leader, client) = &mut self.tabs[at].role else { return };
        let snapshot = leader.snapshot(now, client);
        self.post(at, &snapshot);
    }

    /// Becomes the leader, with the data of the device.
    pub fn lead(&mut self, at: usize, lease: u64, stored: Option<Stored>) {
        let now = self.clocks(at);
        let tab = &self.tabs[at];
        if tab.is_new_login && self.devices[tab.device].scopes.is_left(&tab.scope) {
            return self.avoid_scope(at);
        }
        let is_known = matches!(&tab.role, Role::Promoting(follower, _) if follower.is_logged_in());
        if tab.is_new_login
            && stored.is_none()
            && tab.link_code.is_none()
            && !is_known
            && let Some(scope) = self.devices[tab.device].scopes.beside(&tab.scope, &tab.nick)
        {
            self.tally.count("logins beside what could not be read");
            let (user, nick) = (tab.user, tab.nick.clone());
            self.release_lock(at, 0);
            self.tabs[at].socket += 1;
            return self.log_in_to(at, scope, user, &nick, None);
        }
        let (seed, mut secret) = (self.rng.next(), [0; 16]);
        self.rng.fill(&mut secret);
        let tab = &mut self.tabs[at];
        let Role::Promoting(follower, received) = std::mem::replace(&mut tab.role, Role::Closed) else {
            return;
        };
        let is_readable = stored.is_some();
        let was_logged_in = follower.is_logged_in();
        let scopes = &self.devices[tab.device].scopes;
        let is_logged_in = |account| scopes.is_logged_in(&tab.scope, account);
        // Another account may have logged in meanwhile, and the device may have failed since.
        let record = follower.mirrored().and_then(|mirrored| mirrored.account);
        let is_over = record.is_some_and(|record| !is_logged_in(record.account));
        let continued =
            follower.continued(stored.as_ref().map(Persisted::from), tab.was_listed, is_logged_in);
        let is_allowed = |persisted: &Persisted| persisted.account.is_some() || tab.is_new_login;
        let Some(mut persisted) = continued.filter(is_allowed) else {
            tab.role = Role::Follower(follower);
            // The account that the tab knows would be enough to go on.
            assert!(is_readable || !was_logged_in || is_over, "tab {at} has forgotten its account");
            if is_readable || is_over || !self.devices[self.tabs[at].device].has_storage {
                // The previous leader has logged out, and perhaps another one has logged in since; or it was closed, and nothing of
                // it was stored.
                let scope = self.tabs[at].scope.clone();
                self.end(at);
                return self.request(at, Work::DeleteLeft(scope));
            }
            // The page can't read the device. The user opens it again.
            self.close_tab(at);
            self.tabs[at].open_at = Some(now.monotonic + 1_000);
            return;
        };
        let link_code = tab.link_code.clone().filter(|_| persisted.account.is_none());
        let mut promoted = follower.promote(now, lease, !received.is_empty(), &mut persisted);
        if promoted.state.me().is_none() && is_readable && persisted.account.is_some() {
            promoted.state = self.devices[tab.device].store(&tab.scope).state();
        }
        let setup = Setup {
            seed,
            agent: "sim".into(),
            nick: match &persisted.account {
                Some(account) => account.identity.nick.to_string(),
                None if link_code.is_some() => String::new(),
                None => tab.nick.clone(),
            },
            secret,
            link_code,
            left: std::mem::take(&mut tab.left.1),
            state: promoted.state,
            persisted,
        };
        tab.role = Role::Leader(Box::new(promoted.leader), Box::new(Client::new(setup).unwrap()));
        tab.client_number += 1;
        tab.gate = Gate::default();
        tab.reported_visible = None;
        promoted.events.into_iter().for_each(|event| self.reported(at, event));
        let Role::Leader(_, client) = &mut self.tabs[at].role else { return };
        client.handle_connect(now).unwrap();
        client.handle_adopt_reported(now, promoted.reported);
        promoted.sends.into_iter().for_each(|(room, message)| client.handle_adopt(now, room, message));
        promoted.settled.into_iter().for_each(|(room, id)| {
            let _ = client.handle_settled(now, room, id);
        });
        self.drain(at);
        self.post_snapshot(at);
        for (number, command) in promoted.commands {
            self.admit(at, Input::Execute(number, command));
        }
        received.into_iter().for_each(|bytes| self.admit(at, Input::Channel(bytes)));
        self.report_visibility(at);
    }

    /// Another tab is the leader: becomes a follower, without sending or persisting anything.
    pub fn step_down(&mut self, at: usize) {
        let now = self.clocks(at);
        let tab = &mut self.tabs[at];
        let follower = match std::mem::replace(&mut tab.role, Role::Closed) {
            Role::Leader(leader, mut client) => {
                self.tally.count("leaders that stepped down");
                let rooms = tab.rooms.iter().copied();
                Box::new(Follower::after_leading(now, tab.origin, *leader, &mut client, rooms))
            }
            Role::Follower(follower) | Role::Promoting(follower, _) => follower,
            Role::Closed => return,
        };
        tab.role = Role::Follower(follower);
        tab.client_number += 1;
        tab.socket += 1;
        (tab.reported_visible, tab.connect_at) = (None, None);
        let held = tab.gate.open(now.monotonic);
        self.drop_link(at, false);
        self.release_lock(at, 0);
        self.request_lock(at);
        self.report_visibility(at);
        self.drain(at);
        held.into_iter().for_each(|input| self.handle(at, input));
    }

    /// The data in the scope of a login can't be deleted: logs in in another one.
    fn avoid_scope(&mut self, at: usize) {
        self.tally.count("logins beside what could not be deleted");
        self.release_lock(at, 0);
        let tab = &mut self.tabs[at];
        tab.socket += 1;
        let (user, nick, link_code) = (tab.user, tab.nick.clone(), tab.link_code.take());
        let _ = self.devices[tab.device].scopes.avoid(&tab.scope);
        self.log_in(at, user, &nick, link_code);
    }
}
