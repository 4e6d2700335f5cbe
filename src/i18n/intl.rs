//! Plural rules, lists and numbers of a language, by the browser's `Intl`. Where the browser lacks it, plain forms are
//! used instead.

use std::{cell::RefCell, rc::Rc};

use js_sys::{Array, Object};
use wasm_bindgen::{JsCast, JsValue};

use super::{
    Locale,
    guarded::{call, construct, get},
};

/// A piece of a formatted list.
#[derive(Debug)]
pub enum ListPiece {
    /// The next item.
    Item,
    /// Text between two items.
    Between(String),
}

/// The formatters of a language; `None` where the browser lacks one.
#[derive(Debug)]
pub struct Formats {
    locale: Locale,
    plural_rules: Option<JsValue>,
    lists: Option<JsValue>,
    numbers: Option<JsValue>,
}

thread_local! {
    static FORMATS: RefCell<Vec<Rc<Formats>>> = const { RefCell::new(Vec::new()) };
}

/// The formatters of a language, made when they are first needed.
pub fn formats(locale: Locale) -> Rc<Formats> {
    let made = FORMATS.with_borrow(|all| all.iter().find(|it| it.locale == locale).cloned());
    made.unwrap_or_else(|| {
        // Calls into JavaScript stay outside of the borrow: an exception would never release it.
        let formats = Rc::new(Formats::new(locale));
        FORMATS.with_borrow_mut(|all| all.push(formats.clone()));
        formats
    })
}

impl Formats {
    fn new(locale: Locale) -> Self {
        let options = Object::new();
        // Plural rules must match the translation's language; lists and numbers follow the user's variety of it, such
        // as en-GB.
        let own = [locale.tag().to_owned()];
        let users = locale.formatting_tags();
        Self {
            locale,
            plural_rules: construct("PluralRules", &own, &options),
            lists: construct("ListFormat", &users, &options),
            numbers: construct("NumberFormat", &users, &options),
        }
    }

    /// The plural category of a number: `one`, `other` ...
    pub fn plural_category(&self, count: usize) -> String {
        let category =
            self.plural_rules.as_ref().and_then(|rules| call(rules, "select", &(count as f64).into()));
        category
            .and_then(|text| text.as_string())
            .unwrap_or_else(|| if count == 1 { "one" } else { "other" }.into())
    }

    /// A number with the digits grouped.
    pub fn number(&self, number: usize) -> String {
        let written =
            self.numbers.as_ref().and_then(|format| call(format, "format", &(number as f64).into()));
        written.and_then(|text| text.as_string()).unwrap_or_else(|| number.to_string())
    }

    /// A list such as "A, B and C", in pieces. The items are passed because the separators depend on them in some
    /// languages.
    pub fn list(&self, items: &[&str]) -> Vec<ListPiece> {
        let strings: Array = items.iter().map(|item| JsValue::from_str(item)).collect();
        let parts = self.lists.as_ref().and_then(|format| call(format, "formatToParts", &strings));
        let Some(parts) = parts.and_then(|parts| parts.dyn_into::<Array>().ok()) else {
            return with_commas(items.len());
        };
        let text = |piece: &JsValue, name: &str| get(piece, name)?.as_string();
        parts
            .iter()
            .filter_map(|piece| match text(&piece, "type")?.as_str() {
                "element" => Some(ListPiece::Item),
                _ => text(&piece, "value").map(ListPiece::Between),
            })
            .collect()
    }
}

/// A list of this many items with commas between them.
fn with_commas(count: usize) -> Vec<ListPiece> {
    let comma = |at| (at > 0).then(|| ListPiece::Between(", ".into()));
    (0..count).flat_map(|at| comma(at).into_iter().chain([ListPiece::Item])).collect()
}
