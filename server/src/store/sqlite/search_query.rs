//! The parsed query of a search, and the texts that it matches.
//!
//! A message matches if it has all words of the query: Latin and similar ones by their beginnings, Chinese and similar
//! text anywhere. Words in quotes must follow each other. Punctuation within a word counts, and some before and after it:
//! "C++", "10.0.0.1" and "#general" find exactly these. Other punctuation around a word is ignored. There is no other
//! syntax.

use super::{
    meter::Meter,
    tokenizer::{Piece, fold, folded_tokens, is_letter, split},
};

/// The length to which queries are truncated.
const MAX_QUERY_CHARS: usize = 200;
/// The most words and phrases of a query.
const MAX_TERMS: usize = 16;

/// Punctuation that counts directly before a word, such as in "@tom" or ".net".
const BEFORE_WORD: &[char] = &['.', '@', '#', '$', '€', '£', '¥', '/', '~', '&'];
/// Punctuation that counts directly after a word, such as in "C++" or "100%".
const AFTER_WORD: &[char] = &['+', '#', '%', '$', '€', '£', '¥', '°'];

/// A query.
#[derive(Debug, Default)]
pub(super) struct SearchQuery {
    pub(super) terms: Vec<Term>,
    pub(super) literals: Vec<Literal>,
}

/// Tokens that follow each other, separated by spaces.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Term {
    tokens: String,
    /// The last token is the beginning of one.
    is_prefix: bool,
}

impl Term {
    /// The tokens that are whole, and the beginning of the last one.
    pub(super) fn parts(&self) -> (&str, &str) {
        match (self.is_prefix, self.tokens.rsplit_once(' ')) {
            (false, _) => (&self.tokens, ""),
            (true, Some(parts)) => parts,
            (true, None) => ("", &self.tokens),
        }
    }
}

/// A part of the folded text of a message, with its punctuation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literal {
    text: String,
    /// `true` if what follows is no part of the last word.
    is_whole: bool,
}

impl SearchQuery {
    /// Reads a query.
    pub(super) fn parse(query: &str) -> Self {
        let query: String = query.chars().take(MAX_QUERY_CHARS).collect();
        let query = fold(&query);
        let mut parsed = Self::default();
        let mut parts = query.split('"').enumerate().peekable();
        while let Some((nth, part)) = parts.next() {
            let is_closed = parts.peek().is_some();
            match nth % 2 {
                0 => part.split(' ').for_each(|chunk| parsed.add_chunk(chunk)),
                _ => parsed.add_quoted(part.trim(), is_closed),
            }
        }
        parsed.terms.truncate(MAX_TERMS);
        parsed.literals.truncate(MAX_TERMS);
        parsed
    }

    /// Returns `true` if there is nothing to search for.
    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Adds a part of the query without spaces and quotes.
    fn add_chunk(&mut self, chunk: &str) {
        let chunk = significant(chunk);
        if chunk.contains(is_break) {
            // Its tokens follow each other; the last one may be incomplete.
            let is_prefix = chunk.ends_with(is_letter);
            self.add_term(folded_tokens(chunk), is_prefix);
            self.literals.push(Literal { text: chunk.into(), is_whole: false });
            return;
        }
        let mut signs = String::new();
        split(chunk, |piece| match piece {
            Piece::Sign(sign) => {
                signs.extend((!signs.is_empty()).then_some(' '));
                signs.push(sign);
            }
            Piece::Word(word) => {
                self.add_term(std::mem::take(&mut signs), false);
                self.add_term(word.into(), true);
            }
            Piece::Break => {}
        });
        self.add_term(signs, false);
    }

    /// Adds a part of the query in quotes. If they are not closed yet, the last word may be incomplete.
    fn add_quoted(&mut self, text: &str, is_closed: bool) {
        let tokens = folded_tokens(text);
        if tokens.is_empty() {
            return;
        }
        self.add_term(tokens, !is_closed && text.ends_with(is_letter));
        if text.contains(|c: char| c != ' ' && is_break(c)) {
            self.literals.push(Literal { text: text.into(), is_whole: is_closed });
        }
    }

    fn add_term(&mut self, tokens: String, is_prefix: bool) {
        if !tokens.is_empty() {
            self.terms.push(Term { tokens, is_prefix });
        }
    }
}

/// The part of a chunk from its first to its last token, with the punctuation around them that counts.
fn significant(chunk: &str) -> &str {
    let is_token = |c: char| !is_break(c);
    let (Some(first), Some(last)) = (chunk.find(is_token), chunk.rfind(is_token)) else { return "" };
    // One mark: more of them are an ellipsis or a comment.
    let before = &chunk[..first];
    let first = match before.chars().next_back() {
        Some(mark) if BEFORE_WORD.contains(&mark) && !before[..first - mark.len_utf8()].ends_with(mark) => {
            first - mark.len_utf8()
        }
        _ => first,
    };
    let end = last + chunk[last..].chars().next().map_or(0, char::len_utf8);
    let after = chunk[end..].find(|c: char| !AFTER_WORD.contains(&c)).unwrap_or(chunk.len() - end);
    &chunk[first..end + after]
}

/// Returns `true` if a character of a folded text is no part of a token.
fn is_break(c: char) -> bool {
    let mut is_break = false;
    split(c.encode_utf8(&mut [0; 4]), |piece| is_break = matches!(piece, Piece::Break));
    is_break
}

/// Matches texts without the index, with the same result.
#[derive(Debug)]
pub(super) struct Matcher<'a> {
    /// Parts of the tokens of a message, which are separated by spaces.
    tokens: Vec<String>,
    literals: &'a [Literal],
}

impl<'a> Matcher<'a> {
    pub(super) fn new(query: &'a SearchQuery) -> Self {
        let part = |term: &Term| format!(" {}{}", term.tokens, if term.is_prefix { "" } else { " " });
        Self { tokens: query.terms.iter().map(part).collect(), literals: &query.literals }
    }

    /// Returns `true` if a text matches.
    pub(super) fn matches(&self, text: &str, meter: &Meter) -> bool {
        let folded = fold(text);
        meter.spend_folded(text, &folded);
        let tokens = format!(" {} ", folded_tokens(&folded));
        self.tokens.iter().all(|part| tokens.contains(part))
            && self.literals.iter().all(|literal| literal.is_in(&folded))
    }
}

impl Literal {
    /// Returns `true` if a folded text has this part; at the beginning of a word if it begins with one.
    fn is_in(&self, folded: &str) -> bool {
        let is_split = |before: Option<char>, after: Option<char>| {
            !(before.is_some_and(is_letter) && after.is_some_and(is_letter))
        };
        folded.match_indices(&self.text).any(|(at, part)| {
            let (before, after) = (&folded[..at], &folded[at + part.len()..]);
            is_split(before.chars().next_back(), part.chars().next())
                && (!self.is_whole || is_split(part.chars().next_back(), after.chars().next()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The terms, `*` after the incomplete ones, and the literals, `|` after the whole ones.
    fn parsed(query: &str) -> (Vec<String>, Vec<String>) {
        let SearchQuery { terms, literals } = SearchQuery::parse(query);
        let term = |term: Term| format!("{}{}", term.tokens, if term.is_prefix { "*" } else { "" });
        let literal = |of: Literal| format!("{}{}", of.text, if of.is_whole { "|" } else { "" });
        (terms.into_iter().map(term).collect(), literals.into_iter().map(literal).collect())
    }

    #[test]
    fn queries_are_read() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("Foo bar", &["foo*", "bar*"], &[]),
            ("用Rust写", &["用", "rust*", "写"], &[]),
            ("10.0.0.1", &["10 0 0 1*"], &["10.0.0.1"]),
            ("C++", &["c"], &["c++"]),
            ("C++,", &["c"], &["c++"]),
            ("(@tom)", &["tom*"], &["@tom"]),
            ("...so? #5 -x al*", &["so*", "5*", "x*", "al*"], &["#5"]),
            ("服，务", &["服 务"], &["服,务"]),
            ("\"foo bar\"", &["foo bar"], &[]),
            ("\"foo ba", &["foo ba*"], &[]),
            ("“Foo, bar.” x", &["foo bar", "x*"], &["foo, bar.|"]),
            ("say \"so", &["say*", "so*"], &[]),
            ("quote\"", &["quote*"], &[]),
            ("???", &[], &[]),
            ("\" \" + \"-\"", &[], &[]),
        ];
        for (query, terms, literals) in table {
            let (found, punctuated) = parsed(query);
            assert_eq!((found, punctuated), (to_strings(terms), to_strings(literals)), "{query:?}");
        }
    }

    fn to_strings(all: &[&str]) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn parts_of_a_term() {
        let term = |tokens: &str, is_prefix| Term { tokens: tokens.into(), is_prefix };
        assert_eq!(term("a b", false).parts(), ("a b", ""));
        assert_eq!(term("a b c", true).parts(), ("a b", "c"));
        assert_eq!(term("a", true).parts(), ("", "a"));
    }
}
