//! The table of texts of a language, and filling arguments into a text.

use std::{cell::RefCell, sync::Arc};

use js_sys::Reflect;
use parlour_core::status::Status;
use wasm_bindgen::JsValue;

use super::{
    Locale,
    intl::{self, ListPiece},
    template::{OTHER, PLURAL_FORMS, Piece, pieces},
};

// `LANGUAGES`, `Key`, `ENTRIES`, `ENGLISH`, and a method of `Texts` for each text with arguments.
include!(concat!(env!("OUT_DIR"), "/texts.rs"));

/// The code under which the text for unknown status codes is stored.
const UNKNOWN_STATUS: u16 = 0;

/// A piece of a sentence. A name has its own direction of writing, so it must become an element of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Translated text.
    Text(String),
    /// The name of a person.
    Name(Arc<str>),
}

impl Part {
    /// The text of the piece.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Name(name) => name,
        }
    }
}

/// The texts of a language.
#[derive(Debug)]
pub struct Texts {
    locale: Locale,
    pub(super) slots: [&'static str; ENGLISH.len()],
    /// Translated status texts by code. For missing ones, core's English text is used.
    pub(super) statuses: Vec<(u16, &'static str)>,
}

static ENGLISH_TEXTS: Texts = Texts { locale: Locale::ENGLISH, slots: ENGLISH, statuses: Vec::new() };

thread_local! {
    /// The languages that were loaded. Each stays for the lifetime of the page.
    static LOADED: RefCell<Vec<&'static Texts>> = const { RefCell::new(Vec::new()) };
}

/// The texts of a language; the English ones until [`load`] was called for it.
#[must_use]
pub fn texts(locale: Locale) -> &'static Texts {
    loaded(locale).unwrap_or(&ENGLISH_TEXTS)
}

/// Returns `true` if [`texts`] has the texts of a language.
#[must_use]
pub fn is_loaded(locale: Locale) -> bool {
    loaded(locale).is_some()
}

fn loaded(locale: Locale) -> Option<&'static Texts> {
    if locale == Locale::ENGLISH {
        return Some(&ENGLISH_TEXTS);
    }
    LOADED.with_borrow(|all| all.iter().find(|texts| texts.locale == locale).copied())
}

/// Loads the texts of a language from its parsed file. Unknown keys are ignored; missing texts stay English.
pub fn load(locale: Locale, file: &JsValue) {
    let texts = Texts::read(locale, |key| {
        let group = |value: JsValue, name: &str| Reflect::get(&value, &name.into()).ok();
        key.split('.').try_fold(file.clone(), group)?.as_string()
    });
    add(texts);
}

/// Makes the texts of a language available. The texts are leaked, so each language is added only once.
pub(super) fn add(texts: Texts) {
    if !is_loaded(texts.locale) {
        LOADED.with_borrow_mut(|all| all.push(Box::leak(Box::new(texts))));
    }
}

impl Texts {
    /// Looks up every key. An empty text counts as missing: translation tools write one for what is not translated yet.
    pub(super) fn read(locale: Locale, look_up: impl Fn(&str) -> Option<String>) -> Self {
        let look_up = |key: &str| -> Option<&'static str> {
            look_up(key).filter(|text| !text.is_empty()).map(|text| &*text.leak())
        };
        let mut texts = Self { locale, slots: ENGLISH_TEXTS.slots, statuses: Vec::new() };
        let mut slot = 0;
        for (key, is_plural) in &ENTRIES {
            if *is_plural {
                let forms = PLURAL_FORMS.map(|form| look_up(&[key, "_", form].concat()).unwrap_or_default());
                // Without `other`, which every language has, the other forms are ignored.
                if !forms[OTHER].is_empty() {
                    texts.slots[slot..slot + forms.len()].copy_from_slice(&forms);
                }
                slot += forms.len();
            } else {
                texts.slots[slot] = look_up(key).unwrap_or(texts.slots[slot]);
                slot += 1;
            }
        }
        for code in Status::ALL.iter().map(|status| status.code()) {
            texts.statuses.extend(look_up(&format!("status.{code}")).map(|text| (code, text)));
        }
        texts.statuses.extend(look_up("status.unknown").map(|text| (UNKNOWN_STATUS, text)));
        texts
    }

    /// A text without arguments.
    #[must_use]
    pub fn text(&self, key: Key) -> &'static str {
        self.slots[key as usize]
    }

    /// The text of a status: one sentence.
    #[must_use]
    pub fn status(&self, status: Status) -> &'static str {
        let code = if let Status::Other(_) = status { UNKNOWN_STATUS } else { status.code() };
        let found = self.statuses.iter().find(|(known, _)| *known == code);
        found.map_or_else(|| status.text(), |(_, text)| *text)
    }

    /// A number with the digit grouping of the language.
    #[must_use]
    pub fn number(&self, number: usize) -> String {
        intl::formats(self.locale).number(number)
    }

    /// The plural form for a number, of the text whose forms begin at a slot.
    fn plural(&self, slot: usize, count: usize) -> &'static str {
        let category = intl::formats(self.locale).plural_category(count);
        let form = PLURAL_FORMS.iter().position(|form| *form == category).unwrap_or(OTHER);
        match self.slots[slot + form] {
            "" => self.slots[slot + OTHER],
            text => text,
        }
    }

    /// Joins names, and texts such as "2 others", with the separators of the language.
    fn list(&self, items: &[Part]) -> Vec<Part> {
        let written: Vec<&str> = items.iter().map(Part::as_str).collect();
        let mut rest = items.iter();
        let pieces = intl::formats(self.locale).list(&written).into_iter();
        pieces
            .filter_map(|piece| match piece {
                ListPiece::Item => rest.next().cloned(),
                ListPiece::Between(text) => Some(Part::Text(text)),
            })
            .collect()
    }
}

/// Fills arguments, given by name, into a text.
fn fill(text: &str, arguments: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    for piece in pieces(text) {
        filled.push_str(match piece {
            Piece::Text(text) => text,
            Piece::Argument(name) => value(name, arguments),
        });
    }
    filled
}

/// [`fill`] for a text with a list of names in it.
fn fill_names(text: &str, arguments: &[(&str, &str)], names: Vec<Part>) -> Vec<Part> {
    let mut parts = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Argument("names") => parts.extend_from_slice(&names),
            Piece::Argument(name) => parts.push(Part::Text(value(name, arguments).to_owned())),
            Piece::Text(text) => parts.push(Part::Text(text.to_owned())),
        }
    }
    parts
}

fn value<'a>(name: &str, arguments: &[(&str, &'a str)]) -> &'a str {
    arguments.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}
