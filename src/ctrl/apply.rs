//! Applies the reports of the service to the store.

use gloo_timers::callback::Interval;
use leptos::prelude::*;
use parlour_core::{
    client::{Event, state::Change},
    model::{Connection, Delivery, Identity, RoomId},
    sorted::SortedSet,
    status::Status,
    timeline::Notice,
};

use super::{
    store::{DEFAULT_TITLE, Store},
    values::{Announcement, ComposerNote, LoginError},
};
use crate::service::Report;

impl Store {
    /// Applies a report of the service.
    pub(super) fn apply(&self, report: Report) {
        match report {
            Report::Event(event) => self.apply_event(event),
            Report::Changed(change) => self.apply_change(change),
            Report::OutdatedSince(since) => self.start_outdated_counter(since),
            Report::CommandFailed(status) => self.report_error(status),
        }
    }

    /// Applies an event of the client. Its effects on the state are reported as changes.
    fn apply_event(&self, event: Event) {
        match event {
            Event::Received(_) => self.live_message_received(&event),
            Event::Connection(connection) => self.connection_changed(connection),
            Event::LoggedIn(identity, _) => self.logged_in(identity),
            Event::LoggedOut => self.logged_out(),
            Event::Delivery(_, _, Delivery::Failed(status)) => {
                self.set.announcements.update(|all| all.push(Announcement::NotSent(status)));
            }
            Event::Throttled(room, status, ms) => {
                if room.is_none() || room == self.open_room.get_untracked() {
                    self.start_note_countdown(status, ms.div_ceil(1000));
                }
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
            // The state has them.
            Event::Answer { .. }
            | Event::Unsubscribed(_)
            | Event::Cursor(..)
            | Event::Own(_)
            | Event::Delivery(..)
            | Event::Acknowledged { .. }
            | Event::Discarded(..) => {}
        }
    }

    /// Applies a change of the state of this tab.
    fn apply_change(&self, change: Change) {
        match change {
            Change::Account => self.list_changed(),
            Change::Room(room) => self.room_changed(room),
            Change::Timeline(room, update) => self.timeline_changed(room, update),
            Change::Event(room, event) => self.room_event(room, &event),
            Change::Person(account) => {
                self.set.list_version.update(|version| *version = version.wrapping_add(1));
                self.person_changed(account);
            }
            Change::Removed(room) => {
                self.inner.update_value(|inner| drop(inner.timelines.remove(&room)));
                if self.open_room.get_untracked() == Some(room) {
                    self.open(Some(RoomId::LOBBY), None);
                }
            }
        }
    }

    /// The room list has changed, or another room is open.
    pub(super) fn list_changed(&self) {
        self.set.list_version.update(|version| *version = version.wrapping_add(1));
        let name = self.open_room.get_untracked().and_then(|room| untrack(|| self.room(room)));
        let name = name.map_or_else(|| "".into(), |room| room.name);
        self.set.room_name.maybe_update(|shown| {
            let differs = *shown != name;
            *shown = name;
            differs
        });
        let totals = self.with_state(|state| state.account().totals()).unwrap_or_default();
        let unread = u32::try_from(totals.unread).unwrap_or(u32::MAX);
        self.set.unread.maybe_update(|shown| std::mem::replace(shown, unread) != unread);
    }

    fn room_changed(&self, room: RoomId) {
        if self.open_room.get_untracked() == Some(room) {
            self.set.room_version.update(|version| *version = version.wrapping_add(1));
            self.member_count_changed();
            self.follow_link();
        }
    }

    fn live_message_received(&self, event: &Event) {
        let Some((room, sender)) = event.live_message() else { return };
        let is_own = self.with_state(|state| state.me() == Some(sender)).unwrap_or_default();
        if !is_own && self.open_room.get_untracked() == Some(room) {
            self.set.received.update(|received| *received += 1);
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
            self.set.from_device.set(false);
            self.inner.update_value(|inner| inner.was_online = true);
            self.retry_failed_search();
            self.list_members_anew();
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
            wasm_bindgen_futures::spawn_local(async move {
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
        let former_nick =
            self.identity.with_untracked(|former| former.as_ref().map(|former| former.nick.clone()));
        match former_nick {
            Some(nick) if nick != identity.nick => self.renamed(&identity.nick),
            Some(_) => {}
            None => {
                // Until a server is reached, everything is from the device.
                self.set.from_device.set(!self.inner.with_value(|inner| inner.was_online));
                self.load_tab_data();
                self.forget_link(&identity.nick);
            }
        }
        self.set.identity.set(Some(identity));
    }

    fn logged_out(&self) {
        self.inner.update_value(|inner| {
            inner.timelines.clear();
            inner.leaving = SortedSet::new();
            inner.note_timer = None;
            inner.link = None;
            inner.editor = None;
            inner.was_online = false;
            inner.logouts = inner.logouts.wrapping_add(1);
        });
        self.close_dialog();
        self.clear_outcome();
        self.set.identity.set(None);
        if !self.inner.with_value(|inner| inner.title_is_fixed) {
            // The name of the server.
            self.set.title.set(DEFAULT_TITLE.into());
        }
        self.set.open_room.set(Some(RoomId::LOBBY));
        self.timeline_replaced();
        // The service still has the state.
        self.set.list_version.update(|version| *version = version.wrapping_add(1));
        self.set.room_name.set("".into());
        self.set.unread.set(0);
        self.set.from_device.set(false);
        self.cancel_seek();
        self.start_outdated_counter(None);
        self.clear_search();
        self.forget_members();
        self.set.composer_note.set(None);
        self.set.announcements.set(Vec::new());
    }

    /// Reads what this tab keeps of the rooms; see [`Store::tab_data`].
    fn load_tab_data(&self) {
        let (store, loading) = (*self, self.service().load_tab_data());
        wasm_bindgen_futures::spawn_local(async move {
            loading.await;
            store.set.tab_data.update(|loaded| *loaded = loaded.wrapping_add(1));
        });
    }
}
