//! Appending: a batch and its ids in one transaction.

use parlour_core::{model::MessageId, validate::nick_key};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, TransactionBehavior, params};

use super::{
    fault::Fault,
    fingerprint::fingerprint,
    message_key,
    rooms::{GrowingRooms, NextMessage},
};
use crate::store::{AppendOutcome, NewMessage, SessionChange, Stamp};

/// See [`crate::store::EventLog::append`].
pub(super) fn append(
    connection: &mut Connection,
    messages: &[NewMessage],
    sessions: &[SessionChange],
) -> Result<Vec<AppendOutcome>, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut batch = Batch::new(&transaction)?;
    let appended = messages.iter().map(|message| batch.append(message)).collect::<Result<Vec<_>, _>>()?;
    batch.rooms.store(&transaction)?;
    drop(batch);
    for change in sessions {
        apply(&transaction, change)?;
    }
    transaction.commit()?;
    Ok(appended)
}

struct Batch<'a> {
    connection: &'a Connection,
    rooms: GrowingRooms,
    /// There are ids of deleted messages.
    any_deleted: bool,
    // Prepared once per batch: looking them up for each message took a twelfth of a busy server's time.
    insert: CachedStatement<'a>,
    stored: CachedStatement<'a>,
    deleted: CachedStatement<'a>,
}

impl<'a> Batch<'a> {
    fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            rooms: GrowingRooms::default(),
            any_deleted: connection.prepare_cached("SELECT 1 FROM gone LIMIT 1")?.exists([])?,
            insert: connection.prepare_cached(
                "INSERT INTO message (place, room, time, id, nick, content, begins) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (id) DO NOTHING",
            )?,
            stored: connection.prepare_cached(
                "SELECT place, time, name, nick, content FROM message JOIN room ON room.id = message.room
                 WHERE message.id = ?1",
            )?,
            deleted: connection.prepare_cached("SELECT place, time, print FROM gone WHERE id = ?1")?,
        })
    }

    fn append(&mut self, message: &NewMessage) -> Result<AppendOutcome, Fault> {
        if self.any_deleted
            && let Some(deleted) = self.deleted(message)?
        {
            return Ok(deleted);
        }
        let NextMessage { room, seq, begins } =
            self.rooms.next(self.connection, &message.room, message.time)?;
        let key = message_key::key(room, seq);
        // Nearly every id is new, so the insert itself checks for a conflict.
        let values = params![key, room, message.time, message.id.0, message.nick, message.content, begins];
        if self.insert.execute(values)? == 0 {
            return Ok(self.stored(message)?);
        }
        self.rooms.grow(&message.room, message.time);
        Ok(AppendOutcome::Appended(Stamp { seq, time: message.time }))
    }

    /// The outcome for a message whose id belongs to a stored message.
    fn stored(&mut self, message: &NewMessage) -> rusqlite::Result<AppendOutcome> {
        let MessageId(id) = message.id;
        self.stored.query_row([id], |row| {
            let is_same = row.get_ref(2)?.as_str()? == &*message.room
                && nick_key(row.get_ref(3)?.as_str()?) == nick_key(&message.nick)
                && row.get_ref(4)?.as_str()? == &*message.content;
            Ok(duplicate(is_same, row.get(0)?, row.get(1)?))
        })
    }

    /// The outcome for a message whose id belongs to a deleted message.
    fn deleted(&mut self, message: &NewMessage) -> rusqlite::Result<Option<AppendOutcome>> {
        let MessageId(id) = message.id;
        let deleted = self.deleted.query_row([id], |row| {
            let is_same =
                row.get_ref(2)?.as_blob()? == fingerprint(&message.room, &message.nick, &message.content);
            Ok(duplicate(is_same, row.get(0)?, row.get(1)?))
        });
        deleted.optional()
    }
}

fn duplicate(is_same: bool, key: i64, time: i64) -> AppendOutcome {
    match is_same {
        true => AppendOutcome::Duplicate(Stamp { seq: message_key::parts(key).1, time }),
        false => AppendOutcome::IdConflict,
    }
}

fn apply(connection: &Connection, change: &SessionChange) -> rusqlite::Result<()> {
    match change {
        SessionChange::Put(session) => connection
            .prepare_cached("INSERT OR REPLACE INTO session (hash, nick, lost_at) VALUES (?1, ?2, ?3)")?
            .execute(params![session.hash, session.nick, session.lost_at]),
        SessionChange::End(hash) => {
            connection.prepare_cached("DELETE FROM session WHERE hash = ?1")?.execute([hash])
        }
    }
    .map(drop)
}
