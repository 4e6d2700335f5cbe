//! Translations: typed access to every text of the page, in every language of `lang/`.
//!
//! `lang/en.json` determines which texts exist. The build script generates [`Key`] and the methods of [`Texts`] from it
//! and compiles the English texts in; every other language is fetched when it is chosen or detected ([`load`]). Plural
//! forms, lists and numbers come from the browser's `Intl` ([`intl`]), and so do dates and times ([`time`]) and the
//! boundaries of characters ([`graphemes`]).

pub mod graphemes;
mod guarded;
#[cfg(target_arch = "wasm32")]
mod intl;
#[cfg(not(target_arch = "wasm32"))]
#[path = "intl_stand_in.rs"]
mod intl;
mod locale;
mod sentences;
mod template;
mod texts;
pub mod time;

pub use locale::Locale;
pub use texts::{Key, Part, Texts, is_loaded, load, texts};

#[cfg(test)]
mod generate;
#[cfg(test)]
mod generate_tests;
#[cfg(test)]
mod tests;
