//! The table of emoji in a language, see `xtask/emoji.mjs` for its format.

use std::{cell::RefCell, ops::Range, sync::OnceLock};

/// The number of skin tones, without that of most pictures, which is yellow.
pub const TONES: usize = 5;

/// The first one of the characters that stand for skin tones, which follow each other.
const FIRST_TONE: char = '\u{1F3FB}';
/// A character of emoji that may also be text. It is left out before a skin tone.
const SELECTOR: char = '\u{FE0F}';

/// An emoji with the words by which it is found.
#[derive(Debug, Default)]
pub struct Emoji {
    /// The emoji, without a skin tone.
    pub text: &'static str,
    /// It can have a skin tone.
    pub has_tones: bool,
    /// Older systems do not have it.
    pub is_new: bool,
    /// The name in the language of the table.
    pub name: &'static str,
    /// The name in English, if that is another language.
    pub english: &'static str,
    /// The shortcodes that have other words than the rest.
    pub codes: &'static str,
    /// More words.
    pub keywords: &'static str,
    /// Whether this system has it, once that is known.
    pub is_supported: OnceLock<bool>,
}

/// A group of emoji.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    /// The name in the language of the table.
    pub name: &'static str,
    /// The places of its emoji in the table.
    pub range: Range<usize>,
}

/// All emoji in their order, with words of a language and of English.
#[derive(Debug, Default)]
pub struct Table {
    /// The names of the skin tones, from light to dark.
    pub tones: Vec<&'static str>,
    /// The groups, which follow each other.
    pub groups: Vec<Group>,
    /// The emoji.
    pub emoji: Vec<Emoji>,
}

thread_local! {
    /// The tables that were loaded, with the tags of their languages. They stay for the lifetime of the page.
    static LOADED: RefCell<Vec<(String, &'static Table)>> = const { RefCell::new(Vec::new()) };
}

/// The table of a language, if it is loaded.
pub fn loaded(tag: &str) -> Option<&'static Table> {
    LOADED.with_borrow(|all| all.iter().find(|(of, _)| of == tag).map(|(_, table)| *table))
}

/// Makes the table of a language available. Returns `false` if it has no emoji: it is another file. The text is leaked.
pub fn load(tag: &str, text: String) -> bool {
    let table = Table::parse(text.leak());
    let is_table = !table.emoji.is_empty();
    if is_table && loaded(tag).is_none() {
        LOADED.with_borrow_mut(|all| all.push((tag.to_owned(), Box::leak(Box::new(table)))));
    }
    is_table
}

impl Table {
    /// Reads the lines of a table. Lines that are not understood are ignored.
    pub fn parse(text: &'static str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("# ") {
                let at = table.emoji.len();
                table.groups.push(Group { name, range: at..at });
            } else if let Some(name) = line.strip_prefix("~ ") {
                table.tones.push(name);
            } else if let Some(emoji) = Emoji::parse(line)
                && let Some(group) = table.groups.last_mut()
            {
                group.range.end += 1;
                table.emoji.push(emoji);
            }
        }
        table
    }

    /// The emoji that a text consists of, with any skin tone or none.
    pub fn find(&self, text: &str) -> Option<&Emoji> {
        let is_same = |emoji: &&Emoji| without_tones(emoji.text).eq(without_tones(text));
        self.emoji.iter().find(is_same)
    }
}

impl Emoji {
    fn parse(line: &'static str) -> Option<Self> {
        let mut fields = line.split('|');
        let (text, properties, name) = (fields.next()?, fields.next()?, fields.next()?);
        let mut rest = || fields.next().unwrap_or_default();
        let (english, codes, keywords) = (rest(), rest(), rest());
        (!text.is_empty() && !name.is_empty()).then(|| Self {
            text,
            has_tones: matches!(properties, "t" | "tn"),
            is_new: matches!(properties, "n" | "tn"),
            name,
            english,
            codes,
            keywords,
            is_supported: OnceLock::new(),
        })
    }

    /// The emoji with a skin tone from 1 to [`TONES`], if it can have one. Two persons have the same.
    pub fn with_tone(&self, tone: usize) -> String {
        if !self.has_tones || !(1..=TONES).contains(&tone) {
            return self.text.to_owned();
        }
        let tone = (FIRST_TONE..).nth(tone - 1).unwrap_or(FIRST_TONE);
        let mut chars = self.text.chars();
        let mut toned: String = chars.next().into_iter().chain([tone]).collect();
        let rest = chars.as_str();
        toned.push_str(rest.strip_prefix(SELECTOR).unwrap_or(rest));
        if rest.ends_with(['👨', '👩', '🧑']) {
            toned.push(tone);
        }
        toned
    }

    /// The name of the emoji with a skin tone, if it can have one.
    pub fn name_with_tone(&self, table: &Table, tone: usize) -> String {
        let name = table.tones.get(tone.wrapping_sub(1)).filter(|_| self.has_tones);
        name.map_or_else(|| self.name.to_owned(), |tone| [self.name, ": ", tone].concat())
    }
}

/// The skin tone of an emoji, from 1 to [`TONES`]; 0 if it has none.
pub fn tone_of(text: &str) -> usize {
    let tone = text.chars().find_map(|c| (FIRST_TONE..).take(TONES).position(|tone| tone == c));
    tone.map_or(0, |at| at + 1)
}

fn without_tones(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| *c != SELECTOR && !(FIRST_TONE..).take(TONES).any(|tone| tone == *c))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The table of a language from the sources.
    pub fn table(tag: &str) -> Table {
        let file = std::fs::read_to_string(format!("assets/emoji/{tag}.json")).unwrap();
        let file: serde_json::Value = serde_json::from_str(&file).unwrap();
        let lines: Vec<_> =
            file["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        Table::parse(lines.join("\n").leak())
    }

    #[test]
    fn every_language_has_the_same_emoji() {
        let english = table("en");
        assert_eq!((english.groups.len(), english.tones.len(), english.emoji.len()), (9, TONES, 1914));
        for file in std::fs::read_dir("lang").unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let other = table(name.strip_suffix(".json").unwrap());
            let of = |table: &Table| -> Vec<_> {
                table.emoji.iter().map(|emoji| (emoji.text, emoji.has_tones, emoji.is_new)).collect()
            };
            assert_eq!(of(&other), of(&english), "{name}");
            let ranges =
                |table: &Table| -> Vec<_> { table.groups.iter().map(|group| group.range.clone()).collect() };
            assert_eq!(ranges(&other), ranges(&english), "{name}");
            assert_eq!(other.tones.len(), TONES);
        }
    }

    #[test]
    fn skin_tones_are_behind_persons() {
        let table = table("en");
        for (text, expected) in [
            ("👍", "👍🏽"),
            ("✌️", "✌🏽"),
            ("🤷‍♀️", "🤷🏽‍♀️"),
            ("🧑‍🤝‍🧑", "🧑🏽‍🤝‍🧑🏽"),
            ("👩‍❤️‍💋‍👨", "👩🏽‍❤️‍💋‍👨🏽"),
            ("👭", "👭🏽"),
            ("🕵️‍♂️", "🕵🏽‍♂️"),
            ("❤️", "❤️"),
        ] {
            let emoji = table.find(text).unwrap();
            assert_eq!(emoji.with_tone(3), expected);
            assert_eq!((emoji.with_tone(0).as_str(), emoji.with_tone(6).as_str()), (text, text));
            assert_eq!(table.find(expected).unwrap().text, text);
            assert_eq!(tone_of(expected), if text == expected { 0 } else { 3 });
        }
        assert_eq!(table.find("👍").unwrap().name_with_tone(&table, 3), "thumbs up: medium skin tone");
        assert_eq!(table.find("👍").unwrap().name_with_tone(&table, 0), "thumbs up");
        assert_eq!(table.find("❤️").unwrap().name_with_tone(&table, 3), "red heart");
    }

    #[test]
    fn lines_that_are_no_emoji_are_ignored() {
        let table = Table::parse(
            "😀||before any group\n# One\n\n|\n||\n|||||||\nx\n😀|t\n😁||b\n#️⃣|n|c|d|e|f|g\n# Two",
        );
        let read: Vec<_> = table.emoji.iter().map(|emoji| (emoji.text, emoji.name, emoji.keywords)).collect();
        assert_eq!(read, [("😁", "b", ""), ("#️⃣", "c", "f")]);
        assert_eq!(table.groups, [Group { name: "One", range: 0..2 }, Group { name: "Two", range: 2..2 }]);
        assert!(!load("x", "<html>".into()) && loaded("x").is_none());
        assert!(load("x", "# One\n😁||b".into()) && loaded("x").is_some());
    }
}
