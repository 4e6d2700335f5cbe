//! The messages between the tabs of a user, and the actions that they require of this tab.

use parlour_core::client::{
    Client,
    tabs::{FollowerAction, LeaderAction},
};

use super::{Service, browser, role::Role};

impl Service {
    /// Handles a message of another tab: with the follower, or with the leader once it is known that this tab still is it.
    pub(super) fn handle_tab_message(&self, bytes: Vec<u8>) {
        let is_superseded = match &self.inner.borrow().role {
            Role::Leader(leader, _) => leader.is_superseded_by(&bytes),
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
                if let Some(follower) = inner.follower() {
                    follower.handle_message(browser::now(), &bytes);
                }
                FollowerAction::Nothing
            });
        }
        self.guarded(move |service| {
            let action = {
                let mut inner = service.inner.borrow_mut();
                let Role::Leader(leader, client) = &mut inner.role else { return };
                leader.handle_message(browser::now(), &bytes, client)
            };
            service.run_leader_action(action);
            service.follow_other_tabs();
        });
    }

    fn run_leader_action(&self, action: LeaderAction) {
        match action {
            LeaderAction::Nothing => drop(self.with_client(|_| ())),
            LeaderAction::LogOut => self.log_out(),
            LeaderAction::Visibility(visible) => self.handle_follower_visibility(visible),
            LeaderAction::PublishSnapshot => {
                // Requests the write of everything pending, so that the follower reads it when it gets the snapshot.
                self.with_client(Client::handle_hidden);
                self.write_rooms();
                self.post_snapshot();
            }
        }
        self.post_renewal();
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
        if let (Role::Leader(leader, client), Some(channel)) = (&mut inner.role, &inner.tab_channel) {
            channel.post(&leader.snapshot(browser::now().monotonic, client));
        }
    }

    /// Answers the questions and commands of followers.
    fn post_renewal(&self) {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        if let (Role::Leader(leader, client), Some(channel)) = (&mut inner.role, &inner.tab_channel)
            && let Some(renewal) = leader.poll_renewal(browser::now().monotonic, client)
        {
            channel.post(&renewal);
        }
    }
}
