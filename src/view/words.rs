//! The words in the language of the moment.

use super::dom::{El, el};
use crate::{
    ctrl::use_store,
    i18n::{Part, Texts, texts},
};

/// Reads the words; where it is called in what follows signals, that follows the language.
pub fn use_words() -> impl Fn() -> &'static Texts + Copy + Send + Sync + 'static {
    let locale = use_store().locale();
    move || texts(locale.get())
}

/// One of the words: `|t| t.message`.
pub type Word = fn(&'static Texts) -> &'static str;

impl El {
    /// Words in the language of the moment.
    pub fn words(self, word: Word) -> Self {
        let t = use_words();
        self.text_fn(move || word(t()))
    }

    /// An attribute in the language of the moment.
    pub fn words_attr(self, name: &'static str, word: Word) -> Self {
        let t = use_words();
        self.attr_fn(name, move || word(t()))
    }

    /// The end of an element: a sentence with names in it, each with its own direction of writing.
    pub fn sentence(self, parts: Vec<Part>) -> Self {
        parts.into_iter().fold(self, |into, part| match part {
            Part::Words(words) => into.text(&words),
            Part::Name(name) => into.child(el("bdi.name").text(&name)),
        })
    }
}
