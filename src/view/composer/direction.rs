//! The writing direction of the text being written. `dir="auto"` on the field would give the same, but Chromium computes it
//! again for every line of a text that is pasted, which takes minutes for a long one.

/// The value of `dir` for a text: the direction of its first character that has one, as `dir="auto"` defines it; `None`
/// without such a character.
pub fn direction(text: &str) -> Option<&'static str> {
    text.chars().find_map(|c| match c {
        // Hebrew, Arabic, Syriac, Thaana, N'Ko and other scripts of the Near East and Africa; but Arabic digits and punctuation
        // have no direction.
        '\u{0600}'..='\u{0605}'
        | '\u{060C}'
        | '\u{0660}'..='\u{066C}'
        | '\u{06DD}'
        | '\u{06F0}'..='\u{06F9}' => None,
        '\u{0590}'..='\u{08FF}'
        | '\u{FB1D}'..='\u{FDFF}'
        | '\u{FE70}'..='\u{FEFE}'
        | '\u{10800}'..='\u{10FFF}'
        | '\u{1E800}'..='\u{1EFFF}'
        | '\u{200F}' => Some("rtl"),
        'a'..='z' | 'A'..='Z' | '\u{200E}' => Some("ltr"),
        // Symbols, combining marks, general and CJK punctuation, variation selectors, emoji, and tags.
        '\0'..='\u{A9}'
        | '\u{AB}'..='\u{B4}'
        | '\u{B6}'..='\u{B9}'
        | '\u{BB}'..='\u{BF}'
        | '\u{D7}'
        | '\u{F7}'
        | '\u{02B9}'..='\u{036F}'
        | '\u{2000}'..='\u{2BFF}'
        | '\u{2E00}'..='\u{3004}'
        | '\u{3008}'..='\u{3020}'
        | '\u{FE00}'..='\u{FE6F}'
        | '\u{FEFF}'
        | '\u{FF01}'..='\u{FF20}'
        | '\u{1F000}'..='\u{1FBFF}'
        | '\u{E0000}'.. => None,
        _ => Some("ltr"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_character_with_a_direction_decides() {
        for (text, expected) in [
            ("", None),
            ("123 ... 👋🏽 ❤\u{FE0F} 「", None),
            ("hello שלום", Some("ltr")),
            ("שלום hello", Some("rtl")),
            ("1. مرحبا", Some("rtl")),
            ("٣ hello", Some("ltr")),
            ("👋 你好", Some("ltr")),
            ("«Ёлка»", Some("ltr")),
            ("ﷺ", Some("rtl")),
            ("\u{200F}...", Some("rtl")),
        ] {
            assert_eq!(direction(text), expected, "{text:?}");
        }
    }
}
