//! Reading accounts: their nicks and sessions.

use parlour_core::{model::UserId, validate::nick_key};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::names::{Conflicts, Space};
use crate::store::{Account, SessionRecord, StoredSession};

/// The account in three columns: user, nick, holds_nick.
pub(super) fn account(row: &Row<'_>, at: usize) -> rusqlite::Result<Account> {
    Ok(Account { user: UserId(row.get(at)?), nick: row.get(at + 1)?, holds_nick: row.get(at + 2)? })
}

/// The number of an account.
pub(super) fn number(connection: &Connection, user: UserId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM account WHERE user = ?1")?
        .query_row([user.0], |row| row.get(0))
        .optional()
}

/// See [`crate::store::LogReader::account`].
pub(super) fn find(connection: &Connection, user: UserId) -> rusqlite::Result<Option<Account>> {
    connection
        .prepare_cached("SELECT user, nick, holds_nick FROM account WHERE user = ?1")?
        .query_row([user.0], |row| account(row, 0))
        .optional()
}

/// See [`crate::store::LogReader::holders`].
pub(super) fn holders(connection: &mut Connection, nick: &str) -> rusqlite::Result<Vec<Account>> {
    let snapshot = connection.transaction()?;
    let mut holder = snapshot.prepare_cached("SELECT user, nick, holds_nick FROM account WHERE id = ?1")?;
    let holders = Conflicts::find(&snapshot, Space::Nicks, nick)?.holders();
    holders.into_iter().map(|id| holder.query_row([id], |row| account(row, 0))).collect()
}

/// See [`crate::store::LogReader::nicks`].
pub(super) fn nicks(connection: &Connection) -> rusqlite::Result<Vec<Account>> {
    let mut held = connection
        .prepare_cached("SELECT user, nick, holds_nick FROM account WHERE holds_nick ORDER BY nick_key")?;
    held.query_map([], |row| account(row, 0))?.collect()
}

/// See [`crate::store::LogReader::sessions`].
pub(super) fn sessions(connection: &Connection) -> rusqlite::Result<Vec<StoredSession>> {
    let mut sessions = connection.prepare_cached(
        "SELECT user, nick, holds_nick, hash, lost_at FROM session JOIN account ON account.id = account
         ORDER BY hash",
    )?;
    let sessions = sessions.query_map([], |row| {
        let account = account(row, 0)?;
        let session = SessionRecord { hash: row.get(3)?, account: account.user, lost_at: row.get(4)? };
        Ok(StoredSession { session, account })
    })?;
    sessions.collect()
}

/// The nick keys that begin with a prefix: from the first text up to but not including the second one.
pub(super) fn key_range(prefix: &str) -> [String; 2] {
    let from = nick_key(prefix);
    // No nick has this character.
    let to = format!("{from}{}", char::MAX);
    [from, to]
}
