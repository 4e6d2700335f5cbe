//! The part of the sixth migration that SQL can't do: keys of nicks, skeletons, and accounts for sessions.
//!
//! Authors become former guests, which hold no nick; nobody can log in as one. A session becomes that of a new account,
//! which holds its nick. Whoever has a nick now need not be who had it before, so this account does not own what was written
//! under the nick; but it may resend a message that the earlier version had stored without its sender learning so. That is
//! why it knows its former guest.
//!
//! The messages of a room get new numbers without holes. The last one keeps its number, so that usually, when only the
//! oldest messages were deleted, all of them do. Otherwise clients must not compare their numbers with the log's any more, and
//! the log gets a new id.

use parlour_core::{
    model::{MessageId, UserId},
    validate::nick_key,
};
use rusqlite::{Connection, OptionalExtension as _, functions::FunctionFlags, params};

use super::{
    entry::Entry,
    epoch,
    fault::Fault,
    heads::DIRECTORY,
    names::{Conflicts, Space},
    projector::{KnownRows, Projector},
};
use crate::store::RoomLimits;

/// Provides the functions that the script needs.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("nick_key", 1, flags, |arguments| {
        arguments.get_raw(0).as_str().map(nick_key).map_err(rusqlite::Error::from)
    })
}

/// Completes the migration after the script.
pub(super) fn complete(connection: &Connection) -> Result<(), Fault> {
    import_sessions(connection)?;
    if any_moved(connection)? {
        connection.execute_batch(
            "DROP TABLE words;
             CREATE VIRTUAL TABLE words USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'ascii');
             UPDATE room SET indexed = 0;",
        )?;
        connection.execute("UPDATE about SET id = ?1", params![epoch::new_id()?])?;
    }
    connection.execute_batch("DROP TABLE old_number; DROP TABLE old_room; DROP TABLE old_session;")?;
    Ok(())
}

/// Returns `true` if a message has another number than before.
fn any_moved(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM old_number WHERE moved)", [], |row| row.get(0))
}

/// Creates an account for each session, in the order of their hashes.
fn import_sessions(connection: &Connection) -> Result<(), Fault> {
    let mut sessions = connection.prepare("SELECT hash, nick, lost_at FROM old_session ORDER BY hash")?;
    let mut former =
        connection.prepare("SELECT id FROM account WHERE nick_key = ?1 AND NOT holds_nick LIMIT 1")?;
    let mut insert =
        connection.prepare("INSERT INTO session (hash, account, lost_at) VALUES (?1, ?2, ?3)")?;
    let now: i64 = connection.query_row("SELECT max(active) FROM room", [], |row| row.get(0))?;
    let mut projector = Projector::new(connection, RoomLimits::default(), KnownRows::default())?;
    let mut rows = sessions.query([])?;
    while let Some(row) = rows.next()? {
        let (hash, nick, lost_at): ([u8; 32], String, Option<i64>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let entry = Entry::ImportAccount {
            user: UserId(epoch::new_id()?),
            holds_nick: Conflicts::find(connection, Space::Nicks, &nick)?.holders().is_empty(),
            former: former.query_row([nick_key(&nick)], |row| row.get(0)).optional()?,
            nick: nick.into(),
        };
        let place =
            projector.insert(MessageId(epoch::new_id()?), lost_at.unwrap_or(now), None, DIRECTORY, entry)?;
        // The number of an account is that of the event that creates it.
        let account = place.map(|place| place.seq.cast_signed());
        insert.execute(params![hash, account, lost_at])?;
    }
    projector.store()?;
    Ok(())
}
