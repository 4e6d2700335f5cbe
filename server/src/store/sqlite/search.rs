//! Search in one room, newest first: recent messages one by one, all others with the search index.

use rusqlite::Connection;

use super::{
    message_key::{LAST_SEQ, key},
    page::PageBuilder,
    rooms,
    word_index::{self, Term},
};
use crate::store::{PageSize, SearchResults};

/// See [`crate::store::LogReader::search`].
pub(super) fn search(
    connection: &mut Connection,
    room: &str,
    query: &str,
    before: u64,
    size: PageSize,
) -> rusqlite::Result<SearchResults> {
    let snapshot = connection.transaction()?;
    let terms = word_index::terms(query);
    let Some(room) = rooms::find(&snapshot, room)?.filter(|_| !terms.is_empty()) else {
        return Ok(SearchResults { reached_start: true, ..SearchResults::default() });
    };
    let newest = match before {
        0 => LAST_SEQ,
        before => before - 1,
    };
    let mut page = PageBuilder::default();
    let within = |from: u64, to: u64| (key(room.id, from), key(room.id, to));
    let complete = scan_unindexed(&snapshot, &terms, within(room.indexed + 1, newest), &mut page, size)?
        && search_index(&snapshot, &terms, within(0, newest.min(room.indexed)), &mut page, size)?;
    Ok(SearchResults { messages: page.messages, reached_start: complete })
}

/// Collects matches among the messages that are not indexed. Returns `false` if there are more than fit.
fn scan_unindexed(
    connection: &Connection,
    terms: &[Term],
    (from, to): (i64, i64),
    page: &mut PageBuilder,
    size: PageSize,
) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT place, time, id, nick, content FROM message WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC",
    )?;
    let matcher = word_index::Matcher::new(terms);
    page.add(statement.query([from, to])?, size, 1, |row| Ok(matcher.matches(row.get_ref(4)?.as_str()?)))
}

/// Collects matches among the indexed messages. Returns `false` if there are more than fit.
fn search_index(
    connection: &Connection,
    terms: &[Term],
    (from, to): (i64, i64),
    page: &mut PageBuilder,
    size: PageSize,
) -> rusqlite::Result<bool> {
    // FTS5 iterates its range backwards, so nothing is sorted and only the requested matches are read.
    let mut statement = connection.prepare_cached(
        "SELECT place, time, id, nick, content FROM words CROSS JOIN message ON place = words.rowid
         WHERE words MATCH ?1 AND words.rowid BETWEEN ?2 AND ?3 ORDER BY words.rowid DESC",
    )?;
    page.add(statement.query((word_index::fts_query(connection, terms)?, from, to))?, size, 1, |_| Ok(true))
}
