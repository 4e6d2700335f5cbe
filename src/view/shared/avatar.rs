//! The coloured initial shown beside a nick.

use std::sync::Arc;

use leptos::prelude::*;

use super::letter_case::{nick_key, to_uppercase};

/// Number of colours: the classes `hue0` to `hue9` of the stylesheet.
const HUES: u32 = 10;

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

/// The first visible character in upper case, with its combining marks; flags and emoji with a skin tone stay whole.
fn initial(nick: &str) -> String {
    let mut chars = nick.chars().skip_while(|c| c.is_ascii_punctuation() || c.is_whitespace()).peekable();
    let Some(first) = chars.next().or_else(|| nick.chars().next()) else { return String::new() };
    let mut initial = to_uppercase(first);
    if initial.chars().count() > 1 {
        // For example "ß", whose upper case is "SS".
        initial = first.into();
    }
    let is_flag_letter = |c: &char| matches!(c, '\u{1F1E6}'..='\u{1F1FF}');
    if is_flag_letter(&first) {
        initial.extend(chars.next_if(is_flag_letter));
    }
    while let Some(mark) = chars.next_if(|c| is_combining(*c)) {
        initial.push(mark);
    }
    initial
}

/// Accents, vowel signs, the emoji variation selector and skin tones.
fn is_combining(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' | '\u{0591}'..='\u{05BD}' | '\u{064B}'..='\u{065F}' | '\u{093E}'..='\u{094D}'
        | '\u{0E31}' | '\u{0E34}'..='\u{0E3A}' | '\u{0E47}'..='\u{0E4E}' | '\u{20D0}'..='\u{20FF}' | '\u{FE0F}'
        | '\u{1F3FB}'..='\u{1F3FF}')
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
