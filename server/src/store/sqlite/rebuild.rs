//! Rebuilding everything that follows from the events: accounts, rooms and members, the runs, and the search index.

use rusqlite::{Connection, TransactionBehavior, params};

use super::{
    authors,
    events::{EVENT_COLUMNS, event},
    fault::Fault,
    heads::DIRECTORY,
    message_key::parts,
    projector::{KnownRows, Projector},
    reactions, revisions, runs,
};
use crate::store::RoomLimits;

/// The number of events after which what the projector has read is forgotten, so that its memory is bounded.
const STEP_EVENTS: usize = 10_000;

/// Rebuilds everything. The search index is empty then.
pub(super) fn rebuild(connection: &mut Connection) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Edits, redactions and reactions of messages that are lost.
    transaction.execute_batch(
        "DELETE FROM event WHERE kind IN (9, 10, 11) AND target NOT IN (SELECT place FROM event WHERE kind = 0)",
    )?;
    add_lobby(&transaction)?;
    replay(&transaction)?;
    mark_runs(&transaction)?;
    authors::rebuild(&transaction)?;
    // Texts without an event, events without a text, and rows of accounts that don't exist.
    transaction.execute_batch(
        "DELETE FROM body WHERE NOT EXISTS (SELECT 1 FROM event WHERE event.place = body.place AND kind = 0);
         INSERT INTO body (place, text) SELECT place, '' FROM event
             WHERE kind = 0 AND NOT EXISTS (SELECT 1 FROM body WHERE body.place = event.place);
         DELETE FROM session WHERE account NOT IN (SELECT id FROM account);
         DELETE FROM cursor WHERE account NOT IN (SELECT id FROM account) OR room NOT IN (SELECT id FROM room);
         DROP TABLE words;
         CREATE VIRTUAL TABLE words USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'ascii');
         UPDATE room SET indexed = 0;",
    )?;
    revisions::rebuild(&transaction)?;
    reactions::rebuild(&transaction)?;
    Ok(transaction.commit()?)
}

/// Adds the rows of the lobby and the directory, which no event creates, if they are missing. The lobby is the room with
/// events that no event has created.
pub(super) fn add_lobby(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "INSERT OR IGNORE INTO room (id, room, kind) VALUES ({DIRECTORY}, X'', 4);
         INSERT INTO room (id, room, kind) SELECT coalesce(
             (SELECT min(place >> 38) FROM event
                 WHERE place >> 38 <> {DIRECTORY} AND place >> 38 NOT IN (SELECT target FROM event WHERE kind = 2)),
             (SELECT 1 + max(target) FROM event WHERE kind = 2), 1), zeroblob(16), 0
         WHERE NOT EXISTS (SELECT 1 FROM room WHERE kind = 0);"
    ))
}

/// Clears accounts, rooms and members and applies every event. Retention may have deleted the last events of a room, so the
/// newest places that are known remain.
///
/// If there are temporary tables of these names, they are rebuilt instead.
pub(super) fn replay(connection: &Connection) -> Result<(), Fault> {
    connection.execute_batch(&format!(
        "CREATE TEMP TABLE known_head AS
             SELECT id, head_seq, head_ord, head_gseq, active, indexed FROM main.room;
         CREATE TEMP TABLE replay (gseq INTEGER, place INTEGER, PRIMARY KEY (gseq, place)) WITHOUT ROWID;
         INSERT INTO temp.replay SELECT gseq, place FROM main.event;
         DELETE FROM member; DELETE FROM skeleton; DELETE FROM account;
         DELETE FROM room WHERE id <> {DIRECTORY} AND kind <> 0;
         UPDATE room SET name = '', name_key = '', topic = '', archived = 0, created = 0, head_seq = 0, head_ord = 0,
             first_ord = 1, head_gseq = 0, active = 0, members = 0;"
    ))?;
    {
        let mut events = connection.prepare(&format!(
            // None of these depends on a text.
            "SELECT {}, '' FROM temp.replay CROSS JOIN main.event USING (place) ORDER BY replay.gseq, place",
            EVENT_COLUMNS.replace("gseq", "event.gseq")
        ))?;
        let mut rows = events.query([])?;
        let new = || Projector::new(connection, RoomLimits::default(), KnownRows::default());
        let mut projector = new()?;
        let mut applied = 0;
        while let Some(row) = rows.next()? {
            projector.apply(&event(row)?)?;
            applied += 1;
            if applied % STEP_EVENTS == 0 {
                projector.store()?;
                projector = new()?;
            }
        }
        projector.store()?;
    }
    connection.execute_batch(
        "UPDATE room SET
             active = iif(known.head_ord > room.head_ord, known.active, room.active),
             first_ord = iif(room.first_ord > room.head_ord, max(known.head_ord, room.head_ord) + 1, room.first_ord),
             head_seq = max(known.head_seq, room.head_seq),
             head_ord = max(known.head_ord, room.head_ord),
             head_gseq = max(known.head_gseq, room.head_gseq),
             indexed = known.indexed
         FROM temp.known_head AS known WHERE known.id = room.id;
         UPDATE room SET head_seq = max(deleted.seq, head_seq), head_ord = max(deleted.ord, head_ord),
             first_ord = iif(first_ord > head_ord, max(deleted.ord, head_ord) + 1, first_ord)
         FROM (
             SELECT place >> 38 AS room, max(place & 0x3FFFFFFFFF) AS seq, max(ord) AS ord FROM main.gone GROUP BY 1
         ) AS deleted WHERE deleted.room = room.id;
         DROP TABLE temp.replay;
         DROP TABLE temp.known_head;",
    )?;
    Ok(())
}

/// Marks the messages that begin a run.
fn mark_runs(connection: &Connection) -> rusqlite::Result<()> {
    let mut set = connection.prepare("UPDATE event SET begins = ?2 WHERE place = ?1")?;
    let mut wrong = Vec::new();
    each_wrong_mark(connection, |place, begins| wrong.push((place, begins)))?;
    wrong.into_iter().try_for_each(|(place, begins)| set.execute(params![place, begins]).map(drop))
}

/// Finds the events whose mark of a run is not `begins`.
pub(super) fn each_wrong_mark(
    connection: &Connection,
    mut found: impl FnMut(i64, bool),
) -> rusqlite::Result<()> {
    let mut events =
        connection.prepare("SELECT place, kind = 0, time, begins FROM main.event ORDER BY place")?;
    let mut rows = events.query([])?;
    let (mut room, mut last) = (DIRECTORY, None);
    while let Some(row) = rows.next()? {
        let (place, is_message, time): (i64, bool, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if parts(place).0 != room {
            (room, last) = (parts(place).0, None);
        }
        let begins = is_message && runs::begins(last, time);
        if is_message {
            last = Some(time);
        }
        if row.get::<_, bool>(3)? != begins {
            found(place, begins);
        }
    }
    Ok(())
}
