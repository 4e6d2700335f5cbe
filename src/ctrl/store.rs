//! The state of the page as signals.

use parlour_core::sorted::{SortedMap, SortedSet};
use std::{rc::Rc, sync::Arc};

use gloo_timers::callback::{Interval, Timeout};
use leptos::prelude::*;
use parlour_core::{
    model::{Connection, Identity, RoomId},
    timeline::{Row, RowKind, Timeline},
};

use super::{
    dialog::{DialogKind, Outcome},
    directory::Contact,
    edits::EditorAtLogout,
    login::{LoadRoom, PendingLogin},
    members::Members,
    search::Search,
    timelines::RoomTimeline,
    values::{Announcement, ComposerNote, LoginError, SeekResult, Theme},
};
use crate::{
    config::{Config, Remembered},
    i18n::Locale,
    service::ChatSession,
};

/// The title of the page until a server has told its name.
pub(super) const DEFAULT_TITLE: &str = "Parlour";

/// The signals that views read. A `Store` is `Copy`; all copies share the same signals.
///
/// Only this module's actions and [`apply`](super::apply) write, through [`Setters`].
#[derive(Clone, Copy, Debug)]
pub struct Store {
    /// State of the connection.
    pub connection: ReadSignal<Connection>,
    /// The logged-in user: `Some` from the first welcome until logout, across reconnects.
    pub identity: ReadSignal<Option<Identity>>,
    /// Round-trip time of the last ping; `None` until it is measured, and always on a basic server.
    pub round_trip_ms: ReadSignal<Option<u32>>,
    /// Counts the attempts to connect that the user has started and that have ended.
    pub attempts: ReadSignal<u32>,
    /// Seconds until the next connection attempt; `None` if none is scheduled.
    pub retry_in_seconds: ReadSignal<Option<u32>>,
    /// The seconds for which what is shown may be outdated, because the tab that has the connection does not respond;
    /// `None` when it is up to date.
    pub outdated_seconds: ReadSignal<Option<u32>>,
    /// Incremented at each change of the timeline's rows, which are read with [`Store::with_timeline`].
    pub timeline_version: ReadSignal<u32>,
    /// Rows were evicted that cannot be loaded again, because the server has no history.
    pub rows_lost: ReadSignal<bool>,
    /// The room has messages, loaded or not.
    pub has_messages: ReadSignal<bool>,
    /// The timeline begins with the room's first message; `None` while no server with history is known.
    pub from_start: ReadSignal<Option<bool>>,
    /// The timeline was read from this device, and no server was reached since the page was opened.
    pub from_device: ReadSignal<bool>,
    /// The outcome of the last seek. Notifies after each seek, also to the same target.
    pub seek_result: ReadSignal<Option<SeekResult>>,
    /// A seek is in progress.
    pub seeking: ReadSignal<bool>,
    /// Counts the requests for a part of the room, from the scroll position or a seek, that are finished or have failed.
    pub finished_pages: ReadSignal<u32>,
    /// The current search and its results.
    pub search: ReadSignal<Search>,
    /// The members of the open room, in the lobby only those who are present; in their [order](super::member_order). In a very
    /// large room only the first part of the list.
    pub members: ReadSignal<Vec<Contact>>,
    /// The number of these members; can be larger than the length of [`Self::members`].
    pub member_count: ReadSignal<usize>,
    /// The reason why the last login failed; `None` if it did not.
    pub login_error: ReadSignal<Option<LoginError>>,
    /// The note below the composer's text field.
    pub composer_note: ReadSignal<Option<ComposerNote>>,
    /// The number of unread messages in all rooms that are not muted.
    pub unread: ReadSignal<u32>,
    /// Messages of others in the open room received live since the page was opened; history does not count.
    pub received: ReadSignal<u32>,
    /// The texts to announce, which [`Store::take_announcements`] removes.
    pub announcements: ReadSignal<Vec<Announcement>>,
    /// The page is visible and has the focus.
    pub focused: ReadSignal<bool>,
    /// The colour scheme.
    pub theme: ReadSignal<Theme>,
    /// The language.
    pub locale: Memo<Locale>,
    /// The language of times. Notifies also when times have to be formatted again, because the time zone has changed.
    pub time_locale: ReadSignal<Locale>,
    /// Counts the languages that were chosen and could not be loaded.
    pub missing_languages: ReadSignal<u32>,
    /// The title of the page, from config.json or the server.
    pub title: ReadSignal<String>,
    /// Incremented at each change of the account, of its room list, or of a person: counters, nicks, presence.
    pub list_version: ReadSignal<u32>,
    /// The name of the open room; empty if it has none.
    pub room_name: ReadSignal<Arc<str>>,
    /// Incremented when the drafts and scroll positions of this tab were read.
    pub tab_data: ReadSignal<u32>,
    /// The room that is shown; `None` if none is.
    pub open_room: ReadSignal<Option<RoomId>>,
    /// Incremented at each change of the open room other than its messages: topic, number of members.
    pub room_version: ReadSignal<u32>,
    /// The dialog that is open.
    pub dialog: ReadSignal<Option<DialogKind>>,
    /// What was done last, until the user has been told.
    pub outcome: ReadSignal<Option<Outcome>>,
    /// The write halves of the signals above.
    pub(super) set: Setters,
    /// State that is not reactive.
    pub(super) inner: StoredValue<Inner, LocalStorage>,
}

/// The write halves of the signals of [`Store`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Setters {
    pub(super) connection: WriteSignal<Connection>,
    pub(super) identity: WriteSignal<Option<Identity>>,
    pub(super) round_trip_ms: WriteSignal<Option<u32>>,
    pub(super) attempts: WriteSignal<u32>,
    pub(super) retry_in_seconds: WriteSignal<Option<u32>>,
    pub(super) outdated_seconds: WriteSignal<Option<u32>>,
    pub(super) timeline_version: WriteSignal<u32>,
    pub(super) rows_lost: WriteSignal<bool>,
    pub(super) has_messages: WriteSignal<bool>,
    pub(super) from_start: WriteSignal<Option<bool>>,
    pub(super) from_device: WriteSignal<bool>,
    pub(super) seek_result: WriteSignal<Option<SeekResult>>,
    pub(super) seeking: WriteSignal<bool>,
    pub(super) finished_pages: WriteSignal<u32>,
    pub(super) search: WriteSignal<Search>,
    pub(super) members: WriteSignal<Vec<Contact>>,
    pub(super) member_count: WriteSignal<usize>,
    pub(super) login_error: WriteSignal<Option<LoginError>>,
    pub(super) composer_note: WriteSignal<Option<ComposerNote>>,
    pub(super) unread: WriteSignal<u32>,
    pub(super) received: WriteSignal<u32>,
    pub(super) announcements: WriteSignal<Vec<Announcement>>,
    pub(super) focused: WriteSignal<bool>,
    pub(super) theme: WriteSignal<Theme>,
    pub(super) time_locale: WriteSignal<Locale>,
    pub(super) missing_languages: WriteSignal<u32>,
    pub(super) title: WriteSignal<String>,
    pub(super) list_version: WriteSignal<u32>,
    pub(super) room_name: WriteSignal<Arc<str>>,
    pub(super) tab_data: WriteSignal<u32>,
    pub(super) open_room: WriteSignal<Option<RoomId>>,
    pub(super) room_version: WriteSignal<u32>,
    pub(super) dialog: WriteSignal<Option<DialogKind>>,
    pub(super) outcome: WriteSignal<Option<Outcome>>,
}

/// State that is not reactive.
pub(super) struct Inner {
    /// The timelines of the rooms that were open, and of those with own messages.
    pub(super) timelines: SortedMap<RoomId, RoomTimeline>,
    /// The rooms that the user is leaving: the server has not answered yet.
    pub(super) leaving: SortedSet<RoomId>,
    /// A server was reached since the login.
    pub(super) was_online: bool,
    /// Counts the logouts.
    pub(super) logouts: u32,
    /// The number of the last seek, incremented too when a seek is cancelled; and of the last request for search results.
    pub(super) seeks: u32,
    pub(super) searches: u32,
    /// What a logout needs of the editor of messages; `None` until that is loaded.
    pub(super) editor: Option<EditorAtLogout>,
    /// For each room the ords that are being loaded.
    pub(super) loading: SortedMap<RoomId, Vec<u64>>,
    pub(super) members: Members,
    /// `None` until the room module is loaded.
    pub(super) service: Option<Rc<dyn ChatSession>>,
    pub(super) load_room: LoadRoom,
    /// Submitted before the room module was loaded.
    pub(super) pending_login: Option<PendingLogin>,
    /// The server of a login with a link, until it has succeeded.
    pub(super) link_server: Option<String>,
    pub(super) remembered: Remembered,
    pub(super) log_level: Option<tracing::Level>,
    /// The title comes from config.json, which takes precedence over the server's name.
    pub(super) title_is_fixed: bool,
    /// The user has started an attempt to connect, which has not ended.
    pub(super) is_attempting: bool,
    pub(super) retry_timer: Option<Interval>,
    pub(super) outdated_timer: Option<Interval>,
    pub(super) note_timer: Option<Interval>,
    pub(super) search_timer: Option<Timeout>,
    /// The message that a link leads to, until the messages of its room can be loaded.
    pub(super) link: Option<(RoomId, u64)>,
    /// The language chosen last, whose translation may still be loading.
    pub(super) chosen_locale: Locale,
}

/// Returns the store from the context.
///
/// # Panics
/// If the app has not provided it.
#[must_use]
pub fn use_store() -> Store {
    expect_context::<Store>()
}

impl Store {
    /// Makes the store of the page, logged out. `load_room` loads the module that only logged-in users need.
    #[must_use]
    pub fn new(config: &Config, load_room: LoadRoom) -> Self {
        let (connection, set_connection) = signal(Connection::Idle);
        let (identity, set_identity) = signal(None);
        let (round_trip_ms, set_round_trip_ms) = signal(None);
        let (attempts, set_attempts) = signal(0);
        let (retry_in_seconds, set_retry_in_seconds) = signal(None);
        let (outdated_seconds, set_outdated_seconds) = signal(None);
        let (timeline_version, set_timeline_version) = signal(0);
        let (rows_lost, set_rows_lost) = signal(false);
        let (has_messages, set_has_messages) = signal(false);
        let (from_start, set_from_start) = signal(None);
        let (from_device, set_from_device) = signal(false);
        let (seek_result, set_seek_result) = signal(None);
        let (seeking, set_seeking) = signal(false);
        let (finished_pages, set_finished_pages) = signal(0);
        let (search, set_search) = signal(Search::default());
        let (members, set_members) = signal(Vec::new());
        let (member_count, set_member_count) = signal(0);
        let (login_error, set_login_error) = signal(None);
        let (composer_note, set_composer_note) = signal(None);
        let (unread, set_unread) = signal(0);
        let (received, set_received) = signal(0);
        let (announcements, set_announcements) = signal(Vec::new());
        let (focused, set_focused) = signal(true);
        let (theme, set_theme) = signal(Theme::parse(&config.theme));
        let (time_locale, set_time_locale) = signal(config.locale);
        let (missing_languages, set_missing_languages) = signal(0);
        let (title, set_title) = signal(config.title.clone().unwrap_or_else(|| DEFAULT_TITLE.into()));
        let (list_version, set_list_version) = signal(0);
        let (room_name, set_room_name) = signal("".into());
        let (tab_data, set_tab_data) = signal(0);
        let (open_room, set_open_room) = signal(Some(RoomId::LOBBY));
        let (room_version, set_room_version) = signal(0);
        let (dialog, set_dialog) = signal(None);
        let (outcome, set_outcome) = signal(None);
        Self {
            connection,
            identity,
            round_trip_ms,
            attempts,
            retry_in_seconds,
            outdated_seconds,
            timeline_version,
            rows_lost,
            has_messages,
            from_start,
            from_device,
            seek_result,
            seeking,
            finished_pages,
            search,
            members,
            member_count,
            login_error,
            composer_note,
            unread,
            received,
            announcements,
            focused,
            theme,
            locale: Memo::new(move |_| time_locale.get()),
            time_locale,
            missing_languages,
            title,
            list_version,
            room_name,
            tab_data,
            open_room,
            room_version,
            dialog,
            outcome,
            set: Setters {
                connection: set_connection,
                identity: set_identity,
                round_trip_ms: set_round_trip_ms,
                attempts: set_attempts,
                retry_in_seconds: set_retry_in_seconds,
                outdated_seconds: set_outdated_seconds,
                timeline_version: set_timeline_version,
                rows_lost: set_rows_lost,
                has_messages: set_has_messages,
                from_start: set_from_start,
                from_device: set_from_device,
                seek_result: set_seek_result,
                seeking: set_seeking,
                finished_pages: set_finished_pages,
                search: set_search,
                members: set_members,
                member_count: set_member_count,
                login_error: set_login_error,
                composer_note: set_composer_note,
                unread: set_unread,
                received: set_received,
                announcements: set_announcements,
                focused: set_focused,
                theme: set_theme,
                time_locale: set_time_locale,
                missing_languages: set_missing_languages,
                title: set_title,
                list_version: set_list_version,
                room_name: set_room_name,
                tab_data: set_tab_data,
                open_room: set_open_room,
                room_version: set_room_version,
                dialog: set_dialog,
                outcome: set_outcome,
            },
            inner: StoredValue::new_local(Inner {
                timelines: SortedMap::new(),
                leaving: SortedSet::new(),
                was_online: false,
                logouts: 0,
                seeks: 0,
                searches: 0,
                editor: None,
                loading: SortedMap::new(),
                members: Members::default(),
                service: None,
                load_room,
                pending_login: None,
                link_server: None,
                remembered: config.remembered.clone(),
                log_level: config.log_level,
                title_is_fixed: config.title.is_some(),
                is_attempting: false,
                retry_timer: None,
                outdated_timer: None,
                note_timer: None,
                search_timer: None,
                link: None,
                chosen_locale: config.locale,
            }),
        }
    }

    /// Returns `true` if the login page is shown rather than the room.
    #[must_use]
    pub fn is_at_login(&self) -> bool {
        self.identity.with(Option::is_none)
    }

    pub(super) fn is_at_login_untracked(&self) -> bool {
        self.identity.with_untracked(Option::is_none)
    }

    /// Gives access to the timeline of the open room, to read rows and to report their measured heights. The closure must not use the
    /// store.
    ///
    /// # Panics
    /// If the page's reactive owner was dropped, which does not happen while the page is open.
    pub fn with_timeline<T>(&self, act: impl FnOnce(&mut Timeline) -> T) -> T {
        let room = self.open_room.get_untracked();
        let mut inner = self.inner.write_value();
        // Nothing is shown of a room that is not open.
        let timeline = inner.timelines.or_insert_with(room.unwrap_or(RoomId::LOBBY), RoomTimeline::new);
        act(&mut timeline.rows)
    }

    /// Returns the texts to announce, and removes them without notifying.
    #[must_use]
    pub fn take_announcements(&self) -> Vec<Announcement> {
        self.set.announcements.try_maybe_update(|all| (false, std::mem::take(all))).unwrap_or_default()
    }

    /// The last `count` messages of others, oldest first: nick and content.
    #[must_use]
    pub fn last_received(&self, count: usize) -> Vec<(Arc<str>, Arc<str>)> {
        let from_others = |row: Row| match row.kind {
            RowKind::Message { message, .. } => (!message.own).then_some((message.nick, message.content)),
            _ => None,
        };
        let mut last: Vec<_> = self.with_timeline(|timeline| {
            (0..timeline.len()).rev().filter_map(|at| from_others(timeline.row(at)?)).take(count).collect()
        });
        last.reverse();
        last
    }
}
