//! Finds the rooms that have more messages than are retained.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::{
    super::message_key::{LAST_SEQ, key},
    Due, STEP_ROOMS, STEP_ROWS,
};

/// The rooms that may have too many messages: those that have grown since they were looked at. So the work does not depend on
/// the number of rooms in which nothing happens.
#[derive(Debug, Default)]
pub(super) struct Surplus {
    /// The number of messages that a room may have.
    messages: i64,
    /// The rooms up to this number were looked at; none if the number of messages is not limited.
    known: i64,
    grown: BTreeSet<i64>,
}

impl Surplus {
    /// Notes rooms with new messages.
    pub(super) fn note(&mut self, rooms: &[i64]) {
        // All rooms are looked at first.
        if self.known > 0 {
            self.grown.extend(rooms);
        }
    }

    /// Finds some of the first messages of rooms that have more than `messages`.
    pub(super) fn find(&mut self, connection: &Connection, messages: i64) -> rusqlite::Result<Due> {
        if messages != self.messages {
            *self = Self { messages, ..Self::default() };
        }
        let mut due = Due { places: Vec::new(), more: self.look_at_new_rooms(connection)? };
        let mut stored =
            connection.prepare_cached("SELECT head_ord - first_ord + 1 FROM room WHERE id = ?1")?;
        let mut first = connection
            .prepare_cached("SELECT place FROM body WHERE place BETWEEN ?1 AND ?2 ORDER BY place LIMIT ?3")?;
        for _ in 0..STEP_ROOMS {
            let Some(&room) = self.grown.first() else { return Ok(due) };
            let left = STEP_ROWS - due.places.len() as i64;
            let surplus = stored.query_row([room], |row| row.get::<_, i64>(0))? - messages;
            let range = [key(room, 0), key(room, LAST_SEQ), surplus.clamp(0, left)];
            for place in first.query_map(range, |row| row.get(0))? {
                due.places.push(place?);
            }
            if surplus > left {
                break;
            }
            self.grown.remove(&room);
        }
        due.more = true;
        Ok(due)
    }

    /// Looks at some of the rooms that were not looked at before. Returns whether there are more of them.
    fn look_at_new_rooms(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let mut rooms =
            connection.prepare_cached("SELECT id FROM room WHERE id > ?1 AND id > 0 ORDER BY id LIMIT ?2")?;
        let mut count = 0;
        for room in rooms.query_map([self.known, STEP_ROOMS as i64], |row| row.get(0))? {
            self.known = room?;
            self.grown.insert(self.known);
            count += 1;
        }
        Ok(count == STEP_ROOMS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(rooms: i64) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE room (id INTEGER PRIMARY KEY, first_ord INTEGER, head_ord INTEGER);
                 CREATE TABLE body (place INTEGER PRIMARY KEY);",
            )
            .unwrap();
        for room in 1..=rooms {
            connection.execute("INSERT INTO room VALUES (?1, 1, 0)", [room]).unwrap();
        }
        connection
    }

    fn add(connection: &Connection, room: i64, messages: u64) {
        let grow = "UPDATE room SET head_ord = head_ord + ?2 WHERE id = ?1";
        connection.execute(grow, [room, messages.cast_signed()]).unwrap();
        for seq in 1..=messages {
            connection.execute("INSERT INTO body VALUES (?1)", [key(room, seq)]).unwrap();
        }
    }

    /// What is found until there is no more.
    fn find_all(surplus: &mut Surplus, connection: &Connection) -> Vec<i64> {
        let mut found = Vec::new();
        loop {
            let due = surplus.find(connection, 2).unwrap();
            let is_complete = due.is_complete();
            found.extend(due.places);
            if is_complete {
                return found;
            }
        }
    }

    #[test]
    fn every_room_is_looked_at_once_and_then_those_that_have_grown() {
        let rooms = 2 * STEP_ROOMS as i64 + 1;
        let connection = log(rooms);
        add(&connection, 3, 4);
        add(&connection, rooms, 3);
        let mut surplus = Surplus::default();
        surplus.note(&[3]);
        assert_eq!(find_all(&mut surplus, &connection), [key(3, 1), key(3, 2), key(rooms, 1)]);
        add(&connection, 5, 3);
        assert_eq!(find_all(&mut surplus, &connection), [0; 0], "not noted");
        surplus.note(&[4, 5]);
        assert_eq!(find_all(&mut surplus, &connection), [key(5, 1)]);
        connection.execute("INSERT INTO room VALUES (?1, 1, 0)", [rooms + 1]).unwrap();
        add(&connection, rooms + 1, 3);
        assert_eq!(find_all(&mut surplus, &connection), [key(rooms + 1, 1)], "a new room");
    }
}
