//! What is known, as signals.

use std::{rc::Rc, sync::Arc};

use gloo_timers::callback::{Interval, Timeout};
use parlour_core::{
    model::{Connection, Identity, Member, Refusal},
    status::Status,
    timeline::{Row, RowKind, Timeline},
};

use super::{
    arrival::{Bring, Login},
    live::{Live, Read, context},
    search::Search,
};
use crate::{
    config::{self, Config, Remembered},
    i18n::Locale,
    service::Chat,
};

/// About how many rows of the room are held: what is farther from the reader is let go of, and loaded again when it is
/// wanted. Some hundred bytes each.
pub const ROWS_HELD: usize = 20_000;

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light, whatever the system says.
    Light,
    /// Dark, whatever the system says.
    Dark,
}

impl Theme {
    /// As it is written in storage and in config.json.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// Reads it back; anything unknown is the system's.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::System,
        }
    }
}

/// Why the user is back at the login page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginError {
    /// The code; the view has its words.
    pub status: Status,
    /// A name that would be accepted.
    pub suggestion: Option<String>,
    /// What a newer server said that this client has no words for.
    pub text: Option<String>,
}

impl From<Refusal> for LoginError {
    fn from(refused: Refusal) -> Self {
        let text = matches!(refused.status, Status::Other(_)).then_some(refused.text);
        Self { status: refused.status, suggestion: refused.suggestion, text }
    }
}

impl From<Status> for LoginError {
    fn from(status: Status) -> Self {
        Self { status, suggestion: None, text: None }
    }
}

/// What the composer says under its text field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComposerNote {
    /// What was typed can't be sent, and why.
    Refused(Status),
    /// Too long by so many bytes.
    TooLong(usize),
    /// The server wants no more for now, and why: it goes on in so many seconds.
    Wait(Status, u32),
}

/// A place that was sought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// The message that is there; `None` when it can't be had now.
    pub seq: Option<u64>,
    /// Tells it from the one before, which may have been the same.
    pub number: u32,
}

/// All that the views read. Copy it freely: it is a handful of keys.
///
/// Views read with `.get()`; only `apply` and the actions of this module write.
#[derive(Clone, Copy, Debug)]
pub struct Store {
    /// What the connection is doing.
    pub(super) connection: Live<Connection>,
    /// Who we are: `Some` from the first welcome until the exit, reconnects included.
    pub(super) identity: Live<Option<Identity>>,
    /// The last ping's time, in ms.
    pub(super) round_trip: Live<Option<u32>>,
    /// Seconds until the next attempt.
    pub(super) retry_in: Live<Option<u32>>,
    /// How often the room's rows have changed.
    pub(super) changes: Live<u32>,
    /// Rows were let go of that nobody has.
    pub(super) dropped: Live<bool>,
    /// Something was said, or can be loaded.
    pub(super) has_messages: Live<bool>,
    /// What is shown begins with the room's first message; `None` while no server that keeps history is known.
    pub(super) from_start: Live<Option<bool>>,
    /// What is shown is what this device has kept.
    pub(super) from_device: Live<bool>,
    /// The place that was sought last, once it is there.
    pub(super) sought: Live<Option<Sought>>,
    /// A place is on its way.
    pub(super) seeking: Live<bool>,
    /// What is searched for, and found.
    pub(super) search: Live<Search>,
    /// Who is there, in order.
    pub(super) roster: Live<Vec<Member>>,
    /// How many are there in all.
    pub(super) roster_total: Live<usize>,
    /// Why the login did not work.
    pub(super) login_error: Live<Option<LoginError>>,
    /// What the composer has to say.
    pub(super) composer_note: Live<Option<ComposerNote>>,
    /// Messages of others since the page was last looked at.
    pub(super) unread: Live<u32>,
    /// Messages of others so far, without those of earlier.
    pub(super) heard: Live<u32>,
    /// The page is on the screen and has the focus.
    pub(super) looking: Live<bool>,
    /// Light or dark.
    pub(super) theme: Live<Theme>,
    /// The language.
    pub(super) locale: Live<Locale>,
    /// The name of the place, from config.json or the server.
    pub(super) title: Live<String>,
    /// The parts that are no signals.
    pub(super) inner: InnerCell,
}

/// The parts that are no signals. Empty only while the store is being made.
#[derive(Clone, Copy, Debug)]
pub(super) struct InnerCell(Live<Option<Inner>>);

impl InnerCell {
    pub(super) fn with_value<T>(self, read: impl FnOnce(&Inner) -> T) -> T {
        // Made in `Store::new` before anything can read it.
        #[allow(clippy::expect_used)]
        self.0.with_untracked(|inner| read(inner.as_ref().expect("the store is made")))
    }

    pub(super) fn update_value<T>(self, write: impl FnOnce(&mut Inner) -> T) -> Option<T> {
        self.0.update_untracked(|inner| inner.as_mut().map(write)).flatten()
    }
}

pub(super) struct Inner {
    pub(super) timeline: Timeline,
    /// `None` until it was loaded.
    pub(super) service: Option<Rc<dyn Chat>>,
    pub(super) bring: Bring,
    /// Waits until it is loaded.
    pub(super) login: Option<Login>,
    pub(super) remembered: Remembered,
    /// The title comes from config.json, and the server's name does not change it.
    pub(super) title_is_fixed: bool,
    pub(super) retry_timer: Option<Interval>,
    pub(super) note_timer: Option<Interval>,
    pub(super) search_timer: Option<Timeout>,
    /// The language that was chosen last; its words may still be on their way.
    pub(super) wanted: Locale,
}

/// An empty room, with days as this browser's calendar has them.
pub(super) fn timeline() -> Timeline {
    Timeline::new(ROWS_HELD, config::local_day)
}

/// The store that the app put into the context.
///
/// # Panics
/// Outside the app, which is a mistake in the program.
#[must_use]
pub fn use_store() -> Store {
    context::<Store>()
}

impl Store {
    /// Makes the store of the page, with nobody logged in. `bring` loads what only those need who log in.
    #[must_use]
    pub fn new(config: &Config, bring: Bring) -> Self {
        let inner = Live::new(None);
        let store = Self {
            connection: Live::new(Connection::Idle),
            identity: Live::new(None),
            round_trip: Live::new(None),
            retry_in: Live::new(None),
            changes: Live::new(0),
            dropped: Live::new(false),
            has_messages: Live::new(false),
            from_start: Live::new(None),
            from_device: Live::new(false),
            sought: Live::new(None),
            seeking: Live::new(false),
            search: Live::new(Search::default()),
            roster: Live::new(Vec::new()),
            roster_total: Live::new(0),
            login_error: Live::new(None),
            composer_note: Live::new(None),
            unread: Live::new(0),
            heard: Live::new(0),
            looking: Live::new(true),
            theme: Live::new(Theme::parse(&config.theme)),
            locale: Live::new(config.locale),
            title: Live::new(config.title.clone().unwrap_or_else(|| "Parlour".into())),
            inner: InnerCell(inner),
        };
        inner.set_untracked(Some(Inner {
            timeline: timeline(),
            service: None,
            bring,
            login: None,
            remembered: config.remembered.clone(),
            title_is_fixed: config.title.is_some(),
            retry_timer: None,
            note_timer: None,
            search_timer: None,
            wanted: config.locale,
        }));
        store
    }

    /// What the connection is doing.
    #[must_use]
    pub fn connection(&self) -> Read<Connection> {
        self.connection.read_only()
    }

    /// Who we are: `Some` from the first welcome until the exit, reconnects included.
    #[must_use]
    pub fn identity(&self) -> Read<Option<Identity>> {
        self.identity.read_only()
    }

    /// The last ping's time, in ms; `None` where pings can't be seen.
    #[must_use]
    pub fn round_trip(&self) -> Read<Option<u32>> {
        self.round_trip.read_only()
    }

    /// Seconds until the next attempt; `None` when none is waiting.
    #[must_use]
    pub fn retry_in(&self) -> Read<Option<u32>> {
        self.retry_in.read_only()
    }

    /// How often the room's rows have changed: who follows it reads them anew, with [`Store::lay_out`].
    #[must_use]
    pub fn changes(&self) -> Read<u32> {
        self.changes.read_only()
    }

    /// Reads the room's rows, and tells the timeline what they take on the screen. Nothing else is to be done in there:
    /// the store is not to be used meanwhile.
    pub fn lay_out<T>(&self, act: impl FnOnce(&mut Timeline) -> T) -> T {
        // Made in `Store::new` before anything can read it.
        #[allow(clippy::expect_used)]
        self.inner.update_value(|inner| act(&mut inner.timeline)).expect("the store is made")
    }

    /// Older rows were let go of, and can't be had again.
    #[must_use]
    pub fn dropped(&self) -> Read<bool> {
        self.dropped.read_only()
    }

    /// Something was said in the room, or can be loaded.
    #[must_use]
    pub fn has_messages(&self) -> Read<bool> {
        self.has_messages.read_only()
    }

    /// What is shown begins with the room's first message; `None` where the server keeps no history.
    #[must_use]
    pub fn from_start(&self) -> Read<Option<bool>> {
        self.from_start.read_only()
    }

    /// What is shown is what this device has kept: the server was not reached since the page was opened.
    #[must_use]
    pub fn from_device(&self) -> Read<bool> {
        self.from_device.read_only()
    }

    /// The place that was sought last, once what is there is among the rows; `None` as long as none was. Tells each time,
    /// also of the same place.
    #[must_use]
    pub fn sought(&self) -> Read<Option<Sought>> {
        self.sought.read_only()
    }

    /// A place was sought and is on its way.
    #[must_use]
    pub fn seeking(&self) -> Read<bool> {
        self.seeking.read_only()
    }

    /// What is searched for, and found.
    #[must_use]
    pub fn search(&self) -> Read<Search> {
        self.search.read_only()
    }

    /// Who is there, in order of their names.
    #[must_use]
    pub fn roster(&self) -> Read<Vec<Member>> {
        self.roster.read_only()
    }

    /// How many are there in all; more than [`Self::roster`] holds when there are very many.
    #[must_use]
    pub fn roster_total(&self) -> Read<usize> {
        self.roster_total.read_only()
    }

    /// Why the login did not work.
    #[must_use]
    pub fn login_error(&self) -> Read<Option<LoginError>> {
        self.login_error.read_only()
    }

    /// What the composer has to say about the last text.
    #[must_use]
    pub fn composer_note(&self) -> Read<Option<ComposerNote>> {
        self.composer_note.read_only()
    }

    /// Messages of others since the page was last looked at.
    #[must_use]
    pub fn unread(&self) -> Read<u32> {
        self.unread.read_only()
    }

    /// Messages of others that came so far, without those of earlier.
    #[must_use]
    pub fn heard(&self) -> Read<u32> {
        self.heard.read_only()
    }

    /// The last so many messages of others: who said it, and what.
    #[must_use]
    pub fn heard_last(&self, count: usize) -> Vec<(Arc<str>, Arc<str>)> {
        let of_others = |row: Row| match row.kind {
            RowKind::Message { message, .. } => (!message.own).then_some((message.nick, message.content)),
            _ => None,
        };
        let mut last: Vec<_> = self.lay_out(|timeline| {
            (0..timeline.len()).rev().filter_map(|at| of_others(timeline.row(at)?)).take(count).collect()
        });
        last.reverse();
        last
    }

    /// Light or dark.
    #[must_use]
    pub fn theme(&self) -> Read<Theme> {
        self.theme.read_only()
    }

    /// The language.
    #[must_use]
    pub fn locale(&self) -> Read<Locale> {
        self.locale.read_only()
    }

    /// The name of the place, from config.json or the server.
    #[must_use]
    pub fn title(&self) -> Read<String> {
        self.title.read_only()
    }
}
