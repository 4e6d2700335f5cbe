//! The accounts that have sent messages, for retention, which deletes guests without any.
//!
//! An index of messages by sender would make each append much slower: in a busy room, each sender's part of it is another page
//! to write. So an account's row is written again only after [`AUTHOR_STEP`] events, and retention takes a message for
//! possible until all messages of that time are deleted.

use rusqlite::Connection;

/// The number of events after which a sender's row is written again.
pub(super) const AUTHOR_STEP: i64 = 10_000;

/// Stores that an account has sent a message.
pub(super) fn put(connection: &Connection, account: i64, gseq: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO author (account, gseq) VALUES (?1, ?2)")?
        .execute([account, gseq])
        .map(drop)
}

/// The gseq of the oldest stored message of all rooms; the largest number if there is none.
pub(super) fn oldest_message(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "SELECT min((
                 SELECT gseq FROM event WHERE place BETWEEN room.id << 38 AND (room.id << 38) | 0x3FFFFFFFFF AND kind = 0
                 ORDER BY place LIMIT 1
             )) FROM room WHERE first_ord <= head_ord",
        )?
        .query_row([], |row| row.get::<_, Option<i64>>(0))
        .map(|oldest| oldest.unwrap_or(i64::MAX))
}

/// Deletes the row of an account.
pub(super) fn delete(connection: &Connection, account: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM author WHERE account = ?1")?.execute([account]).map(drop)
}

/// Fills the table from the stored messages.
pub(super) fn rebuild(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "DELETE FROM author;
         INSERT INTO author (account, gseq) SELECT sender, max(gseq) FROM event WHERE kind = 0 GROUP BY sender;",
    )
}
