//! The emoji that core's markup draws large are those of Unicode's tables. The page has only ranges of them, which are smaller.

use icu_properties::{CodePointSetData, props};
use parlour_core::markup::{Block, may_have_markup, parse};

/// Returns `true` if a text has something to be drawn large.
fn is_large(text: &str) -> bool {
    may_have_markup(text) && matches!(parse(text).blocks[..], [Block::Emoji(_)])
}

#[test]
fn emoji_are_those_of_the_tables() {
    let presented = CodePointSetData::new::<props::EmojiPresentation>();
    let all = CodePointSetData::new::<props::Emoji>();
    // Half of a flag is none.
    for c in ('\u{80}'..=char::MAX).filter(|c| !matches!(c, '\u{1F1E6}'..='\u{1F1FF}')) {
        let (alone, selected) = (is_large(&c.to_string()), is_large(&format!("{c}\u{FE0F}")));
        // In the planes of emoji the neighbours of one are pictures too.
        if c < '\u{10000}' || presented.contains(c) {
            assert_eq!(alone, presented.contains(c), "{c:?}");
        }
        // These are signs in a text.
        let is_sign = matches!(c, '©' | '®' | '〰' | '〽' | '㊗' | '㊙');
        if all.contains(c) || is_sign {
            assert_eq!(selected, !is_sign, "{c:?} with a variation selector");
        }
    }
}
