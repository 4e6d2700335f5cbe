//! Finding emoji by their names, shortcodes and keywords.

use super::table::{Emoji, Table};

/// The places in the table of the emoji that match a text, best first. All words of the text have to be found, each at the
/// beginning of a word of the emoji; in languages that do not divide words, anywhere.
pub fn search(table: &Table, text: &str) -> Vec<usize> {
    let typed = text.trim();
    let text = typed.trim_matches(':').to_lowercase();
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c == '_').filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return Vec::new();
    }
    let distance = |emoji: &Emoji| -> Option<usize> {
        if [emoji.name, emoji.english].iter().any(|name| is_equal(name, &text)) || emoji.text == typed {
            return Some(0);
        }
        words.iter().map(|word| word_distance(emoji, word)).sum()
    };
    let mut found: Vec<(usize, usize)> =
        table.emoji.iter().enumerate().filter_map(|(at, emoji)| Some((distance(emoji)?, at))).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, at)| at).collect()
}

/// How well a word in lower case matches an emoji; less is better. `None` if it does not.
fn word_distance(emoji: &Emoji, word: &str) -> Option<usize> {
    // What is added for the field, and whether its beginning counts.
    let fields = [
        (emoji.name, 1, true),
        (emoji.english, 1, true),
        (emoji.codes, 2, false),
        (emoji.keywords, 4, false),
    ];
    let of_field = |(field, added, is_ordered)| Some(added + place(field, word, is_ordered)?);
    fields.into_iter().filter_map(of_field).min()
}

/// The kind of the best place of a word in a text: 0 for a whole word, which has to be the first one of an ordered text; less good
/// for another one, for the beginning of a word, and for any other place.
fn place(text: &str, word: &str, is_ordered: bool) -> Option<usize> {
    let is_word = |c: char| c.is_alphanumeric();
    let mut best = None;
    let mut before = None;
    for (at, c) in text.char_indices() {
        let is_boundary = before.is_none_or(|before| !is_word(before));
        let is_anywhere = !word.is_ascii();
        if (is_boundary || is_anywhere) && starts_with(&text[at..], word) {
            let is_whole = text[at + word.len()..].chars().next().is_none_or(|next| !is_word(next));
            let kind = match (is_boundary, is_whole) {
                (true, true) if at == 0 || !is_ordered => 0,
                (true, true) => 1,
                (true, false) if at == 0 || !is_ordered => 2,
                _ => 3,
            };
            best = Some(best.map_or(kind, |best: usize| best.min(kind)));
        }
        before = Some(c);
    }
    best
}

/// Returns `true` if a text begins with a word in lower case. Of capital letters only those of ASCII are recognised; the tables have the
/// others without their accents as keywords.
fn starts_with(text: &str, word: &str) -> bool {
    text.as_bytes().get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}

fn is_equal(text: &str, other: &str) -> bool {
    text.len() == other.len() && starts_with(text, other)
}

#[cfg(test)]
mod tests {
    use super::{super::table::tests::table, *};

    fn found(table: &Table, text: &str) -> Vec<&'static str> {
        search(table, text).into_iter().map(|at| table.emoji[at].text).collect()
    }

    #[test]
    fn best_matches_are_first() {
        for (tag, text, expected) in [
            ("en", "+1", "👍"),
            ("en", ":+1:", "👍"),
            ("en", "-1", "👎"),
            ("en", "tada", "🎉"),
            ("en", "thumbs up", "👍"),
            ("en", "thumbsup", "👍"),
            ("en", "Thumbs_Up", "👍"),
            ("en", "red hea", "❤️"),
            ("en", "joy", "😂"),
            ("en", "rocket", "🚀"),
            ("en", "eyes", "👀"),
            ("en", "100", "💯"),
            ("en", "thinking", "🤔"),
            ("en", "pinata", "🪅"),
            ("en", "cote d", "🇨🇮"),
            ("en", "flag: cha", "🇹🇩"),
            ("en", "😀", "😀"),
            ("zh-CN", "tada", "🎉"),
            ("zh-CN", "笑哭了", "😂"),
            ("zh-CN", "笑哭", "😂"),
            ("zh-CN", "拉炮", "🎉"),
            ("zh-CN", "红心", "❤️"),
            ("zh-CN", "顶一下", "👍"),
            ("zh-CN", "中国", "🇨🇳"),
            ("zh-CN", "party popper", "🎉"),
        ] {
            assert_eq!(found(&table(tag), text).first(), Some(&expected), "{text} in {tag}");
        }
    }

    #[test]
    fn all_words_have_to_be_found_at_the_beginning_of_words() {
        let english = table("en");
        assert!(found(&english, "heart gr").contains(&"💚"));
        assert!(!found(&english, "heart gr").contains(&"❤️"));
        assert!(found(&english, "eart").iter().all(|emoji| *emoji != "❤️"));
        for text in ["", "  ", ":", "::", "_", "nothingofthekind", "heart nothingofthekind"] {
            assert!(found(&english, text).is_empty(), "{text:?}");
        }
        // In Chinese anywhere.
        assert!(found(&table("zh-CN"), "脸").contains(&"🙃"));
    }

    #[test]
    fn emoji_are_found_by_their_names_and_shortcodes() {
        for tag in ["en", "zh-CN"] {
            let table = table(tag);
            // Not all: each is searched in all.
            for (at, emoji) in table.emoji.iter().enumerate().step_by(7) {
                let codes = emoji.codes.split(' ').filter(|code| !code.is_empty());
                for text in
                    codes.chain([emoji.name, emoji.english, emoji.text]).filter(|text| !text.is_empty())
                {
                    assert!(search(&table, text).contains(&at), "{text} in {tag}");
                }
            }
        }
    }

    mod properties {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            #![proptest_config(ProptestConfig::with_cases(200))]

            #[test]
            fn any_text_finds_each_emoji_at_most_once(text in ".{0,12}", lines in "([#~ |a-z笑İß👍\n]|\n# x\n){0,40}") {
                for table in [Table::parse(lines.leak()), table("zh-CN")] {
                    let mut found = search(&table, &text);
                    prop_assert!(found.iter().all(|at| *at < table.emoji.len()));
                    let count = found.len();
                    found.sort_unstable();
                    found.dedup();
                    prop_assert_eq!(found.len(), count);
                }
            }

            #[test]
            fn a_longer_word_finds_no_more((word, next) in prop_oneof![
                ("[a-z]{1,3}", "[a-z]"),
                ("[笑脸猫红]{1,2}", "[笑脸猫红心]"),
            ]) {
                let table = table("zh-CN");
                let few = search(&table, &format!("{word}{next}"));
                let many = search(&table, &word);
                prop_assert!(few.iter().all(|at| many.contains(at)));
            }
        }
    }
}
