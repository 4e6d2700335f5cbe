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
