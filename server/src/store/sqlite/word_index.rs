//! The search index: inserting and removing messages, and translating queries.

use std::cmp::Reverse;

use rusqlite::{CachedStatement, Connection};

use super::{meter::Meter, search_query::SearchQuery, tokenizer::tokens, vocabulary};

/// The most words that are looked up for one word of the query, with which they begin. A word of the query that begins
/// more is compared with the messages instead.
const MAX_EXPANDED_WORDS: usize = 2_000;

/// The same when the index is asked for another word of the query already.
const MAX_MORE_WORDS: usize = 200;

/// Inserts messages into the index.
pub(super) struct WordIndex<'a>(CachedStatement<'a>);

impl<'a> WordIndex<'a> {
    pub(super) fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("INSERT INTO words (rowid, text) VALUES (?1, ?2)").map(Self)
    }

    /// Returns the length of the tokens in bytes.
    pub(super) fn add(&mut self, place: i64, content: &str) -> rusqlite::Result<usize> {
        let tokens = tokens(content);
        self.0.execute((place, &tokens)).map(|_| tokens.len())
    }
}

/// Removes a message from the index.
pub(super) fn remove(connection: &Connection, place: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM words WHERE rowid = ?1")?.execute([place]).map(drop)
}

/// The way in which the index finds the messages of a query.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum IndexQuery {
    /// No message in the index matches.
    Nothing,
    /// With this FTS5 query. Unless it `is_exact`, it finds others too, and the messages must be compared.
    Words { query: String, is_exact: bool },
    /// Every word of the query begins too many words.
    TooMany,
}

/// Translates a query.
///
/// Every token is quoted and contains no quote, so nothing in a query is interpreted as syntax.
pub(super) fn index_query(
    connection: &Connection,
    meter: &Meter,
    query: &SearchQuery,
) -> rusqlite::Result<IndexQuery> {
    let mut left = MAX_EXPANDED_WORDS;
    let (mut parts, mut is_exact) = (Vec::new(), query.literals.is_empty());
    let mut prefixes = Vec::new();
    for term in &query.terms {
        let (whole, prefix) = term.parts();
        // The two parts may be in different places of a message.
        is_exact &= whole.is_empty() || prefix.is_empty();
        parts.extend((!whole.is_empty()).then(|| format!("\"{whole}\"")));
        prefixes.extend((!prefix.is_empty()).then_some(prefix));
    }
    // Longer words first: they begin fewer words, and if there is none, nothing else has to be looked up.
    prefixes.sort_by_key(|prefix| Reverse(prefix.len()));
    for prefix in prefixes {
        if !parts.is_empty() {
            left = left.min(MAX_MORE_WORDS);
        }
        match vocabulary::with_prefix(connection, meter, prefix, &mut left)? {
            Some(words) if words.is_empty() => return Ok(IndexQuery::Nothing),
            Some(words) => parts.push(format!("(\"{}\")", words.join("\" OR \""))),
            None => is_exact = false,
        }
    }
    Ok(match parts.is_empty() {
        true => IndexQuery::TooMany,
        false => IndexQuery::Words { query: parts.join(" AND "), is_exact },
    })
}
