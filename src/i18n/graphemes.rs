//! Graphemes: what a reader takes for one character, such as a letter with its accents, or an emoji of several parts. Found
//! by the browser's `Intl.Segmenter`, or approximately where it is missing.

use std::{cell::OnceCell, ops::Range};

use js_sys::Object;
use wasm_bindgen::JsValue;

use super::guarded::{call, construct, get};

/// Longer graphemes are not recognised as one. The longest emoji have eleven characters.
const MAX_CHARS: usize = 32;

const ZERO_WIDTH_JOINER: char = '\u{200D}';

thread_local! {
    static SEGMENTER: OnceCell<Option<JsValue>> = const { OnceCell::new() };
}

/// The last boundary between graphemes that is not after `at`, a position in bytes.
#[must_use]
pub fn floor(text: &str, at: usize) -> usize {
    around(text, at).start
}

/// The first boundary between graphemes that is not before `at`, a position in bytes.
#[must_use]
pub fn ceil(text: &str, at: usize) -> usize {
    let Range { start, end } = around(text, at);
    if start == at { start } else { end }
}

/// The first grapheme of a text.
#[must_use]
pub fn first(text: &str) -> &str {
    &text[around(text, 0)]
}

/// Accents, vowel signs and other combining marks: those of the common scripts.
#[must_use]
pub fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0489}' | '\u{0591}'..='\u{05BD}' | '\u{0610}'..='\u{061A}'
        | '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{0900}'..='\u{0903}' | '\u{093A}'..='\u{094F}'
        | '\u{0E31}' | '\u{0E34}'..='\u{0E3A}' | '\u{0E47}'..='\u{0E4E}' | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

/// The grapheme that contains the byte `at`; an empty range at the end of the text.
fn around(text: &str, at: usize) -> Range<usize> {
    let at = text.floor_char_boundary(at);
    let mut after = text[at..].chars();
    let Some(c) = after.next() else { return at..at };
    // Between two ASCII characters there is always a boundary, except in the line break of Windows.
    if c.is_ascii() && after.next().is_none_or(|next| next.is_ascii()) {
        return at..at + 1;
    }
    // Nothing before an ASCII character or after the next one belongs to the same grapheme.
    let before = text[..at].char_indices().rev().take(if c.is_ascii() { 0 } else { MAX_CHARS });
    let mut from = at;
    for (start, c) in before {
        from = start;
        if c.is_ascii() {
            break;
        }
    }
    let mut rest = text[at..].char_indices().skip(1).take(MAX_CHARS);
    let to = rest.find(|(_, c)| c.is_ascii()).map(|(end, _)| at + end);
    let to = to.unwrap_or_else(|| {
        text[at..].char_indices().nth(MAX_CHARS + 1).map_or(text.len(), |(end, _)| at + end)
    });
    let found = within(&text[from..to], at - from);
    from + found.start..from + found.end
}

/// The grapheme of a short text that contains the byte `at`.
fn within(text: &str, at: usize) -> Range<usize> {
    by_segmenter(text, at).unwrap_or_else(|| by_rules(text, at))
}

fn by_segmenter(text: &str, at: usize) -> Option<Range<usize>> {
    // Unit tests run without a browser.
    if cfg!(not(target_arch = "wasm32")) {
        return None;
    }
    let segmenter = SEGMENTER.with(|made| {
        // Its default granularity is the grapheme.
        made.get_or_init(|| construct("Segmenter", &[], &Object::new())).clone()
    })?;
    let segments = call(&segmenter, "segment", &text.into())?;
    let units = text[..at].encode_utf16().count();
    let segment = call(&segments, "containing", &(units as f64).into())?;
    let (index, segment) = (get(&segment, "index")?.as_f64()?, get(&segment, "segment")?.as_string()?);
    let mut units = 0.0;
    let is_before = |c: &char| {
        let before = units < index;
        units += c.len_utf16() as f64;
        before
    };
    let start: usize = text.chars().take_while(is_before).map(char::len_utf8).sum();
    Some(start..start + segment.len())
}

/// The rules of Unicode (UAX 29) for marks, flags and emoji.
fn by_rules(text: &str, at: usize) -> Range<usize> {
    let is_flag_letter = |c: char| matches!(c, '\u{1F1E6}'..='\u{1F1FF}');
    let mut start = 0;
    let (mut before, mut flag_letters) = (None, 0);
    for (position, c) in text.char_indices() {
        let is_joined = match before {
            None => true,
            Some(ZERO_WIDTH_JOINER) => !c.is_ascii(),
            Some(_) if is_flag_letter(c) => flag_letters % 2 == 1,
            Some(_) => {
                is_mark(c)
                    || matches!(c, ZERO_WIDTH_JOINER | '\u{FE00}'..='\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0020}'..='\u{E007F}')
            }
        };
        if !is_joined {
            if position > at {
                return start..position;
            }
            start = position;
        }
        flag_letters = if is_flag_letter(c) { flag_letters + 1 } else { 0 };
        before = Some(c);
    }
    start..text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with a bar at each boundary.
    fn split(text: &str) -> String {
        let mut parts = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let grapheme = around(text, at);
            assert_eq!(grapheme.start, at, "{text}");
            for inside in grapheme.clone() {
                assert_eq!(
                    (floor(text, inside), around(text, inside)),
                    (at, grapheme.clone()),
                    "{inside} in {text}"
                );
                assert_eq!(ceil(text, inside), if inside == at { at } else { grapheme.end });
            }
            parts.push(&text[grapheme.clone()]);
            at = grapheme.end;
        }
        assert_eq!((floor(text, text.len()), ceil(text, text.len())), (text.len(), text.len()));
        parts.join("|")
    }

    #[test]
    fn texts_are_split_between_graphemes() {
        for expected in [
            "",
            "a|b| |c",
            "c|a|f|e\u{301}|s",
            "a|👨\u{200D}👩\u{200D}👧\u{200D}👦|b",
            "👍🏽|👍|❤\u{FE0F}|!",
            "🇨🇳|🇩🇪|🇫|x",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}|李|丽",
            "n\u{E34}\u{E35}|x",
        ] {
            assert_eq!(split(&expected.replace('|', "")), expected);
        }
        assert_eq!(first("👍🏽 ok"), "👍🏽");
        assert_eq!(first(""), "");
    }

    #[test]
    fn a_long_grapheme_costs_no_more_than_a_short_one() {
        let text = format!("e{}", "\u{301}".repeat(100_000));
        assert!(around(&text, 50_001).len() < 5 * MAX_CHARS);
    }
}
