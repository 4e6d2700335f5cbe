//! The words in the language of the moment.

use super::dom::{El, el};
pub use crate::i18n::Word;
use crate::{
    ctrl::use_store,
    i18n::{Part, Texts, texts},
};

/// Reads the words; where it is called in what follows signals, that follows the language.
pub fn use_words() -> impl Fn() -> &'static Texts + Copy + 'static {
    let locale = use_store().locale();
    move || texts(locale.get())
}

impl El {
    /// Words in the language of the moment.
    pub fn words(self, word: Word) -> Self {
        let t = use_words();
        self.text_fn(move || t().word(word))
    }

    /// An attribute in the language of the moment.
    pub fn words_attr(self, name: &'static str, word: Word) -> Self {
        let t = use_words();
        self.attr_fn(name, move || t().word(word))
    }

    /// The end of an element: a sentence with names in it, each with its own direction of writing.
    pub fn sentence(self, parts: Vec<Part>) -> Self {
        parts.into_iter().fold(self, |into, part| match part {
            Part::Words(words) => into.text(&words),
            Part::Name(name) => into.child(el("bdi.name").text(&name)),
        })
    }
}
