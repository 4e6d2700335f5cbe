//! Emission of events and changes of the state, and publication of the events to the other tabs.

use bytes::Bytes;
use parlour_core::{
    Millis,
    client::{Event, Origin, tabs::FollowerEvent},
    model::{Connection, Dialect},
};

use super::{Inner, Report, Service, browser, role::Role, scopes};
use crate::config;

impl Inner {
    /// Takes the next event of the client, or of the follower; then the next change of the state.
    fn next_report(&mut self) -> Option<Report> {
        match &mut self.role {
            Role::Follower(follower) | Role::Promoting(follower, ..) => match follower.poll_event() {
                Some(FollowerEvent::Client(event)) => Some(Report::Event(event)),
                Some(FollowerEvent::OutdatedSince(since)) => Some(Report::OutdatedSince(since)),
                Some(FollowerEvent::CommandFailed(status)) => Some(Report::CommandFailed(status)),
                None => follower.state_mut().poll_change().map(Report::Changed),
            },
            Role::Leader(_, client) | Role::Linking(client) => match client.poll_event() {
                Some(event) => Some(Report::Event(event)),
                None => client.state_mut().poll_change().map(Report::Changed),
            },
            Role::LoggedOut => None,
        }
    }

    /// Encodes an event for the followers, if this tab is the leader.
    fn publication(&mut self, now: Millis, event: &Event) -> Option<Bytes> {
        match &mut self.role {
            Role::Leader(leader, client) => leader.publish(now, event, client),
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
            Role::Leader(_, client) | Role::Linking(client) => client.is_logged_out(),
            Role::LoggedOut => false,
        }
    }

    /// Notes a change of the leader's state that the device has to have. Returns whether there is something to write.
    fn note_change(&mut self, report: &Report) -> bool {
        match (report, &self.role) {
            (Report::Changed(change), Role::Leader(_, client)) => {
                let is_rich = client.identity().is_some_and(|identity| identity.dialect == Dialect::Rich);
                is_rich && self.device.handle_change(client.state(), change)
            }
            _ => false,
        }
    }
}

impl Service {
    /// Emits everything that is pending. Nothing is borrowed while the sink runs, because an effect may call the service.
    pub(super) fn emit_reports(&self) {
        if self.emitting.replace(true) {
            return;
        }
        let mut is_over = false;
        loop {
            let mut inner = self.inner.borrow_mut();
            let Some(report) = inner.next_report() else { break };
            if let (Report::Event(Event::LoggedIn(..)), Role::Linking(_)) = (&report, &inner.role) {
                drop(inner);
                self.enter_linked_account();
                continue;
            }
            if is_over && matches!(report, Report::Changed(_)) {
                // Nobody is logged in any more; the last events follow.
                continue;
            }
            if inner.note_change(&report) {
                self.schedule_write(&mut inner);
            }
            drop(inner);
            if let Report::Event(event) = &report {
                is_over = self.handle_event(event);
            }
            let is_resumed = matches!(
                &report,
                Report::Event(
                    Event::LoggedIn(..) | Event::LoggedOut | Event::Connection(Connection::Failed { .. })
                )
            );
            match report {
                // It has a receiver of its own, and may be that of another tab.
                Report::Event(Event::Answer { origin, number, result, .. }) => {
                    if origin == Origin::LOCAL {
                        self.inner.borrow_mut().requests.answer(number, result);
                    }
                }
                report => {
                    self.handle_report_of_rooms(&report);
                    (self.sink)(report);
                }
            }
            if is_resumed {
                self.finish_resume();
            }
        }
        self.emitting.set(false);
        if is_over {
            self.end();
        }
    }

    /// Publishes an event, and notes whose scope this is. Returns whether nobody is logged in any more.
    fn handle_event(&self, event: &Event) -> bool {
        let mut inner = self.inner.borrow_mut();
        let now = browser::now().monotonic;
        if let Some(publication) = inner.publication(now, event)
            && let Some(channel) = &inner.tab_channel
        {
            channel.post(&publication);
        }
        if let Event::LoggedIn(identity, account) = event {
            // Not earlier: a login that fails must not displace the session of another tab.
            config::remember_scope(&inner.scope);
            // The device may have an earlier nick than the server.
            if let Role::Leader(_, client) = &inner.role
                && client.silence(now).is_some()
            {
                scopes::logged_in(&inner.scope, &identity.nick, *account);
            }
            inner.is_listed = scopes::is_listed(&inner.scope);
        }
        inner.is_over(event)
    }
}
