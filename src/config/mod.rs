//! Settings that are read at run time: `config.json` beside the page, the user's choices on this device, and the
//! browser's preferences.

mod load;
mod logging;
mod page;
mod storage;

pub use load::{load, load_emoji, load_translation};
pub use logging::{start as start_logging, warn_early};
pub use page::{
    HistoryChange, address as page_address, fragment, go_back, is_above_parent, is_cover, is_visited,
    local_day, page_is_outdated, push_cover, set_fragment,
};
pub use storage::{
    changes, emoji_tone, forget_account, forget_scope, has_session, keep_tab_id, keep_typed, last_scope,
    recent_emoji, remember, remember_emoji_tone, remember_language, remember_recent_emoji, remember_scope,
    remember_theme, scope_rows, tab_scope, take_tab_id, write_change, write_scope_row,
};

use crate::i18n::Locale;

/// The initial values of the login form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// The nick of the last login.
    pub nick: String,
    /// The server of the last login, or of config.json, or the one beside the page.
    pub server: String,
}

/// The effective settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The title of the page; if not set, the server's name.
    pub title: Option<String>,
    /// The language. Its translation is loaded.
    pub locale: Locale,
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// The lowest level that is logged; `None` if logging is off.
    pub log_level: Option<tracing::Level>,
    /// The initial values of the login form.
    pub remembered: Remembered,
}
