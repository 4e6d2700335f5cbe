//! Retention: deletes messages and what nobody needs any more, in small steps.
//!
//! | module | deletes |
//! | --- | --- |
//! | `oldest` | messages by age and by the size of the database |
//! | `surplus` | messages by the number that each room may have |
//! | `superseded` | events that later ones have replaced |
//! | `guests` | accounts of guests who have left nothing |
//!
//! Messages are deleted oldest first in each room, so the ords of the others have no holes.

mod guests;
mod oldest;
mod superseded;
mod surplus;

use rusqlite::{CachedStatement, Connection, Row, TransactionBehavior, params};

use self::{guests::GuestPass, oldest::Oldest, superseded::SupersededPass, surplus::Surplus};
use super::{
    fingerprint::fingerprint,
    message_key::{self, LAST_SEQ, key},
    reactions, revisions, rooms, runs, word_index,
};
use crate::store::{Change, Retention};

/// The most rows that one transaction deletes.
const STEP_ROWS: i64 = 1000;
/// The most rooms that one step looks at, so that appends don't wait long when there are very many rooms.
const STEP_ROOMS: usize = 1000;
/// The most pages that one step returns to the file system.
const STEP_PAGES: i64 = 2000;
/// The time between two passes over events and accounts, in ms.
const PASS_INTERVAL_MS: i64 = 86_400_000;

/// What retention remembers between its steps. After an error or a restart it begins anew.
#[derive(Debug, Default)]
pub(super) struct RetentionState {
    oldest: Oldest,
    surplus: Surplus,
    superseded: SupersededPass,
    guests: GuestPass,
    /// The time at which the next passes begin; `None` while they are under way.
    passes_at: Option<i64>,
}

impl RetentionState {
    /// Notes rooms with new events.
    pub(super) fn note_grown(&mut self, rooms: &[i64]) {
        self.surplus.note(rooms);
    }
}

/// See [`crate::store::EventLog::apply_retention`].
pub(super) fn apply(
    connection: &mut Connection,
    state: &mut RetentionState,
    retention: &Retention,
    now: i64,
) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let due = due(&transaction, state, retention, now)?;
    delete_messages(&transaction, &due.places, now)?;
    let deleted_ids = delete_ids(&transaction, ago(now, retention.ids.as_millis()))?;
    let is_in_pass = due.is_complete() && pass(&transaction, state, retention, now)?;
    transaction.commit()?;
    Ok(!due.is_complete() || deleted_ids > 0 || is_in_pass || shrink(connection)?)
}

fn ago(now: i64, ms: u128) -> i64 {
    now.saturating_sub(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// Messages to delete.
#[derive(Debug, Default)]
struct Due {
    /// Of each room its oldest ones.
    places: Vec<i64>,
    /// There may be more, although there is none here.
    more: bool,
}

impl Due {
    /// There are no others.
    fn is_complete(&self) -> bool {
        self.places.is_empty() && !self.more
    }
}

/// Some messages to delete.
fn due(
    connection: &Connection,
    RetentionState { oldest, surplus, .. }: &mut RetentionState,
    retention: &Retention,
    now: i64,
) -> rusqlite::Result<Due> {
    let mut due = Due::default();
    if let Some(age) = retention.age {
        due = oldest.find(connection, STEP_ROWS, ago(now, age.as_millis()), now)?;
    }
    if let (true, Some(messages)) = (due.is_complete(), retention.messages) {
        due = surplus.find(connection, i64::try_from(messages).unwrap_or(i64::MAX))?;
    }
    if let (true, Some(bytes)) = (due.is_complete(), retention.bytes) {
        due = oldest.find(connection, excess(connection, bytes)?, i64::MAX, now)?;
    }
    Ok(due)
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

/// Deletes these messages, of each room its oldest ones, with their edits, and stores the ids and fingerprints.
fn delete_messages(connection: &Connection, places: &[i64], now: i64) -> rusqlite::Result<()> {
    let mut event = connection.prepare_cached(
        "DELETE FROM event WHERE place = ?1 RETURNING sender, client_id, ord, time, payload",
    )?;
    let mut changes = connection.prepare_cached(
        "DELETE FROM event WHERE target = ?1 AND kind IN (9, 10, 11)
         RETURNING sender, client_id, 0, time, substr(payload, 1, 16), place",
    )?;
    let mut gone = Gone::new(connection)?;
    let mut sorted = places.to_vec();
    sorted.sort_unstable();
    for of_room in sorted.chunk_by(|one, other| message_key::parts(*one).0 == message_key::parts(*other).0) {
        let Some((number, _)) = of_room.first().map(|place| message_key::parts(*place)) else { continue };
        let room = rooms::public_id(connection, number)?;
        for &place in of_room {
            reactions::delete(connection, place)?;
            let content = revisions::delete(connection, place)?;
            // An erased message has its fingerprint itself.
            let (of_message, print): (Id, Option<[u8; 16]>) =
                event.query_row([place], |row| Ok((id(row, place)?, row.get(4)?)))?;
            let print =
                print.unwrap_or_else(|| fingerprint(&Change::Message { room, content: content.into() }));
            gone.store(&of_message, &print, now)?;
            word_index::remove(connection, place)?;
            let deleted = changes.query_map([place], |row| Ok((id(row, row.get(5)?)?, row.get(4)?)))?;
            for (of_change, print) in deleted.collect::<rusqlite::Result<Vec<(Id, [u8; 16])>>>()? {
                gone.store(&of_change, &print, now)?;
            }
        }
        messages_deleted(connection, number)?;
    }
    Ok(())
}

/// The id of an event, from its first columns.
fn id(row: &Row<'_>, place: i64) -> rusqlite::Result<Id> {
    Ok(Id { sender: row.get(0)?, client_id: row.get(1)?, ord: row.get(2)?, time: row.get(3)?, place })
}

/// Adapts a room to its new oldest message.
fn messages_deleted(connection: &Connection, room: i64) -> rusqlite::Result<()> {
    let mut first = connection.prepare_cached(
        "SELECT place, ord FROM body CROSS JOIN event USING (place)
         WHERE place BETWEEN ?1 AND ?2 ORDER BY place LIMIT 1",
    )?;
    let mut rows = first.query([key(room, 0), key(room, LAST_SEQ)])?;
    let first: Option<(i64, i64)> =
        rows.next()?.map(|row| Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?))).transpose()?;
    connection
        .prepare_cached("UPDATE room SET first_ord = ifnull(?2, head_ord + 1) WHERE id = ?1")?
        .execute(params![room, first.map(|(_, ord)| ord)])?;
    match first {
        Some((place, _)) => runs::begin(connection, place),
        None => Ok(()),
    }
}

/// The id of an event that is being deleted.
struct Id {
    sender: i64,
    client_id: [u8; 16],
    place: i64,
    ord: i64,
    time: i64,
}

/// Stores the ids and fingerprints of deleted events.
struct Gone<'a>(CachedStatement<'a>);

impl<'a> Gone<'a> {
    fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        let insert = "INSERT OR REPLACE INTO gone (sender, client_id, place, ord, time, print, gone_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        connection.prepare_cached(insert).map(Self)
    }

    fn store(&mut self, id: &Id, print: &[u8; 16], now: i64) -> rusqlite::Result<()> {
        let Id { sender, client_id, place, ord, time } = id;
        self.0.execute(params![sender, client_id, place, ord, time, print, now]).map(drop)
    }
}

/// Deletes some ids of events that were deleted before a time.
fn delete_ids(connection: &Connection, before: i64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM gone WHERE (sender, client_id) IN
                 (SELECT sender, client_id FROM gone INDEXED BY gone_at WHERE gone_at < ?1 LIMIT ?2)",
        )?
        .execute([before, STEP_ROWS])
}

/// Goes on with the passes over events and accounts, or begins them once a day. Returns whether they are under way.
fn pass(
    connection: &Connection,
    state: &mut RetentionState,
    retention: &Retention,
    now: i64,
) -> rusqlite::Result<bool> {
    if state.passes_at.is_some_and(|at| now < at) {
        return Ok(false);
    }
    state.passes_at = None;
    let before = retention.age.map(|age| ago(now, age.as_millis()));
    if let Some(before) = before
        && state.superseded.step(connection, before, now)?
    {
        return Ok(true);
    }
    if state.guests.step(connection, ago(now, retention.ids.as_millis()))? {
        return Ok(true);
    }
    state.superseded = SupersededPass::default();
    state.guests = GuestPass::default();
    state.passes_at = Some(now.saturating_add(PASS_INTERVAL_MS));
    Ok(false)
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
