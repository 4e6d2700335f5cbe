//! The coloured initial that stands for a person.

use super::dom::{El, el};

/// The colours: classes in the stylesheet.
const HUES: [&str; 10] = ["hue0", "hue1", "hue2", "hue3", "hue4", "hue5", "hue6", "hue7", "hue8", "hue9"];

/// A person's initial, on the colour that the name always has.
pub fn avatar(nick: &str) -> El {
    el("span.avatar").class(HUES[hue(nick)], true).attr("aria-hidden", "true").text(&initial(nick))
}

/// The colour of a name, whatever the case of its ASCII letters.
fn hue(nick: &str) -> usize {
    // FNV-1a: few bytes, and it spreads short names well.
    let hash = nick.bytes().fold(0x811C_9DC5_u32, |hash, byte| {
        (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
    });
    (hash ^ (hash >> 16)) as usize % HUES.len()
}

/// The first character as it is seen: with the marks that stand on it, and whole emoji.
fn initial(nick: &str) -> String {
    let mut chars = nick.chars().skip_while(|c| c.is_ascii_punctuation() || c.is_whitespace()).peekable();
    let Some(first) = chars.next().or_else(|| nick.chars().next()) else { return String::new() };
    let mut out = String::from(first.to_ascii_uppercase());
    let flag = |c: &char| matches!(c, '\u{1F1E6}'..='\u{1F1FF}');
    if flag(&first) {
        out.extend(chars.next_if(flag));
    }
    while let Some(mark) = chars.next_if(|c| stands_on_the_one_before(*c)) {
        out.push(mark);
    }
    out
}

/// Accents, vowel signs, the emoji selector, skin tones.
fn stands_on_the_one_before(c: char) -> bool {
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
    fn a_name_keeps_its_colour_and_colours_are_spread() {
        assert_eq!(hue("Tom"), hue("tom"));
        let mut seen = [0; HUES.len()];
        for i in 0..1000 {
            seen[hue(&format!("user{i}"))] += 1;
        }
        assert!(seen.iter().all(|n| (50..200).contains(n)), "{seen:?}");
    }
}
