//! Applies the service's events to the store.

use gloo_timers::callback::Interval;
use leptos::prelude::*;
use parlour_core::{
    event::{Event, LOCAL},
    model::{Connection, Delivery, Identity, Message},
    status::Status,
    timeline::{Notice, Timeline},
};

use super::{
    search::Search,
    store::{Announcement, ComposerNote, DEFAULT_TITLE, LoginError, SeekResult, Store, empty_timeline},
};

impl Store {
    /// Applies an event of the service.
    pub(super) fn apply(&self, event: Event) {
        match event {
            Event::Connection(connection) => self.connection_changed(connection),
            Event::LoggedIn(identity) => self.logged_in(identity),
            Event::Renamed(nick) => self.renamed(&nick),
            Event::LoggedOut => self.logged_out(),
            Event::Message(message) => self.message_received(message),
            Event::HistoryPage(messages) => self.update_timeline(|timeline| timeline.insert_page(messages)),
            Event::SeekFinished { requester: LOCAL, seq } => self.seek_finished(seq),
            Event::SearchFinished { requester: LOCAL, results } => self.search_finished(results),
            Event::PageFinished { requester: LOCAL, .. } => self.page_finished(),
            // Meant for follower tabs.
            Event::RangeLoaded(_)
            | Event::PageFinished { .. }
            | Event::SeekFinished { .. }
            | Event::SearchFinished { .. } => {}
            Event::Gaps(gaps) => {
                self.set.from_start.set(Some(gaps.first().is_none_or(|missing| missing.gap.from > 0)));
                self.update_timeline(|timeline| timeline.set_gaps(&gaps));
            }
            Event::LogReplaced => self.log_replaced(),
            Event::FromDevice(yes) => self.set.from_device.set(yes),
            Event::Delivery(id, delivery) => {
                if let Delivery::Failed(status) = delivery {
                    self.set.announcements.update(|all| all.push(Announcement::NotSent(status)));
                }
                self.update_timeline(|timeline| timeline.set_delivery(id, delivery))
            }
            Event::Discarded(id) => self.update_timeline(|timeline| timeline.discard(id)),
            Event::Throttled(status, ms) => self.start_note_countdown(status, ms.div_ceil(1000)),
            Event::MembersChanged => {
                let (members, total) = self.service().members();
                self.set.members.set(members);
                self.set.member_count.set(total);
            }
            Event::PresenceChanged(change, time) => {
                self.update_timeline(|timeline| timeline.presence_changed(&change.nick, change.joined, time))
            }
            Event::Notice(notice) => self.add_notice(notice),
            Event::Refused(refusal) => {
                tracing::warn!(code = refusal.status.code(), "the server refused a frame");
                let error = LoginError::from(refusal);
                match error.text {
                    Some(text) => self.add_notice(Notice::Server(text)),
                    None => self.set.composer_note.set(Some(ComposerNote::Refused(error.status))),
                }
            }
            Event::RoundTrip(ms) => self.set.round_trip_ms.set(Some(ms)),
            Event::OutdatedSince(since) => self.start_outdated_counter(since),
            Event::Unread(count) => self.set.unread.set(count),
            Event::CommandFailed(status) => self.report_error(status),
        }
    }

    fn connection_changed(&self, connection: Connection) {
        if let Connection::Failed { status, refusal } = &connection
            && self.identity.with_untracked(Option::is_none)
        {
            let error = refusal.clone().map_or_else(|| LoginError::from(*status), LoginError::from);
            self.set.login_error.set(Some(error));
        }
        let online = matches!(connection, Connection::Online { .. });
        if !online {
            self.set.round_trip_ms.set(None);
        }
        let retry_at = match connection {
            Connection::Reconnecting { retry_at, .. } => retry_at,
            _ => None,
        };
        let is_trying =
            matches!(connection, Connection::Connecting | Connection::Reconnecting { retry_at: None, .. });
        self.set.connection.set(connection);
        if !is_trying && self.set_attempting(false) {
            self.set.attempts.update(|ended| *ended = ended.wrapping_add(1));
        }
        if online {
            self.retry_failed_search();
        }
        self.start_retry_countdown(retry_at);
    }

    /// Updates [`Store::retry_in_seconds`] once a second until the next connection attempt.
    fn start_retry_countdown(&self, retry_at: Option<u64>) {
        let store = *self;
        let seconds_left = move || {
            let now = store.service().monotonic_ms();
            retry_at.map(|at| u32::try_from(at.saturating_sub(now).div_ceil(1000)).unwrap_or(u32::MAX))
        };
        self.set.retry_in_seconds.set(seconds_left());
        let timer =
            retry_at.map(|_| Interval::new(1000, move || store.set.retry_in_seconds.set(seconds_left())));
        self.inner.update_value(|inner| inner.retry_timer = timer);
    }

    /// Updates [`Store::outdated_seconds`] once a second until what is shown is up to date again.
    fn start_outdated_counter(&self, since: Option<u64>) {
        let store = *self;
        let seconds = move || {
            let now = store.service().monotonic_ms();
            since.map(|since| u32::try_from(now.saturating_sub(since) / 1000).unwrap_or(u32::MAX))
        };
        self.set.outdated_seconds.set(seconds());
        let timer = since.map(|_| Interval::new(1000, move || store.set.outdated_seconds.set(seconds())));
        self.inner.update_value(|inner| inner.outdated_timer = timer);
    }

    /// Shows the composer's note about throttling and counts its seconds down. It is announced once, however often the
    /// countdown starts again.
    fn start_note_countdown(&self, status: Status, seconds: u32) {
        let shown = self.composer_note.get_untracked();
        if !matches!(shown, Some(ComposerNote::Wait(reason, _)) if reason == status) {
            self.set.announcements.update(|all| all.push(Announcement::Paused(status, seconds)));
        }
        self.set.composer_note.set(Some(ComposerNote::Wait(status, seconds)));
        let store = *self;
        let timer = Interval::new(1000, move || {
            // A note about the text being typed may have replaced the countdown and stays.
            if let Some(ComposerNote::Wait(status, left)) = store.composer_note.get_untracked() {
                let note = (left > 1).then(|| ComposerNote::Wait(status, left - 1));
                store.set.composer_note.set(note);
                if note.is_some() {
                    return;
                }
            }
            // Deferred, because dropping the interval drops this closure while it runs.
            leptos::task::spawn_local(async move {
                store.inner.update_value(|inner| inner.note_timer = None);
            });
        });
        self.inner.update_value(|inner| inner.note_timer = Some(timer));
    }

    fn logged_in(&self, identity: Identity) {
        self.set.login_error.set(None);
        let title_is_fixed = self.inner.with_value(|inner| inner.title_is_fixed);
        if let Some(name) = identity.server_name.clone().filter(|_| !title_is_fixed) {
            self.set.title.set(name);
        }
        self.set.identity.set(Some(identity));
    }

    fn logged_out(&self) {
        self.inner.update_value(|inner| {
            inner.timeline = empty_timeline();
            inner.note_timer = None;
            inner.search_timer = None;
        });
        self.close_dialog();
        self.clear_outcome();
        self.set.identity.set(None);
        if !self.inner.with_value(|inner| inner.title_is_fixed) {
            // The name of the server.
            self.set.title.set(DEFAULT_TITLE.into());
        }
        self.set.timeline_version.update(|version| *version = version.wrapping_add(1));
        self.set.rows_lost.set(false);
        self.set.has_messages.set(false);
        self.set.from_start.set(None);
        self.set.from_device.set(false);
        self.set.seek_result.set(None);
        self.set.seeking.set(false);
        self.start_outdated_counter(None);
        self.set.search.set(Search::default());
        self.set.members.set(Vec::new());
        self.set.member_count.set(0);
        self.set.composer_note.set(None);
        self.set.announcements.set(Vec::new());
        self.set.unread.set(0);
    }

    fn page_finished(&self) {
        self.set.finished_pages.update(|finished| *finished = finished.wrapping_add(1));
    }

    /// Forgets everything that refers to the previous log's messages.
    fn log_replaced(&self) {
        self.update_timeline(Timeline::clear_acknowledged);
        self.inner.update_value(|inner| inner.search_timer = None);
        self.set.from_start.set(None);
        self.set.search.set(Search::default());
        self.set.unread.set(0);
    }

    fn seek_finished(&self, seq: Option<u64>) {
        // A seek replaces the loading of a gap.
        self.page_finished();
        if !self.seeking.get_untracked() {
            // The answer to `load_around`, which must not move the scroll position.
            return;
        }
        self.set.seeking.set(false);
        self.set.seek_result.update(|result| {
            let number = result.map_or(0, |last| last.number).wrapping_add(1);
            *result = Some(SeekResult { seq, number });
        });
    }

    fn message_received(&self, message: Message) {
        if !message.own && message.delivery == Delivery::Sent {
            self.set.received.update(|received| *received += 1);
        }
        self.update_timeline(|timeline| timeline.insert(message));
    }
}
