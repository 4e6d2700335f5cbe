//! The read cursors, as the projector moves them.

use std::collections::hash_map::Entry::{Occupied, Vacant};

use rusqlite::{CachedStatement, Connection, OptionalExtension as _};

use super::number_map::NumberMap;

/// A read cursor. The larger one is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Cursor {
    pub(super) version: u32,
    pub(super) ord: u64,
}

/// A read cursor that was read.
#[derive(Debug, Clone, Copy)]
struct Known {
    cursor: Cursor,
    /// gseq of the whole log when it was moved; `None` if it was not, or is written.
    moved: Option<i64>,
}

/// The read cursors that were read, by account and room.
#[derive(Debug, Default)]
pub(super) struct KnownCursors {
    all: NumberMap<(i64, i64), Known>,
    /// Those that have moved.
    moved: Vec<(i64, i64)>,
}

impl KnownCursors {
    /// The number of cursors.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

/// The read cursors: each is read once, and written once in an append if it has moved.
pub(super) struct Cursors<'a> {
    connection: &'a Connection,
    find: CachedStatement<'a>,
    pub(super) known: KnownCursors,
}

impl<'a> Cursors<'a> {
    pub(super) fn new(connection: &'a Connection, known: KnownCursors) -> rusqlite::Result<Self> {
        let find =
            connection.prepare_cached("SELECT version, ord FROM cursor WHERE account = ?1 AND room = ?2")?;
        Ok(Self { connection, find, known })
    }

    /// Moves a cursor to where `to` returns, from where it is.
    fn move_to(
        &mut self,
        account: i64,
        room: i64,
        gseq: i64,
        to: impl FnOnce(Cursor) -> Cursor,
    ) -> rusqlite::Result<()> {
        let known = match self.known.all.entry((account, room)) {
            Occupied(known) => known.into_mut(),
            Vacant(slot) => {
                let cursor = |row: &rusqlite::Row<'_>| {
                    Ok(Cursor { version: row.get(0)?, ord: row.get::<_, i64>(1)?.cast_unsigned() })
                };
                let stored = self.find.query_row([account, room], cursor).optional()?;
                slot.insert(Known { cursor: stored.unwrap_or_default(), moved: None })
            }
        };
        let cursor = to(known.cursor);
        if cursor != known.cursor {
            if known.moved.is_none() {
                self.known.moved.push((account, room));
            }
            *known = Known { cursor, moved: Some(gseq) };
        }
        Ok(())
    }

    /// Moves a cursor over a message of its account, if the account has read everything before it.
    pub(super) fn read_own(&mut self, account: i64, room: i64, ord: u64, gseq: i64) -> rusqlite::Result<()> {
        self.move_to(account, room, gseq, |cursor| match cursor.ord + 1 == ord {
            true => Cursor { ord, ..cursor },
            false => cursor,
        })
    }

    /// Moves a cursor forward to an ord.
    pub(super) fn read_to(&mut self, account: i64, room: i64, ord: u64, gseq: i64) -> rusqlite::Result<()> {
        self.move_to(account, room, gseq, |cursor| Cursor { ord: cursor.ord.max(ord), ..cursor })
    }

    /// Moves a cursor, if this one is newer.
    pub(super) fn merge(
        &mut self,
        account: i64,
        room: i64,
        newer: Cursor,
        gseq: i64,
    ) -> rusqlite::Result<()> {
        self.move_to(account, room, gseq, |cursor| cursor.max(newer))
    }

    /// Writes the cursors that have moved.
    pub(super) fn store(&mut self) -> rusqlite::Result<()> {
        let mut put = self.connection.prepare_cached(
            "INSERT INTO cursor (account, room, ord, version, changed) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (account, room) DO UPDATE SET ord = ?3, version = ?4, changed = ?5",
        )?;
        for (account, room) in self.known.moved.drain(..) {
            if let Some(Known { cursor, moved }) = self.known.all.get_mut(&(account, room))
                && let Some(gseq) = moved.take()
            {
                put.execute([account, room, cursor.ord.cast_signed(), cursor.version.into(), gseq])?;
            }
        }
        Ok(())
    }
}
