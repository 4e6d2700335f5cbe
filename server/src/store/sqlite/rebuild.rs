//! Rebuilding the projections from the events, and comparing them with the living ones.

use rusqlite::{Connection, TransactionBehavior};

use super::{
    events::{EVENT_COLUMNS, event},
    fault::Fault,
    heads::DIRECTORY,
    projector::Projector,
};
use crate::store::RoomLimits;

/// The number of events after which what the projector has read is forgotten, so that its memory is bounded.
const STEP_EVENTS: usize = 10_000;

/// The projections, and the columns that a rebuilt one must have.
const PROJECTIONS: [(&str, &str); 4] = [
    ("account", "id, user, nick, nick_key, holds_nick, former, rooms_created, changed"),
    (
        "room",
        "id, room, kind, name, name_key, topic, archived, created, head_seq, head_ord, first_ord, head_gseq, active,
         members",
    ),
    ("skeleton", "space, form, holder"),
    ("member", "account, room, role, handle, changed"),
];

/// Rebuilds the projections.
pub(super) fn rebuild(connection: &mut Connection) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    replay(&transaction)?;
    Ok(transaction.commit()?)
}

/// Rebuilds the projections and undoes it. Returns a sentence for each table in which rows differ.
pub(super) fn differences(connection: &mut Connection) -> Result<Vec<String>, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (table, columns) in PROJECTIONS {
        transaction.execute_batch(&format!(
            "CREATE TEMP TABLE living_{table} AS SELECT {columns} FROM main.{table}"
        ))?;
    }
    replay(&transaction)?;
    let mut found = Vec::new();
    for (table, columns) in PROJECTIONS {
        let count = |rows: &str, without: &str| -> rusqlite::Result<i64> {
            let sql = format!(
                "SELECT count(*) FROM (SELECT {columns} FROM {rows} EXCEPT SELECT {columns} FROM {without})"
            );
            transaction.query_row(&sql, [], |row| row.get(0))
        };
        let (living, rebuilt) = (format!("temp.living_{table}"), format!("main.{table}"));
        let (wrong, missing) = (count(&living, &rebuilt)?, count(&rebuilt, &living)?);
        if wrong > 0 || missing > 0 {
            found.push(format!(
                "{wrong} rows of the table {table} don't follow from the events, and {missing} that do are missing"
            ));
        }
    }
    // Also drops the temporary tables.
    transaction.rollback()?;
    Ok(found)
}

/// Clears the projections and applies every event. Retention may have deleted the last events of a room, so the newest
/// places that are known remain.
fn replay(connection: &Connection) -> Result<(), Fault> {
    connection.execute_batch(&format!(
        "CREATE TEMP TABLE known_head AS
             SELECT id, head_seq, head_ord, first_ord, head_gseq, active, indexed FROM main.room;
         CREATE TEMP TABLE replay (gseq INTEGER PRIMARY KEY, place INTEGER NOT NULL);
         INSERT INTO temp.replay SELECT gseq, place FROM main.event;
         DELETE FROM member; DELETE FROM skeleton; DELETE FROM account;
         DELETE FROM room WHERE id <> {DIRECTORY} AND kind <> 0;
         UPDATE room SET topic = '', archived = 0, head_seq = 0, head_ord = 0, first_ord = 1, head_gseq = 0, active = 0;"
    ))?;
    {
        let mut events = connection.prepare(&format!(
            "SELECT {} FROM temp.replay CROSS JOIN main.event USING (place) ORDER BY replay.gseq",
            // No projection depends on the text of a message.
            EVENT_COLUMNS.replace("gseq", "event.gseq").replace("text", "''")
        ))?;
        let mut rows = events.query([])?;
        let mut projector = Projector::new(connection, RoomLimits::default())?;
        let mut applied = 0;
        while let Some(row) = rows.next()? {
            projector.apply(&event(row)?)?;
            applied += 1;
            if applied % STEP_EVENTS == 0 {
                projector.store()?;
                projector = Projector::new(connection, RoomLimits::default())?;
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
         DROP TABLE temp.replay;
         DROP TABLE temp.known_head;",
    )?;
    Ok(())
}
