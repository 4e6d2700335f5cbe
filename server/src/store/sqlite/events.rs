//! The table of events: inserting them, and recognising those that were proposed before.

use std::sync::Arc;

use parlour_core::model::MessageId;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, params};

use super::{
    entry::{Columns, Entry},
    message_key::{key, parts},
    runs,
};
use crate::store::Place;

/// An event of a log, in internal numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// The room, or the directory.
    pub(super) log: i64,
    pub(super) seq: u64,
    /// The number of messages of the room up to here.
    pub(super) ord: u64,
    pub(super) sender: i64,
    pub(super) id: MessageId,
    pub(super) time: i64,
    pub(super) gseq: i64,
    pub(super) entry: Entry,
}

impl Event {
    /// The place that callers see.
    pub(super) fn place(&self) -> Place {
        Place { seq: self.seq, ord: if self.entry.is_message() { self.ord } else { 0 }, time: self.time }
    }
}

/// The columns of [`event`] except the last one, which is the text.
pub(super) const EVENT_COLUMNS: &str = "place, kind, ord, sender, client_id, target, time, gseq, payload";

/// The columns of [`event`] with the text as it was proposed, from `event` and [`TEXTS`].
pub(super) const PROPOSED_COLUMNS: &str =
    "place, kind, ord, sender, client_id, target, time, gseq, payload, coalesce(revision.text, body.text)";

/// The tables of [`PROPOSED_COLUMNS`] after `event`.
pub(super) const TEXTS: &str = "LEFT JOIN body USING (place) LEFT JOIN revision USING (place)";

/// The event in a row with [`EVENT_COLUMNS`] and its text; an error if it is damaged.
pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let columns = Columns { kind: row.get(1)?, target: row.get(5)?, payload: row.get(8)? };
    let text = row.get_ref(9)?.as_str_or_null()?.map(Arc::from);
    let (log, seq) = parts(row.get(0)?);
    Ok(Event {
        log,
        seq,
        ord: row.get::<_, i64>(2)?.cast_unsigned(),
        sender: row.get(3)?,
        id: MessageId(row.get(4)?),
        time: row.get(6)?,
        gseq: row.get(7)?,
        entry: Entry::decode(&columns, text).ok_or_else(|| {
            let reason = "the payload of an event is damaged".into();
            rusqlite::Error::FromSqlConversionFailure(8, rusqlite::types::Type::Blob, reason)
        })?,
    })
}

/// A message that was deleted, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deleted {
    pub(super) place: Place,
    pub(super) fingerprint: [u8; 16],
    /// It was deleted before there were accounts.
    pub(super) is_legacy: bool,
}

/// The statements of one append, prepared once: looking them up for each message took a twelfth of a busy server's time.
pub(super) struct Events<'a> {
    connection: &'a Connection,
    insert: CachedStatement<'a>,
    insert_body: CachedStatement<'a>,
    deleted: CachedStatement<'a>,
    /// There are ids of deleted messages.
    any_deleted: bool,
}

impl<'a> Events<'a> {
    pub(super) fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            insert: connection.prepare_cached(
                "INSERT INTO event (place, kind, ord, sender, client_id, target, time, gseq, payload, begins)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT (client_id, sender) DO NOTHING",
            )?,
            insert_body: connection.prepare_cached("INSERT INTO body (place, text) VALUES (?1, ?2)")?,
            deleted: connection.prepare_cached(
                "SELECT place, ord, time, print, sender = 0 FROM gone
                 WHERE sender IN (?1, ?2, 0) AND client_id = ?3 ORDER BY sender DESC LIMIT 1",
            )?,
            any_deleted: connection.prepare_cached("SELECT 1 FROM gone LIMIT 1")?.exists([])?,
        })
    }

    /// Inserts an event. Returns `false` if its sender has used its id before. `last_time` is the time of the message
    /// before it, if that is stored.
    pub(super) fn insert(&mut self, event: &Event, last_time: Option<i64>) -> rusqlite::Result<bool> {
        let place = key(event.log, event.seq);
        let is_message = event.entry.is_message();
        let Columns { kind, target, payload } = event.entry.columns();
        // Nearly every id is new, so the insert itself checks for a conflict.
        let inserted = self.insert.execute(params![
            place,
            kind,
            event.ord.cast_signed(),
            event.sender,
            event.id.0,
            target,
            event.time,
            event.gseq,
            payload,
            is_message && runs::begins(last_time, event.time),
        ])?;
        if let (1, Entry::Message { content }) = (inserted, &event.entry) {
            self.insert_body.execute(params![place, content])?;
        }
        Ok(inserted == 1)
    }

    /// The event of this sender with this id.
    pub(super) fn known(&self, sender: i64, id: MessageId) -> rusqlite::Result<Option<Event>> {
        self.connection
            .prepare_cached(&format!(
                "SELECT {PROPOSED_COLUMNS} FROM event {TEXTS} WHERE sender = ?1 AND client_id = ?2"
            ))?
            .query_row(params![sender, id.0], event)
            .optional()
    }

    /// The deleted message with this id, of this sender, of the former guest of its nick, or from before there were
    /// accounts.
    pub(super) fn deleted(
        &mut self,
        sender: i64,
        former: Option<i64>,
        id: MessageId,
    ) -> rusqlite::Result<Option<Deleted>> {
        if !self.any_deleted {
            return Ok(None);
        }
        let deleted = |row: &Row<'_>| {
            let (_, seq) = parts(row.get(0)?);
            let place = Place { seq, ord: row.get::<_, i64>(1)?.cast_unsigned(), time: row.get(2)? };
            Ok(Deleted { place, fingerprint: row.get(3)?, is_legacy: row.get(4)? })
        };
        self.deleted.query_row(params![sender, former, id.0], deleted).optional()
    }
}
