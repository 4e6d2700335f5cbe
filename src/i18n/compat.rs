//! The former names of the texts, until the views use [`Key`] and the methods of [`Texts`].

use std::sync::Arc;

use parlour_core::{status::Status, timeline::Movement};

use super::{Key, Locale, Part, Texts, texts};

/// A text by its former name.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Settings,
    Language,
    Theme,
    ThemeSystem,
    ThemeLight,
    ThemeDark,
    Tagline,
    Nick,
    NickHint,
    Server,
    ServerHint,
    LogIn,
    LoggingIn,
    Cancel,
    LogInAs,
    Exit,
    Timeline,
    EmptyTitle,
    EmptyText,
    Dropped,
    ToLatest,
    NewMessages,
    Today,
    Yesterday,
    Gap,
    Older,
    Beginning,
    Load,
    Loading,
    Queued,
    Pending,
    NotSent,
    Retry,
    Edit,
    Discard,
    WhoNobody,
    Help,
    CommandWho,
    CommandExit,
    CommandHelp,
    KeyEnter,
    KeyShiftEnter,
    Missed,
    NothingKept,
    Unreadable,
    Message,
    MessageKeys,
    Send,
    TooLong,
    WaitLimit,
    WaitLog,
    SentLater,
    SentNever,
    People,
    PeopleCount,
    PeopleShow,
    PeopleHide,
    PeopleFilter,
    PeopleNone,
    PeopleMore,
    You,
    Away,
    Search,
    SearchWords,
    SearchHint,
    Searching,
    SearchNone,
    Found,
    FoundMore,
    SearchMore,
    GoToDate,
    SeekFailed,
    Connection,
    Online,
    Idle,
    Connecting,
    Reconnecting,
    RetryIn,
    RetryNow,
    FromDevice,
    ConnectAgain,
    UseHere,
    Reload,
    RoundTrip,
    Basic,
    BasicLead,
    BasicNoAcks,
    BasicShort,
    BasicNoHistory,
    BasicSameName,
    Understood,
    CrashTitle,
    CrashText,
}

/// A number in English.
#[must_use]
pub fn grouped(n: usize) -> String {
    texts(Locale::default()).number(n)
}

impl Texts {
    #[must_use]
    pub fn word(&self, word: Word) -> &'static str {
        self.text(match word {
            Word::Settings => Key::SettingsTitle,
            Word::Language => Key::SettingsLanguage,
            Word::Theme => Key::SettingsTheme,
            Word::ThemeSystem => Key::SettingsThemeSystem,
            Word::ThemeLight => Key::SettingsThemeLight,
            Word::ThemeDark => Key::SettingsThemeDark,
            Word::Tagline => Key::LoginTagline,
            Word::Nick => Key::LoginNick,
            Word::NickHint => Key::LoginNickHint,
            Word::Server => Key::LoginServer,
            Word::ServerHint => Key::LoginServerHint,
            Word::LogIn => Key::LoginSubmit,
            Word::LoggingIn => Key::LoginSubmitting,
            Word::Cancel => Key::LoginCancel,
            Word::Exit => Key::RoomLeave,
            Word::Timeline => Key::TimelineLabel,
            Word::EmptyTitle => Key::TimelineEmptyTitle,
            Word::EmptyText => Key::TimelineEmptyText,
            Word::Dropped => Key::TimelineEvicted,
            Word::ToLatest => Key::TimelineJumpToLatest,
            Word::Today => Key::TimelineToday,
            Word::Yesterday => Key::TimelineYesterday,
            Word::Gap => Key::TimelineGap,
            Word::Older => Key::TimelineOlder,
            Word::Beginning => Key::TimelineBeginning,
            Word::Load => Key::TimelineLoad,
            Word::Loading => Key::TimelineLoading,
            Word::Queued => Key::MessageQueued,
            Word::Pending => Key::MessageSending,
            Word::NotSent => Key::MessageNotSent,
            Word::Retry => Key::MessageRetry,
            Word::Edit => Key::MessageEdit,
            Word::Discard => Key::MessageDiscard,
            Word::WhoNobody => Key::PresenceNobody,
            Word::Help => Key::HelpTitle,
            Word::CommandWho => Key::HelpCommandWho,
            Word::CommandExit => Key::HelpCommandExit,
            Word::CommandHelp => Key::HelpCommandHelp,
            Word::KeyEnter => Key::HelpKeyEnter,
            Word::KeyShiftEnter => Key::HelpKeyShiftEnter,
            Word::Missed => Key::NoticeMissed,
            Word::NothingKept => Key::NoticeNotPersisted,
            Word::Unreadable => Key::NoticeUnreadable,
            Word::Message => Key::ComposerLabel,
            Word::MessageKeys => Key::ComposerKeys,
            Word::Send => Key::ComposerSend,
            Word::SentLater => Key::ComposerReconnecting,
            Word::SentNever => Key::ComposerDisconnected,
            Word::People => Key::MembersTitle,
            Word::PeopleShow => Key::MembersShow,
            Word::PeopleHide => Key::MembersClose,
            Word::PeopleFilter => Key::MembersFilter,
            Word::PeopleNone => Key::MembersNoneFound,
            Word::You => Key::MembersYou,
            Word::Away => Key::MembersAway,
            Word::Search => Key::SearchTitle,
            Word::SearchWords => Key::SearchQuery,
            Word::SearchHint => Key::SearchHint,
            Word::Searching => Key::SearchSearching,
            Word::SearchNone => Key::SearchNoneFound,
            Word::SearchMore => Key::SearchShowOlder,
            Word::GoToDate => Key::SearchGoToDate,
            Word::SeekFailed => Key::SearchSeekFailed,
            Word::Connection => Key::ConnectionLabel,
            Word::Online => Key::ConnectionOnline,
            Word::Idle => Key::ConnectionIdle,
            Word::Connecting => Key::ConnectionConnecting,
            Word::Reconnecting => Key::ConnectionReconnecting,
            Word::RetryNow => Key::ConnectionRetryNow,
            Word::FromDevice => Key::ConnectionOffline,
            Word::ConnectAgain => Key::ConnectionConnectAgain,
            Word::UseHere => Key::ConnectionUseHere,
            Word::Reload => Key::ConnectionReload,
            Word::Basic => Key::BasicServerTitle,
            Word::BasicLead => Key::BasicServerIntro,
            Word::BasicNoAcks => Key::BasicServerNoAcknowledgements,
            Word::BasicShort => Key::BasicServerShortMessages,
            Word::BasicNoHistory => Key::BasicServerNoHistory,
            Word::BasicSameName => Key::BasicServerSameNames,
            Word::Understood => Key::BasicServerDismiss,
            Word::CrashTitle => Key::CrashTitle,
            Word::CrashText => Key::CrashText,
            _ => return "",
        })
    }

    #[must_use]
    pub fn with_name(&self, _: Word, name: &str) -> String {
        self.login_submit_as(name)
    }

    #[must_use]
    pub fn count(&self, word: Word, n: usize) -> String {
        match word {
            Word::NewMessages => self.timeline_new_messages(n),
            Word::TooLong => self.composer_too_long(n),
            Word::WaitLimit => self.composer_rate_limited(n),
            Word::WaitLog => self.composer_log_unavailable(n),
            Word::PeopleCount => self.members_count(n),
            Word::PeopleMore => self.members_more(n),
            Word::Found => self.search_found(n),
            Word::FoundMore => self.search_found_more(n),
            Word::RetryIn => self.connection_retry_in(n),
            Word::RoundTrip => self.connection_round_trip(n),
            _ => String::new(),
        }
    }

    #[must_use]
    pub fn wait(&self, status: Status, seconds: u32) -> String {
        self.sending_paused(status, seconds)
    }

    #[must_use]
    pub fn jump(&self, new: u32) -> String {
        self.jump_to_latest(new)
    }

    #[must_use]
    pub fn movement(&self, movement: &Movement) -> Vec<Vec<Part>> {
        self.presence_changes(movement)
    }

    #[must_use]
    pub fn who(&self, names: &[Arc<str>], more: usize) -> Vec<Part> {
        self.people_online(names, more)
    }
}
