//! Drives core's [`Session`]: passes it input, executes its commands and sets the timer for its next timeout, which is the
//! follower's in a tab that is not the leader.

use gloo_timers::callback::Timeout;
use parlour_core::{
    Millis,
    session::{Command, Session},
    tabs::FollowerAction,
};

use super::{Service, browser, role::Role};

/// A timer that fires this late means that the device was asleep.
const SLEEP_THRESHOLD_MS: Millis = 3_000;

impl Service {
    /// Passes input to the session, then executes its commands and emits its events.
    pub(super) fn with_session<T>(&self, act: impl FnOnce(&mut Session) -> T) -> T {
        let out = act(&mut self.inner.borrow_mut().session);
        self.run_commands();
        self.emit_events();
        out
    }

    fn run_commands(&self) {
        loop {
            let command = self.inner.borrow_mut().session.poll_command();
            match command {
                None => break,
                Some(Command::Open) => self.open_socket(),
                Some(Command::Send(bytes)) => self.inner.borrow().socket.send(&bytes),
                Some(Command::Persist { ticket, changes }) => self.persist(ticket, &changes),
                Some(Command::Close(code)) => self.inner.borrow_mut().socket.close(code),
            }
        }
        self.set_timer();
    }

    /// Sets the timer for the next timeout of the session, or of the follower.
    pub(super) fn set_timer(&self) {
        let mut inner = self.inner.borrow_mut();
        let due = match &inner.role {
            Role::Follower(follower) => follower.poll_timeout(),
            // Reading the device has a timeout of its own.
            Role::Promoting(..) => None,
            Role::Leader(_) | Role::LoggedOut => inner.session.poll_timeout(),
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
                    Some(follower) => follower.handle_timeout(now.monotonic),
                    None => FollowerAction::Nothing,
                });
            }
            if now.monotonic > due + SLEEP_THRESHOLD_MS {
                service.with_session(|session| session.handle_wake(now));
            } else {
                service.with_session(|session| session.handle_timeout(now));
            }
            service.report_visibility();
        });
    }
}
