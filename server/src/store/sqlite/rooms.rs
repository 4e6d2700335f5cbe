//! The rooms: their keys, last sequence numbers and message counts.

use std::{
    collections::{
        HashMap,
        hash_map::Entry::{Occupied, Vacant},
    },
    sync::Arc,
};

use rusqlite::{Connection, OptionalExtension as _};

use super::{fault::Fault, message_key, runs};
use crate::store::RoomSummary;

/// A row of the room table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) id: i64,
    pub(super) last_seq: u64,
    /// The search index contains the messages up to this sequence number.
    pub(super) indexed: u64,
}

/// Finds a room by name.
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

/// All rooms, by name.
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

/// The number of stored messages in all rooms.
pub(super) fn stored_messages(connection: &Connection) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached("SELECT coalesce(sum(kept), 0) FROM room")?;
    statement.query_row([], |row| row.get(0))
}

/// Subtracts deleted messages from a room's count.
pub(super) fn subtract_deleted(connection: &Connection, room: i64, messages: i64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("UPDATE room SET kept = kept - ?2 WHERE id = ?1")?;
    statement.execute([room, messages]).map(drop)
}

/// The rooms of one append: read once, written once.
#[derive(Debug, Default)]
pub(super) struct GrowingRooms(HashMap<Arc<str>, Growth>);

#[derive(Debug)]
struct Growth {
    room: Room,
    /// The time of its last message.
    last_time: Option<i64>,
    added: i64,
}

/// The values that a room assigns to its next message.
#[derive(Debug, Clone, Copy)]
pub(super) struct NextMessage {
    pub(super) room: i64,
    pub(super) seq: u64,
    /// `true` if it begins a run.
    pub(super) begins: bool,
}

impl GrowingRooms {
    /// The sequence number of a room's next message, with this time; a missing room is created. Call
    /// [`grow`](Self::grow) when the message was inserted.
    pub(super) fn next(
        &mut self,
        connection: &Connection,
        name: &Arc<str>,
        time: i64,
    ) -> Result<NextMessage, Fault> {
        let growth = match self.0.entry(name.clone()) {
            Occupied(growth) => growth.into_mut(),
            Vacant(slot) => {
                let room = match find(connection, name)? {
                    Some(room) => room,
                    None => create(connection, name)?,
                };
                slot.insert(Growth { room, last_time: last_time(connection, room)?, added: 0 })
            }
        };
        let Room { id, last_seq, .. } = growth.room;
        Ok(NextMessage {
            room: id,
            seq: message_key::after(id, last_seq)?,
            begins: runs::begins(growth.last_time, time),
        })
    }

    /// Records that a message was inserted with the values that [`next`](Self::next) returned.
    pub(super) fn grow(&mut self, name: &str, time: i64) {
        if let Some(growth) = self.0.get_mut(name) {
            growth.room.last_seq += 1;
            growth.last_time = Some(time);
            growth.added += 1;
        }
    }

    /// Writes the changed rooms.
    pub(super) fn store(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement =
            connection.prepare_cached("UPDATE room SET last_seq = ?2, kept = kept + ?3 WHERE id = ?1")?;
        for Growth { room, added, .. } in self.0.values() {
            if room.last_seq == 0 {
                // Created for a message that turned out to be a duplicate.
                connection.prepare_cached("DELETE FROM room WHERE id = ?1")?.execute([room.id])?;
                continue;
            }
            statement.execute([room.id, room.last_seq.cast_signed(), *added])?;
        }
        Ok(())
    }
}

/// The time of the last message of a room.
fn last_time(connection: &Connection, room: Room) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT time FROM message WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC LIMIT 1",
    )?;
    let range = [message_key::key(room.id, 0), message_key::key(room.id, room.last_seq)];
    statement.query_row(range, |row| row.get(0)).optional()
}

fn create(connection: &Connection, name: &str) -> rusqlite::Result<Room> {
    let mut statement =
        connection.prepare_cached("INSERT INTO room (name, last_seq, kept) VALUES (?1, 0, 0)")?;
    Ok(Room { id: statement.insert([name])?, last_seq: 0, indexed: 0 })
}
