//! The words, in every language the page speaks.
//!
//! English is in the page ([`words`]); every other language is a file in `lang/` that is loaded when somebody reads it,
//! with the same words by the same names. A test holds them to it. Dates, times and day names come from the browser
//! ([`time`]).

mod texts;
pub mod time;
mod words;

pub use texts::{Part, Texts, grouped, is_read, read, texts};
pub use words::Word;

/// A language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Locale {
    /// All of them, in the order of the language menu.
    pub const ALL: [Locale; 2] = [Locale::En, Locale::Zh];

    /// Its name in itself, for the language menu.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Locale::En => "English",
            Locale::Zh => "简体中文",
        }
    }

    /// The BCP 47 tag, for the `lang` attribute and for storage.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Locale::En => "en",
            Locale::Zh => "zh-CN",
        }
    }

    /// The language of a tag as a browser gives it; `None` for one the page does not speak.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Locale::En),
            "zh" => Some(Locale::Zh),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
