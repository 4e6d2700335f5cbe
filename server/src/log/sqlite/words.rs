//! The words of a message, as the index holds them and as a search asks for them.
//!
//! Chinese and Japanese have no spaces between words, and what is a word in them is a matter of dictionaries; so each
//! character of theirs is a token, and a run of them in a query is a phrase: found wherever it stands. Korean is
//! treated so too, for its endings, and what is written without spaces in Southeast Asia, and emoji. Every other run of
//! letters and digits is one token, found from its beginning.

use std::{iter, mem};

use rusqlite::{CachedStatement, Connection};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use super::vocabulary;

/// In characters: of a longer word this much is looked at.
const WORD: usize = 64;
/// In characters: of a longer query this much is looked at.
const QUERY: usize = 200;
/// Words and phrases of a query that are looked for.
const TERMS: usize = 16;
/// Of a query, so many words that begin as those in it are looked for one by one; where there are more, the index gathers
/// them itself.
const SPELLED_OUT: usize = 2_000;

/// Puts messages into the index.
pub(super) struct Index<'a>(CachedStatement<'a>);

impl<'a> Index<'a> {
    pub(super) fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("INSERT INTO words (rowid, text) VALUES (?1, ?2)").map(Self)
    }

    pub(super) fn add(&mut self, place: i64, content: &str) -> rusqlite::Result<()> {
        self.0.execute((place, tokens(content))).map(drop)
    }
}

/// Takes a message out of the index.
pub(super) fn remove(connection: &Connection, place: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM words WHERE rowid = ?1")?.execute([place]).map(drop)
}

/// A text's tokens with spaces between.
fn tokens(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    split(text, |piece| {
        if !matches!(piece, Piece::Break) && !out.is_empty() {
            out.push(' ');
        }
        match piece {
            Piece::Word(word) => out.push_str(word),
            Piece::Sign(sign) => out.push(sign),
            Piece::Break => {}
        }
    });
    out
}

/// What the index is asked. All terms must be there.
///
/// Every token is in quotes, and none has a quote in it, so nothing that was typed is syntax.
pub(super) fn ask(connection: &Connection, terms: &[Term]) -> rusqlite::Result<String> {
    let mut left = SPELLED_OUT;
    let terms = terms.iter().map(|term| match term {
        Term::Phrase(signs) => Ok(format!("\"{signs}\"")),
        Term::Beginning(word) => match vocabulary::beginning(connection, word, left)? {
            Some(words) if !words.is_empty() => {
                left -= words.len();
                Ok(format!("(\"{}\")", words.join("\" OR \"")))
            }
            _ => Ok(format!("\"{word}\"*")),
        },
    });
    Ok(terms.collect::<rusqlite::Result<Vec<String>>>()?.join(" AND "))
}

/// Finds without the index what the index would find.
#[derive(Debug)]
pub(super) struct Matcher(Vec<String>);

impl Matcher {
    pub(super) fn new(terms: &[Term]) -> Self {
        let part = |term: &Term| match term {
            Term::Beginning(word) => format!(" {word}"),
            Term::Phrase(signs) => format!(" {signs} "),
        };
        Self(terms.iter().map(part).collect())
    }

    /// Whether all terms are in a text.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let tokens = format!(" {} ", tokens(text));
        self.0.iter().all(|part| tokens.contains(part))
    }
}

/// What is looked for.
#[derive(Debug)]
pub(super) enum Term {
    /// A word that begins so.
    Beginning(String),
    /// Characters one after the other, with spaces between.
    Phrase(String),
}

/// What a query looks for; nothing, if it has no words.
pub(super) fn terms(query: &str) -> Vec<Term> {
    let (mut terms, mut phrase) = (Vec::new(), String::new());
    let query: String = query.chars().take(QUERY).collect();
    split(&query, |piece| {
        if let Piece::Sign(sign) = piece {
            phrase.extend((!phrase.is_empty()).then_some(' '));
            phrase.push(sign);
            return;
        }
        if !phrase.is_empty() {
            terms.push(Term::Phrase(mem::take(&mut phrase)));
        }
        if let Piece::Word(word) = piece {
            terms.push(Term::Beginning(word.to_owned()));
        }
    });
    terms.truncate(TERMS);
    terms
}

/// A part of a text.
enum Piece<'a> {
    /// Letters and digits.
    Word(&'a str),
    /// A character that is a token of its own.
    Sign(char),
    /// Something between that is neither; also the end of the text.
    Break,
}

fn split(text: &str, mut each: impl FnMut(Piece<'_>)) {
    // Nearly every text in English; there are no signs in it, and it takes a small part of the time.
    if text.is_ascii() {
        let text = text.to_ascii_lowercase();
        for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
            match word {
                "" => each(Piece::Break),
                // In ASCII every character is a byte.
                word => each(Piece::Word(&word[..word.len().min(WORD)])),
            }
        }
        return each(Piece::Break);
    }
    // Compatibility forms as the plain ones, without case, without the accents that people leave out.
    let normal = text.nfkd().flat_map(char::to_lowercase).filter(|c| !is_ignored(*c));
    // Which sigma is written at the end of a word is the font's business.
    let normal = normal.map(|c| if c == 'ς' { 'σ' } else { c });
    split_normal(normal.nfc(), &mut each);
}

fn split_normal(text: impl Iterator<Item = char>, mut each: impl FnMut(Piece<'_>)) {
    let (mut word, mut chars) = (String::new(), 0);
    for c in text.map(Some).chain(iter::once(None)) {
        let kind = c.map_or(Kind::Other, kind);
        if let (Some(c), Kind::Letter) = (c, kind) {
            if chars < WORD {
                word.push(c);
            }
            chars += 1;
            continue;
        }
        if !word.is_empty() {
            each(Piece::Word(&word));
            word.clear();
            chars = 0;
        }
        match (c, kind) {
            (Some(c), Kind::Sign) => each(Piece::Sign(c)),
            _ => each(Piece::Break),
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Letter,
    Sign,
    Other,
}

fn kind(c: char) -> Kind {
    match c {
        'a'..='z' | '0'..='9' => Kind::Letter,
        '\0'..='\x7F' => Kind::Other,
        _ if is_sign(c) => Kind::Sign,
        _ if c.is_alphanumeric() || is_combining_mark(c) => Kind::Letter,
        _ => Kind::Other,
    }
}

/// Characters that are a token each.
fn is_sign(c: char) -> bool {
    match c {
        '\u{2190}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FBFF}' => true, // symbols and emoji
        '\u{0E00}'..='\u{0EFF}'         // Thai, Lao
        | '\u{1000}'..='\u{109F}'       // Burmese
        | '\u{1100}'..='\u{11FF}'       // Hangul letters
        | '\u{1780}'..='\u{17FF}'       // Khmer
        | '\u{2E80}'..='\u{2FDF}'       // radicals
        | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}'
        | '\u{3040}'..='\u{318F}'       // kana, bopomofo, Hangul letters
        | '\u{31A0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' // Han
        | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}' // Hangul
        | '\u{F900}'..='\u{FAFF}'
        | '\u{1AFF0}'..='\u{1B16F}'     // older kana
        | '\u{20000}'..='\u{3FFFF}'     // rarer Han
            => c.is_alphanumeric() || is_combining_mark(c),
        _ => false,
    }
}

/// Marks that make no other word.
fn is_ignored(c: char) -> bool {
    matches!(c,
        '\u{00AD}'                      // soft hyphen
        | '\u{0300}'..='\u{036F}'       // accents of Latin, Greek and Cyrillic
        | '\u{064B}'..='\u{065F}'       // Arabic vowels
        | '\u{200B}'..='\u{200F}'       // joiners and marks of direction
        | '\u{20D0}'..='\u{20FF}'       // the key of keycaps
        | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' // variation selectors
        | '\u{1F3FB}'..='\u{1F3FF}'     // skin tones
    )
}
