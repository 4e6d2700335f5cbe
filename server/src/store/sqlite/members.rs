//! The members of rooms.

use parlour_core::model::{Role, RoomKind};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params, types::Type};

use super::{entry::role_code, number_map::NumberMap};

/// A row of an account in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Membership {
    pub(super) role: Role,
    /// The number of the room in the list of the account.
    pub(super) handle: u32,
}

/// The rows that were read, by account and room; `None` if there is no row.
pub(super) type KnownMembers = NumberMap<(i64, i64), Option<Membership>>;

/// The members, each read once.
pub(super) struct Members<'a> {
    connection: &'a Connection,
    find: CachedStatement<'a>,
    pub(super) known: KnownMembers,
}

impl<'a> Members<'a> {
    pub(super) fn new(connection: &'a Connection, known: KnownMembers) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            find: connection
                .prepare_cached("SELECT role, handle FROM member WHERE account = ?1 AND room = ?2")?,
            known,
        })
    }

    fn find(&mut self, account: i64, room: i64) -> rusqlite::Result<Option<Membership>> {
        if let Some(&known) = self.known.get(&(account, room)) {
            return Ok(known);
        }
        let membership =
            |row: &rusqlite::Row<'_>| Ok(Membership { role: role(row, 0)?, handle: row.get(1)? });
        let found = self.find.query_row([account, room], membership).optional()?;
        self.known.insert((account, room), found);
        Ok(found)
    }

    /// The role in the row of an account in a room.
    pub(super) fn stored_role(&mut self, account: i64, room: i64) -> rusqlite::Result<Role> {
        Ok(self.find(account, room)?.map_or(Role::None, |membership| membership.role))
    }

    /// The role of an account in a room. Everybody is a member of the lobby.
    pub(super) fn role(&mut self, account: i64, room: i64, kind: RoomKind) -> rusqlite::Result<Role> {
        let role = self.stored_role(account, room)?;
        Ok(if kind == RoomKind::Lobby { role.max(Role::Member) } else { role })
    }

    /// The handle of a room in the list of an account: that of an earlier membership, or the next one.
    pub(super) fn handle(&mut self, account: i64, room: i64, kind: RoomKind) -> rusqlite::Result<u32> {
        match self.find(account, room)? {
            Some(membership) => Ok(membership.handle),
            None if kind == RoomKind::Lobby => Ok(0),
            None => self
                .connection
                .prepare_cached("SELECT coalesce(max(handle), 0) + 1 FROM member WHERE account = ?1")?
                .query_row([account], |row| row.get(0)),
        }
    }

    /// The number of rooms that an account is in or invited to, without the lobby.
    pub(super) fn rooms_of(&self, account: i64) -> rusqlite::Result<u32> {
        self.connection
            .prepare_cached("SELECT count(*) FROM member WHERE account = ?1 AND role <> 0 AND handle > 0")?
            .query_row([account], |row| row.get(0))
    }

    /// The number of owners of a room.
    pub(super) fn owners(&self, room: i64) -> rusqlite::Result<u32> {
        self.connection
            .prepare_cached("SELECT count(*) FROM member WHERE room = ?1 AND role = ?2")?
            .query_row(params![room, role_code(Role::Owner)], |row| row.get(0))
    }

    /// Stores a membership.
    pub(super) fn put(
        &mut self,
        account: i64,
        room: i64,
        membership: Membership,
        gseq: i64,
    ) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO member (account, room, role, handle, changed) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![account, room, role_code(membership.role), membership.handle, gseq])?;
        self.known.insert((account, room), Some(membership));
        Ok(())
    }
}

/// The role in a column.
pub(super) fn role(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Role> {
    Role::from_wire(row.get(at)?)
        .ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(at, Type::Integer, "no such role".into()))
}
