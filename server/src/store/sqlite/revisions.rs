//! The texts of messages that were edited or erased.
//!
//! `body` has the present text of a message. Once it was edited, `revision` has its first text, by its own place, and that of each
//! edit, by the place of the edit. Nothing is left of them when the text is erased.

use parlour_core::model::{MessageId, RoomId, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    entry::Entry,
    events::Event,
    fingerprint::fingerprint,
    message_key::{key, parts},
    ords,
    page::text_state,
    reactions,
    rooms::{self, RoomHead, number},
    word_index::{self, WordIndex},
};
use crate::store::{Change, ChangedMessage, PageSize, Revision, Target};

/// A message that is to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) place: i64,
    /// The account that has sent it.
    pub(super) sender: i64,
    /// Its present text; `None` if that was erased.
    pub(super) text: Option<String>,
}

/// The message of a room with this number and id.
pub(super) fn find(
    connection: &Connection,
    room: &RoomHead,
    target: Target,
) -> rusqlite::Result<Option<Found>> {
    let Some(seq) = ords::seq_of(connection, room, target.ord)? else { return Ok(None) };
    let place = key(room.id, seq);
    connection
        .prepare_cached(
            "SELECT sender, iif(erased, NULL, text) FROM body CROSS JOIN event USING (place)
             WHERE place = ?1 AND client_id = ?2",
        )?
        .query_row(params![place, target.id.0], |row| {
            Ok(Found { place, sender: row.get(0)?, text: row.get(1)? })
        })
        .optional()
}

/// The message with this place, for an event of the account `by`.
pub(super) fn message(connection: &Connection, place: i64, by: i64) -> rusqlite::Result<ChangedMessage> {
    let message = connection
        .prepare_cached(
            "SELECT client_id, ord, time, user, nick, text, edited, erased FROM event CROSS JOIN body USING (place)
             CROSS JOIN account ON account.id = sender WHERE place = ?1",
        )?
        .query_row([place], |row| {
            Ok(ChangedMessage {
                target: Target { id: MessageId(row.get(0)?), ord: number(row, 1)? },
                time: row.get(2)?,
                sender: UserId(row.get(3)?),
                nick: row.get::<_, String>(4)?.into(),
                content: row.get::<_, String>(5)?.into(),
                state: text_state(row, 6)?,
                reactions: Vec::new(),
                reacted: Vec::new(),
            })
        })?;
    let reactions = reactions::of_message(connection, place)?;
    let reacted = reactions::of_account(connection, place, by)?;
    Ok(ChangedMessage { reactions, reacted, ..message })
}

/// See [`crate::store::LogReader::revisions`].
pub(super) fn list(
    connection: &mut Connection,
    room: RoomId,
    target: Target,
    size: PageSize,
) -> rusqlite::Result<Vec<Revision>> {
    let snapshot = connection.transaction()?;
    let Some(head) = rooms::head(&snapshot, room)? else { return Ok(Vec::new()) };
    let Some(message) = find(&snapshot, &head, target)? else { return Ok(Vec::new()) };
    let mut revisions = snapshot.prepare_cached(
        "SELECT time, user, nick, text FROM revision CROSS JOIN event USING (place)
         CROSS JOIN account ON account.id = sender WHERE message = ?1 ORDER BY place DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(size.messages).unwrap_or(i64::MAX);
    let mut rows = revisions.query(params![message.place, limit])?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let content: String = row.get(3)?;
        bytes += content.len();
        if bytes > size.bytes && !found.is_empty() {
            break;
        }
        let (time, sender, nick) = (row.get(0)?, UserId(row.get(1)?), row.get(2)?);
        found.push(Revision { time, sender, nick, content });
    }
    found.reverse();
    Ok(found)
}

/// Adapts the texts to an event that was just inserted.
pub(super) fn store(connection: &Connection, event: &Event) -> rusqlite::Result<()> {
    let place = key(event.log, event.seq);
    match &event.entry {
        Entry::Edit { target, content: Some(content), .. } => {
            edit(connection, *target, place, content, event.time)
        }
        Entry::Redact { target, .. } => erase(connection, event.log, *target),
        _ => Ok(()),
    }
}

fn edit(connection: &Connection, message: i64, place: i64, content: &str, time: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO revision SELECT place, place, text FROM body WHERE place = ?1",
        )?
        .execute([message])?;
    connection
        .prepare_cached("INSERT INTO revision (place, message, text) VALUES (?1, ?2, ?3)")?
        .execute(params![place, message, content])?;
    connection
        .prepare_cached("UPDATE body SET text = ?2, edited = ?3 WHERE place = ?1")?
        .execute(params![message, content, time])?;
    if is_indexed(connection, message)? {
        word_index::remove(connection, message)?;
        WordIndex::new(connection)?.add(message, content)?;
    }
    Ok(())
}

fn erase(connection: &Connection, room: i64, message: i64) -> rusqlite::Result<()> {
    let room = rooms::public_id(connection, room)?;
    let first: String = connection
        .prepare_cached(
            "SELECT coalesce(revision.text, body.text) FROM body LEFT JOIN revision USING (place) WHERE place = ?1",
        )?
        .query_row([message], |row| row.get(0))?;
    // The message is still recognised if its sender sends it again.
    let print = fingerprint(&Change::Message { room, content: first.into() });
    connection
        .prepare_cached("UPDATE event SET payload = ?2 WHERE place = ?1")?
        .execute(params![message, print])?;
    connection
        .prepare_cached("UPDATE body SET text = '', edited = NULL, erased = 1 WHERE place = ?1")?
        .execute([message])?;
    connection.prepare_cached("DELETE FROM revision WHERE message = ?1")?.execute([message])?;
    word_index::remove(connection, message)
}

/// Deletes the texts of a message. Returns its first one.
pub(super) fn delete(connection: &Connection, message: i64) -> rusqlite::Result<String> {
    let text = connection
        .prepare_cached("DELETE FROM body WHERE place = ?1 RETURNING text")?
        .query_row([message], |row| row.get(0))?;
    let mut revisions = connection.prepare_cached(
        "DELETE FROM revision WHERE message = ?1 RETURNING iif(place = message, text, NULL)",
    )?;
    let revisions = revisions.query_map([message], |row| row.get(0))?;
    let first = revisions.collect::<rusqlite::Result<Vec<Option<String>>>>()?;
    Ok(first.into_iter().flatten().next().unwrap_or(text))
}

/// Returns `true` if a message is in the search index. The others are added with the text that they have then.
fn is_indexed(connection: &Connection, message: i64) -> rusqlite::Result<bool> {
    let (room, seq) = parts(message);
    connection
        .prepare_cached("SELECT indexed >= ?2 FROM room WHERE id = ?1")?
        .query_row(params![room, seq.cast_signed()], |row| row.get(0))
}

/// Makes the present texts those of the newest edits, and removes what belongs to no event.
pub(super) fn rebuild(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "DELETE FROM revision WHERE NOT EXISTS (SELECT 1 FROM event WHERE event.place = revision.place
             AND (kind = 0 AND payload IS NULL AND message = revision.place OR kind = 9 AND target = message));
         UPDATE body SET text = '', edited = NULL, erased = 1
             WHERE place IN (SELECT target FROM event WHERE kind = 10);
         UPDATE body SET erased = 0 WHERE erased AND place NOT IN (SELECT target FROM event WHERE kind = 10);
         UPDATE body SET edited = NULL WHERE edited IS NOT NULL
             AND place NOT IN (SELECT message FROM revision WHERE place <> message);
         UPDATE body SET (text, edited) = (
             SELECT revision.text, time FROM revision JOIN event USING (place)
             WHERE revision.message = body.place ORDER BY place DESC LIMIT 1
         ) WHERE place IN (SELECT message FROM revision WHERE place <> message);
         DELETE FROM revision WHERE message IN (SELECT target FROM event WHERE kind = 10);",
    )
}
