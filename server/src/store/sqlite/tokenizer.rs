//! Splits texts into the tokens of the search index.
//!
//! Text is *folded* first: compatibility forms are replaced, and case, accents, vowel points and strokes are removed, so
//! that "Paweł" is found by "pawel". Marks that make another letter are kept, as in "が" or in Indic scripts.
//!
//! Chinese and Japanese do not separate words by spaces, and finding words would need a dictionary. So each
//! of their characters is a token, and a sequence of them in a query is a phrase that matches anywhere. The
//! same goes for Korean, because of its endings, for the scripts of Southeast Asia without spaces, and for
//! emoji. Every other sequence of letters and digits is one token and matches by prefix.
//!
//! The tokens are in the index, so a change of the folding needs a migration that builds the index anew.

use std::iter;

use unicode_normalization::{
    UnicodeNormalization as _,
    char::{canonical_combining_class, is_combining_mark},
};

/// The length to which words are truncated.
const MAX_WORD_CHARS: usize = 64;

/// The tokens of a text, separated by spaces.
pub(super) fn tokens(text: &str) -> String {
    folded_tokens(&fold(text))
}

/// The tokens of a folded text, separated by spaces.
pub(super) fn folded_tokens(folded: &str) -> String {
    let mut out = String::with_capacity(folded.len() + folded.len() / 4);
    split(folded, |piece| {
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

/// Folds a text. Control characters become spaces, and so does each sequence of white space.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut push = |c: char| match c.is_whitespace() || c.is_control() {
        true if out.ends_with(' ') => {}
        true => out.push(' '),
        false => out.push(c),
    };
    // Fast path: nearly every English text is ASCII.
    if text.is_ascii() {
        text.chars().for_each(|c| push(c.to_ascii_lowercase()));
    } else {
        let normal = text.nfkd().flat_map(char::to_lowercase).filter(|c| !is_ignored(*c));
        normal.flat_map(without_stroke).nfc().for_each(push);
    }
    out
}

/// A part of a folded text.
pub(super) enum Piece<'a> {
    /// Letters and digits.
    Word(&'a str),
    /// A character that is a token.
    Sign(char),
    /// A space or a punctuation mark.
    Break,
}

/// Splits a folded text into words, single-character tokens, and what is between them.
pub(super) fn split(folded: &str, mut each: impl FnMut(Piece<'_>)) {
    let mut rest = folded;
    while let Some(c) = rest.chars().next() {
        let length = match kind(c) {
            Kind::Letter => {
                let end = rest.find(|c: char| !is_letter(c)).unwrap_or(rest.len());
                let word = &rest[..end];
                each(Piece::Word(
                    word.char_indices().nth(MAX_WORD_CHARS).map_or(word, |(at, _)| &word[..at]),
                ));
                end
            }
            Kind::Sign => {
                each(Piece::Sign(c));
                c.len_utf8()
            }
            Kind::Other => {
                each(Piece::Break);
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
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

/// Returns `true` if a character of a folded text belongs to a word.
pub(super) fn is_letter(c: char) -> bool {
    kind(c) == Kind::Letter
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

/// Characters that do not distinguish words.
fn is_ignored(c: char) -> bool {
    match canonical_combining_class(c) {
        0 => matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' // soft hyphen, joiner, mark of direction
            | '\u{0640}'                      // extends Arabic letters
            | '\u{180B}'..='\u{180F}'         // Mongolian variation selectors
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' // joiners, directions
            | '\u{20D0}'..='\u{20FF}'         // the key of keycaps
            | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' // variation selectors
            | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}' // byte order mark, tags
            | '\u{1F3FB}'..='\u{1F3FF}'       // skin tones
        ),
        // Strokes, Hebrew and Arabic points, and accents. Not nukta, virama, kana voicing and Southeast Asian vowels,
        // which have the other classes.
        1 | 10..=36 | 200..=240 => true,
        _ => false,
    }
}

/// The letters that a letter counts as. Unicode does not decompose strokes and ligatures of letters. Quotes and dashes
/// count as those of a keyboard.
fn without_stroke(c: char) -> impl Iterator<Item = char> {
    let (first, second) = match c {
        'ß' => ('s', Some('s')),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'þ' => ('t', Some('h')),
        'ⱥ' => ('a', None),
        'ƀ' | 'ƃ' | 'ɓ' => ('b', None),
        'ƈ' | 'ȼ' => ('c', None),
        'đ' | 'ð' | 'ɖ' | 'ɗ' | 'ƌ' => ('d', None),
        'ɇ' => ('e', None),
        'ƒ' => ('f', None),
        'ǥ' | 'ɠ' => ('g', None),
        'ħ' | 'ⱨ' => ('h', None),
        'ı' | 'ɨ' | 'ᵻ' => ('i', None),
        'ɉ' | 'ȷ' => ('j', None),
        'ƙ' | 'ⱪ' | 'ĸ' | 'ꝁ' => ('k', None),
        'ł' | 'ƚ' | 'ⱡ' | 'ɫ' => ('l', None),
        'ŋ' | 'ɲ' | 'ƞ' => ('n', None),
        'ø' | 'ɵ' => ('o', None),
        'ƥ' | 'ᵽ' => ('p', None),
        'ɋ' => ('q', None),
        'ɍ' => ('r', None),
        'ȿ' => ('s', None),
        'ŧ' | 'ⱦ' | 'ƭ' => ('t', None),
        'ʉ' => ('u', None),
        'ʋ' => ('v', None),
        'ɏ' | 'ƴ' => ('y', None),
        'ƶ' | 'ȥ' => ('z', None),
        // Final sigma.
        'ς' => ('σ', None),
        '‘'..='‛' | '′' => ('\'', None),
        '“'..='‟' | '«' | '»' => ('"', None),
        '‐'..='―' | '−' => ('-', None),
        c => (c, None),
    };
    iter::once(first).chain(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_folded() {
        for (text, folded) in [
            ("Paweł ŁÓDŹ", "pawel lodz"),
            ("Økland, Æ", "okland, ae"),
            ("đường ĐÀ NẴNG", "duong da nang"),
            ("Straße STRASSE ẞ", "strasse strasse ss"),
            ("שָׁלוֹם", "שלום"),
            ("مُحَمَّد أحمد ـــ", "محمد احمد "),
            ("Ελλάς", "ελλασ"),
            ("Йод Ёлка", "иод елка"),
            ("İI ıi", "ii ii"),
            ("ﬁn ２", "fin 2"),
            ("がパ", "がパ"),
            ("नमस्ते क़", "नमस्ते क़"),
            ("ครับ", "ครับ"),
            ("한국", "한국"),
            ("don’t “x” a\u{2011}b", "don't \"x\" a-b"),
            (" a\t\n b\0c ", " a b c "),
            ("é\u{a0} x", "e x"),
            ("👍🏽 ❤️", "👍 ❤"),
        ] {
            assert_eq!(fold(text), folded.nfc().collect::<String>(), "{text:?}");
            assert_eq!(fold(&fold(text)), fold(text), "{text:?}");
        }
    }

    #[test]
    fn tokens_are_words_and_signs() {
        assert_eq!(tokens("10.0.0.1 in C++: 你好wörld"), "10 0 0 1 in c 你 好 world");
        assert_eq!(tokens(&"ö".repeat(70)), "o".repeat(64));
        assert_eq!(tokens(" … ?! "), "");
    }
}
