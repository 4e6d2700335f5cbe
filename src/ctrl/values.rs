//! Values of the store's signals: theme, login error, composer note, announcement and the result of a seek.

use parlour_core::{model::Refusal, status::Status, timeline::Notice};

/// The colour scheme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Follows the operating system.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// The name used in local storage, in config.json and as the value of the menu's option.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// Parses [`Self::as_str`]; an unknown name means [`Theme::System`].
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::System,
        }
    }
}

/// The reason why the last login failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginError {
    /// The status, which the view translates.
    pub status: Status,
    /// A nick that the server would accept.
    pub suggestion: Option<String>,
    /// The server's own text, if the status is unknown to this client. Never empty.
    pub text: Option<String>,
}

impl From<Refusal> for LoginError {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.unknown_reason().map(str::to_owned);
        Self { status: refusal.status, suggestion: refusal.suggestion, text }
    }
}

impl From<Status> for LoginError {
    fn from(status: Status) -> Self {
        Self { status, suggestion: None, text: None }
    }
}

/// The note below the composer's text field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComposerNote {
    /// The text cannot be sent, for this reason.
    Refused(Status),
    /// The text is too long by this many bytes.
    TooLong(usize),
    /// The user is leaving the room: a message would be discarded with it.
    Leaving,
    /// The server throttles, for the reason given by the status; sending resumes in this many seconds.
    Wait(Status, u32),
}

/// The text that screen readers announce, apart from messages of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// A notice was added to the timeline.
    Notice(Notice),
    /// An own message could not be sent, for this reason.
    NotSent(Status),
    /// The server throttles, for the reason given by the status; sending resumes in this many seconds.
    Paused(Status, u32),
}

/// The outcome of [`Store::seek`](super::Store::seek).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeekResult {
    /// The ord of the message to show; `None` if that part of the room cannot be loaded now.
    pub ord: Option<u64>,
    /// Counts the seeks, so that two with the same target differ.
    pub number: u32,
}
