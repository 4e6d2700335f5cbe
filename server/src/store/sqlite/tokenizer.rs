//! Splits texts into the tokens of the search index.
//!
//! Chinese and Japanese do not separate words by spaces, and finding words would need a dictionary. So each
//! of their characters is a token, and a sequence of them in a query is a phrase that matches anywhere. The
//! same goes for Korean, because of its endings, for the scripts of Southeast Asia without spaces, and for
//! emoji. Every other sequence of letters and digits is one token and matches by prefix.

use std::iter;

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// Longer words are truncated.
const MAX_WORD_CHARS: usize = 64;

/// The tokens of a text, separated by spaces.
pub(super) fn tokens(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    split(text, |piece| {
        if !matches!(piece, Piece::Break) && !out.is_empty() {
            out.push(' ');
        }
        match piece {
            Piece::Word(word) => out.push_str(word),
            Piece::Sign(sign) => out.push(sign),
            Piece::Break => {}
        }
    });
    out
}

/// A part of a text.
pub(super) enum Piece<'a> {
    /// Letters and digits.
    Word(&'a str),
    /// A character that is a token.
    Sign(char),
    /// A separator, or the end of the text.
    Break,
}

/// Splits a text into normalised words, single-character tokens and separators.
pub(super) fn split(text: &str, mut each: impl FnMut(Piece<'_>)) {
    // Fast path: nearly every English text is ASCII, which has no single-character tokens.
    if text.is_ascii() {
        let text = text.to_ascii_lowercase();
        for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
            match word {
                "" => each(Piece::Break),
                // In ASCII a character is a byte.
                word => each(Piece::Word(&word[..word.len().min(MAX_WORD_CHARS)])),
            }
        }
        return each(Piece::Break);
    }
    // Compatibility forms are replaced, case and optional accents removed.
    let normal = text.nfkd().flat_map(char::to_lowercase).filter(|c| !is_ignored(*c));
    // Final sigma is a variant of sigma.
    let normal = normal.map(|c| if c == 'ς' { 'σ' } else { c });
    split_normal(normal.nfc(), &mut each);
}

fn split_normal(text: impl Iterator<Item = char>, mut each: impl FnMut(Piece<'_>)) {
    let (mut word, mut chars) = (String::new(), 0);
    for c in text.map(Some).chain(iter::once(None)) {
        let kind = c.map_or(Kind::Other, kind);
        if let (Some(c), Kind::Letter) = (c, kind) {
            if chars < MAX_WORD_CHARS {
                word.push(c);
            }
            chars += 1;
            continue;
        }
        if !word.is_empty() {
            each(Piece::Word(&word));
            word.clear();
            chars = 0;
        }
        match (c, kind) {
            (Some(c), Kind::Sign) => each(Piece::Sign(c)),
            _ => each(Piece::Break),
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Letter,
    Sign,
    Other,
}

fn kind(c: char) -> Kind {
    match c {
        'a'..='z' | '0'..='9' => Kind::Letter,
        '\0'..='\x7F' => Kind::Other,
        _ if is_sign(c) => Kind::Sign,
        _ if c.is_alphanumeric() || is_combining_mark(c) => Kind::Letter,
        _ => Kind::Other,
    }
}

/// Characters that are a token each.
fn is_sign(c: char) -> bool {
    match c {
        '\u{2190}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FBFF}' => true, // symbols and emoji
        '\u{0E00}'..='\u{0EFF}'         // Thai, Lao
        | '\u{1000}'..='\u{109F}'       // Burmese
        | '\u{1100}'..='\u{11FF}'       // Hangul letters
        | '\u{1780}'..='\u{17FF}'       // Khmer
        | '\u{2E80}'..='\u{2FDF}'       // radicals
        | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}'
        | '\u{3040}'..='\u{318F}'       // kana, bopomofo, Hangul letters
        | '\u{31A0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' // Han
        | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}' // Hangul
        | '\u{F900}'..='\u{FAFF}'
        | '\u{1AFF0}'..='\u{1B16F}'     // older kana
        | '\u{20000}'..='\u{3FFFF}'     // rarer Han
            => c.is_alphanumeric() || is_combining_mark(c),
        _ => false,
    }
}

/// Marks that do not distinguish words.
fn is_ignored(c: char) -> bool {
    matches!(c,
        '\u{00AD}'                      // soft hyphen
        | '\u{0300}'..='\u{036F}'       // accents of Latin, Greek and Cyrillic
        | '\u{064B}'..='\u{065F}'       // Arabic vowels
        | '\u{200B}'..='\u{200F}'       // joiners and marks of direction
        | '\u{20D0}'..='\u{20FF}'       // the key of keycaps
        | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' // variation selectors
        | '\u{1F3FB}'..='\u{1F3FF}'     // skin tones
    )
}
