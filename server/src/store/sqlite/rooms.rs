//! Reading rooms: how far they have come, and what they are called.

use parlour_core::model::{RoomId, RoomKind};
use rusqlite::{Connection, OptionalExtension as _, Row, types::Type};

use crate::store::Room;

/// How far a room has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct RoomHead {
    pub(super) id: i64,
    pub(super) head_seq: u64,
    pub(super) head_ord: u64,
    pub(super) first_ord: u64,
    /// The search index contains the messages up to this sequence number.
    pub(super) indexed: u64,
}

impl RoomHead {
    /// The ords of the stored messages.
    pub(super) fn stored(&self) -> std::ops::RangeInclusive<u64> {
        self.first_ord..=self.head_ord
    }
}

/// Finds how far a room has come.
pub(super) fn head(connection: &Connection, room: RoomId) -> rusqlite::Result<Option<RoomHead>> {
    connection
        .prepare_cached("SELECT id, head_seq, head_ord, first_ord, indexed FROM room WHERE room = ?1")?
        .query_row([room.0], |row| {
            Ok(RoomHead {
                id: row.get(0)?,
                head_seq: number(row, 1)?,
                head_ord: number(row, 2)?,
                first_ord: number(row, 3)?,
                indexed: number(row, 4)?,
            })
        })
        .optional()
}

/// The public id of a room.
pub(super) fn public_id(connection: &Connection, number: i64) -> rusqlite::Result<RoomId> {
    connection
        .prepare_cached("SELECT room FROM room WHERE id = ?1")?
        .query_row([number], |row| row.get(0).map(RoomId))
}

/// A number that is never negative.
pub(super) fn number(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(at).map(i64::cast_unsigned)
}

/// A statement with the columns of [`room`], of a table `r`. The others, and the rest of it, follow.
macro_rules! select_rooms {
    ($($rest:literal),+) => {
        concat!(
            "SELECT r.room, kind, name, topic, archived, head_seq, head_ord, first_ord, active, members",
            $($rest),+
        )
    };
}
pub(super) use select_rooms;

/// The number of columns of [`room`].
pub(super) const ROOM_COLUMNS: usize = 10;

/// The room of a row of [`select_rooms`].
pub(super) fn room(row: &Row<'_>) -> rusqlite::Result<Room> {
    Ok(Room {
        room: RoomId(row.get(0)?),
        kind: kind(row, 1)?,
        name: row.get(2)?,
        topic: row.get(3)?,
        archived: row.get(4)?,
        head_seq: number(row, 5)?,
        head_ord: number(row, 6)?,
        first_ord: number(row, 7)?,
        active: row.get(8)?,
        members: number(row, 9)?,
    })
}

/// The kind of room in a column.
fn kind(row: &Row<'_>, at: usize) -> rusqlite::Result<RoomKind> {
    RoomKind::from_wire(row.get(at)?).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(at, Type::Integer, "no such kind of room".into())
    })
}

/// See [`crate::store::LogReader::room`].
pub(super) fn find(connection: &Connection, id: RoomId) -> rusqlite::Result<Option<Room>> {
    connection
        .prepare_cached(select_rooms!(" FROM room AS r WHERE r.room = ?1 AND id > 0"))?
        .query_row([id.0], room)
        .optional()
}

/// See [`crate::store::LogReader::rooms`].
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Room>> {
    let mut rooms = connection.prepare_cached(select_rooms!(" FROM room AS r WHERE id > 0 ORDER BY id"))?;
    rooms.query_map([], room)?.collect()
}

/// The number of stored messages in all rooms.
pub(super) fn stored_messages(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT coalesce(sum(head_ord - first_ord + 1), 0) FROM room WHERE id > 0")?
        .query_row([], |row| row.get(0))
}
