//! Retention: deletes messages in small steps.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::{
    fingerprint::fingerprint,
    message_key::{self, LAST_SEQ, key},
    rooms,
    runs::{self, Aged},
    word_index,
};
use crate::store::Retention;

/// The most rows that one transaction deletes.
const STEP_ROWS: i64 = 1000;
/// The most pages that one step returns to the file system.
const STEP_PAGES: i64 = 2000;

/// See [`crate::store::EventLog::apply_retention`].
pub(super) fn apply(connection: &mut Connection, retention: &Retention, now: i64) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let due = due(&transaction, retention, now)?;
    delete(&transaction, &due, now)?;
    let deleted_ids = delete_ids(&transaction, ago(now, retention.ids.as_millis()))?;
    transaction.commit()?;
    Ok(!due.is_empty() || deleted_ids > 0 || shrink(connection)?)
}

fn ago(now: i64, ms: u128) -> i64 {
    now.saturating_sub(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// The keys of some messages to delete.
fn due(connection: &Connection, retention: &Retention, now: i64) -> rusqlite::Result<Vec<i64>> {
    let mut due = Vec::new();
    if let Some(age) = retention.age {
        due = oldest(connection, STEP_ROWS, ago(now, age.as_millis()), now)?;
    }
    if let (true, Some(messages)) = (due.is_empty(), retention.messages) {
        due = surplus(connection, i64::try_from(messages).unwrap_or(i64::MAX))?;
    }
    if let (true, Some(bytes)) = (due.is_empty(), retention.bytes) {
        due = oldest(connection, excess(connection, bytes)?, i64::MAX, now)?;
    }
    Ok(due)
}

/// Finds up to `count` of the oldest messages of all rooms, from before a time. A run that was stored with a clock set
/// back counts as younger than the messages before it.
fn oldest(connection: &Connection, count: i64, before: i64, now: i64) -> rusqlite::Result<Vec<i64>> {
    // The oldest message of each room; the oldest of these is on top.
    let mut heads: BinaryHeap<Reverse<Aged>> = BinaryHeap::new();
    if count > 0 {
        for room in rooms_with_messages(connection)? {
            heads.extend(runs::oldest(connection, room)?.map(Reverse));
        }
    }
    let mut found = Vec::new();
    while let Some(Reverse(oldest)) = heads.pop() {
        if oldest.time >= before || found.len() as i64 >= count {
            break;
        }
        let [within, next_run] = runs::next(connection, oldest)?;
        heads.extend(next_run.map(Reverse));
        if !runs::is_misdated(connection, oldest, now)? {
            found.push(oldest.place);
            heads.extend(within.map(Reverse));
        }
    }
    Ok(found)
}

fn rooms_with_messages(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached("SELECT id FROM room WHERE kept > 0")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Some of the first messages of a room that has more than `messages`.
fn surplus(connection: &Connection, messages: i64) -> rusqlite::Result<Vec<i64>> {
    let mut fullest =
        connection.prepare_cached("SELECT id, kept FROM room WHERE kept > ?1 ORDER BY kept DESC LIMIT 1")?;
    let fullest = fullest.query_row([messages], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?))).optional()?;
    let Some((room, kept)) = fullest else { return Ok(Vec::new()) };
    let mut first = connection
        .prepare_cached("SELECT place FROM message WHERE place BETWEEN ?1 AND ?2 ORDER BY place LIMIT ?3")?;
    let range = [key(room, 0), key(room, LAST_SEQ), (kept - messages).min(STEP_ROWS)];
    first.query_map(range, |row| row.get(0))?.collect()
}

/// About how many messages to delete to bring the database down to `bytes`.
fn excess(connection: &Connection, bytes: u64) -> rusqlite::Result<i64> {
    let [pages, free, page] =
        ["page_count", "freelist_count", "page_size"].map(|name| pragma(connection, name));
    let size = (pages? - free?) * page?;
    let over = size.saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX));
    if over <= 0 {
        return Ok(0);
    }
    let share = over as f64 / size as f64;
    Ok(((rooms::stored_messages(connection)? as f64 * share) as i64).clamp(1, STEP_ROWS))
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Deletes these messages and stores their ids and fingerprints.
fn delete(connection: &Connection, due: &[i64], now: i64) -> rusqlite::Result<()> {
    let mut delete = connection
        .prepare_cached("DELETE FROM message WHERE place = ?1 RETURNING id, time, nick, content")?;
    let mut store_id = connection
        .prepare_cached("INSERT INTO gone (id, place, time, print, gone_at) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut name = connection.prepare_cached("SELECT name FROM room WHERE id = ?1")?;
    let mut of_room: BTreeMap<i64, (String, i64)> = BTreeMap::new();
    for &place in due {
        let (room, _) = message_key::parts(place);
        let (name, count) = match of_room.entry(room) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert((name.query_row([room], |row| row.get(0))?, 0))
            }
        };
        *count += 1;
        let (id, time, print) = delete.query_row([place], |row| {
            let print = fingerprint(name, row.get_ref(2)?.as_str()?, row.get_ref(3)?.as_str()?);
            Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, i64>(1)?, print))
        })?;
        word_index::remove(connection, place)?;
        store_id.execute(params![id, place, time, print, now])?;
    }
    runs::messages_deleted(connection, due)?;
    of_room.iter().try_for_each(|(room, (_, count))| rooms::subtract_deleted(connection, *room, *count))
}

/// Deletes some ids of messages that were deleted before a time.
fn delete_ids(connection: &Connection, before: i64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("DELETE FROM gone WHERE id IN (SELECT id FROM gone WHERE gone_at < ?1 LIMIT ?2)")?
        .execute([before, STEP_ROWS])
}

/// Returns free pages to the file system when there are many; some are left for new messages.
fn shrink(connection: &Connection) -> rusqlite::Result<bool> {
    let (pages, free) = (pragma(connection, "page_count")?, pragma(connection, "freelist_count")?);
    let spare = free - (pages / 8).max(256);
    if spare <= 0 {
        return Ok(false);
    }
    connection.execute_batch(&format!("PRAGMA incremental_vacuum({})", spare.min(STEP_PAGES)))?;
    // Without progress there is nothing more to do, whatever the reason.
    Ok(pragma(connection, "freelist_count")? < free)
}
