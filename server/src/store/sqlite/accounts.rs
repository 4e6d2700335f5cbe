//! The accounts: their rows and nicks.

use std::collections::HashMap;

use parlour_core::{model::UserId, validate::nick_key};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, params};

use super::{
    authors::{self, AUTHOR_STEP},
    names::{self, Space},
    number_map::NumberMap,
};

/// An account as the projector needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AccountKey {
    pub(super) id: i64,
    /// The former guest of its nick, whose messages it may resend.
    pub(super) former: Option<i64>,
}

/// The accounts that were read.
#[derive(Debug, Default)]
pub(super) struct KnownAccounts {
    keys: HashMap<UserId, AccountKey>,
    /// The stored gseq of those that have sent messages; see [`authors`].
    authors: NumberMap<i64, i64>,
}

impl KnownAccounts {
    /// The number of accounts.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

/// The accounts, each read once.
pub(super) struct Accounts<'a> {
    connection: &'a Connection,
    find: CachedStatement<'a>,
    pub(super) known: KnownAccounts,
}

impl<'a> Accounts<'a> {
    pub(super) fn new(connection: &'a Connection, known: KnownAccounts) -> rusqlite::Result<Self> {
        let find = connection.prepare_cached(
            "SELECT id, former, gseq FROM account LEFT JOIN author ON author.account = id WHERE user = ?1",
        )?;
        Ok(Self { connection, find, known })
    }

    /// Finds an account.
    pub(super) fn find(&mut self, user: UserId) -> rusqlite::Result<Option<AccountKey>> {
        if let Some(&key) = self.known.keys.get(&user) {
            return Ok(Some(key));
        }
        let read = |row: &Row<'_>| {
            Ok((AccountKey { id: row.get(0)?, former: row.get(1)? }, row.get::<_, Option<i64>>(2)?))
        };
        let Some((key, author)) = self.find.query_row([user.0], read).optional()? else { return Ok(None) };
        self.known.keys.insert(user, key);
        self.known.authors.extend(author.map(|gseq| (key.id, gseq)));
        Ok(Some(key))
    }

    /// Creates an account that holds no nick yet.
    pub(super) fn create(
        &mut self,
        user: UserId,
        key: AccountKey,
        nick: &str,
        gseq: i64,
    ) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO account (id, user, nick, nick_key, holds_nick, former, changed)
                 VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)",
            )?
            .execute(params![key.id, user.0, nick, nick_key(nick), key.former, gseq])?;
        self.known.keys.insert(user, key);
        Ok(())
    }

    /// Notes that an account that was found has sent a message.
    pub(super) fn sent_message(&mut self, id: i64, gseq: i64) -> rusqlite::Result<()> {
        if self.known.authors.get(&id).is_some_and(|stored| gseq - stored < AUTHOR_STEP) {
            return Ok(());
        }
        authors::put(self.connection, id, gseq)?;
        self.known.authors.insert(id, gseq);
        Ok(())
    }

    /// The nick of an account, and whether it holds the nick.
    pub(super) fn nick(&self, id: i64) -> rusqlite::Result<(String, bool)> {
        nick(self.connection, id)
    }

    /// Gives a free nick to an account instead of the one that it holds.
    pub(super) fn hold_nick(&self, id: i64, nick: &str, gseq: i64) -> rusqlite::Result<()> {
        self.release_nick(id, gseq)?;
        self.connection
            .prepare_cached(
                "UPDATE account SET nick = ?2, nick_key = ?3, holds_nick = 1, changed = ?4 WHERE id = ?1",
            )?
            .execute(params![id, nick, nick_key(nick), gseq])?;
        names::hold(self.connection, Space::Nicks, nick, id)
    }

    /// Frees the nick of an account, which still shows it.
    pub(super) fn release_nick(&self, id: i64, gseq: i64) -> rusqlite::Result<()> {
        // An account that was deleted since has no nick.
        if let Some((nick, true)) = self.nick(id).optional()? {
            names::release(self.connection, Space::Nicks, &nick, id)?;
            self.connection
                .prepare_cached("UPDATE account SET holds_nick = 0, changed = ?2 WHERE id = ?1")?
                .execute([id, gseq])?;
        }
        Ok(())
    }

    /// The number of PUBLIC and PRIVATE rooms that an account has created.
    pub(super) fn rooms_created(&self, id: i64) -> rusqlite::Result<i64> {
        self.connection
            .prepare_cached("SELECT rooms_created FROM account WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
    }

    /// Counts a room that an account has created.
    pub(super) fn count_created(&self, id: i64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("UPDATE account SET rooms_created = rooms_created + 1 WHERE id = ?1")?
            .execute([id])
            .map(drop)
    }
}

/// The nick of an account, and whether it holds the nick.
pub(super) fn nick(connection: &Connection, id: i64) -> rusqlite::Result<(String, bool)> {
    connection
        .prepare_cached("SELECT nick, holds_nick FROM account WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
}
