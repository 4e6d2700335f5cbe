//! Drives a tab as the client's service does (`src/service`): passes input to the session or the follower, and executes
//! what they return.

use parlour_core::{
    event::Event,
    model::Connection,
    session::{self, Clocks, Session},
    tabs::{self, Command, Follower, FollowerAction, TabCommand},
};

use super::{
    device::Work,
    network::{Link, Packet},
    tab::{Callback, Role, Tab},
    world::{At, World},
};

impl World {
    /// Handles everything that is due in a tab.
    pub fn run_tab(&mut self, at: At) {
        let now = self.now;
        if self.tab(at).hung_until > now || self.tab(at).due().is_none_or(|due| due > now) {
            return;
        }
        self.guard(at);
        if self.tab(at).open_at.is_some_and(|time| time <= now) {
            self.open_tab(at);
        }
        while let Some((login, callback)) = self.due_callback(at) {
            self.run_callback(at, login, callback);
        }
        while let Some((_, bytes)) = self.tab(at).inbox.pop_front_if(|(due, _)| *due <= now) {
            self.handle_tab_message(at, &bytes);
        }
        self.receive(at);
        self.reconnect(at);
        if self.tab(at).timeout().is_some_and(|due| due <= now) {
            match self.tab(at).is_leader() {
                true => self.with_session(at, Session::handle_timeout),
                false => self.with_follower(at, |follower| follower.handle_timeout(now)),
            }
        }
        let tab = self.tab(at);
        if std::mem::take(&mut tab.view.must_reconnect) {
            tab.reconnect_at = Some(now + 5_000);
        }
    }

    fn reconnect(&mut self, at: At) {
        let now = self.now;
        if self.tab(at).reconnect_at.take_if(|at| *at <= now).is_some() && self.tab(at).is_leader() {
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
        let now = self.now;
        let is_current = self.tab(at).login == login;
        match callback {
            Callback::Persisted(session, ticket) if session == self.tab(at).session_number => {
                self.with_session(at, |session, now| session.handle_persisted(now, ticket));
            }
            Callback::Superseded(session) if session == self.tab(at).session_number => self.step_down(at),
            Callback::Stored(_, message) if is_current => self.stored(at, &message),
            // The tab has logged out, or in again.
            Callback::Stored(account, message) => self.post_to(at.device, account, None, &message.command),
            Callback::Locked if is_current => self.promote(at),
            Callback::LockLost if is_current => self.step_down(at),
            Callback::LockRefused if is_current => self.with_follower(at, |follower| {
                follower.handle_lock_refused(now);
                FollowerAction::Nothing
            }),
            Callback::Lead(requested, lease, persisted) if is_current => {
                self.lead(at, requested, lease, persisted);
            }
            Callback::Mirror(persisted) if is_current => self.with_follower(at, |follower| {
                follower.handle_persisted(persisted.unwrap_or_default());
                FollowerAction::Nothing
            }),
            // The tab has logged out, or in again.
            _ => {}
        }
    }

    /// A message of a follower was persisted, or that has failed.
    fn stored(&mut self, at: At, message: &tabs::FollowerMessage) {
        let is_following = matches!(self.tab(at).role, Role::Follower(_));
        self.with_follower(at, |follower| {
            follower.handle_stored(message.id);
            FollowerAction::Nothing
        });
        if is_following {
            self.post(at, &message.command);
        } else if self.tab(at).follower().is_none() {
            // This tab was promoted meanwhile.
            self.with_session(at, |session, now| session.handle_adopt(now, &message.value));
        }
    }

    /// Receives in the tab what the server has sent.
    fn receive(&mut self, at: At) {
        while let Some((server, conn, packet)) = self.due_packet(at, 1) {
            match packet {
                Packet::Open => self.with_session(at, Session::handle_opened),
                Packet::Bytes(bytes) => {
                    self.note_secret(at, &bytes);
                    self.with_session(at, |session, now| session.handle_message(now, &bytes));
                }
                Packet::Close(code) => {
                    self.tab(at).link = None;
                    self.with_session(at, |session, now| session.handle_closed(now, code));
                }
            }
            let is_drained =
                |link: &&mut Link| link.conn == conn && link.skipping && link.to_client.is_empty();
            if let Some(link) = self.tab(at).link.as_mut().filter(is_drained) {
                link.skipping = false;
                self.with_server(server, |running, now, _| running.hub.handle_drained(now, conn));
            }
        }
    }

    /// Executes a command of the user: in a follower by sending it to the leader.
    pub fn execute(&mut self, at: At, command: Command) {
        self.guard(at);
        let (now, random) = (self.now_of(at.device), self.rng.next());
        if self.tab(at).follower().is_some() {
            return self.with_follower(at, |follower| {
                follower.handle_command(now, random, command);
                FollowerAction::Nothing
            });
        }
        self.with_session(at, |session, now| command.execute(now, session));
    }

    /// Passes input to the session of a tab, then executes its commands and reports its events.
    pub fn with_session<T>(&mut self, at: At, act: impl FnOnce(&mut Session, Clocks) -> T) -> T {
        let now = self.now_of(at.device);
        let out = act(&mut self.tab(at).session, now);
        self.drain(at);
        out
    }

    /// Passes input to the follower of a tab, if it is one, then posts its messages, reports its events and runs its action.
    pub fn with_follower(&mut self, at: At, act: impl FnOnce(&mut Follower) -> FollowerAction) {
        let tab = self.tab(at);
        let Some(follower) = tab.follower() else { return };
        let action = act(follower);
        let is_logged_in = follower.is_logged_in();
        let messages: Vec<_> = std::iter::from_fn(|| follower.poll_message()).collect();
        tab.is_new_login &= !is_logged_in;
        messages.iter().for_each(|message| self.post(at, message));
        self.drain(at);
        if !matches!(self.tab(at).role, Role::Follower(_)) {
            return;
        }
        match action {
            FollowerAction::Nothing => {}
            FollowerAction::RequestSnapshot => self.post(at, &tabs::command(TabCommand::RequestSnapshot)),
            FollowerAction::LoadPersisted => self.request(at, Work::Mirror),
            FollowerAction::TakeOver => self.steal_lock(at),
        }
    }

    pub fn drain(&mut self, at: At) {
        while let Some(command) = self.tab(at).session.poll_command() {
            match command {
                session::Command::Open => self.open_link(at),
                session::Command::Send(bytes) => self.send(at, bytes.to_vec()),
                session::Command::Close(_) => self.drop_link(at, false),
                session::Command::Persist { ticket, changes } => {
                    let lease = match &self.tab(at).role {
                        Role::Leader(leader) => Some(leader.lease()),
                        _ => None,
                    };
                    self.request(at, Work::Persist(ticket, changes, lease));
                }
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
        match tab.follower() {
            Some(follower) => follower.poll_event(),
            None => tab.session.poll_event(),
        }
    }
}

/// Returns `true` if nobody is logged in any more after this event.
fn is_over(tab: &Tab, event: &Event) -> bool {
    match &tab.role {
        Role::Follower(_) | Role::Promoting(..) => {
            matches!(event, Event::LoggedOut)
                || matches!(event, Event::Connection(Connection::Failed { .. })) && tab.is_new_login
        }
        Role::Leader(_) => tab.session.is_logged_out(),
        Role::LoggedOut | Role::Closed => false,
    }
}
