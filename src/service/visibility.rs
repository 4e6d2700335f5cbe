//! Visibility of the tabs and lifecycle events of the page. The session probes its connection more often while any of
//! the tabs is visible. Only the leader has a session, so followers report to it whether they are visible.

use parlour_core::{
    Millis,
    session::Session,
    tabs::{self, TabCommand},
};

use super::{
    Service,
    browser::{self, LifecycleEvent},
    drafts::Drafts,
};

/// How often a visible follower reports that it is visible.
const REPORT_INTERVAL_MS: Millis = 4_000;
/// How long the leader considers a follower visible after a report.
const REPORT_TIMEOUT_MS: Millis = 10_000;

/// Whether any of the tabs is visible.
#[derive(Debug, Default)]
pub(super) struct Visibility {
    /// A follower is visible until this time.
    follower_visible_until: Millis,
    /// The last value passed to the session.
    reported: Option<bool>,
}

impl Visibility {
    /// When a follower has to report its visibility again.
    pub fn next_report(&self, now: Millis) -> Option<Millis> {
        browser::is_visible().then_some(now + REPORT_INTERVAL_MS)
    }
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
        let now = browser::now();
        match event {
            LifecycleEvent::Resumed => self.with_session(|session| session.handle_wake(now)),
            LifecycleEvent::Offline => self.with_session(|session| session.handle_offline(now)),
            LifecycleEvent::Suspending => self.with_session(Session::handle_hidden),
            LifecycleEvent::VisibilityChanged => {
                if !browser::is_visible() {
                    self.with_session(Session::handle_hidden);
                }
                self.report_visibility();
            }
        }
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
        if self.is_follower() {
            self.post(&tabs::command(if visible { TabCommand::Visible } else { TabCommand::Hidden }));
            return self.set_timer();
        }
        let now = browser::now();
        let changed_to = {
            let mut inner = self.inner.borrow_mut();
            let visible = visible || inner.visibility.follower_visible_until > now.monotonic;
            (inner.visibility.reported.replace(visible) != Some(visible)).then_some(visible)
        };
        if let Some(visible) = changed_to {
            self.with_session(|session| session.handle_visibility(now, visible));
        }
    }
}
