//! The search index: inserting and removing messages, and translating queries.

use std::mem;

use rusqlite::{CachedStatement, Connection};

use super::{
    tokenizer::{Piece, split, tokens},
    vocabulary,
};

/// Longer queries are truncated.
const MAX_QUERY_CHARS: usize = 200;
/// The most words and phrases of a query.
const MAX_TERMS: usize = 16;
/// Up to this many words that begin with the words of a query are looked up individually; beyond it, FTS5
/// expands the prefix itself.
const MAX_EXPANDED_WORDS: usize = 2_000;

/// Inserts messages into the index.
pub(super) struct WordIndex<'a>(CachedStatement<'a>);

impl<'a> WordIndex<'a> {
    pub(super) fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("INSERT INTO words (rowid, text) VALUES (?1, ?2)").map(Self)
    }

    pub(super) fn add(&mut self, place: i64, content: &str) -> rusqlite::Result<()> {
        self.0.execute((place, tokens(content))).map(drop)
    }
}

/// Removes a message from the index.
pub(super) fn remove(connection: &Connection, place: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM words WHERE rowid = ?1")?.execute([place]).map(drop)
}

/// The FTS5 query for a list of terms; all must match.
///
/// Every token is quoted and contains no quote, so nothing in a query is interpreted as syntax.
pub(super) fn fts_query(connection: &Connection, terms: &[Term]) -> rusqlite::Result<String> {
    let mut left = MAX_EXPANDED_WORDS;
    let terms = terms.iter().map(|term| match term {
        Term::Phrase(signs) => Ok(format!("\"{signs}\"")),
        Term::Prefix(word) => match vocabulary::with_prefix(connection, word, left)? {
            Some(words) if !words.is_empty() => {
                left -= words.len();
                Ok(format!("(\"{}\")", words.join("\" OR \"")))
            }
            _ => Ok(format!("\"{word}\"*")),
        },
    });
    Ok(terms.collect::<rusqlite::Result<Vec<String>>>()?.join(" AND "))
}

/// Matches texts without the index, with the same result.
#[derive(Debug)]
pub(super) struct Matcher(Vec<String>);

impl Matcher {
    pub(super) fn new(terms: &[Term]) -> Self {
        let part = |term: &Term| match term {
            Term::Prefix(word) => format!(" {word}"),
            Term::Phrase(signs) => format!(" {signs} "),
        };
        Self(terms.iter().map(part).collect())
    }

    /// Whether a text contains all terms.
    pub(super) fn matches(&self, text: &str) -> bool {
        let tokens = format!(" {} ", tokens(text));
        self.0.iter().all(|part| tokens.contains(part))
    }
}

/// A condition of a query.
#[derive(Debug)]
pub(super) enum Term {
    /// A word that begins with this.
    Prefix(String),
    /// Consecutive characters, separated by spaces.
    Phrase(String),
}

/// The terms of a query; empty if it has no words.
pub(super) fn terms(query: &str) -> Vec<Term> {
    let (mut terms, mut phrase) = (Vec::new(), String::new());
    let query: String = query.chars().take(MAX_QUERY_CHARS).collect();
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
            terms.push(Term::Prefix(word.to_owned()));
        }
    });
    terms.truncate(MAX_TERMS);
    terms
}
