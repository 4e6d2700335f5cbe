//! The read cursors that one append moves.

use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension as _};

/// A read cursor. The larger one is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Cursor {
    version: u32,
    ord: u64,
}

/// The read cursors of one append: each is read once, and written once if it has moved.
pub(super) struct Cursors<'a> {
    connection: &'a Connection,
    find: CachedStatement<'a>,
    /// By account and room: the stored cursor, and the current one.
    known: HashMap<(i64, i64), (Cursor, Cursor)>,
}

impl<'a> Cursors<'a> {
    pub(super) fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            find: connection
                .prepare_cached("SELECT version, ord FROM cursor WHERE account = ?1 AND room = ?2")?,
            known: HashMap::new(),
        })
    }

    fn cursor(&mut self, account: i64, room: i64) -> rusqlite::Result<&mut Cursor> {
        use std::collections::hash_map::Entry::{Occupied, Vacant};
        let (_, cursor) = match self.known.entry((account, room)) {
            Occupied(known) => known.into_mut(),
            Vacant(slot) => {
                let cursor = |row: &rusqlite::Row<'_>| {
                    Ok(Cursor { version: row.get(0)?, ord: row.get::<_, i64>(1)?.cast_unsigned() })
                };
                let stored = self.find.query_row([account, room], cursor).optional()?.unwrap_or_default();
                slot.insert((stored, stored))
            }
        };
        Ok(cursor)
    }

    /// Moves a cursor over a message of its account, if the account has read everything before it.
    pub(super) fn read_own(&mut self, account: i64, room: i64, ord: u64) -> rusqlite::Result<()> {
        let cursor = self.cursor(account, room)?;
        if cursor.ord + 1 == ord {
            cursor.ord = ord;
        }
        Ok(())
    }

    /// Moves a cursor forward to an ord.
    pub(super) fn read_to(&mut self, account: i64, room: i64, ord: u64) -> rusqlite::Result<()> {
        let cursor = self.cursor(account, room)?;
        cursor.ord = cursor.ord.max(ord);
        Ok(())
    }

    /// Moves a cursor, if this one is newer.
    pub(super) fn merge(&mut self, account: i64, room: i64, version: u32, ord: u64) -> rusqlite::Result<()> {
        let cursor = self.cursor(account, room)?;
        *cursor = (*cursor).max(Cursor { version, ord });
        Ok(())
    }

    /// Writes the cursors that have moved.
    pub(super) fn store(&self, gseq: i64) -> rusqlite::Result<()> {
        let mut put = self.connection.prepare_cached(
            "INSERT INTO cursor (account, room, ord, version, changed) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (account, room) DO UPDATE SET ord = ?3, version = ?4, changed = ?5",
        )?;
        for (&(account, room), (stored, cursor)) in &self.known {
            if stored != cursor {
                put.execute([account, room, cursor.ord.cast_signed(), cursor.version.into(), gseq])?;
            }
        }
        Ok(())
    }
}
