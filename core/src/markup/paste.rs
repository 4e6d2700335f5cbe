//! Pasting a URL onto a selected text, and a table, into a text that is being written.

use std::ops::Range;

use super::{Block, Inline, Replacement, format::longest_run, links, parse, segments};

/// The most rows and columns of a table that is pasted as one.
const MAX_ROWS: usize = 100;
const MAX_COLUMNS: usize = 20;

/// Makes the selected part of a text a link if a URL is pasted onto it. `None` if the text that is pasted is not one URL, or if the
/// selection is empty, a URL, in a block of code, or has several lines. The range is in bytes, between characters.
#[must_use]
pub fn paste_url(text: &str, selection: Range<usize>, pasted: &str) -> Option<Replacement> {
    let url = links::allowed(pasted.trim())?;
    let selected = text.get(selection.clone())?;
    let inner = selected.trim();
    let is_line = !inner.is_empty() && !inner.contains('\n');
    if !is_line || links::allowed(inner).is_some() || segments::ends_in_code(&text[..selection.start]) {
        return None;
    }
    let link = format!("[{inner}]({url})");
    // A bracket in the text, or a parenthesis in the URL, may end it.
    let [Block::Paragraph(content)] = &parse(&link).blocks[..] else { return None };
    let is_link = matches!(&content[..], [Inline::Link { url: found, .. }] if *found == url);
    let start = selection.start + (selected.len() - selected.trim_start().len());
    let end = start + link.len();
    is_link.then(|| Replacement { range: start..start + inner.len(), text: link, selection: end..end })
}

/// Inserts a table into a text, as a block of code with aligned columns. The table has a line for each row, with tabs between the
/// cells. `None` for other texts, e.g. one with indented lines; for a table that is too large; and in a block of code.
#[must_use]
pub fn paste_table(text: &str, selection: Range<usize>, table: &str) -> Option<Replacement> {
    let (before, after) = (text.get(..selection.start)?, text.get(selection.end..)?);
    let mut widths = [0; MAX_COLUMNS];
    let (mut rows, mut has_first_cells) = (0, false);
    for row in table.trim_end_matches(['\r', '\n']).lines() {
        rows += 1;
        has_first_cells |= !row.starts_with('\t');
        let mut columns = 0;
        for cell in row.split('\t') {
            let widest = widths.get_mut(columns)?;
            *widest = width(cell.trim()).max(*widest);
            columns += 1;
        }
        if columns < 2 || rows > MAX_ROWS {
            return None;
        }
    }
    if rows < 2 || !has_first_cells || segments::ends_in_code(before) {
        return None;
    }
    let fence = "`".repeat(longest_run(table, '`').max(2) + 1);
    let mut new = String::new();
    if !before.is_empty() && !before.ends_with('\n') {
        new.push('\n');
    }
    new.push_str(&fence);
    for row in table.trim_end_matches(['\r', '\n']).lines() {
        new.push('\n');
        let mut missing = 0;
        for (cell, column) in row.split('\t').map(str::trim).zip(widths) {
            if !cell.is_empty() {
                new.extend(std::iter::repeat_n(' ', missing));
                new.push_str(cell);
                missing = 0;
            }
            missing += column + 2 - width(cell);
        }
    }
    new.push('\n');
    new.push_str(&fence);
    // The caret is below it.
    if !after.starts_with('\n') {
        new.push('\n');
    }
    let caret = selection.start + new.len() + usize::from(after.starts_with('\n'));
    Some(Replacement { range: selection, text: new, selection: caret..caret })
}

/// The number of columns that a text takes in a font of fixed width: Chinese, Japanese, Korean and emoji take two for each
/// character.
fn width(text: &str) -> usize {
    let of = |c: char| match c {
        '\u{300}'..='\u{36F}' | '\u{200B}'..='\u{200F}' | '\u{FE00}'..='\u{FE0F}' => 0,
        '\u{1100}'..='\u{115F}'
        | '\u{2E80}'..='\u{A4CF}'
        | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FE30}'..='\u{FE6F}'
        | '\u{FF00}'..='\u{FF60}'
        | '\u{FFE0}'..='\u{FFE6}'
        | '\u{1F300}'..='\u{1FAFF}'
        | '\u{20000}'..='\u{3FFFD}' => 2,
        _ => 1,
    };
    text.chars().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text after a change, with the selection in brackets.
    fn changed(text: &str, replacement: Replacement) -> String {
        let Replacement { range, text: new, selection } = replacement;
        let after = [&text[..range.start], &new, &text[range.end..]].concat();
        let Range { start, end } = selection;
        format!("{}⟦{}⟧{}", &after[..start], &after[start..end], &after[end..])
    }

    /// Pastes onto the part of a text in brackets.
    fn pasted(marked: &str, paste: impl Fn(&str, Range<usize>) -> Option<Replacement>) -> Option<String> {
        let parts: Vec<_> = marked.split(['⟦', '⟧']).collect();
        let [start, inner, end] = parts[..] else { panic!("{marked}") };
        let text = [start, inner, end].concat();
        let replacement = paste(&text, start.len()..start.len() + inner.len())?;
        Some(changed(&text, replacement))
    }

    fn url_pasted(marked: &str, url: &str) -> Option<String> {
        pasted(marked, |text, selection| paste_url(text, selection, url))
    }

    fn table_pasted(marked: &str, table: &str) -> Option<String> {
        pasted(marked, |text, selection| paste_table(text, selection, table))
    }

    #[test]
    fn url_makes_the_selection_a_link() {
        for (before, url, after) in [
            ("see ⟦this⟧.", "https://a.io", "see [this](https://a.io)⟦⟧."),
            ("⟦ 李 字 ⟧b", " https://a.io/b_(c)\n", " [李 字](https://a.io/b_(c))⟦⟧ b"),
            ("⟦**a** b⟧", "mailto:a@b.c", "[**a** b](mailto:a@b.c)⟦⟧"),
            ("```\na\n```\n⟦b⟧", "http://a", "```\na\n```\n[b](http://a)⟦⟧"),
        ] {
            assert_eq!(url_pasted(before, url).as_deref(), Some(after), "{before}");
        }
    }

    #[test]
    fn other_pastes_stay_as_they_are() {
        for (before, url) in [
            ("a⟦⟧", "https://a.io"),
            ("a⟦ ⟧", "https://a.io"),
            ("⟦a\nb⟧", "https://a.io"),
            ("⟦https://b.io⟧", "https://a.io"),
            ("[a](⟦https://b.io⟧)", "https://a.io"),
            ("⟦a]b⟧", "https://a.io"),
            ("⟦a⟧", "https://a.io/)"),
            ("⟦a⟧", "https://a.io b"),
            ("⟦a⟧", "https://a.io\nhttps://b.io"),
            ("⟦a⟧", "javascript:alert(1)"),
            ("⟦a⟧", "a.io"),
            ("```\n⟦a⟧\n```", "https://a.io"),
        ] {
            assert_eq!(url_pasted(before, url), None, "{before} {url}");
        }
    }

    #[test]
    fn table_is_a_block_of_code() {
        let table = "a\tbb\t c d\r\n字字\t\t1\r\n\tx\r\n";
        let block = "```\na     bb  c d\n字字      1\n      x\n```";
        for (before, after) in [
            ("⟦⟧", format!("{block}\n⟦⟧")),
            ("a⟦b⟧", format!("a\n{block}\n⟦⟧")),
            ("a\n⟦⟧b", format!("a\n{block}\n⟦⟧b")),
            ("⟦⟧\nb", format!("{block}\n⟦⟧b")),
        ] {
            assert_eq!(table_pasted(before, table), Some(after), "{before}");
        }
        let fence = table_pasted("⟦⟧", "```\tb\nc\td");
        assert_eq!(fence.as_deref(), Some("````\n```  b\nc    d\n````\n⟦⟧"));
        let [Block::Code { text, .. }] = &parse(&format!("{block}\n")).blocks[..] else { panic!() };
        assert_eq!(*text, block[4..block.len() - 4]);
    }

    #[test]
    fn other_texts_are_no_tables() {
        for text in ["", "a", "a\nb", "a\tb", "a\tb\nc", "a\tb\n\nc\td", "\tfn a() {\n\t}\n", "\ta\n\t\tb"] {
            assert_eq!(table_pasted("⟦⟧", text), None, "{text:?}");
        }
        assert_eq!(table_pasted("```\n⟦⟧", "a\tb\nc\td"), None);
        let rows = |count: usize| "a\tb\n".repeat(count);
        assert!(table_pasted("⟦⟧", &rows(MAX_ROWS)).is_some());
        assert_eq!(table_pasted("⟦⟧", &rows(MAX_ROWS + 1)), None);
        let columns = |count: usize| format!("{}\nb\tc", "\t".repeat(count - 1));
        assert!(table_pasted("⟦⟧", &columns(MAX_COLUMNS)).is_some());
        assert_eq!(table_pasted("⟦⟧", &columns(MAX_COLUMNS + 1)), None);
    }

    #[cfg(not(target_arch = "wasm32"))] // proptest is not available there
    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn pasted_table_is_code_with_all_cells(table in "[a字`~> \t\n]{0,30}") {
            if let Some(Replacement { text: new, .. }) = paste_table("", 0..0, &table) {
                let [Block::Code { text, .. }] = &parse(&new).blocks[..] else { panic!("{new}") };
                let visible = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
                proptest::prop_assert_eq!(visible(text), visible(&table));
            }
        }
    }
}
