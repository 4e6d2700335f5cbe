//! Divides a text at the ends of its quotes. CommonMark would add the line after a quote to it.

/// The parts of a text that are parsed by themselves, in order: lines that begin with `>`, and others.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut fence = None;
        let mut is_quote = None;
        let mut end = 0;
        for line in rest.split_inclusive('\n') {
            let quotes = fence.is_none() && line.trim_start_matches(' ').starts_with('>');
            if is_quote.is_some_and(|is_quote| is_quote != quotes) {
                break;
            }
            is_quote = Some(quotes);
            if !quotes {
                fence = fence_after(line, fence);
            }
            end += line.len();
        }
        let (segment, tail) = rest.split_at(end);
        rest = tail;
        (!segment.is_empty()).then_some(segment)
    })
}

/// Returns `true` if the end of a text is in a code block that is open.
pub(super) fn ends_in_code(text: &str) -> bool {
    text.lines().fold(None, |fence, line| fence_after(line, fence)).is_some()
}

/// The fence of a code block: its character and length.
type Fence = (u8, usize);

/// The code block in which the line after this one is.
fn fence_after(line: &str, open: Option<Fence>) -> Option<Fence> {
    let line = line.trim_start_matches([' ', '\t']);
    let Some(mark) = line.bytes().next().filter(|byte| matches!(byte, b'`' | b'~')) else { return open };
    let length = line.bytes().take_while(|byte| *byte == mark).count();
    let rest = &line[length..];
    match open {
        Some((open_mark, open_length)) => {
            let closes = mark == open_mark && length >= open_length && rest.trim().is_empty();
            if closes { None } else { open }
        }
        // The language of a block between backticks has none.
        None => (length >= 3 && (mark == b'~' || !rest.contains('`'))).then_some((mark, length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        split(text).collect()
    }

    #[test]
    fn a_quote_ends_with_its_last_line() {
        assert_eq!(texts(""), [""; 0]);
        assert_eq!(texts("a\nb"), ["a\nb"]);
        assert_eq!(texts("> a\n> b\nc\n  > d"), ["> a\n> b\n", "c\n", "  > d"]);
    }

    #[test]
    fn a_code_block_has_no_quotes() {
        assert_eq!(texts("```\n> a\n```\n> b"), ["```\n> a\n```\n", "> b"]);
        assert_eq!(texts("~~~\n```\n> a\n~~~~\n> b"), ["~~~\n```\n> a\n~~~~\n", "> b"]);
        assert_eq!(texts("```\n> never closed"), ["```\n> never closed"]);
        assert_eq!(texts("```a```\n> b"), ["```a```\n", "> b"]);
    }
}
