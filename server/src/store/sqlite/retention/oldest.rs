//! Finds the oldest messages of all rooms.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::{
    super::{
        message_key::{self, LAST_SEQ, key},
        runs,
    },
    Due, STEP_ROOMS,
};

/// The rooms by the age of their oldest messages.
///
/// There is no index of all messages by time: it would make each append slower. Only retention changes which message of a
/// room is the oldest, so it remembers them. Only the first message of a room that had none is a surprise, and that is not
/// older than the moment at which the room was found empty.
#[derive(Debug, Default)]
pub(super) struct Oldest {
    /// A time before which the room has no message that counts, and the key from which on its messages are stored. The
    /// time is `i64::MIN` for a room that was not looked at yet.
    rooms: BTreeSet<(i64, i64)>,
    /// The rooms up to this number are known.
    known: i64,
}

impl Oldest {
    /// Finds up to `count` of the oldest messages, from before a time; of each room its first ones.
    pub(super) fn find(
        &mut self,
        connection: &Connection,
        count: i64,
        before: i64,
        now: i64,
    ) -> rusqlite::Result<Due> {
        let mut due = Due::default();
        if count <= 0 {
            return Ok(due);
        }
        self.add_new_rooms(connection)?;
        let mut empty = Vec::new();
        for _ in 0..STEP_ROOMS {
            let left = count - due.places.len() as i64;
            let Some(&(time, from)) = self.rooms.first().filter(|(time, _)| left > 0 && *time < before)
            else {
                self.rooms.extend(empty);
                return Ok(due);
            };
            self.rooms.remove(&(time, from));
            let next = self.rooms.first().map_or(i64::MAX, |(time, _)| *time);
            let mut messages = connection.prepare_cached(
                "SELECT place, time FROM body CROSS JOIN event USING (place)
                 WHERE place BETWEEN ?1 AND ?2 ORDER BY place",
            )?;
            let (room, _) = message_key::parts(from);
            let mut rows = messages.query([from, key(room, LAST_SEQ)])?;
            let mut first = None;
            let mut left = left;
            while let Some(row) = rows.next()? {
                let place: i64 = row.get(0)?;
                let time = time_that_counts(connection, place, row.get(1)?, now)?;
                if left == 0 || time >= before || time > next {
                    first = Some((time, place));
                    break;
                }
                due.places.push(place);
                left -= 1;
            }
            match first {
                Some(first) => drop(self.rooms.insert(first)),
                None => empty.push((now, key(room, 0))),
            }
        }
        self.rooms.extend(empty);
        due.more = true;
        Ok(due)
    }

    fn add_new_rooms(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut new = connection.prepare_cached("SELECT id FROM room WHERE id > ?1 ORDER BY id")?;
        for room in new.query_map([self.known], |row| row.get(0))? {
            self.known = room?;
            self.rooms.insert((i64::MIN, key(self.known, 0)));
        }
        Ok(())
    }
}

/// The time of a message, the oldest one of its room. A time in the future is not believed: the clock was set forward for
/// a while, and what follows tells more. A clock that was set back needs no care, because whatever is before such a message
/// is deleted first.
fn time_that_counts(connection: &Connection, place: i64, time: i64, now: i64) -> rusqlite::Result<i64> {
    match time > now {
        true => Ok(runs::next_time(connection, place, now)?.unwrap_or(time)),
        false => Ok(time),
    }
}
