//! The syntax of a translated text, which is that of i18next JSON v4: `{{name}}` is an argument, and a key that ends in
//! `_one`, `_other` ... is one plural form of a text.
//!
//! The build script compiles this file too.

/// The plural categories of CLDR, in the order of a text's slots. Each is also the suffix of a key.
pub const PLURAL_FORMS: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];

/// The position of `other`, the form that every language has, in [`PLURAL_FORMS`].
pub const OTHER: usize = 5;

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text to show as it is.
    Text(&'a str),
    /// The name of an argument.
    Argument(&'a str),
}

/// Splits a text at its arguments. Braces that are not closed are text.
pub fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if let Some((name, after)) = rest.strip_prefix("{{").and_then(|inner| inner.split_once("}}")) {
            rest = after;
            return Some(Piece::Argument(name.trim()));
        }
        // Opening braces at this point are not closed.
        let from = if rest.starts_with("{{") { rest.len() } else { 0 };
        let end = rest[from..].find("{{").map_or(rest.len(), |at| from + at);
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(Piece::Text(piece))
    })
}
