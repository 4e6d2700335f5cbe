//! Excerpts of search results with the matching parts highlighted. Matching ignores case, accents and width; a word
//! matches at the beginning of a word, and scripts without spaces match anywhere. The server decides what is found; this
//! only has to agree with it for highlighting.

use js_sys::JsString;

/// If the first match is farther from the beginning than this, the beginning is left out, so that the match is in one of
/// the first lines.
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

fn pieces(text: &str, words: &str, fold: fn(char) -> char) -> Vec<Piece> {
    let chars: Vec<char> = text.chars().collect();
    let folded: Vec<char> = chars.iter().map(|c| fold(*c)).collect();
    let matching = matching(&folded, &words.chars().map(fold).collect::<Vec<_>>());
    let first = matching.iter().position(|matches| *matches).unwrap_or(0);
    let from = if first > MAX_LEAD_CHARS { first - CONTEXT_CHARS } else { 0 };
    let to = chars.len().min(from + MAX_CHARS);
    let mut pieces: Vec<Piece> = Vec::new();
    if from > 0 {
        pieces.push(("…".into(), false));
    }
    for (c, matches) in chars[from..to].iter().zip(&matching[from..to]) {
        match pieces.last_mut() {
            Some((piece, highlighted)) if highlighted == matches => piece.push(*c),
            _ => pieces.push(((*c).into(), *matches)),
        }
    }
    if to < chars.len() {
        pieces.push(("…".into(), false));
    }
    pieces
}

/// For each character of a text, whether it belongs to one of the words.
fn matching(text: &[char], words: &[char]) -> Vec<bool> {
    let mut matching = vec![false; text.len()];
    for term in words.chunk_by(|a, b| kind(*a) == kind(*b)).filter(|term| kind(term[0]) != Kind::Other) {
        for (at, part) in text.windows(term.len()).enumerate() {
            let begins_word = kind(term[0]) == Kind::Sign || at == 0 || kind(text[at - 1]) != Kind::Letter;
            if begins_word && part == term {
                matching[at..at + term.len()].fill(true);
            }
        }
    }
    matching
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

/// Removes case, accents and width from a character, with the browser's Unicode tables.
fn fold(c: char) -> char {
    match c {
        '\0'..='\x7F' => c.to_ascii_lowercase(),
        '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7FF}' => c,
        _ => {
            let plain = JsString::from(String::from(c)).normalize("NFKD").to_lower_case();
            String::from(plain).chars().next().unwrap_or(c)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The excerpt with highlighted parts in brackets.
    fn shown(text: &str, words: &str) -> String {
        let fold = |c: char| match c {
            'é' => 'e',
            '，' => ',',
            c => c.to_lowercase().next().unwrap_or(c),
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
            ("well done 👍🏽!", "👍", "well done [👍]🏽!"),
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
}
