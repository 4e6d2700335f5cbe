//! Drives a tab as the client's service does (`src/service`): the session, its role among the tabs, the lock, the
//! channel between tabs, and the storage.

use std::collections::VecDeque;

use parlour_core::{
    event::Event,
    model::Connection,
    persist::Persisted,
    session::{Clocks, Command, Session},
    tabs::{self, Follower, FollowerAction, Leader, LeaderAction, TabCommand},
};

use super::{
    device::{Request, Work},
    network::Packet,
    storage::Health,
    tab::{Callback, Role, Tab},
    world::{At, World},
};

/// How often a visible follower reports that it is visible, in ms.
const REPORT_INTERVAL_MS: u64 = 4_000;
/// The followers must receive the last messages before one of them becomes the leader; ms.
const LOCK_RELEASE_DELAY_MS: u64 = 500;

impl World {
    // ---- the life of a tab

    /// Opens a tab on a device; the user logs in, or the session is resumed.
    pub fn open_tab(&mut self, at: At) {
        let seed = self.rng.next();
        let device = &mut self.devices[at.device];
        let account = device.current;
        let server = device.accounts[account].server;
        // On the login page the user types the nick; a page that was opened again finds it on the device.
        let is_known = device.health == Health::Works && device.accounts[account].storage.has_account();
        let tab = &mut device.tabs[at.tab];
        tab.open_at = None;
        // A session is used for one server only. It is used for several accounts on it, because each login has to
        // forget the previous account.
        if matches!(tab.role, Role::Closed) || server != device.accounts[tab.account].server {
            tab.session = Session::new(seed, "sim");
            tab.session_number += 1;
        }
        tab.account = account;
        tab.login += 1;
        tab.is_new_login = !is_known || matches!(tab.role, Role::LoggedOut);
        tab.role = Role::Follower(Box::default());
        tab.view.connection = Connection::Connecting;
        device.accounts[account].lock.waiting.push_back((at.tab, tab.login));
        self.post(at, &tabs::command(TabCommand::RequestSnapshot));
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
        tab.inbox.clear();
        tab.callbacks.clear();
        tab.view.clear();
    }

    /// The user leaves the room, in this tab and all others of the account.
    pub fn leave(&mut self, at: At) {
        let tab = self.tab(at);
        match &tab.role {
            Role::Follower(follower) if !follower.is_logged_in() => {
                tab.view.clear();
                self.end(at);
            }
            Role::Follower(_) => self.post(at, &tabs::command(TabCommand::Leave)),
            _ => {
                self.with_session(at, |session, now| session.handle_leave(now));
            }
        }
    }

    /// Leaves the tabs of the account after a logout.
    fn end(&mut self, at: At) {
        let now = self.now;
        let device = &mut self.devices[at.device];
        let tab = &mut device.tabs[at.tab];
        tab.login += 1;
        tab.inbox.clear();
        let role = std::mem::replace(&mut tab.role, Role::LoggedOut);
        let account = &mut device.accounts[tab.account];
        account.lock.release(at.tab, now + LOCK_RELEASE_DELAY_MS);
        if !matches!(role, Role::Follower(_)) {
            account.ledger.forget_unpersisted(None);
        }
    }

    // ---- roles

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
    fn promote(&mut self, at: At) {
        let Role::Follower(follower) = &mut self.tab(at).role else { return };
        let was_following = follower.is_logged_in();
        follower.handle_leader_gone();
        self.drain(at);
        let tab = self.tab(at);
        let Role::Follower(follower) = std::mem::replace(&mut tab.role, Role::LoggedOut) else { return };
        tab.role = Role::Promoting(follower, Vec::new());
        self.request(at, Work::Lead(was_following));
    }

    fn lead(&mut self, at: At, mut persisted: Option<Persisted>, was_following: bool) {
        let is_logged_in = persisted.as_ref().is_some_and(Persisted::is_logged_in);
        if !is_logged_in && !self.tab(at).is_new_login {
            // The previous leader has logged out.
            self.tab(at).view.clear();
            return self.end(at);
        }
        let (id, now) = (self.rng.next(), self.now_of(at.device));
        let mut secret = [0; 16];
        self.rng.fill(&mut secret);
        let account = self.tab(at).account;
        let nick = self.devices[at.device].accounts[account].nick.clone();
        let device = &mut self.devices[at.device];
        let tab = &mut device.tabs[at.tab];
        let leader = Role::Leader(Box::new(Leader::new(id, was_following)));
        let Role::Promoting(mut follower, received) = std::mem::replace(&mut tab.role, leader) else {
            return;
        };
        // They may include the last messages of the previous leader.
        for bytes in &received {
            follower.handle_message(now.monotonic, bytes);
        }
        if let Some(persisted) = &mut persisted {
            follower.handle_promotion(persisted);
        }
        // The server sends again what the other events report.
        let mut events = std::iter::from_fn(|| follower.poll_event());
        let log_replaced = events.any(|event| event == Event::LogReplaced);
        let unsent = follower.take_queued();
        if log_replaced {
            tab.view.handle_event(Event::LogReplaced, &mut device.accounts[tab.account].ledger);
        }
        tab.session.handle_new_secret(secret);
        let login = tab.session.handle_login(now, &nick, persisted.unwrap_or_default());
        assert_eq!(login, Ok(()), "{nick} can't log in");
        tab.session.handle_adopt_queued(unsent);
        self.drain(at);
        self.post_snapshot(at);
        received.iter().for_each(|bytes| self.handle_tab_message(at, bytes));
    }

    fn handle_tab_message(&mut self, at: At, bytes: &[u8]) {
        let now = self.now_of(at.device);
        let tab = self.tab(at);
        match &mut tab.role {
            Role::Closed | Role::LoggedOut => {}
            Role::Promoting(_, received) => received.push(bytes.to_vec()),
            Role::Leader(leader) => {
                let action = leader.handle_message(now, bytes, &mut tab.session);
                self.drain(at);
                match action {
                    LeaderAction::Nothing => {}
                    LeaderAction::Leave => self.leave(at),
                    LeaderAction::Visibility(visible) => {
                        self.with_session(at, |session, now| session.handle_visibility(now, visible));
                    }
                    LeaderAction::PublishSnapshot => {
                        self.with_session(at, |session, _| session.handle_hidden());
                        self.post_snapshot(at);
                    }
                }
            }
            Role::Follower(follower) => {
                let action = follower.handle_message(now.monotonic, bytes);
                tab.is_new_login &= !follower.is_logged_in();
                self.drain(at);
                match action {
                    FollowerAction::Nothing => {}
                    FollowerAction::RequestSnapshot => {
                        self.post(at, &tabs::command(TabCommand::RequestSnapshot));
                    }
                    FollowerAction::LoadPersisted => self.request(at, Work::Mirror),
                }
            }
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
        let due = self.now + 1 + self.rng.below(5);
        for (number, tab) in self.devices[from.device].tabs.iter_mut().enumerate() {
            if number != from.tab && tab.account == account && tab.has_joined() {
                let due = due.max(tab.inbox.back().map_or(0, |(due, _)| *due));
                tab.inbox.push_back((due, bytes.to_vec()));
            }
        }
    }

    // ---- input

    /// Handles everything that is due in a tab.
    pub fn run_tab(&mut self, at: At) {
        if self.tab(at).hung_until > self.now {
            return;
        }
        if self.tab(at).open_at.is_some_and(|time| time <= self.now) {
            self.open_tab(at);
        }
        while let Some((login, callback)) = self.due_callback(at) {
            self.run_callback(at, login, callback);
        }
        let now = self.now;
        while let Some((_, bytes)) = self.tab(at).inbox.pop_front_if(|(due, _)| *due <= now) {
            self.handle_tab_message(at, &bytes);
        }
        self.receive(at);
        self.reconnect(at);
        let timeout = self.tab(at).session.poll_timeout();
        if self.tab(at).has_session() && timeout.is_some_and(|due| due <= self.now) {
            self.with_session(at, Session::handle_timeout);
        }
        let tab = self.tab(at);
        if matches!(tab.role, Role::Follower(_)) && tab.report_at <= now {
            tab.report_at = now + REPORT_INTERVAL_MS;
            self.post(at, &tabs::command(TabCommand::Visible));
        }
        let tab = self.tab(at);
        if std::mem::take(&mut tab.view.must_reconnect) {
            tab.reconnect_at = Some(now + 5_000);
        }
        if matches!(tab.role, Role::LoggedOut) && !tab.is_retired && tab.open_at.is_none() {
            // The user logs in again.
            let wait = if std::mem::take(&mut tab.view.must_retry_login) { 2_000 } else { 1_000 };
            tab.open_at = Some(now + wait);
        }
    }

    fn reconnect(&mut self, at: At) {
        let now = self.now;
        if self.tab(at).reconnect_at.take_if(|at| *at <= now).is_some() && self.tab(at).has_session() {
            self.with_session(at, |session, now| session.handle_reconnect(now));
        }
    }

    fn due_callback(&mut self, at: At) -> Option<(u64, Callback)> {
        let now = self.now;
        let callbacks = &mut self.tab(at).callbacks;
        let due = callbacks.iter().position(|(due, ..)| *due <= now)?;
        callbacks.remove(due).map(|(_, login, callback)| (login, callback))
    }

    fn run_callback(&mut self, at: At, login: u64, callback: Callback) {
        let is_current = self.tab(at).login == login;
        match callback {
            Callback::Persisted(session, ticket) if session == self.tab(at).session_number => {
                self.with_session(at, |session, now| session.handle_persisted(now, ticket));
            }
            Callback::Forward(message) if is_current => match &self.tab(at).role {
                Role::Follower(_) => self.post(at, &message.command),
                // This tab was promoted meanwhile.
                _ => {
                    self.with_session(at, |session, now| session.handle_adopt(now, &message.value));
                }
            },
            Callback::Locked if is_current => self.promote(at),
            Callback::Lead(persisted, was_following) if is_current => self.lead(at, persisted, was_following),
            Callback::Mirror(Some(persisted)) if is_current => {
                if let Role::Follower(follower) = &mut self.tab(at).role {
                    follower.handle_persisted(persisted);
                }
                self.drain(at);
            }
            // The tab has logged out, or in again. A message that was written stays on the device.
            _ => {}
        }
    }

    /// What the server has sent arrives in the tab.
    fn receive(&mut self, at: At) {
        while let Some((server, conn, packet)) = self.due_packet(at, 1) {
            match packet {
                Packet::Open => {
                    self.with_session(at, Session::handle_opened);
                }
                Packet::Bytes(bytes) => {
                    self.note_secret(at, &bytes);
                    self.with_session(at, |session, now| session.handle_message(now, &bytes));
                }
                Packet::Close(code) => {
                    self.tab(at).link = None;
                    self.with_session(at, |session, now| session.handle_closed(now, code));
                }
            }
            let is_drained = |link: &&mut super::network::Link| {
                link.conn == conn && link.skipping && link.to_client.is_empty()
            };
            if let Some(link) = self.tab(at).link.as_mut().filter(is_drained) {
                link.skipping = false;
                self.with_server(server, |running, now, _| running.hub.handle_drained(now, conn));
            }
        }
    }

    /// Passes input to the session of a tab, then executes its commands and reports its events.
    pub fn with_session<T>(&mut self, at: At, act: impl FnOnce(&mut Session, Clocks) -> T) -> T {
        let now = self.now_of(at.device);
        let out = act(&mut self.tab(at).session, now);
        self.drain(at);
        out
    }

    /// Passes input to the follower of a tab, if it is one, and posts the message that it returns.
    pub fn with_follower(&mut self, at: At, act: impl FnOnce(&mut Follower) -> Option<bytes::Bytes>) -> bool {
        let Role::Follower(follower) = &mut self.tab(at).role else { return false };
        if let Some(message) = act(follower) {
            self.post(at, &message);
        }
        self.drain(at);
        true
    }

    fn drain(&mut self, at: At) {
        while let Some(command) = self.tab(at).session.poll_command() {
            match command {
                Command::Open => self.open_link(at),
                Command::Send(bytes) => self.send(at, bytes.to_vec()),
                Command::Close(_) => self.drop_link(at, false),
                Command::Persist { ticket, changes } => self.request(at, Work::Persist(ticket, changes)),
            }
        }
        let mut is_last = false;
        while let Some(event) = self.next_event(at) {
            let now = self.now;
            let tab = self.tab(at);
            if let Role::Leader(leader) = &mut tab.role
                && let Some(message) = leader.publish(now, &event, &tab.session)
            {
                self.post(at, &message);
            }
            is_last = is_over(self.tab(at), &event);
            let device = &mut self.devices[at.device];
            let tab = &mut device.tabs[at.tab];
            tab.view.handle_event(event, &mut device.accounts[tab.account].ledger);
        }
        if is_last {
            self.end(at);
        }
    }

    fn next_event(&mut self, at: At) -> Option<Event> {
        let tab = self.tab(at);
        match &mut tab.role {
            Role::Follower(follower) => follower.poll_event(),
            _ => tab.session.poll_event(),
        }
    }
}

/// Whether nobody is logged in any more after this event.
fn is_over(tab: &Tab, event: &Event) -> bool {
    match &tab.role {
        Role::Follower(_) => {
            matches!(event, Event::LoggedOut)
                || matches!(event, Event::Connection(Connection::Failed { .. })) && tab.is_new_login
        }
        Role::Leader(_) | Role::Promoting(..) => tab.session.is_logged_out(),
        Role::LoggedOut | Role::Closed => false,
    }
}
