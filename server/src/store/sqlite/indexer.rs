//! Adds messages to the search index some time after they were appended. In the append it would be half of
//! the work, and a client that waits for an acknowledgement does not wait for a search.

use rusqlite::{Connection, TransactionBehavior, params};

use super::{
    message_key::{key, parts},
    word_index::WordIndex,
};
use crate::store::INDEX_STEP_MESSAGES;

/// The most bytes of tokens that one step adds; the last message may exceed it. Appends wait meanwhile.
const STEP_BYTES: usize = 2 << 20;

/// The most rows of the index of an earlier version that one step removes.
const OLD_STEP_ROWS: i64 = 512;

/// See [`crate::store::EventLog::index_pending`].
pub(super) fn index(connection: &mut Connection) -> rusqlite::Result<u64> {
    step(connection)?;
    let pending = pending_messages(connection)?;
    // The index of an earlier version is removed when the new one is complete.
    Ok(if pending == 0 && remove_old(connection)? { INDEX_STEP_MESSAGES } else { pending })
}

/// Removes a part of the index of an earlier version. Returns whether something is left. Removing all of a large index at
/// once would take seconds.
fn remove_old(connection: &mut Connection) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let exists =
        transaction.prepare_cached("SELECT 1 FROM sqlite_schema WHERE name = 'words_old'")?.exists([])?;
    if !exists {
        return Ok(false);
    }
    // The first records describe the index itself.
    let steps = [
        "DELETE FROM words_old_data WHERE id IN (SELECT id FROM words_old_data WHERE id > 10 LIMIT ?1)",
        "DELETE FROM words_old_docsize WHERE id IN (SELECT id FROM words_old_docsize LIMIT ?1)",
    ];
    let mut left = OLD_STEP_ROWS;
    for step in steps {
        let removed = transaction.execute(step, [left])?;
        left -= i64::try_from(removed).unwrap_or(left);
    }
    if left > 0 {
        transaction.execute_batch("DROP TABLE words_old")?;
    }
    transaction.commit()?;
    Ok(left == 0)
}

fn step(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let behind: Vec<(i64, u64, u64)> = {
        // A room may have only other events that are new.
        let mut rooms = transaction.prepare_cached(
            "SELECT id, indexed, head_seq FROM room INDEXED BY room_unindexed
             WHERE indexed < head_seq AND id > 0 ORDER BY id LIMIT ?1",
        )?;
        let rooms = rooms.query_map([INDEX_STEP_MESSAGES.cast_signed()], |row| {
            let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
            Ok((row.get(0)?, number(1)?, number(2)?))
        })?;
        rooms.collect::<rusqlite::Result<_>>()?
    };
    // In key order: FTS5 flushes its buffer whenever a key is lower than the previous one.
    let mut left = Left { messages: INDEX_STEP_MESSAGES, bytes: STEP_BYTES };
    for (room, indexed, head_seq) in behind {
        if left.is_used_up() {
            break;
        }
        let to = add(&transaction, room, indexed, head_seq, &mut left)?;
        transaction
            .prepare_cached("UPDATE room SET indexed = ?2 WHERE id = ?1")?
            .execute([room, to.cast_signed()])?;
    }
    transaction.commit()
}

/// The amount that a step may still add.
struct Left {
    messages: u64,
    bytes: usize,
}

impl Left {
    fn is_used_up(&self) -> bool {
        self.messages == 0 || self.bytes == 0
    }
}

/// Adds messages of a room, as many as are `left`. Returns the sequence number up to which the room is indexed.
fn add(connection: &Connection, room: i64, after: u64, to: u64, left: &mut Left) -> rusqlite::Result<u64> {
    let mut messages = connection.prepare_cached(
        "SELECT place, text FROM body WHERE place BETWEEN ?1 AND ?2 AND NOT erased ORDER BY place",
    )?;
    let mut index = WordIndex::new(connection)?;
    let mut rows = messages.query(params![key(room, after + 1), key(room, to)])?;
    while let Some(row) = rows.next()? {
        let place = row.get(0)?;
        let bytes = index.add(place, row.get_ref(1)?.as_str()?)?;
        left.messages -= 1;
        left.bytes = left.bytes.saturating_sub(bytes);
        if left.is_used_up() {
            return Ok(parts(place).1);
        }
    }
    // Also beyond the last message: what follows are other events, or deleted messages.
    Ok(to)
}

/// An upper bound of the number of messages that are not indexed.
fn pending_messages(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "SELECT coalesce(sum(head_seq - indexed), 0) FROM room INDEXED BY room_unindexed
             WHERE indexed < head_seq AND id > 0",
        )?
        .query_row([], |row| row.get::<_, i64>(0))
        .map(i64::cast_unsigned)
}
