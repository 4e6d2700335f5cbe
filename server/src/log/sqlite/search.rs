//! Searching one room, the newest first.

use rusqlite::Connection;

use super::{
    page::Part,
    place::{LAST_SEQ, key},
    rooms, words,
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
    let (Some(room), Some(query)) = (rooms::find(&snapshot, room)?, words::ask(&snapshot, query)?) else {
        return Ok(Found { reached_start: true, ..Found::default() });
    };
    let newest = match before {
        0 => LAST_SEQ,
        before => before - 1,
    };
    // The index goes backwards through its own range, so nothing is sorted and what is not asked for not read.
    let mut statement = snapshot.prepare_cached(
        "SELECT place, time, id, nick, content FROM words CROSS JOIN message ON place = words.rowid
         WHERE words MATCH ?1 AND words.rowid BETWEEN ?2 AND ?3 ORDER BY words.rowid DESC",
    )?;
    let rows = statement.query((query, key(room.id, 0), key(room.id, newest)))?;
    let Part { messages, is_all } = Part::take(rows, size, 1)?;
    Ok(Found { messages, reached_start: is_all })
}
