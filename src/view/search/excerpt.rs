//! Excerpts of search results with the matching parts highlighted. Matching ignores case, accents and width; a word
//! matches at the beginning of a word, and scripts without spaces match anywhere. The server decides what is found; this
//! only has to agree with it for highlighting. Highlights and excerpts begin and end between graphemes.

use std::ops::Range;

use js_sys::JsString;

use crate::i18n::graphemes;

/// The most characters before the first match. If there are more, the beginning is left out, so that the match is in
/// one of the first lines.
const MAX_LEAD_CHARS: usize = 60;
/// Characters before the first match when the beginning is left out.
const CONTEXT_CHARS: usize = 24;
/// Length of an excerpt.
const MAX_CHARS: usize = 280;

/// A piece of an excerpt, and whether it is highlighted.
pub type Piece = (String, bool);

/// The excerpt of a text for a search for words.
pub fn excerpt(text: &str, words: &str) -> Vec<Piece> {
    pieces(text, words, fold)
}

fn pieces(text: &str, words: &str, fold: fn(char) -> String) -> Vec<Piece> {
    let matches = matches(text, words, fold);
    let excerpt = bounds(text, matches.first().map_or(0, |first| first.start));
    let mut pieces: Vec<Piece> = Vec::new();
    let mut push = |part: &str, highlighted| match pieces.last_mut() {
        Some((piece, last)) if *last == highlighted => piece.push_str(part),
        _ if part.is_empty() => {}
        _ => pieces.push((part.to_owned(), highlighted)),
    };
    push(if excerpt.start > 0 { "…" } else { "" }, false);
    let mut at = excerpt.start;
    for Range { start, end } in matches {
        // A grapheme may contain two matches.
        let start = graphemes::floor(text, start).clamp(at, excerpt.end);
        let end = graphemes::ceil(text, end).clamp(start, excerpt.end);
        push(&text[at..start], false);
        push(&text[start..end], true);
        at = end;
    }
    push(&text[at..excerpt.end], false);
    push(if excerpt.end < text.len() { "…" } else { "" }, false);
    pieces
}

/// The part of a text to show, in bytes, if the first match is at this position.
fn bounds(text: &str, first: usize) -> Range<usize> {
    let before = || text[..first].char_indices().rev().map(|(at, _)| at);
    let is_far = before().nth(MAX_LEAD_CHARS).is_some();
    let start = if is_far { before().nth(CONTEXT_CHARS - 1).unwrap_or(0) } else { 0 };
    let end = text[start..].char_indices().nth(MAX_CHARS).map_or(text.len(), |(at, _)| start + at);
    graphemes::floor(text, start)..graphemes::floor(text, end)
}

/// The characters of a text that belong to one of the words, as ranges of bytes, in order.
fn matches(text: &str, words: &str, fold: fn(char) -> String) -> Vec<Range<usize>> {
    let (mut folded, mut ranges) = (Vec::new(), Vec::new());
    for (at, c) in text.char_indices() {
        folded.extend(fold(c).chars());
        ranges.resize(folded.len(), at..at + c.len_utf8());
    }
    let words: Vec<char> = words.chars().map(fold).collect::<String>().chars().collect();
    let mut matching = vec![false; folded.len()];
    for term in words.chunk_by(|a, b| kind(*a) == kind(*b)).filter(|term| kind(term[0]) != Kind::Other) {
        for (at, part) in folded.windows(term.len()).enumerate() {
            let begins_word = kind(term[0]) == Kind::Sign || at == 0 || kind(folded[at - 1]) != Kind::Letter;
            if begins_word && part == term {
                matching[at..at + term.len()].fill(true);
            }
        }
    }
    let parts = ranges.into_iter().zip(matching);
    parts.filter_map(|(part, matches)| matches.then_some(part)).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Part of a word of a script with spaces.
    Letter,
    /// A character of a script without spaces, or an emoji: matches anywhere.
    Sign,
    /// Separates words.
    Other,
}

/// Approximates the server's classification without Unicode tables.
fn kind(c: char) -> Kind {
    match c {
        'a'..='z' | '0'..='9' => Kind::Letter,
        '\0'..='\u{BF}' | '\u{2000}'..='\u{206F}' | '\u{3000}'..='\u{3004}' | '\u{3008}'..='\u{3020}' => {
            Kind::Other
        }
        '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{11FF}' | '\u{1780}'..='\u{17FF}' | '\u{2190}'.. => {
            Kind::Sign
        }
        _ => Kind::Letter,
    }
}

/// Removes case, accents and width from a character, with the browser's Unicode tables: `É` becomes `e`, `ß` becomes `ss`,
/// and an accent that is a character of its own becomes nothing.
fn fold(c: char) -> String {
    match c {
        '\0'..='\x7F' => c.to_ascii_lowercase().into(),
        '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7FF}' => c.into(),
        _ => {
            without_accents(&String::from(JsString::from(String::from(c)).normalize("NFKD").to_lower_case()))
        }
    }
}

/// Removes what Unicode does not decompose: combining marks, strokes through letters, and ligatures.
fn without_accents(decomposed: &str) -> String {
    let mut plain = String::new();
    for c in decomposed.chars().filter(|c| !graphemes::is_mark(*c)) {
        match c {
            'ß' => plain.push_str("ss"),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            'ø' => plain.push('o'),
            'đ' | 'ð' => plain.push('d'),
            'ł' => plain.push('l'),
            'ħ' => plain.push('h'),
            'ŧ' => plain.push('t'),
            'ı' => plain.push('i'),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The excerpt with highlighted parts in brackets.
    fn shown(text: &str, words: &str) -> String {
        let fold = |c: char| match c {
            'é' => "e".into(),
            '，' => ",".into(),
            c => without_accents(&c.to_lowercase().collect::<String>()),
        };
        let piece = |(text, highlighted): Piece| if highlighted { format!("[{text}]") } else { text };
        pieces(text, words, fold).into_iter().map(piece).collect()
    }

    #[test]
    fn parts_that_the_server_matches_are_highlighted() {
        for (text, words, marked) in [
            ("Hello wide world", "hello", "[Hello] wide world"),
            ("Hello wide world", "WO hel", "[Hel]lo wide [wo]rld"),
            ("Hello", "ello", "Hello"),
            ("node.js, _js", "node.js", "[node].[js], _[js]"),
            ("Café café", "CAFE", "[Café] [café]"),
            ("今天我们用Rust写服务器", "服务", "今天我们用Rust写[服务]器"),
            ("今天我们用Rust写服务器", "rust写", "今天我们用[Rust写]服务器"),
            ("服务，务服", "务", "服[务]，[务]服"),
            ("服，务", "服，务", "[服]，[务]"),
            ("well done 👍🏽!", "👍", "well done [👍🏽]!"),
            ("we 👨\u{200D}👩\u{200D}👧, me", "👨", "we [👨\u{200D}👩\u{200D}👧], me"),
            ("we 👨\u{200D}👩\u{200D}👧, me", "👩👧", "we 👨\u{200D}👩\u{200D}👧, me"),
            ("we 👨\u{200D}👩\u{200D}👧, me", "👧 👩", "we [👨\u{200D}👩\u{200D}👧], me"),
            ("cafe\u{301}, cafe\u{301}s", "cafe", "[cafe\u{301}], [cafe\u{301}]s"),
            ("cafe\u{301}s", "cafés", "[cafe\u{301}s]"),
            ("Straße, Paweł, Økland", "strasse pawel okl", "[Straße], [Paweł], [Økl]and"),
            ("Straße", "stras", "[Straß]e"),
            ("Ёлка, ёлка", "ёл", "[Ёл]ка, [ёл]ка"),
            ("<b>bold</b>", "b", "<[b]>[b]old</[b]>"),
            ("aaa", "aa a", "[aa]a"),
            ("anything", "", "anything"),
            ("", "x", ""),
        ] {
            assert_eq!(shown(text, words), marked, "{words:?} in {text:?}");
        }
    }

    #[test]
    fn excerpt_of_a_long_text_contains_the_first_match() {
        let text = format!("{}needle{}", "before ".repeat(50), " after".repeat(90));
        let shown = shown(&text, "needle");
        assert!(shown.starts_with("…") && shown.ends_with("…"), "{shown}");
        assert_eq!(shown.find("[needle]"), Some("…".len() + CONTEXT_CHARS));
        assert_eq!(shown.chars().count(), MAX_CHARS + 4);
    }

    #[test]
    fn excerpt_is_cut_between_graphemes() {
        let (family, accented) = ("👨\u{200D}👩\u{200D}👧", "e\u{301}");
        for part in [family, accented] {
            let count = part.chars().count();
            for lead in 0..count {
                let text = format!("{}{} needle {}", "x".repeat(lead), part.repeat(150), part.repeat(150));
                let shown = shown(&text, "needle");
                let between = shown.trim_matches(['…', 'x']).split(" [needle] ");
                for side in between {
                    assert!(side.replace(part, "").is_empty(), "{shown}");
                }
                assert!(shown.chars().count() > MAX_CHARS - count, "{shown}");
            }
        }
    }
}
