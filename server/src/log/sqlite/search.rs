//! Searching one room, the newest first: what was said just now message by message, all else by the index of words.

use rusqlite::Connection;

use super::{
    page::Part,
    place::{LAST_SEQ, key},
    rooms,
    words::{self, Term},
};
use crate::log::{Found, Size};

/// As [`crate::log::Read::search`].
pub(super) fn search(
    connection: &mut Connection,
    room: &str,
    query: &str,
    before: u64,
    size: Size,
) -> rusqlite::Result<Found> {
    let snapshot = connection.transaction()?;
    let terms = words::terms(query);
    let Some(room) = rooms::find(&snapshot, room)?.filter(|_| !terms.is_empty()) else {
        return Ok(Found { reached_start: true, ..Found::default() });
    };
    let newest = match before {
        0 => LAST_SEQ,
        before => before - 1,
    };
    let mut part = Part::default();
    let within = |from: u64, to: u64| (key(room.id, from), key(room.id, to));
    let is_all = newer(&snapshot, &terms, within(room.indexed + 1, newest), &mut part, size)?
        && older(&snapshot, &terms, within(0, newest.min(room.indexed)), &mut part, size)?;
    Ok(Found { messages: part.messages, reached_start: is_all })
}

/// Takes what is found among those that are not in the index yet. `false` when there is more than fits.
fn newer(
    connection: &Connection,
    terms: &[Term],
    (from, to): (i64, i64),
    part: &mut Part,
    size: Size,
) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT place, time, id, nick, content FROM message WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC",
    )?;
    let looked_for = words::Matcher::new(terms);
    part.add(statement.query([from, to])?, size, 1, |row| Ok(looked_for.is_in(row.get_ref(4)?.as_str()?)))
}

/// The same among those that are in it.
fn older(
    connection: &Connection,
    terms: &[Term],
    (from, to): (i64, i64),
    part: &mut Part,
    size: Size,
) -> rusqlite::Result<bool> {
    // The index goes backwards through its own range, so nothing is sorted and what is not asked for not read.
    let mut statement = connection.prepare_cached(
        "SELECT place, time, id, nick, content FROM words CROSS JOIN message ON place = words.rowid
         WHERE words MATCH ?1 AND words.rowid BETWEEN ?2 AND ?3 ORDER BY words.rowid DESC",
    )?;
    part.add(statement.query((words::ask(connection, terms)?, from, to))?, size, 1, |_| Ok(true))
}
