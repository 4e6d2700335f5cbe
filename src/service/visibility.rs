//! Visibility of the tabs and lifecycle events of the page. The session probes its connection more often while any of
//! the tabs is visible. Only the leader has a session, so followers report to it whether they are visible.

use gloo_timers::callback::Timeout;
use parlour_core::{Millis, event::Event, session::Session, tabs::FollowerAction};

use super::{
    Service,
    browser::{self, LifecycleEvent},
    drafts::Drafts,
};

/// How long the leader considers a follower visible after a report.
const REPORT_TIMEOUT_MS: Millis = 10_000;

/// Delay before the other tabs are told what was read, so that a burst of messages is told once.
const READ_DELAY_MS: u32 = 200;

/// Whether any of the tabs is visible.
#[derive(Debug, Default)]
pub(super) struct Visibility {
    /// A follower is visible until this time.
    follower_visible_until: Millis,
    /// The last value passed to the session.
    reported: Option<bool>,
}

impl Service {
    pub(super) fn handle_lifecycle_event(&self, event: LifecycleEvent) {
        match event {
            LifecycleEvent::Suspending => self.drafts.handle_suspending(),
            LifecycleEvent::Resumed => Drafts::handle_resumed(),
            _ => {}
        }
        if self.is_follower() {
            return self.report_visibility();
        }
        let is_hidden = event == LifecycleEvent::VisibilityChanged && !browser::is_visible();
        if event == LifecycleEvent::Suspending || is_hidden {
            // Now, because the page may be discarded. The device refuses it if this tab is not the leader any more.
            self.with_session(Session::handle_hidden);
        }
        self.guarded(move |service| {
            let now = browser::now();
            match event {
                _ if service.is_follower() => service.report_visibility(),
                LifecycleEvent::Resumed => service.with_session(|session| session.handle_wake(now)),
                LifecycleEvent::Offline => service.with_session(|session| session.handle_offline(now)),
                LifecycleEvent::Suspending => {}
                LifecycleEvent::VisibilityChanged => service.report_visibility(),
            }
        });
    }

    /// Handles a visibility report of a follower, in the leader.
    pub(super) fn handle_follower_visibility(&self, visible: bool) {
        let now = browser::now();
        self.inner.borrow_mut().visibility.follower_visible_until =
            if visible { now.monotonic + REPORT_TIMEOUT_MS } else { 0 };
        self.with_session(|session| session.handle_timeout(now));
        self.report_visibility();
    }

    /// Reports whether a tab is visible: a follower to the leader, the leader to its session.
    pub(super) fn report_visibility(&self) {
        let visible = browser::is_visible();
        let now = browser::now();
        if self.is_follower() {
            return self.with_follower(|follower| {
                follower.handle_visibility(now.monotonic, visible);
                FollowerAction::Nothing
            });
        }
        let changed_to = {
            let mut inner = self.inner.borrow_mut();
            let visible = visible || inner.visibility.follower_visible_until > now.monotonic;
            (inner.visibility.reported.replace(visible) != Some(visible)).then_some(visible)
        };
        if let Some(visible) = changed_to {
            self.with_session(|session| session.handle_visibility(now, visible));
        }
    }

    /// Reports the number of unread messages if it has changed, and tells the other tabs what was read in this one.
    pub(super) fn update_unread(&self, changed: bool) {
        let count = self.inner.borrow().unread.count();
        if changed {
            (self.sink)(Event::Unread(count));
        }
        let mut inner = self.inner.borrow_mut();
        if inner.unread.is_untold() && inner.read_timer.is_none() {
            let service = self.clone();
            inner.read_timer = Some(Timeout::new(READ_DELAY_MS, move || {
                let message = {
                    let mut inner = service.inner.borrow_mut();
                    inner.read_timer = None;
                    inner.unread.poll_message()
                };
                if let Some(message) = message {
                    service.post(&message);
                }
            }));
        }
    }
}
