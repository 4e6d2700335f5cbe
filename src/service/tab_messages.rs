//! The messages between the tabs of a user, and the actions that they require of this tab.

use parlour_core::{
    session::Session,
    tabs::{self, Follower, FollowerAction, LeaderAction, TabCommand},
};

use super::{ChatSession as _, Inner, Service, browser, role::Role};

impl Service {
    /// Handles a message of another tab: with the follower, or with the leader once it is known that this tab still is it.
    pub(super) fn handle_tab_message(&self, bytes: Vec<u8>) {
        let unread_changed = self.inner.borrow_mut().unread.handle_message(&bytes);
        self.update_unread(unread_changed);
        let is_superseded = match &self.inner.borrow().role {
            Role::Leader(leader) => leader.is_superseded_by(&bytes),
            _ => false,
        };
        if is_superseded {
            self.step_down();
        }
        if self.is_follower() {
            return self.run_follower(|inner| {
                if let Role::Promoting(_, received, _) = &mut inner.role {
                    received.push(bytes.clone());
                }
                let Some(follower) = inner.follower() else { return FollowerAction::Nothing };
                follower.handle_message(browser::now().monotonic, &bytes)
            });
        }
        self.guarded(move |service| {
            let action = {
                let mut inner = service.inner.borrow_mut();
                let inner = &mut *inner;
                let Role::Leader(leader) = &mut inner.role else { return };
                leader.handle_message(browser::now(), &bytes, &mut inner.session)
            };
            service.run_leader_action(action);
        });
    }

    /// Passes input that requires no action to the follower, then posts its messages and emits its events.
    pub(super) fn with_follower(&self, act: impl FnOnce(&mut Follower)) {
        self.run_follower(|inner| {
            if let Some(follower) = inner.follower() {
                act(follower);
            }
            FollowerAction::Nothing
        });
    }

    /// Passes input to the follower, then posts its messages, emits its events and runs its action.
    pub(super) fn run_follower(&self, act: impl FnOnce(&mut Inner) -> FollowerAction) {
        let action = {
            let mut inner = self.inner.borrow_mut();
            let action = act(&mut inner);
            // A logout in another tab ends a login that has succeeded.
            let is_logged_in = inner.follower().is_some_and(|follower| follower.is_logged_in());
            inner.is_new_login &= !is_logged_in;
            while let Some(message) = inner.follower().and_then(Follower::poll_message) {
                if let Some(channel) = &inner.tab_channel {
                    channel.post(&message);
                }
            }
            action
        };
        self.emit_events();
        self.set_timer();
        let inner = self.inner.borrow();
        if let Role::Follower(_) = inner.role {
            self.defer_in_login(inner.login_number, move |service| service.run_follower_action(action));
        }
    }

    fn run_leader_action(&self, action: LeaderAction) {
        match action {
            LeaderAction::Nothing => self.with_session(|_| ()),
            LeaderAction::Leave => self.leave(),
            LeaderAction::Visibility(visible) => self.handle_follower_visibility(visible),
            LeaderAction::PublishSnapshot => {
                // Requests the write of everything pending, so that the follower reads it when it gets the snapshot.
                self.with_session(Session::handle_hidden);
                self.post_snapshot();
            }
        }
        self.post_renewal();
    }

    fn run_follower_action(&self, action: FollowerAction) {
        match action {
            FollowerAction::Nothing => {}
            FollowerAction::RequestSnapshot => self.post(&tabs::command(TabCommand::RequestSnapshot)),
            FollowerAction::TakeOver => {
                tracing::info!("the tab that has the connection does not respond");
                if let Some(channel) = &self.inner.borrow().tab_channel {
                    channel.steal_lock();
                }
            }
            FollowerAction::LoadPersisted => self.load(Box::new(|service, persisted| {
                service.with_follower(|follower| follower.handle_persisted(persisted.unwrap_or_default()));
            })),
        }
    }

    /// Posts a message to the other tabs.
    pub(super) fn post(&self, bytes: &[u8]) {
        if let Some(channel) = &self.inner.borrow().tab_channel {
            channel.post(bytes);
        }
    }

    /// Posts the complete state to the followers.
    pub(super) fn post_snapshot(&self) {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        if let (Role::Leader(leader), Some(channel)) = (&mut inner.role, &inner.tab_channel) {
            channel.post(&leader.snapshot(browser::now().monotonic, &inner.session));
        }
    }

    /// Answers the questions and commands of followers.
    fn post_renewal(&self) {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        if let (Role::Leader(leader), Some(channel)) = (&mut inner.role, &inner.tab_channel)
            && let Some(renewal) = leader.poll_renewal(browser::now().monotonic, &inner.session)
        {
            channel.post(&renewal);
        }
    }
}
