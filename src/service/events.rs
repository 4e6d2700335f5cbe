//! Emission of the events of the session, or of the follower, and their publication to the other tabs.

use bytes::Bytes;
use parlour_core::{Millis, event::Event, model::Connection};

use super::{Inner, Service, browser, role::Role};
use crate::config;

impl Inner {
    /// Takes the next event of the session, or of the follower.
    fn next_event(&mut self) -> Option<Event> {
        match &mut self.role {
            Role::Follower(follower) | Role::Promoting(follower, ..) => follower.poll_event(),
            _ => self.session.poll_event(),
        }
    }

    /// Encodes an event for the followers, if this tab is the leader.
    fn tab_message(&mut self, now: Millis, event: &Event) -> Option<Bytes> {
        match &mut self.role {
            Role::Leader(leader) => leader.publish(now, event, &self.session),
            _ => None,
        }
    }

    /// Returns `true` if nobody is logged in any more after this event.
    fn is_over(&self, event: &Event) -> bool {
        match &self.role {
            Role::Follower(_) | Role::Promoting(..) => {
                matches!(event, Event::LoggedOut)
                    || (matches!(event, Event::Connection(Connection::Failed { .. })) && self.is_new_login)
            }
            Role::Leader(_) => self.session.is_logged_out(),
            Role::LoggedOut => false,
        }
    }
}

impl Service {
    /// Emits all pending events. Nothing is borrowed while the sink runs, because an effect may call the service.
    pub(super) fn emit_events(&self) {
        if self.emitting.replace(true) {
            return;
        }
        let mut is_over = false;
        loop {
            let mut inner = self.inner.borrow_mut();
            let Some(event) = inner.next_event() else { break };
            let message = inner.tab_message(browser::now().monotonic, &event);
            let previous_channel = match &event {
                Event::Renamed(nick) => {
                    drop(inner);
                    let channel = self.enter_scope_of(nick);
                    inner = self.inner.borrow_mut();
                    channel
                }
                _ => None,
            };
            if let Some(message) = message
                && let Some(channel) = previous_channel.as_ref().or(inner.tab_channel.as_ref())
            {
                channel.post(&message);
            }
            is_over = inner.is_over(&event);
            let unread_changed = inner.unread.handle_event(&event);
            let scope = inner.scope.clone();
            drop(inner);
            if let Event::LoggedIn(_) = event {
                // Not earlier: a login that fails must not displace the session of another tab.
                config::remember_scope(&scope);
            }
            if previous_channel.is_some() {
                // Its own callback may be running.
                self.defer(Box::new(move |_| drop(previous_channel)));
            }
            let resumed = matches!(
                event,
                Event::LoggedIn(_) | Event::LoggedOut | Event::Connection(Connection::Failed { .. })
            );
            (self.sink)(event);
            self.update_unread(unread_changed);
            if resumed {
                self.finish_resume();
            }
        }
        self.emitting.set(false);
        if is_over {
            self.end();
        }
    }
}
