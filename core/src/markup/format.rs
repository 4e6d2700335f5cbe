//! Adding markup to a text that is being written, or removing it.

use std::ops::Range;

/// The markup that a shortcut adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `**bold**`
    Bold,
    /// `*italic*`
    Italic,
    /// `` `code` ``; of several lines, a block.
    Code,
    /// `~~strike~~`
    Strike,
    /// `[text](address)`
    Link,
}

/// A replacement of a part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The part that is replaced, in bytes of the text before.
    pub range: Range<usize>,
    /// The text that takes its place.
    pub text: String,
    /// The selection after it, in bytes of the text after.
    pub selection: Range<usize>,
}

impl Format {
    /// Adds the markup to the selected part of a text, or removes it if it is there. Without a selection the caret is between the
    /// marks. The range is in bytes, between characters.
    #[must_use]
    pub fn apply(self, text: &str, selection: Range<usize>) -> Replacement {
        let selected = text.get(selection.clone()).unwrap_or_default();
        // Marks beside a space are no markup.
        let start = selection.start + (selected.len() - selected.trim_start().len());
        let inner = selected.trim();
        if inner.is_empty() {
            return self.wrap(text, selection.end..selection.end);
        }
        self.wrap(text, start..start + inner.len())
    }

    fn wrap(self, text: &str, range: Range<usize>) -> Replacement {
        let inner = text.get(range.clone()).unwrap_or_default();
        let (before, after) = self.marks(inner);
        let is_around = text[..range.start].ends_with(&before) && text[range.end..].starts_with(&after);
        if is_around && !self.is_part_of_other(text, &range) {
            let start = range.start - before.len();
            return Replacement {
                range: start..range.end + after.len(),
                text: inner.to_owned(),
                selection: start..start + inner.len(),
            };
        }
        let start = range.start + before.len();
        let selection = match self {
            // The address is typed next.
            Self::Link if !inner.is_empty() => {
                let address = start + inner.len() + "](".len();
                address..address
            }
            _ => start..start + inner.len(),
        };
        Replacement { text: [&before, inner, &after].concat(), range, selection }
    }

    fn marks(self, inner: &str) -> (String, String) {
        let both = |mark: &str| (mark.to_owned(), mark.to_owned());
        match self {
            Self::Bold => both("**"),
            Self::Italic => both("*"),
            Self::Strike => both("~~"),
            Self::Code if inner.contains('\n') => {
                let fence = "`".repeat(longest_run(inner, '`').max(2) + 1);
                (format!("{fence}\n"), format!("\n{fence}"))
            }
            Self::Code => both(&"`".repeat(longest_run(inner, '`') + 1)),
            Self::Link => ("[".into(), "]()".into()),
        }
    }

    /// Returns `true` if the marks around a range are the inner ones of two, as those of italic within bold are.
    fn is_part_of_other(self, text: &str, range: &Range<usize>) -> bool {
        let stars = |text: &str| text.bytes().take_while(|byte| *byte == b'*').count();
        let around = stars(&text[range.end..]);
        self == Self::Italic && around == 2
    }
}

/// The length of the longest run of a character.
pub(super) fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

#[cfg(all(test, not(target_arch = "wasm32")))] // proptest is not available there
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Applies a format to a text whose selection is in square brackets, of which the result has some too.
    fn applied(format: Format, marked: &str) -> String {
        let parts: Vec<_> = marked.split(['⟦', '⟧']).collect();
        let [start, inner, end] = parts[..] else { panic!("{marked}") };
        let text = [start, inner, end].concat();
        let Replacement { range, text: new, selection } =
            format.apply(&text, start.len()..start.len() + inner.len());
        let after = [&text[..range.start], &new, &text[range.end..]].concat();
        let Range { start, end } = selection;
        format!("{}⟦{}⟧{}", &after[..start], &after[start..end], &after[end..])
    }

    #[test]
    fn marks_are_added_and_removed() {
        for (format, before, after) in [
            (Format::Bold, "a ⟦word⟧ b", "a **⟦word⟧** b"),
            (Format::Italic, "⟦word⟧", "*⟦word⟧*"),
            (Format::Strike, "⟦word⟧", "~~⟦word⟧~~"),
            (Format::Code, "⟦word⟧", "`⟦word⟧`"),
            (Format::Code, "⟦a `b` c⟧", "``⟦a `b` c⟧``"),
            (Format::Code, "⟦a\nb⟧", "```\n⟦a\nb⟧\n```"),
            (Format::Bold, "⟦加粗⟧", "**⟦加粗⟧**"),
            (Format::Bold, "a⟦ word ⟧b", "a **⟦word⟧** b"),
        ] {
            assert_eq!(applied(format, before), after);
            assert_eq!(applied(format, after), before.replace("⟦ word ⟧", " ⟦word⟧ "), "again");
        }
        assert_eq!(applied(Format::Bold, "a⟦⟧"), "a**⟦⟧**");
        assert_eq!(applied(Format::Bold, "a**⟦⟧**"), "a⟦⟧");
        assert_eq!(applied(Format::Link, "see ⟦this⟧."), "see [this](⟦⟧).");
        assert_eq!(applied(Format::Link, "see ⟦⟧"), "see [⟦⟧]()");
    }

    #[test]
    fn italic_within_bold_is_not_its_marks() {
        assert_eq!(applied(Format::Italic, "**⟦word⟧**"), "***⟦word⟧***");
        assert_eq!(applied(Format::Italic, "***⟦word⟧***"), "**⟦word⟧**");
        assert_eq!(applied(Format::Bold, "***⟦word⟧***"), "*⟦word⟧*");
    }

    proptest! {
        #[test]
        fn the_text_itself_stays(text in "[a ü*`~\n]{0,12}", from in 0..13_usize, to in 0..13_usize, format in 0..5_usize) {
            let format = [Format::Bold, Format::Italic, Format::Code, Format::Strike, Format::Link][format];
            let place = |of: usize| text.char_indices().nth(of).map_or(text.len(), |(at, _)| at);
            let (from, to) = (place(from.min(to)), place(from.max(to)));
            let Replacement { range, text: new, selection } = format.apply(&text, from..to);
            let after = [&text[..range.start], &new, &text[range.end..]].concat();
            prop_assert!(after.get(selection).is_some(), "{after:?}");
            let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            prop_assert_eq!(letters(&after), letters(&text));
        }
    }
}
