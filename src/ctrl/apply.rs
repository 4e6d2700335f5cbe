//! Events into signals.

use gloo_timers::callback::Interval;
use parlour_core::{
    event::{Event, LOCAL},
    model::{Connection, Delivery, Identity, Message},
    status::Status,
    timeline::{Notice, Timeline},
};

use super::{
    search::Search,
    store::{ComposerNote, LoginError, Sought, Store},
};

impl Store {
    /// Takes an event of the service. The only way by which what is known changes.
    pub(super) fn apply(&self, event: Event) {
        match event {
            Event::Connection(connection) => self.connected(connection),
            Event::LoggedIn(identity) => self.logged_in(identity),
            Event::LoggedOut => self.logged_out(),
            Event::Message(message) => self.message(message),
            Event::HistoryPage(messages) => self.change(|timeline| timeline.insert_page(messages)),
            Event::SeekFinished { requester: LOCAL, seq } => self.sought_is_there(seq),
            Event::SearchFinished { requester: LOCAL, results: found } => self.found(found),
            // For pages that follow.
            Event::RangeLoaded(_) | Event::SeekFinished { .. } | Event::SearchFinished { .. } => {}
            Event::Gaps(gaps) => {
                self.from_start.set(Some(gaps.first().is_none_or(|missing| missing.gap.from > 0)));
                self.change(|timeline| timeline.set_gaps(&gaps));
            }
            Event::LogReplaced => self.change(Timeline::clear_acknowledged),
            Event::FromDevice(yes) => self.from_device.set(yes),
            Event::Delivery(id, delivery) => self.change(|timeline| timeline.set_delivery(id, delivery)),
            Event::Discarded(id) => self.change(|timeline| timeline.discard(id)),
            Event::Throttled(status, ms) => self.count_down_note(status, ms.div_ceil(1000)),
            Event::MembersChanged => {
                let (members, total) = self.service().roster();
                self.roster.set(members);
                self.roster_total.set(total);
            }
            Event::PresenceChanged(moved, time) => {
                self.change(|timeline| timeline.presence_changed(&moved.nick, moved.joined, time))
            }
            Event::Notice(notice) => self.notice(notice),
            Event::Refused(refused) => {
                tracing::warn!(code = refused.status.code(), "the server refused a frame");
                let error = LoginError::from(refused);
                match error.text {
                    Some(text) => self.notice(Notice::Server(text)),
                    None => self.composer_note.set(Some(ComposerNote::Refused(error.status))),
                }
            }
            Event::RoundTrip(ms) => self.round_trip.set(Some(ms)),
        }
    }

    fn connected(&self, connection: Connection) {
        if let Connection::Failed { status, refusal } = &connection
            && self.identity.with_untracked(Option::is_none)
        {
            let error = refusal.clone().map_or_else(|| LoginError::from(*status), LoginError::from);
            self.login_error.set(Some(error));
        }
        if !matches!(connection, Connection::Online { .. }) {
            self.round_trip.set(None);
        }
        let retry_at = match connection {
            Connection::Reconnecting { retry_at, .. } => retry_at,
            _ => None,
        };
        let online = matches!(connection, Connection::Online { .. });
        self.connection.set(connection);
        if online {
            self.search_again();
        }
        self.count_down_retry(retry_at);
    }

    /// Counts the seconds to the next attempt, once a second, and only while there is something to count.
    fn count_down_retry(&self, retry_at: Option<u64>) {
        let store = *self;
        let left = move || {
            let now = store.service().clock();
            retry_at.map(|at| u32::try_from(at.saturating_sub(now).div_ceil(1000)).unwrap_or(u32::MAX))
        };
        self.retry_in.set(left());
        let timer = retry_at.map(|_| Interval::new(1000, move || store.retry_in.set(left())));
        self.inner.update_value(|inner| inner.retry_timer = timer);
    }

    fn count_down_note(&self, status: Status, seconds: u32) {
        self.composer_note.set(Some(ComposerNote::Wait(status, seconds)));
        let store = *self;
        let timer = Interval::new(1000, move || {
            // Another note is left alone: it is about what is being typed.
            if let Some(ComposerNote::Wait(status, left)) = store.composer_note.get_untracked() {
                let note = (left > 1).then(|| ComposerNote::Wait(status, left - 1));
                store.composer_note.set(note);
                if note.is_some() {
                    return;
                }
            }
            // Not from within its own callback: dropping the timer would drop what is running.
            leptos::task::spawn_local(async move {
                store.inner.update_value(|inner| inner.note_timer = None);
            });
        });
        self.inner.update_value(|inner| inner.note_timer = Some(timer));
    }

    fn logged_in(&self, identity: Identity) {
        self.login_error.set(None);
        let fixed = self.inner.with_value(|inner| inner.title_is_fixed);
        if let Some(name) = identity.server_name.clone().filter(|_| !fixed) {
            self.title.set(name);
        }
        self.identity.set(Some(identity));
    }

    fn logged_out(&self) {
        self.inner.update_value(|inner| {
            inner.timeline = super::store::timeline();
            inner.note_timer = None;
            inner.search_timer = None;
        });
        self.identity.set(None);
        self.changes.update(|changes| *changes = changes.wrapping_add(1));
        self.dropped.set(false);
        self.has_messages.set(false);
        self.from_start.set(None);
        self.from_device.set(false);
        self.sought.set(None);
        self.seeking.set(false);
        self.search.set(Search::default());
        self.roster.set(Vec::new());
        self.roster_total.set(0);
        self.composer_note.set(None);
        self.unread.set(0);
    }

    fn sought_is_there(&self, seq: Option<u64>) {
        if !self.seeking.get_untracked() {
            // Only fetched.
            return;
        }
        self.seeking.set(false);
        self.sought.update(|sought| {
            let number = sought.map_or(0, |sought| sought.number).wrapping_add(1);
            *sought = Some(Sought { seq, number });
        });
    }

    fn message(&self, message: Message) {
        if !message.own && message.delivery == Delivery::Sent {
            self.heard.update(|heard| *heard += 1);
            if !self.looking.get_untracked() {
                self.unread.update(|unread| *unread += 1);
            }
        }
        self.change(|timeline| timeline.insert(message));
    }
}
