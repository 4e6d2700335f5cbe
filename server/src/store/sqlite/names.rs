//! The names that can't be given twice: held nicks, and the names of PUBLIC rooms.
//!
//! One rule for both: a name is taken if another one has the same [`nick_key`], and confusable if another one has one of its
//! [`skeletons`].

use parlour_core::validate::nick_key;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::skeletons::skeletons;

/// The kinds of names. A nick and a room may have the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Nicks,
    PublicRooms,
}

impl Space {
    /// Its number in the database.
    fn code(self) -> i64 {
        match self {
            Self::Nicks => 0,
            Self::PublicRooms => 1,
        }
    }
}

/// The accounts or rooms whose names conflict with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Conflicts {
    /// The holder of the same name.
    pub(super) same: Option<i64>,
    /// The holders of names that look like it.
    look_alikes: [Option<i64>; 2],
}

impl Conflicts {
    /// Finds the holders.
    pub(super) fn find(connection: &Connection, space: Space, name: &str) -> rusqlite::Result<Self> {
        let same = match space {
            Space::Nicks => "SELECT id FROM account WHERE nick_key = ?1 AND holds_nick",
            Space::PublicRooms => "SELECT id FROM room WHERE kind = 1 AND name_key = ?1",
        };
        let same =
            connection.prepare_cached(same)?.query_row([nick_key(name)], |row| row.get(0)).optional()?;
        let mut holder =
            connection.prepare_cached("SELECT holder FROM skeleton WHERE space = ?1 AND form = ?2")?;
        let mut look_alikes = [None; 2];
        for (form, found) in skeletons(name).iter().zip(&mut look_alikes) {
            *found = holder.query_row(params![space.code(), form], |row| row.get(0)).optional()?;
        }
        Ok(Self { same, look_alikes })
    }

    /// The holders, each once.
    pub(super) fn holders(&self) -> Vec<i64> {
        let mut holders: Vec<_> =
            self.same.into_iter().chain(self.look_alikes.into_iter().flatten()).collect();
        holders.sort_unstable();
        holders.dedup();
        holders
    }

    /// The conflicts without those with this holder.
    pub(super) fn without(self, holder: i64) -> Self {
        let other = |of: Option<i64>| of.filter(|&of| of != holder);
        Self { same: other(self.same), look_alikes: self.look_alikes.map(other) }
    }
}

/// Stores the skeletons of a name, of which nobody else has one.
pub(super) fn hold(connection: &Connection, space: Space, name: &str, holder: i64) -> rusqlite::Result<()> {
    let mut insert = connection
        .prepare_cached("INSERT OR REPLACE INTO skeleton (space, form, holder) VALUES (?1, ?2, ?3)")?;
    for form in skeletons(name) {
        insert.execute(params![space.code(), form, holder])?;
    }
    Ok(())
}

/// Removes the skeletons of a name.
pub(super) fn release(
    connection: &Connection,
    space: Space,
    name: &str,
    holder: i64,
) -> rusqlite::Result<()> {
    let mut delete =
        connection.prepare_cached("DELETE FROM skeleton WHERE space = ?1 AND form = ?2 AND holder = ?3")?;
    for form in skeletons(name) {
        delete.execute(params![space.code(), form, holder])?;
    }
    Ok(())
}
