//! Runs: messages of one room, one after another, whose times rise and are of the same hour. The first of each is in the
//! index by time, and what is asked by time begins there. A clock that is set back begins a run.
//!
//! A message that is kept either begins a run or comes after one that is kept, of the same run.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _};

use super::place::{self, LAST_SEQ, key};

/// In ms. An hour of a lively room is found in some ten steps, and a year has few thousand hours.
const HOUR: i64 = 3_600_000;

/// When the hour of a time begins.
fn hour(time: i64) -> i64 {
    time.saturating_sub(time.rem_euclid(HOUR))
}

/// Whether a message that was said after another, or as the first, begins a run.
pub(super) fn begins(last: Option<i64>, time: i64) -> bool {
    last.is_none_or(|last| time < last || hour(time) != hour(last))
}

/// The key of a room's first message, by time and then by number, that was said at a time or later.
pub(super) fn since(connection: &Connection, room: i64, time: i64) -> rusqlite::Result<Option<i64>> {
    let mut later = connection.prepare_cached(
        "SELECT time, place FROM message INDEXED BY message_time
         WHERE room = ?1 AND time >= ?2 AND begins ORDER BY time, place LIMIT 1",
    )?;
    let later = later.query_row([room, time], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    // A run that goes on to that time began in its hour: one, where no clock was set back.
    let mut earlier = connection.prepare_cached(
        "SELECT place FROM message INDEXED BY message_time
         WHERE room = ?1 AND time >= ?2 AND time < ?3 AND begins ORDER BY time, place",
    )?;
    let earlier = earlier.query_map([room, hour(time), time], |row| row.get(0))?;
    let mut found: Option<(i64, i64)> = later;
    for run in earlier {
        let within = within(connection, run?, time)?;
        found = [found, within].into_iter().flatten().min();
    }
    Ok(found.map(|(_, place)| place))
}

/// The first of a run that was said at a time or later: when, and its key.
fn within(connection: &Connection, run: i64, time: i64) -> rusqlite::Result<Option<(i64, i64)>> {
    let mut next = connection.prepare_cached(
        "SELECT min(place) FROM message INDEXED BY message_begins WHERE place > ?1 AND place <= ?2 AND begins",
    )?;
    let mut first = connection.prepare_cached(
        "SELECT time, place FROM message WHERE place >= ?1 AND place < ?2 ORDER BY place LIMIT 1",
    )?;
    let mut last =
        connection.prepare_cached("SELECT max(place) + 1 FROM message WHERE place BETWEEN ?1 AND ?2")?;
    let range = [run, end(run)];
    let next: Option<i64> = next.query_row(range, |row| row.get(0))?;
    let (mut low, mut high) = (run, next.map_or_else(|| last.query_row(range, |row| row.get(0)), Ok)?);
    let mut found = None;
    while low < high {
        let middle = low + (high - low) / 2;
        // Some numbers may be missing.
        match first.query_row([middle, high], |row| Ok((row.get(0)?, row.get(1)?))).optional()? {
            Some((said, place)) if said < time => low = place + 1,
            later => (found, high) = (later.or(found), middle),
        }
    }
    Ok(found)
}

/// The key of the last message that the room of this one can have.
fn end(place: i64) -> i64 {
    key(place::parts(place).0, LAST_SEQ)
}

/// A message, by its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Aged {
    pub(super) time: i64,
    pub(super) place: i64,
    begins: bool,
}

/// The first run of a room.
pub(super) fn oldest(connection: &Connection, room: i64) -> rusqlite::Result<Option<Aged>> {
    next_run(connection, room, i64::MIN, 0)
}

/// Those of the same room that no other is between: the next of the run, and the first of the next run.
pub(super) fn next(connection: &Connection, of: Aged) -> rusqlite::Result<[Option<Aged>; 2]> {
    let mut next = connection.prepare_cached(
        "SELECT time, place, begins FROM message WHERE place > ?1 AND place <= ?2 ORDER BY place LIMIT 1",
    )?;
    let next = next
        .query_row([of.place, end(of.place)], |row| {
            Ok(Aged { time: row.get(0)?, place: row.get(1)?, begins: row.get(2)? })
        })
        .optional()?;
    let run = match of.begins {
        true => next_run(connection, place::parts(of.place).0, of.time, of.place)?,
        false => None,
    };
    Ok([next.filter(|next| !next.begins), run])
}

/// The first run of a room that begins after this.
fn next_run(connection: &Connection, room: i64, time: i64, place: i64) -> rusqlite::Result<Option<Aged>> {
    let mut next = connection.prepare_cached(
        "SELECT time, place FROM message INDEXED BY message_time
         WHERE room = ?1 AND (time, place) > (?2, ?3) AND begins ORDER BY time, place LIMIT 1",
    )?;
    let aged = |row: &rusqlite::Row<'_>| Ok(Aged { time: row.get(0)?, place: row.get(1)?, begins: true });
    next.query_row([room, time, place], aged).optional()
}

/// These are no longer kept: what came after them in their runs begins one.
pub(super) fn let_go(connection: &Connection, gone: &[i64]) -> rusqlite::Result<()> {
    let mut begin = connection.prepare_cached(
        "UPDATE message SET begins = 1 WHERE NOT begins AND place =
            (SELECT min(place) FROM message WHERE place > ?1 AND place <= ?2)",
    )?;
    let all: HashSet<i64> = gone.iter().copied().collect();
    for &place in gone.iter().filter(|place| !all.contains(&(*place + 1))) {
        begin.execute([place, end(place)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_of_one_hour_and_rises() {
        let times = [Some(5), Some(5), Some(HOUR - 1), Some(HOUR), Some(HOUR), Some(HOUR - 1), Some(-1)];
        let begun: Vec<_> = [None].into_iter().chain(times).zip(times.into_iter().flatten()).collect();
        let begun: Vec<_> = begun.into_iter().map(|(last, time)| begins(last, time)).collect();
        assert_eq!(begun, [true, false, false, true, false, true, true]);
        assert_eq!((hour(i64::MAX) % HOUR, hour(i64::MIN)), (0, i64::MIN));
    }
}
