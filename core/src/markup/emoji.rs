//! Messages that consist of emoji.

/// The most emoji that are shown large.
const MAX_EMOJI: usize = 6;

/// The characters below U+10000 that are emoji without a variation selector: the first and the last one of each range.
const PRESENTED: [(u16, u16); 33] = [
    (0x231A, 0x231B),
    (0x23E9, 0x23EC),
    (0x23F0, 0x23F0),
    (0x23F3, 0x23F3),
    (0x25FD, 0x25FE),
    (0x2614, 0x2615),
    (0x2648, 0x2653),
    (0x267F, 0x267F),
    (0x2693, 0x2693),
    (0x26A1, 0x26A1),
    (0x26AA, 0x26AB),
    (0x26BD, 0x26BE),
    (0x26C4, 0x26C5),
    (0x26CE, 0x26CE),
    (0x26D4, 0x26D4),
    (0x26EA, 0x26EA),
    (0x26F2, 0x26F3),
    (0x26F5, 0x26F5),
    (0x26FA, 0x26FA),
    (0x26FD, 0x26FD),
    (0x2705, 0x2705),
    (0x270A, 0x270B),
    (0x2728, 0x2728),
    (0x274C, 0x274C),
    (0x274E, 0x274E),
    (0x2753, 0x2755),
    (0x2757, 0x2757),
    (0x2795, 0x2797),
    (0x27B0, 0x27B0),
    (0x27BF, 0x27BF),
    (0x2B1B, 0x2B1C),
    (0x2B50, 0x2B50),
    (0x2B55, 0x2B55),
];

/// The most bytes of an emoji: more than that of the longest sequence of Unicode, with a colour of skin for each of its people.
const EMOJI_BYTES: usize = 64;

/// Returns `true` if a text is one emoji, which may be a sequence of characters.
#[must_use]
pub fn is_one_emoji(text: &str) -> bool {
    text.len() <= EMOJI_BYTES && !text.contains(' ') && count_emoji(text) == Some(1)
}

/// Returns `true` if a text consists of one to [`MAX_EMOJI`] emoji, and of spaces.
pub(super) fn is_emoji(text: &str) -> bool {
    count_emoji(text).is_some_and(|count| (1..=MAX_EMOJI).contains(&count))
}

/// The number of emoji in a text that has nothing else but spaces.
fn count_emoji(text: &str) -> Option<usize> {
    let mut count = 0;
    // The character that was read last, and the one that it belongs to.
    let mut last = ' ';
    // The last character is no emoji without the next one.
    let mut is_open = false;
    for c in text.chars() {
        match c {
            // Of the flag of a region.
            '\u{E0020}'..='\u{E007E}' if last == '🏴' || is_tag(last) => is_open = true,
            '\u{E007F}' if is_tag(last) => is_open = false,
            // A picture of a character that is text otherwise.
            '\u{FE0F}' if may_be_emoji(last) => is_open = false,
            '\u{FE0F}' if is_of_keycap(last) => continue,
            '\u{20E3}' if is_of_keycap(last) => is_open = false,
            // A colour of skin.
            '\u{1F3FB}'..='\u{1F3FF}' if may_be_emoji(last) => is_open = false,
            JOINER if count > 0 && last != ' ' && last != JOINER => is_open = true,
            _ if last == JOINER && may_be_emoji(c) => is_open = false,
            _ if is_of_flag(last) && is_open && is_of_flag(c) => {
                (last, is_open) = (' ', false);
                continue;
            }
            // The emoji before it is complete.
            _ if is_open => return None,
            ' ' => {}
            _ if may_be_emoji(c) || is_of_keycap(c) || is_of_flag(c) => {
                count += 1;
                is_open = !is_presented(c);
            }
            _ => return None,
        }
        last = c;
    }
    (!is_open).then_some(count)
}

/// Returns `true` if an emoji may begin with a byte: the first one of U+2000 to U+2FFF, and of U+10000 to U+3FFFF. The emoji of
/// other ranges are signs, or begin with a character of ASCII that markup begins with too.
pub(super) fn may_begin_with(byte: u8) -> bool {
    matches!(byte, 0xE2 | 0xF0)
}

/// Joins the emoji before it and behind it.
const JOINER: char = '\u{200D}';

fn is_tag(c: char) -> bool {
    matches!(c, '\u{E0020}'..='\u{E007E}')
}

fn is_of_keycap(c: char) -> bool {
    matches!(c, '0'..='9' | '#' | '*')
}

fn is_of_flag(c: char) -> bool {
    matches!(c, '\u{1F1E6}'..='\u{1F1FF}')
}

/// Returns `true` for characters that are emoji with a variation selector, and a few others, which nobody writes with one.
fn may_be_emoji(c: char) -> bool {
    matches!(c, '\u{203C}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2194}'..='\u{2BFF}' | '\u{1F170}'..='\u{1F17F}')
        || is_presented(c)
}

/// Returns `true` for characters that are emoji by themselves. Above U+FFFF also for their neighbours, which are pictures too.
fn is_presented(c: char) -> bool {
    if let Ok(c) = u16::try_from(u32::from(c)) {
        return PRESENTED.iter().any(|(first, last)| (*first..=*last).contains(&c));
    }
    matches!(c, '\u{1F004}' | '\u{1F0CF}' | '\u{1F18E}' | '\u{1F191}'..='\u{1F19A}' | '\u{1F201}'..='\u{1F251}'
        | '\u{1F300}'..='\u{1F64F}' | '\u{1F680}'..='\u{1F6FF}' | '\u{1F7E0}'..='\u{1F7F0}' | '\u{1F90C}'..='\u{1F9FF}'
        | '\u{1FA70}'..='\u{1FAFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_emoji_and_spaces_are_emoji() {
        for text in [
            "👍",
            "👍🏽",
            " 👋  🌍 ",
            "👨‍👩‍👧‍👦",
            "🏳️‍🌈🏴‍☠️",
            "❤️",
            "❤️‍🔥",
            "❤‍🔥",
            "🤷🏽‍♀️🤷‍♂",
            "🇩🇪🇨🇳",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
            "1️⃣2️⃣",
            "#️⃣",
            "*️⃣*️⃣",
            "5\u{20E3}",
            "⭐☕",
            "‼️",
            "☀️",
            "🅰️",
            "😀😀😀😀😀😀",
        ] {
            assert!(is_emoji(text), "{text:?}");
            assert!(super::super::may_have_markup(text), "{text:?}");
        }
    }

    #[test]
    fn other_texts_are_no_emoji() {
        for text in [
            "",
            " ",
            "1",
            "42",
            "#",
            "1️",
            "a👍",
            "👍a",
            "👍\n👍",
            "→",
            "✓",
            "☀",
            "☀\u{FE0E}",
            "©",
            "—",
            "🇩",
            "🇩🇪🇨",
            "👍\u{200D}",
            "\u{200D}",
            "\u{FE0F}",
            "\u{20E3}",
            "🏴\u{E0067}",
            "字",
            "😀😀😀😀😀😀😀",
            "𝄞",
        ] {
            assert!(!is_emoji(text), "{text:?}");
        }
    }
}
