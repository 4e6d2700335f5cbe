//! The search index: inserting and removing messages, and translating queries.

use std::{cmp::Reverse, mem};

use rusqlite::{CachedStatement, Connection};

use super::{
    meter::Meter,
    tokenizer::{Piece, split, tokens},
    vocabulary,
};

/// Longer queries are truncated.
const MAX_QUERY_CHARS: usize = 200;
/// The most words and phrases of a query.
const MAX_TERMS: usize = 16;
/// Up to this many words that begin with the words of a query are looked up. A word of the query that begins more is
/// compared with the messages instead.
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

/// How the index finds the messages with some terms.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum IndexQuery {
    /// No message in the index has all terms.
    Nothing,
    /// With this FTS5 query. Unless it `is_exact`, some terms are missing in it, and the messages must be compared.
    Words { query: String, is_exact: bool },
    /// Every term begins too many words.
    TooMany,
}

/// The query for a list of terms; all must match.
///
/// Every token is quoted and contains no quote, so nothing in a query is interpreted as syntax.
pub(super) fn query(connection: &Connection, meter: &Meter, terms: &[Term]) -> rusqlite::Result<IndexQuery> {
    let mut left = MAX_EXPANDED_WORDS;
    let (mut parts, mut is_exact) = (Vec::new(), true);
    // Longer words first: they begin fewer words, and if there is none, nothing else has to be looked up.
    let mut terms: Vec<&Term> = terms.iter().collect();
    terms.sort_by_key(|term| match term {
        Term::Prefix(word) => Reverse(word.len()),
        Term::Phrase(_) => Reverse(usize::MAX),
    });
    for term in terms {
        match term {
            Term::Phrase(signs) => parts.push(format!("\"{signs}\"")),
            Term::Prefix(word) => match vocabulary::with_prefix(connection, meter, word, &mut left)? {
                Some(words) if words.is_empty() => return Ok(IndexQuery::Nothing),
                Some(words) => parts.push(format!("(\"{}\")", words.join("\" OR \""))),
                None => is_exact = false,
            },
        }
    }
    Ok(match parts.is_empty() {
        true => IndexQuery::TooMany,
        false => IndexQuery::Words { query: parts.join(" AND "), is_exact },
    })
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
