//! Appending: a batch and its ids in one transaction.

use parlour_core::{model::MessageId, validate::nick_key};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, TransactionBehavior, params};

use super::{
    fault::Fault,
    place,
    print::print,
    rooms::{Growing, Next},
};
use crate::log::{Appended, Entry, Place, SessionChange};

/// As [`crate::log::Log::append`].
pub(super) fn append(
    connection: &mut Connection,
    entries: &[Entry],
    sessions: &[SessionChange],
) -> Result<Vec<Appended>, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut batch = Batch::new(&transaction)?;
    let appended = entries.iter().map(|entry| batch.append(entry)).collect::<Result<Vec<_>, _>>()?;
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
    rooms: Growing,
    /// There are ids of messages that are no longer kept.
    any_gone: bool,
    // Statements that every entry needs; to look them up for each took a twelfth of a busy server's time.
    insert: CachedStatement<'a>,
    kept: CachedStatement<'a>,
    gone: CachedStatement<'a>,
}

impl<'a> Batch<'a> {
    fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            rooms: Growing::default(),
            any_gone: connection.prepare_cached("SELECT 1 FROM gone LIMIT 1")?.exists([])?,
            insert: connection.prepare_cached(
                "INSERT INTO message (place, room, time, id, nick, content, begins) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (id) DO NOTHING",
            )?,
            kept: connection.prepare_cached(
                "SELECT place, time, name, nick, content FROM message JOIN room ON room.id = message.room
                 WHERE message.id = ?1",
            )?,
            gone: connection.prepare_cached("SELECT place, time, print FROM gone WHERE id = ?1")?,
        })
    }

    fn append(&mut self, entry: &Entry) -> Result<Appended, Fault> {
        if self.any_gone
            && let Some(gone) = self.gone(entry)?
        {
            return Ok(gone);
        }
        let Next { room, seq, begins } = self.rooms.next(self.connection, &entry.room, entry.time)?;
        let key = place::key(room, seq);
        // Nearly every id is new; whether it is, the insert finds out by itself.
        let values = params![key, room, entry.time, entry.id.0, entry.nick, entry.content, begins];
        if self.insert.execute(values)? == 0 {
            return Ok(self.kept(entry)?);
        }
        self.rooms.grow(&entry.room, entry.time);
        Ok(Appended::New(Place { seq, time: entry.time }))
    }

    /// What the log says to an entry whose id is a kept message's.
    fn kept(&mut self, entry: &Entry) -> rusqlite::Result<Appended> {
        let MessageId(id) = entry.id;
        self.kept.query_row([id], |row| {
            let is_same = row.get_ref(2)?.as_str()? == &*entry.room
                && nick_key(row.get_ref(3)?.as_str()?) == nick_key(&entry.nick)
                && row.get_ref(4)?.as_str()? == &*entry.content;
            Ok(known(is_same, row.get(0)?, row.get(1)?))
        })
    }

    /// What the log says to an entry whose id is that of a message no longer kept.
    fn gone(&mut self, entry: &Entry) -> rusqlite::Result<Option<Appended>> {
        let MessageId(id) = entry.id;
        let gone = self.gone.query_row([id], |row| {
            let is_same = row.get_ref(2)?.as_blob()? == print(&entry.room, &entry.nick, &entry.content);
            Ok(known(is_same, row.get(0)?, row.get(1)?))
        });
        gone.optional()
    }
}

fn known(is_same: bool, key: i64, time: i64) -> Appended {
    match is_same {
        true => Appended::Known(Place { seq: place::parts(key).1, time }),
        false => Appended::Other,
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
