//! The rules for nicks and message texts that need no Unicode tables. Both ends use this code. The server also applies the
//! tables, which are too large for the page: the client never refuses what the server accepts, and shows its refusals.
//! Only the server can check whether a nick is taken, or looks like one that is.

use crate::{
    codec,
    limits::{Limits, NICK_MARKS, ROOM_NAME_CHARS},
    model::{Dialect, Identity},
    status::Status,
};

/// Validates and normalizes a nick as typed: white space at its ends is removed, and each run inside becomes one space.
///
/// # Errors
/// [`Status::NickEmpty`], [`Status::NickTooLong`] (counted in characters), or [`Status::NickForbidden`] for control
/// characters, line breaks, zero-width characters, direction marks and special characters, and more than [`NICK_MARKS`]
/// combining marks in a row; also for a nick without any letter, digit or symbol, and for commas, which separate names in
/// the basic dialect's list.
pub fn nick(typed: &str, limits: &Limits) -> Result<String, Status> {
    name(typed, limits.nick_chars.min(crate::limits::NICK_CHARS))
}

/// Validates and normalizes the name of a room as typed, by the rules for nicks.
///
/// # Errors
/// Those of [`nick`]; the limit is [`ROOM_NAME_CHARS`].
pub fn room_name(typed: &str) -> Result<String, Status> {
    name(typed, ROOM_NAME_CHARS)
}

fn name(typed: &str, max_chars: usize) -> Result<String, Status> {
    // Checked before white space is removed: a control character is forbidden at the ends too.
    if typed.chars().any(is_forbidden_in_nick) {
        return Err(Status::NickForbidden);
    }
    let mut out = String::with_capacity(typed.len().min(256));
    for word in typed.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    if out.is_empty() {
        return Err(Status::NickEmpty);
    }
    if out.chars().count() > max_chars {
        return Err(Status::NickTooLong);
    }
    let mut marks = 0;
    for c in out.chars() {
        marks = if is_combining(c) { marks + 1 } else { 0 };
        if marks > NICK_MARKS {
            return Err(Status::NickForbidden);
        }
    }
    if out.contains(',') || out.chars().all(|c| c.is_ascii_punctuation() || c == ' ' || is_combining(c)) {
        return Err(Status::NickForbidden);
    }
    Ok(out)
}

/// Validates the text of a message. Only white space at its end is removed.
///
/// # Errors
/// [`Status::ContentEmpty`] when it has no visible character, [`Status::ContentTooLong`] beyond
/// [`Limits::content_bytes`].
pub fn content<'a>(typed: &'a str, limits: &Limits) -> Result<&'a str, Status> {
    let text = typed.trim_end();
    if text.chars().all(|c| c.is_whitespace() || is_invisible(c)) {
        return Err(Status::ContentEmpty);
    }
    if text.len() > limits.content_bytes {
        return Err(Status::ContentTooLong);
    }
    Ok(text)
}

/// By how many bytes a text exceeds the server's limit for one message; 0 when it fits.
#[must_use]
pub fn excess_bytes(identity: &Identity, text: &str) -> usize {
    let text = text.trim_end();
    match identity.dialect {
        Dialect::Basic => {
            let bytes = codec::encode(&codec::message(&identity.nick, None, text));
            bytes.len().saturating_sub(identity.limits.frame_bytes)
        }
        Dialect::Rich => text.len().saturating_sub(identity.limits.content_bytes),
    }
}

/// The key by which nicks are compared: those that differ only in case or in full and half width have the same one.
/// The server also compares Unicode's confusable skeletons (UTS 39), whose tables are too large for the client.
#[must_use]
pub fn nick_key(nick: &str) -> String {
    nick.chars().map(half_width).flat_map(char::to_lowercase).collect()
}

/// The half-width form of a character that has one, for [`nick_key`].
#[must_use]
pub fn half_width(c: char) -> char {
    match c {
        // Full-width ASCII, U+FF01-FF5E, is 0xFEE0 above ASCII.
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        c => c,
    }
}

/// Characters that are invisible, break lines or change the text direction, and those that stand for something that is
/// not there. The emoji selector is allowed, as in ❤️.
fn is_forbidden_in_nick(c: char) -> bool {
    (is_invisible(c) && c != '\u{FE0F}') || matches!(c, '\u{FFFC}' | '\u{FFFD}')
}

/// Characters that are invisible, break lines or change the text direction. All of them are in the server's tables.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}'                  // soft hyphen
            | '\u{034F}'                // combining grapheme joiner
            | '\u{061C}'                // Arabic letter mark
            | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' // Hangul fillers: invisible letters
            | '\u{17B4}' | '\u{17B5}'   // invisible Khmer vowels
            | '\u{180B}'..='\u{180F}'   // Mongolian selectors and vowel separator
            | '\u{200B}'..='\u{200F}'   // zero width space, joiners, direction marks
            | '\u{2028}'..='\u{202E}'   // line and paragraph separator, embeddings and overrides
            | '\u{2060}'..='\u{206F}'   // word joiner, invisible operators, isolates
            | '\u{2800}'                // the empty Braille cell
            | '\u{FE00}'..='\u{FE0F}'   // variation selectors
            | '\u{FEFF}'                // byte order mark
            | '\u{FFF0}'..='\u{FFFB}'   // annotations
            | '\u{FFFE}' | '\u{FFFF}'   // not characters
            | '\u{1D159}'               // the notehead without a head
            | '\u{1D173}'..='\u{1D17A}' // musical controls
            | '\u{E0000}'..='\u{E0FFF}' // tags and selectors
        )
}

/// Combining marks, by Unicode block.
fn is_combining(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0489}' | '\u{0591}'..='\u{05BD}' | '\u{0610}'..='\u{061A}'
        | '\u{064B}'..='\u{065F}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{FE0F}' | '\u{FE20}'..='\u{FE2F}')
}

/// Returns `true` if a character belongs to the one before it on the screen: combining marks, joiners, variation
/// selectors, skin tones. An approximation of Unicode's grapheme clusters, whose tables are too large for the client.
pub(crate) fn extends_character(c: char) -> bool {
    is_combining(c)
        || matches!(c, '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0020}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str) -> Result<String, Status> {
        nick(typed, &Limits::default())
    }

    #[test]
    fn ordinary_nicks_are_accepted() {
        for name in
            ["tom", "T", "李丽", "Zoë", "Анна", "محمد", "Mary Ann", "user_42", "🦀", "❤️", "ひなた", "민준"]
        {
            assert_eq!(check(name).as_deref(), Ok(name));
        }
        assert_eq!(check("  Mary \u{3000} Ann ").as_deref(), Ok("Mary Ann"));
    }

    #[test]
    fn invalid_nicks_are_refused_with_a_reason() {
        assert_eq!(check(""), Err(Status::NickEmpty));
        assert_eq!(check("   \u{3000}"), Err(Status::NickEmpty));
        assert_eq!(check(&"x".repeat(200)), Err(Status::NickTooLong));
        assert_eq!(check(&"李".repeat(33)), Err(Status::NickTooLong));
        assert!(check(&"李".repeat(32)).is_ok());
        for name in [
            "a\u{0}b",
            "a\nb",
            "tom\n",
            "\u{202E}mot",
            "to\u{200B}m",
            "to\u{200D}m",
            "\u{3164}",
            "a\u{2066}b",
            "x\u{FEFF}",
            "\u{FFFD}",
            "\u{E0041}",
        ] {
            assert_eq!(check(name), Err(Status::NickForbidden), "{name:?}");
        }
        assert_eq!(check(&format!("a{}", "\u{0301}".repeat(9))), Err(Status::NickForbidden));
        assert_eq!(check("tom,lili"), Err(Status::NickForbidden));
        assert_eq!(check("..."), Err(Status::NickForbidden));
    }

    #[test]
    fn only_white_space_at_the_end_of_content_is_removed() {
        let limits = Limits { content_bytes: 8, ..Limits::default() };
        assert_eq!(content("  a\n b \n", &limits), Ok("  a\n b"));
        assert_eq!(content(" \n\t ", &limits), Err(Status::ContentEmpty));
        assert_eq!(content("\u{200B}\u{202E}", &limits), Err(Status::ContentEmpty));
        assert_eq!(content("\u{FE0F}\u{1D159}", &limits), Err(Status::ContentEmpty));
        assert_eq!(content("\u{F8FF}", &limits), Ok("\u{F8FF}"));
        assert_eq!(content("123456789", &limits), Err(Status::ContentTooLong));
        assert_eq!(content("12345678   ", &limits), Ok("12345678"));
    }

    #[test]
    fn nicks_that_differ_in_case_or_width_have_the_same_key() {
        assert_eq!(nick_key("Tom"), nick_key("ｔＯＭ"));
        assert_ne!(nick_key("Tom"), nick_key("Tim"));
    }
}
