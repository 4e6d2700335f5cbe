//! The rules for nicks and message texts that need Unicode's tables. They complete those in core's [`validate`], which the
//! client applies too: the tables are too large for the page. So the server refuses more than the client, never less.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        DefaultIgnorableCodePoint, ExtendedPictographic, GeneralCategory, GeneralCategoryGroup,
        GraphemeClusterBreak, NoncharacterCodePoint, SoftDotted,
    },
};
use parlour_core::{
    limits::{Limits, NICK_MARKS},
    status::Status,
    validate,
};
use unicode_normalization::UnicodeNormalization as _;

/// Requests the form of an emoji in colour.
const EMOJI_SELECTOR: char = '\u{FE0F}';
/// Makes a keycap of the digit before it, as in 1️⃣.
const KEYCAP: char = '\u{20E3}';
/// The dot above a letter, as a mark of its own.
const DOT_ABOVE: char = '\u{307}';
/// Characters that are blank by definition, but that no property tells from visible ones: the empty Braille pattern, the
/// notehead without a head, the blanks of hieroglyphs, and the filler of Khitan.
const BLANKS: [char; 5] = ['\u{2800}', '\u{1D159}', '\u{13441}', '\u{13442}', '\u{16FE4}'];

/// Validates and normalizes a nick.
///
/// # Errors
/// Those of [`validate::nick`]; [`Status::NickForbidden`] also for any other character that is invisible, changes the
/// direction of text or is not assigned, for more than [`NICK_MARKS`] marks in a row, a mark without a letter before it,
/// and a nick of punctuation only.
pub fn nick(typed: &str, limits: &Limits) -> Result<String, Status> {
    let nick = validate::nick(typed, limits)?;
    if is_legible(&nick) { Ok(nick) } else { Err(Status::NickForbidden) }
}

/// Validates and normalizes the name of a room as typed.
///
/// # Errors
/// Those of [`validate::room_name`], by the tables as in [`nick`].
pub fn room_name(typed: &str) -> Result<String, Status> {
    let name = validate::room_name(typed)?;
    if is_legible(&name) { Ok(name) } else { Err(Status::NickForbidden) }
}

/// Validates the text of a message.
///
/// # Errors
/// Those of [`validate::content`]; [`Status::ContentEmpty`] also for a text without any visible character.
pub fn content<'a>(typed: &'a str, limits: &Limits) -> Result<&'a str, Status> {
    let text = validate::content(typed, limits)?;
    if text.chars().all(is_blank) { Err(Status::ContentEmpty) } else { Ok(text) }
}

/// Returns `true` if a character is invisible by its properties, apart from white space.
pub fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
        || BLANKS.contains(&c)
        || match category(c) {
            GeneralCategory::Control
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator => true,
            // A few format characters are visible: signs that enclose the digits after them.
            GeneralCategory::Format => break_property(c) != GraphemeClusterBreak::Prepend,
            _ => false,
        }
}

/// A text without the marks that are drawn where the letter has the same mark already: a mark that is repeated, and a dot
/// above a letter with a dot, such as i.
pub fn without_hidden_marks(text: &str) -> String {
    let mut before = ' ';
    let decomposed = text.nfd().filter(|&c| {
        let is_hidden = is_mark(c) && c == before
            || c == DOT_ABOVE && CodePointSetData::new::<SoftDotted>().contains(before);
        before = c;
        !is_hidden
    });
    decomposed.nfc().collect()
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

fn is_legible(nick: &str) -> bool {
    let mut marks = 0;
    let mut has_content = false;
    let mut before = ' ';
    let mut chars = nick.chars().peekable();
    while let Some(c) = chars.next() {
        let selects_emoji = c == EMOJI_SELECTOR && (is_pictographic(before) || chars.peek() == Some(&KEYCAP));
        let category = category(c);
        let is_forbidden = is_invisible(c)
            || category == GeneralCategory::Format
            // Emoji of later Unicode versions are pictographic already.
            || (category == GeneralCategory::Unassigned && !is_pictographic(c));
        if is_forbidden && !selects_emoji {
            return false;
        }
        let is_mark = is_mark(c);
        marks = if is_mark || extends_grapheme(c) { marks + 1 } else { 0 };
        if marks > NICK_MARKS || (is_mark && before == ' ') {
            return false;
        }
        has_content |= !is_mark
            && !GeneralCategoryGroup::Punctuation.contains(category)
            && !GeneralCategoryGroup::Separator.contains(category);
        before = c;
    }
    has_content
}

/// Returns `true` if a character is drawn together with the one before it.
fn extends_grapheme(c: char) -> bool {
    let property = break_property(c);
    property == GraphemeClusterBreak::Extend
        || property == GraphemeClusterBreak::SpacingMark
        // Vowels and final consonants of Korean.
        || property == GraphemeClusterBreak::V
        || property == GraphemeClusterBreak::T
}

fn is_mark(c: char) -> bool {
    GeneralCategoryGroup::Mark.contains(category(c))
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

fn break_property(c: char) -> GraphemeClusterBreak {
    CodePointMapData::<GraphemeClusterBreak>::new().get(c)
}

fn is_pictographic(c: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str) -> Result<String, Status> {
        nick(name, &Limits::default())
    }

    #[test]
    fn names_of_all_scripts_are_accepted() {
        for name in [
            "tom",
            "T",
            "user_42",
            "李丽",
            "Zoë",
            "Zoe\u{308}",
            "Анна",
            "محمد",
            "Mary Ann",
            "ひなた",
            "민준",
            "\u{1106}\u{1175}\u{11AB}",
            "สมชาย",
            "น้ำผึ้ง",
            "प्रिया",
            "தமிழ்",
            "ཨོཾ",
            "שָׁלוֹם",
            "Đặng",
            "🦀",
            "❤️",
            "👍🏽",
            "🇨🇭",
            "1️⃣",
            "★",
            "C++",
            "\u{F8FF}",
        ] {
            assert_eq!(check(name).as_deref(), Ok(name), "{name:?}");
        }
    }

    #[test]
    fn invisible_characters_in_names_are_refused() {
        for c in [
            '\u{1D159}',
            '\u{2800}',
            '\u{3164}',
            '\u{FFA0}',
            '\u{FE0F}',
            '\u{FE00}',
            '\u{200D}',
            '\u{200E}',
            '\u{2066}',
            '\u{180E}',
            '\u{1BCA0}',
            '\u{1D173}',
            '\u{13441}',
            '\u{16FE4}',
            '\u{E0100}',
            '\u{E01F0}',
            '\u{600}',
            '\u{FDD0}',
            '\u{1FFFE}',
            '\u{10FFFF}',
            '\u{378}',
            '\u{FFFD}',
        ] {
            for name in [format!("{c}"), format!("tom{c}"), format!("t{c}om"), format!("{c}tom")] {
                assert_eq!(check(&name), Err(Status::NickForbidden), "{name:?}");
            }
        }
    }

    #[test]
    fn long_runs_of_marks_in_names_are_refused() {
        for mark in [
            '\u{E34}',
            '\u{E48}',
            '\u{E33}',
            '\u{301}',
            '\u{20DD}',
            '\u{93E}',
            '\u{5B0}',
            '\u{1161}',
            '\u{1F3FD}',
        ] {
            for marks in [NICK_MARKS + 1, 30] {
                let name = format!("n{}", mark.to_string().repeat(marks));
                assert_eq!(check(&name), Err(Status::NickForbidden), "{name:?}");
            }
            let name = format!("n{}", mark.to_string().repeat(NICK_MARKS));
            assert_eq!(check(&name).as_deref(), Ok(&*name));
        }
        for name in ["\u{E34}n", "n \u{E34}", "\u{301}"] {
            assert_eq!(check(name), Err(Status::NickForbidden), "{name:?}");
        }
    }

    #[test]
    fn names_of_punctuation_are_refused() {
        for name in ["...", "—", "。", "¡!", "・ ・"] {
            assert_eq!(check(name), Err(Status::NickForbidden), "{name:?}");
        }
    }

    #[test]
    fn messages_without_visible_characters_are_refused() {
        let check = |text: &str| content(text, &Limits::default()).map(drop);
        for text in [
            "\u{FE0F}",
            "\u{1D159}",
            "\u{1D159}\u{FE0F} \n\u{2800}",
            "\u{3164}",
            "\u{AD}",
            "\u{E0041}",
            "\u{FFFE}",
            "\u{85}",
            "\u{13430}",
            "\u{FFF9}",
            "\u{2060}\u{2066}",
        ] {
            assert_eq!(check(text), Err(Status::ContentEmpty), "{text:?}");
        }
        for text in
            ["\u{F8FF}", "\u{F0000}", "\u{FFFD}", "\u{600}", "\u{301}", "❤️", "\u{200D}a", "\u{2801}", "."]
        {
            assert_eq!(check(text), Ok(()), "{text:?}");
        }
    }

    /// Otherwise a client would refuse to send what the server accepts, and its user would not learn why.
    #[test]
    fn client_refuses_only_what_the_tables_refuse() {
        let limits = Limits::default();
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            if validate::content(&text, &limits).is_err() {
                assert!(is_blank(c), "{c:?} is visible in a message");
            }
            let name = format!("a{c}b");
            // The comma separates names in the basic dialect; the other two stand for something that is not there.
            if !matches!(c, ',' | '\u{FFFC}' | '\u{FFFD}') && validate::nick(&name, &limits).is_err() {
                assert!(!is_legible(&name), "{c:?} is legible in a name");
            }
        }
    }
}
