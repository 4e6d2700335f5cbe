//! What of a message was searched for, as a search sees it: without regard to case, accents and width; words from their
//! beginnings, and what is written without spaces anywhere. The server decides what is found; here it is only shown.

use js_sys::JsString;

/// A longer beginning of a message is left out, so that what was found is among the first lines, in characters.
const LEAD: usize = 60;
/// As much of it stays.
const STAYS: usize = 24;
/// So much of a message is shown.
const SHOWN: usize = 280;

/// A piece of a text, and whether it was searched for.
pub type Piece = (String, bool);

/// The part of a text that is shown of it, in pieces.
pub fn excerpt(text: &str, words: &str) -> Vec<Piece> {
    pieces(text, words, fold)
}

fn pieces(text: &str, words: &str, fold: fn(char) -> char) -> Vec<Piece> {
    let chars: Vec<char> = text.chars().collect();
    let folded: Vec<char> = chars.iter().map(|c| fold(*c)).collect();
    let marked = marked(&folded, &words.chars().map(fold).collect::<Vec<_>>());
    let first = marked.iter().position(|marked| *marked).unwrap_or(0);
    let from = if first > LEAD { first - STAYS } else { 0 };
    let to = chars.len().min(from + SHOWN);
    let mut pieces: Vec<Piece> = Vec::new();
    if from > 0 {
        pieces.push(("…".into(), false));
    }
    for (c, is_marked) in chars[from..to].iter().zip(&marked[from..to]) {
        match pieces.last_mut() {
            Some((piece, of)) if of == is_marked => piece.push(*c),
            _ => pieces.push(((*c).into(), *is_marked)),
        }
    }
    if to < chars.len() {
        pieces.push(("…".into(), false));
    }
    pieces
}

/// Which characters of a text are of the words.
fn marked(text: &[char], words: &[char]) -> Vec<bool> {
    let mut marked = vec![false; text.len()];
    for term in words.chunk_by(|a, b| kind(*a) == kind(*b)).filter(|term| kind(term[0]) != Kind::Other) {
        for (at, found) in text.windows(term.len()).enumerate() {
            let begins = kind(term[0]) == Kind::Sign || at == 0 || kind(text[at - 1]) != Kind::Letter;
            if begins && found == term {
                marked[at..at + term.len()].fill(true);
            }
        }
    }
    marked
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of a word.
    Letter,
    /// A word by itself, or a part of one that does not show.
    Sign,
    Other,
}

/// Nearly as the server has it, without tables.
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

/// A character without case, accents and width, by the browser's tables.
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

    /// In brackets what is marked.
    fn shown(text: &str, words: &str) -> String {
        let fold = |c: char| match c {
            'é' => 'e',
            '，' => ',',
            c => c.to_lowercase().next().unwrap_or(c),
        };
        let piece = |(text, marked): Piece| if marked { format!("[{text}]") } else { text };
        pieces(text, words, fold).into_iter().map(piece).collect()
    }

    #[test]
    fn what_was_searched_for_is_marked_as_the_server_finds_it() {
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
    fn of_a_long_text_the_part_is_shown_that_was_found() {
        let text = format!("{}needle{}", "before ".repeat(50), " after".repeat(90));
        let shown = shown(&text, "needle");
        assert!(shown.starts_with("…") && shown.ends_with("…"), "{shown}");
        assert_eq!(shown.find("[needle]"), Some("…".len() + STAYS));
        assert_eq!(shown.chars().count(), SHOWN + 4);
    }
}
