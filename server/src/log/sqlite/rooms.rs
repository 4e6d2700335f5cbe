//! The rooms: which number a name has, how far it has come, how much of it is kept.

use std::{
    collections::{
        HashMap,
        hash_map::Entry::{Occupied, Vacant},
    },
    sync::Arc,
};

use rusqlite::{Connection, OptionalExtension as _};

use super::{fault::Fault, place, runs};
use crate::log::RoomSummary;

/// A room as it is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) id: i64,
    pub(super) last_seq: u64,
    /// The index of words has its messages up to this one.
    pub(super) indexed: u64,
}

/// The room of that name, if it was ever spoken in.
pub(super) fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<Room>> {
    let mut statement =
        connection.prepare_cached("SELECT id, last_seq, indexed FROM room WHERE name = ?1")?;
    statement
        .query_row([name], |row| {
            let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
            Ok(Room { id: row.get(0)?, last_seq: number(1)?, indexed: number(2)? })
        })
        .optional()
}

/// All of them, by name.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<RoomSummary>> {
    let mut statement = connection.prepare_cached("SELECT name, last_seq, kept FROM room ORDER BY name")?;
    let rooms = statement.query_map([], |row| {
        Ok(RoomSummary {
            name: row.get(0)?,
            last_seq: row.get::<_, i64>(1)?.cast_unsigned(),
            messages: row.get::<_, i64>(2)?.cast_unsigned(),
        })
    })?;
    rooms.collect()
}

/// How many messages are kept in all.
pub(super) fn kept(connection: &Connection) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached("SELECT coalesce(sum(kept), 0) FROM room")?;
    statement.query_row([], |row| row.get(0))
}

/// So many messages of a room are no longer kept.
pub(super) fn let_go(connection: &Connection, room: i64, messages: i64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("UPDATE room SET kept = kept - ?2 WHERE id = ?1")?;
    statement.execute([room, messages]).map(drop)
}

/// The rooms that a transaction appends to: read once, written once.
#[derive(Debug, Default)]
pub(super) struct Growing(HashMap<Arc<str>, Growth>);

#[derive(Debug)]
struct Growth {
    room: Room,
    /// When its last message was said.
    last_time: Option<i64>,
    added: i64,
}

/// What a message is to be in its room.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next {
    pub(super) room: i64,
    pub(super) seq: u64,
    /// It begins a run.
    pub(super) begins: bool,
}

impl Growing {
    /// What the next message of a room is, said at a time; the room is made if it is new. It is taken by
    /// [`grow`](Self::grow).
    pub(super) fn next(
        &mut self,
        connection: &Connection,
        name: &Arc<str>,
        time: i64,
    ) -> Result<Next, Fault> {
        let growth = match self.0.entry(name.clone()) {
            Occupied(growth) => growth.into_mut(),
            Vacant(place) => {
                let room = match find(connection, name)? {
                    Some(room) => room,
                    None => make(connection, name)?,
                };
                place.insert(Growth { room, last_time: last_time(connection, room)?, added: 0 })
            }
        };
        let Room { id, last_seq, .. } = growth.room;
        Ok(Next { room: id, seq: place::after(id, last_seq)?, begins: runs::begins(growth.last_time, time) })
    }

    /// A message is what [`next`](Self::next) gave.
    pub(super) fn grow(&mut self, name: &str, time: i64) {
        if let Some(growth) = self.0.get_mut(name) {
            growth.room.last_seq += 1;
            growth.last_time = Some(time);
            growth.added += 1;
        }
    }

    /// Writes what has changed.
    pub(super) fn store(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement =
            connection.prepare_cached("UPDATE room SET last_seq = ?2, kept = kept + ?3 WHERE id = ?1")?;
        for Growth { room, added, .. } in self.0.values() {
            if room.last_seq == 0 {
                // Made for something that turned out to be known from elsewhere.
                connection.prepare_cached("DELETE FROM room WHERE id = ?1")?.execute([room.id])?;
                continue;
            }
            statement.execute([room.id, room.last_seq.cast_signed(), *added])?;
        }
        Ok(())
    }
}

/// When the last message that a room has was said.
fn last_time(connection: &Connection, room: Room) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT time FROM message WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC LIMIT 1",
    )?;
    let range = [place::key(room.id, 0), place::key(room.id, room.last_seq)];
    statement.query_row(range, |row| row.get(0)).optional()
}

fn make(connection: &Connection, name: &str) -> rusqlite::Result<Room> {
    let mut statement =
        connection.prepare_cached("INSERT INTO room (name, last_seq, kept) VALUES (?1, 0, 0)")?;
    Ok(Room { id: statement.insert([name])?, last_seq: 0, indexed: 0 })
}
