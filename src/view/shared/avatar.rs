//! The coloured initial shown beside a nick.

use std::sync::Arc;

use leptos::prelude::*;

use super::letter_case::{nick_key, to_uppercase};
use crate::i18n::graphemes;

/// Number of colours: the classes `hue0` to `hue9` of the stylesheet.
const HUES: u32 = 10;

/// Number of combining marks that are shown. More than two on one letter are no writing but a column of ink.
const MAX_MARKS: usize = 2;

/// The initial of a nick, on a colour derived from the nick. Hidden from assistive technology, because the nick itself is
/// always beside it.
#[component]
pub fn Avatar(nick: Arc<str>) -> impl IntoView {
    view! { <span class=format!("avatar hue{}", hue(&nick)) aria-hidden="true">{initial(&nick)}</span> }
}

/// The colour of a nick. Nicks that differ only in case have the same.
fn hue(nick: &str) -> u32 {
    // FNV-1a distributes short strings well.
    let hash = nick_key(nick)
        .bytes()
        .fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 16)) % HUES
}

/// The first visible grapheme in upper case, with at most [`MAX_MARKS`] combining marks.
fn initial(nick: &str) -> String {
    let visible = nick.trim_start_matches(|c: char| c.is_ascii_punctuation() || c.is_whitespace());
    let grapheme = graphemes::first(if visible.is_empty() { nick } else { visible });
    let mut chars = grapheme.chars();
    let Some(first) = chars.next() else { return String::new() };
    let mut initial = to_uppercase(first);
    if initial.chars().count() > 1 {
        // For example "ß", whose upper case is "SS".
        initial = first.into();
    }
    let mut marks = 0;
    initial.extend(chars.filter(|c| {
        marks += usize::from(graphemes::is_mark(*c));
        marks <= MAX_MARKS || !graphemes::is_mark(*c)
    }));
    initial
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_whole_characters() {
        for (nick, expected) in [
            ("tom", "T"),
            ("李丽", "李"),
            ("_ann", "A"),
            ("ßen", "ß"),
            ("e\u{301}va", "E\u{301}"),
            ("❤\u{FE0F} you", "❤\u{FE0F}"),
            ("👍🏽 ok", "👍🏽"),
            ("🇨🇳 x", "🇨🇳"),
            ("👨\u{200D}👩\u{200D}👧 us", "👨\u{200D}👩\u{200D}👧"),
            (&format!("n{}", "\u{E34}".repeat(30)), "N\u{E34}\u{E34}"),
            (&format!("o{}", "\u{301}".repeat(8)), "O\u{301}\u{301}"),
            ("...", "."),
            ("", ""),
        ] {
            assert_eq!(initial(nick), expected, "{nick}");
        }
    }

    #[test]
    fn hue_ignores_case_and_hues_are_evenly_distributed() {
        assert_eq!(hue("Tom"), hue("tom"));
        let mut seen = [0; HUES as usize];
        for i in 0..1000 {
            seen[hue(&format!("user{i}")) as usize] += 1;
        }
        assert!(seen.iter().all(|n| (50..200).contains(n)), "{seen:?}");
    }
}
