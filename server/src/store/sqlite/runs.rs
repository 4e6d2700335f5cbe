//! The index by time. A *run* is a sequence of messages of one room with non-decreasing times in the same
//! hour. Only the first message of each run is in the index; others are found from there by binary search. A
//! clock that is set back begins a new run. Events other than messages are in no run.
//!
//! Invariant: a stored message either begins a run or follows a stored message of the same run.

use rusqlite::{Connection, OptionalExtension as _};

use super::message_key::{self, LAST_SEQ, key};

/// The length of an hour. A time within an hour of a busy room is found in about ten steps, and a year has a
/// few thousand hours.
const HOUR_MS: i64 = 3_600_000;

/// The beginning of the hour of a time.
fn hour(time: i64) -> i64 {
    time.saturating_sub(time.rem_euclid(HOUR_MS))
}

/// Returns `true` if a message at `time` begins a run, after a message at `last` or as the first one.
pub(super) fn begins(last: Option<i64>, time: i64) -> bool {
    last.is_none_or(|last| time < last || hour(time) != hour(last))
}

/// The key of the first message of a room, by time and then sequence number, at a time or later.
pub(super) fn since(connection: &Connection, room: i64, time: i64) -> rusqlite::Result<Option<i64>> {
    let mut later = connection.prepare_cached(
        "SELECT time, place FROM event INDEXED BY event_time
         WHERE place >> 38 = ?1 AND time >= ?2 AND begins ORDER BY time, place LIMIT 1",
    )?;
    let later = later.query_row([room, time], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    // A run that reaches this time began in the same hour. There is one, unless a clock was set back.
    let mut earlier = connection.prepare_cached(
        "SELECT place FROM event INDEXED BY event_time
         WHERE place >> 38 = ?1 AND time >= ?2 AND time < ?3 AND begins ORDER BY time, place",
    )?;
    let earlier = earlier.query_map([room, hour(time), time], |row| row.get(0))?;
    let mut found: Option<(i64, i64)> = later;
    for run in earlier {
        let within = within(connection, run?, time)?;
        found = [found, within].into_iter().flatten().min();
    }
    Ok(found.map(|(_, place)| place))
}

/// The first message of a run at a time or later: its time and key.
fn within(connection: &Connection, run: i64, time: i64) -> rusqlite::Result<Option<(i64, i64)>> {
    let mut next = connection.prepare_cached(
        "SELECT min(place) FROM event INDEXED BY event_begins WHERE place > ?1 AND place <= ?2 AND begins",
    )?;
    let mut first = connection.prepare_cached(
        "SELECT time, place FROM body CROSS JOIN event USING (place) WHERE place >= ?1 AND place < ?2 ORDER BY place LIMIT 1",
    )?;
    let mut last =
        connection.prepare_cached("SELECT max(place) + 1 FROM body WHERE place BETWEEN ?1 AND ?2")?;
    let range = [run, room_end(run)];
    let next: Option<i64> = next.query_row(range, |row| row.get(0))?;
    let (mut low, mut high) = (run, next.map_or_else(|| last.query_row(range, |row| row.get(0)), Ok)?);
    let mut found = None;
    while low < high {
        let middle = low + (high - low) / 2;
        // Other events leave gaps.
        match first.query_row([middle, high], |row| Ok((row.get(0)?, row.get(1)?))).optional()? {
            Some((message_time, place)) if message_time < time => low = place + 1,
            later => (found, high) = (later.or(found), middle),
        }
    }
    Ok(found)
}

/// The highest possible key in the room of this key.
fn room_end(place: i64) -> i64 {
    key(message_key::parts(place).0, LAST_SEQ)
}

/// The time of the next run after a message that was stored before `now`; `None` if there is none.
pub(super) fn next_time(connection: &Connection, place: i64, now: i64) -> rusqlite::Result<Option<i64>> {
    let mut next = connection.prepare_cached(
        "SELECT time FROM event INDEXED BY event_begins
         WHERE place > ?1 AND place <= ?2 AND begins AND time <= ?3 ORDER BY place LIMIT 1",
    )?;
    next.query_row([place, room_end(place), now], |row| row.get(0)).optional()
}

/// Lets a run begin with a message, before which all were deleted.
pub(super) fn begin(connection: &Connection, place: i64) -> rusqlite::Result<()> {
    let mut begin =
        connection.prepare_cached("UPDATE event SET begins = 1 WHERE place = ?1 AND NOT begins")?;
    begin.execute([place]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ends_with_the_hour_or_a_clock_set_back() {
        let times =
            [Some(5), Some(5), Some(HOUR_MS - 1), Some(HOUR_MS), Some(HOUR_MS), Some(HOUR_MS - 1), Some(-1)];
        let begun: Vec<_> = [None].into_iter().chain(times).zip(times.into_iter().flatten()).collect();
        let begun: Vec<_> = begun.into_iter().map(|(last, time)| begins(last, time)).collect();
        assert_eq!(begun, [true, false, false, true, false, true, true]);
        assert_eq!((hour(i64::MAX) % HOUR_MS, hour(i64::MIN)), (0, i64::MIN));
    }
}
