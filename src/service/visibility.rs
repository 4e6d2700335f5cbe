//! Visibility of the tabs and lifecycle events of the page. The client probes its connection more often while any of
//! the tabs is visible. Only the leader has a client, so followers report to it whether they are visible.

use parlour_core::{
    Millis,
    client::{Client, tabs::Follower},
};

use super::{
    Service,
    browser::{self, LifecycleEvent},
    drafts::TabData,
};

/// The time for which a report of a visible follower counts, in ms.
const REPORT_TIMEOUT_MS: Millis = 10_000;

/// The visibility of the tabs: what the followers have reported, and what the client was told.
#[derive(Debug, Default)]
pub(super) struct Visibility {
    /// A follower is visible until this time.
    follower_visible_until: Millis,
    /// The last value passed to the client.
    reported: Option<bool>,
}

impl Service {
    pub(super) fn handle_lifecycle_event(&self, event: LifecycleEvent) {
        match event {
            LifecycleEvent::Suspending => self.tab_data.handle_suspending(),
            LifecycleEvent::Resumed => TabData::handle_resumed(),
            _ => {}
        }
        if self.is_follower() {
            if event == LifecycleEvent::Suspending {
                // The rooms that only this tab shows need not be received any more; it asks for them again if it resumes.
                self.with_follower(Follower::handle_closing);
            }
            return self.report_visibility();
        }
        let is_hidden = event == LifecycleEvent::VisibilityChanged && !browser::is_visible();
        if event == LifecycleEvent::Suspending || is_hidden {
            // Now, because the page may be discarded. The device refuses it if this tab is not the leader any more.
            self.with_client(Client::handle_hidden);
            self.write_rooms();
        }
        self.guarded(move |service| {
            let now = browser::now();
            match event {
                _ if service.is_follower() => service.report_visibility(),
                LifecycleEvent::Resumed => drop(service.with_client(|client| client.handle_wake(now))),
                LifecycleEvent::Offline => drop(service.with_client(|client| client.handle_offline(now))),
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
        self.with_client(|client| client.handle_timeout(now));
        self.report_visibility();
    }

    /// Reports whether a tab is visible: a follower to the leader, the leader to its client.
    pub(super) fn report_visibility(&self) {
        let visible = browser::is_visible();
        let now = browser::now();
        if self.is_follower() {
            return self.with_follower(|follower| follower.handle_visibility(now.monotonic, visible));
        }
        let changed_to = {
            let mut inner = self.inner.borrow_mut();
            let visible = visible || inner.visibility.follower_visible_until > now.monotonic;
            (inner.visibility.reported.replace(visible) != Some(visible)).then_some(visible)
        };
        if let Some(visible) = changed_to {
            self.with_client(|client| client.handle_visibility(now, visible));
        }
    }
}
