//! The stored state of the retention clock.

use rusqlite::{Connection, OptionalExtension as _};

use crate::store::retention_clock::ClockRecord;

/// The stored state. If none was stored, the time of the newest message; `None` if there is no message either.
pub(super) fn stored(connection: &mut Connection) -> rusqlite::Result<Option<ClockRecord>> {
    let snapshot = connection.transaction()?;
    let stored = snapshot
        .prepare_cached(
            "SELECT clock_time, clock_seen, clock_waited FROM about WHERE clock_time IS NOT NULL",
        )?
        .query_row([], |row| Ok(ClockRecord { time: row.get(0)?, seen: row.get(1)?, waited: row.get(2)? }))
        .optional()?;
    match stored {
        Some(stored) => Ok(Some(stored)),
        None => Ok(newest_time(&snapshot)?.map(|time| ClockRecord { time, seen: time, waited: 0 })),
    }
}

/// The time of the newest message of all rooms.
fn newest_time(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT max(active) FROM room WHERE head_ord > 0")?
        .query_row([], |row| row.get(0))
}

/// Stores the state.
pub(super) fn store(connection: &Connection, clock: ClockRecord) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE about SET clock_time = ?1, clock_seen = ?2, clock_waited = ?3")?
        .execute([clock.time, clock.seen, clock.waited])
        .map(drop)
}
