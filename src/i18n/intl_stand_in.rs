//! Replaces the browser's `Intl` in native tests. English follows the rules of en-GB, every other language those of
//! Chinese.

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
    is_english: bool,
}

/// The formatters of a language.
pub fn formats(locale: Locale) -> Formats {
    Formats { is_english: locale == Locale::ENGLISH }
}

impl Formats {
    /// The plural category of a number.
    pub fn plural_category(&self, count: usize) -> &'static str {
        if self.is_english && count == 1 { "one" } else { "other" }
    }

    /// A number with the digits in groups of three.
    pub fn number(&self, number: usize) -> String {
        let digits = number.to_string();
        let mut grouped = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped
    }

    /// A list such as "A, B and C", in pieces.
    pub fn list(&self, items: &[&str]) -> Vec<ListPiece> {
        let (comma, and) = if self.is_english { (", ", " and ") } else { ("、", "和") };
        let mut pieces = Vec::new();
        for at in 0..items.len() {
            if at > 0 {
                let text = if at + 1 == items.len() { and } else { comma };
                pieces.push(ListPiece::Between(text.to_owned()));
            }
            pieces.push(ListPiece::Item);
        }
        pieces
    }
}
