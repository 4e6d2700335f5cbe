//! Drives core's [`Client`]: passes it input, executes its outputs and sets the timer for its next timeout, which is the
//! follower's in a tab that is not the leader.

use gloo_timers::callback::Timeout;
use parlour_core::{
    Millis,
    client::{
        Client, Output,
        state::ClientState,
        tabs::{Follower, FollowerAction},
    },
};

use super::{Inner, Service, browser, role::Role};

/// A timer that fires this late means that the device was asleep.
const SLEEP_THRESHOLD_MS: Millis = 3_000;

impl Service {
    /// Passes input to the client, then executes its outputs and emits its events; `None` if this tab has no client.
    pub(super) fn with_client<T>(&self, act: impl FnOnce(&mut Client) -> T) -> Option<T> {
        let out = self.inner.borrow_mut().client().map(act);
        self.run_outputs();
        self.emit_reports();
        out
    }

    fn run_outputs(&self) {
        loop {
            let output = self.inner.borrow_mut().client().and_then(Client::poll_output);
            match output {
                None => break,
                Some(Output::Open) => self.open_socket(),
                Some(Output::Send(bytes)) => self.inner.borrow().socket.send(&bytes),
                Some(Output::Persist { ticket, changes }) => self.persist(ticket, changes),
                Some(Output::Close(code)) => self.inner.borrow_mut().socket.close(code),
            }
        }
        self.set_timer();
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

    /// Passes input to the follower, then posts its messages, persists and deletes what is to be, emits its events and runs its action.
    pub(super) fn run_follower(&self, act: impl FnOnce(&mut Inner) -> FollowerAction) {
        let action = {
            let mut inner = self.inner.borrow_mut();
            let action = act(&mut inner);
            // A logout in another tab ends a login that has succeeded.
            let is_logged_in = inner.follower().is_some_and(|follower| follower.is_logged_in());
            inner.is_new_login &= !is_logged_in;
            action
        };
        self.post_pending();
        self.forward_unpersisted();
        self.delete_late_messages();
        self.emit_reports();
        self.set_timer();
        let inner = self.inner.borrow();
        if action == FollowerAction::TakeOver
            && let (Role::Follower(_), Some(channel)) = (&inner.role, &inner.tab_channel)
        {
            tracing::info!("the tab that has the connection does not respond");
            channel.steal_lock();
        }
    }

    /// Posts the messages of the follower.
    fn post_pending(&self) {
        let mut inner = self.inner.borrow_mut();
        while let Some(post) = inner.follower().and_then(|follower| follower.poll_post(browser::now())) {
            if let Some(channel) = &inner.tab_channel {
                channel.post(&post);
            }
        }
    }

    /// Changes the state of this tab, whatever its role is.
    pub(super) fn change_state(&self, act: impl FnOnce(&mut ClientState)) {
        if self.is_follower() {
            self.with_follower(|follower| act(follower.state_mut()));
        } else {
            self.with_client(|client| act(client.state_mut()));
        }
    }

    /// Sets the timer for the next timeout of the client, or of the follower.
    pub(super) fn set_timer(&self) {
        let mut inner = self.inner.borrow_mut();
        let due = match &inner.role {
            Role::Follower(follower) => follower.poll_timeout(),
            Role::Leader(_, client) | Role::Linking(client) => client.poll_timeout(),
            // Reading the device has a timeout of its own.
            Role::Promoting(..) | Role::LoggedOut => None,
        };
        inner.timer = due.map(|at| {
            let wait = at.saturating_sub(browser::now().monotonic).min(60 * 60_000);
            let service = self.clone();
            // An hour fits in a u32. A timer that fires too early finds nothing due and is set again.
            #[allow(clippy::cast_possible_truncation)]
            Timeout::new(wait as u32, move || service.handle_timeout(at))
        });
    }

    fn handle_timeout(&self, due: Millis) {
        self.guarded(move |service| {
            let now = browser::now();
            if service.is_follower() {
                return service.run_follower(|inner| match inner.follower() {
                    Some(follower) => follower.handle_timeout(now),
                    None => FollowerAction::Nothing,
                });
            }
            if now.monotonic > due + SLEEP_THRESHOLD_MS {
                service.with_client(|client| client.handle_wake(now));
            } else {
                service.with_client(|client| client.handle_timeout(now));
            }
            service.report_visibility();
        });
    }
}
