//! The change of this tab's role. When the leader is closed, the follower that acquires the lock is promoted and continues
//! from the data persisted on the device. When the leader does not respond, a follower steals the lock; the old leader
//! steps down when it resumes, see [`parlour_core::tabs`].

use parlour_core::{
    event::Event,
    persist::Persisted,
    tabs::{self, Follower, Gate, Leader, TabCommand},
};
use wasm_bindgen_futures::spawn_local;

use super::{Service, browser, random_id, role::Role, storage, tab_channel::LockChange};

impl Service {
    /// Changes the role as the lock requires.
    pub(super) fn handle_lock_change(&self, change: LockChange) {
        match change {
            LockChange::Granted => self.promote(),
            LockChange::Lost => self.step_down(),
            LockChange::Refused => {
                self.with_follower(|follower| follower.handle_lock_refused(browser::now().monotonic));
            }
        }
    }

    /// Starts to become the leader: reads the device, then continues in [`Self::lead`].
    fn promote(&self) {
        let lease = {
            let mut inner = self.inner.borrow_mut();
            let Role::Follower(follower) = &mut inner.role else { return };
            follower.handle_leader_gone();
            follower.next_lease(browser::now().unix)
        };
        self.emit_events();
        let (login_number, scope) = {
            let mut inner = self.inner.borrow_mut();
            inner.role = match std::mem::replace(&mut inner.role, Role::LoggedOut) {
                Role::Follower(follower) => Role::Promoting(follower, Vec::new(), lease),
                other => other,
            };
            (inner.login_number, inner.scope.clone())
        };
        // Followers that also miss the old leader wait for this one.
        self.post(&Leader::announcement(lease));
        let service = self.clone();
        spawn_local(async move {
            let claimed = storage::claim_lease(&scope, lease).await;
            let persisted = storage::load(&scope).await;
            if service.is_current(login_number) {
                service.lead(lease, claimed.unwrap_or(lease), persisted);
            }
        });
    }

    /// Becomes the leader, with the data of the device. `requested` is the lease number of [`Self::promote`], `lease` the
    /// one that was recorded.
    fn lead(&self, requested: u64, lease: u64, persisted: Option<Persisted>) {
        let storage_works = persisted.is_some();
        let prepared = {
            let mut inner = self.inner.borrow_mut();
            let inner = &mut *inner;
            let Role::Promoting(follower, received, promoted) = &mut inner.role else { return };
            if *promoted != requested {
                // The lock was lost and acquired again meanwhile.
                return;
            }
            let mut persisted = persisted.or_else(|| follower.mirrored()).unwrap_or_default();
            follower.handle_promotion(&mut persisted);
            // Requests that were made while the device was read. The server sends again what the other events report.
            follower.handle_leader_gone();
            let events = std::iter::from_fn(|| follower.poll_event());
            let events: Vec<_> = events.filter(tabs::is_kept_by_leader).collect();
            if persisted.is_logged_in() || inner.is_new_login {
                let received = std::mem::take(received);
                let leader = follower.promoted(lease, !received.is_empty());
                let (unsent, unanswered) = (follower.take_queued(), follower.take_unanswered());
                inner.role = Role::Leader(Box::new(leader));
                inner.gate = Gate::default();
                Some((persisted, received, unsent, unanswered, inner.nick.clone(), events))
            } else {
                None
            }
        };
        let Some((persisted, received, unsent, (sends, commands), nick, events)) = prepared else {
            // The previous leader has logged out.
            (self.sink)(Event::LoggedOut);
            return self.end();
        };
        (self.sink)(Event::OutdatedSince(None));
        for event in events {
            let unread_changed = self.inner.borrow_mut().unread.handle_event(&event);
            (self.sink)(event);
            self.update_unread(unread_changed);
        }
        self.with_session(|session| {
            session.handle_new_secret(browser::random());
            // Cannot fail: the nick is validated, and nobody is logged in.
            let _ = session.handle_login(browser::now(), &nick, persisted);
            // In case that a follower continues under another nick.
            session.handle_new_secret(browser::random());
            session.handle_adopt_queued(unsent);
            sends.iter().for_each(|value| session.handle_adopt(browser::now(), value));
        });
        self.handle_storage_result(storage_works);
        self.post_snapshot();
        commands.into_iter().for_each(|command| self.execute(command));
        received.into_iter().for_each(|bytes| self.handle_tab_message(bytes));
        self.report_visibility();
    }

    /// Becomes a follower, because another tab is the leader. Nothing is sent or persisted.
    pub(super) fn step_down(&self) {
        let now = browser::now().monotonic;
        let held = {
            let mut inner = self.inner.borrow_mut();
            let inner = &mut *inner;
            let follower = match std::mem::replace(&mut inner.role, Role::LoggedOut) {
                Role::Leader(leader) => {
                    Box::new(Follower::after_leading(now, random_id(), &leader, &inner.session))
                }
                Role::Follower(follower) | Role::Promoting(follower, ..) => follower,
                Role::LoggedOut => return,
            };
            tracing::info!("another tab has taken the connection over");
            inner.role = Role::Follower(follower);
            inner.replace_session();
            if let Some(channel) = &inner.tab_channel {
                channel.request_lock();
                channel.post(&tabs::command(TabCommand::RequestSnapshot));
            }
            inner.socket.close(None);
            inner.gate.open(now)
        };
        self.report_visibility();
        self.forward_unpersisted();
        held.into_iter().for_each(|act| act(self));
    }
}
