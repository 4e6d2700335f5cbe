//! Plural rules, lists and numbers of a language, by the browser's `Intl`.

use std::{cell::RefCell, rc::Rc};

use js_sys::{
    Array, Function,
    Intl::{ListFormat, NumberFormat, PluralRules},
    Object, Reflect,
};
use wasm_bindgen::JsValue;

use super::Locale;

/// A piece of a formatted list.
#[derive(Debug)]
pub enum ListPiece {
    /// The next item.
    Item,
    /// Text between two items.
    Between(String),
}

/// The formatters of a language.
#[derive(Debug)]
pub struct Formats {
    locale: Locale,
    plural_rules: PluralRules,
    lists: ListFormat,
    numbers: Function,
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
        let own = Array::of1(&locale.tag().into());
        let users = Array::of1(&locale.formatting_tag().into());
        Self {
            locale,
            plural_rules: PluralRules::new(&own, &options),
            lists: ListFormat::new(&users, &options),
            numbers: NumberFormat::new(&users, &options).format(),
        }
    }

    /// The plural category of a number: `one`, `other` ...
    pub fn plural_category(&self, count: usize) -> String {
        self.plural_rules.select(count as f64).into()
    }

    /// A number with the digits grouped.
    pub fn number(&self, number: usize) -> String {
        let written = self.numbers.call1(&JsValue::UNDEFINED, &(number as f64).into());
        written.ok().and_then(|text| text.as_string()).unwrap_or_default()
    }

    /// A list such as "A, B and C", in pieces. The items are passed because the separators depend on them in some
    /// languages.
    pub fn list(&self, items: &[&str]) -> Vec<ListPiece> {
        let items: Array = items.iter().map(|item| JsValue::from_str(item)).collect();
        let text = |piece: &JsValue, name: &str| Reflect::get(piece, &name.into()).ok()?.as_string();
        self.lists
            .format_to_parts(&items)
            .iter()
            .filter_map(|piece| match text(&piece, "type")?.as_str() {
                "element" => Some(ListPiece::Item),
                _ => text(&piece, "value").map(ListPiece::Between),
            })
            .collect()
    }
}
