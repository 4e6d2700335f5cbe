//! What can be set without building: `config.json` beside the page, what the user chose, what the browser says.

#[cfg(not(debug_assertions))]
mod console;
mod load;
mod logging;
mod page;
mod storage;

pub use load::{load, load_translation};
pub use logging::start as start_logging;
pub use page::{local_day, page_is_secure};
pub use storage::{
    forget_scope, is_known, last_scope, remember, remember_language, remember_scope, remember_theme,
    scope_of_page,
};

use crate::i18n::Locale;

/// What the login page begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// The nick of the last login.
    pub nick: String,
    /// The server of the last login, of config.json, or where the page came from.
    pub server: String,
}

/// The settings in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The name of the place; the server's own where it is not set.
    pub title: Option<String>,
    /// The language. Its words are there.
    pub locale: Locale,
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// `off`, `error`, `warn`, `info`, `debug` or `trace`.
    pub log: String,
    /// What the login page begins with.
    pub remembered: Remembered,
}
