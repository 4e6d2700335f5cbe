//! Deletes the accounts of guests who have left nothing: no session, no membership, no message, and no id that may be
//! proposed again.

use rusqlite::Connection;

use super::super::{
    authors::{self, AUTHOR_STEP},
    names::{self, Space},
};

/// The most accounts that one step looks at.
const STEP_ACCOUNTS: i64 = 500;

/// A pass over all accounts.
#[derive(Debug, Default)]
pub(super) struct GuestPass {
    /// The accounts up to this number were looked at.
    to: i64,
    /// The gseq of the oldest message when the pass began; the largest number if there was none.
    oldest_message: i64,
}

impl GuestPass {
    /// Looks at some accounts, and deletes those without anything that were created and renamed before a time. Returns
    /// whether accounts are left.
    pub(super) fn step(&mut self, connection: &Connection, before: i64) -> rusqlite::Result<bool> {
        // Later messages have a larger gseq. If there was none, there may be one now.
        if self.to == 0 || self.oldest_message == i64::MAX {
            self.oldest_message = authors::oldest_message(connection)?;
        }
        // An account that took the nick of another one stays as long as that one: the event says that it has lost the nick.
        let mut accounts = connection.prepare_cached(
            "SELECT id, nick, NOT (
                 EXISTS (SELECT 1 FROM session WHERE account = account.id)
                 OR EXISTS (SELECT 1 FROM member WHERE account = account.id)
                 OR EXISTS (SELECT 1 FROM gone WHERE sender = account.id)
                 OR EXISTS (SELECT 1 FROM author WHERE author.account = account.id AND gseq > ?4)
                 OR EXISTS (SELECT 1 FROM event WHERE sender = account.id AND kind <> 0 AND (
                     kind NOT IN (1, 3, 8) OR time >= ?2
                     OR kind <> 8 AND EXISTS (SELECT 1 FROM account AS other WHERE other.id = target)
                 ))
             ) FROM account WHERE id > ?1 ORDER BY id LIMIT ?3",
        )?;
        let accounts = accounts
            .query_map(
                [self.to, before, STEP_ACCOUNTS, self.oldest_message.saturating_sub(AUTHOR_STEP)],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?
            .collect::<rusqlite::Result<Vec<(i64, String, bool)>>>()?;
        for (id, nick, is_without_anything) in &accounts {
            self.to = *id;
            if *is_without_anything {
                delete(connection, *id, nick)?;
            }
        }
        Ok(accounts.len() as i64 == STEP_ACCOUNTS)
    }
}

fn delete(connection: &Connection, id: i64, nick: &str) -> rusqlite::Result<()> {
    names::release(connection, Space::Nicks, nick, id)?;
    authors::delete(connection, id)?;
    for table in [
        "DELETE FROM event WHERE sender = ?1 AND kind <> 0",
        "DELETE FROM cursor WHERE account = ?1",
        "DELETE FROM account WHERE id = ?1",
    ] {
        connection.prepare_cached(table)?.execute([id])?;
    }
    Ok(())
}
