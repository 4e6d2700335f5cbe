//! Reading the events of a room after a position, for a client that continues from there.

use parlour_core::model::{RoomId, UserId};
use rusqlite::{Connection, Row, params, types::Type};

use super::{
    entry::Entry,
    events::{EVENT_COLUMNS, event},
    message_key::{LAST_SEQ, key},
    rooms,
};
use crate::store::{Change, EventPage, StoredEvent};

/// The columns before those of the event's sender and target.
const COLUMNS: usize = 10;

/// See [`crate::store::LogReader::events`].
pub(super) fn events(
    connection: &mut Connection,
    room: RoomId,
    after: u64,
    limit: usize,
) -> rusqlite::Result<EventPage> {
    let snapshot = connection.transaction()?;
    let Some(head) = rooms::head(&snapshot, room)? else { return Ok(EventPage::default()) };
    // The target of an event of a room is an account, if it has one.
    let mut statement = snapshot.prepare_cached(&format!(
        "SELECT {EVENT_COLUMNS}, author.user, author.nick, about.user, about.nick
         FROM event LEFT JOIN body USING (place) CROSS JOIN account AS author ON author.id = sender
         LEFT JOIN account AS about ON about.id = target
         WHERE place > ?1 AND place <= ?2 ORDER BY place LIMIT ?3"
    ))?;
    let with_next = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let range = params![key(head.id, after), key(head.id, LAST_SEQ), with_next];
    let events = statement.query_map(range, |row| stored_event(row, room))?;
    let mut events = events.collect::<rusqlite::Result<Vec<_>>>()?;
    let more = events.len() > limit;
    events.truncate(limit);
    Ok(EventPage { events, seq: head.head_seq, more })
}

fn stored_event(row: &Row<'_>, room: RoomId) -> rusqlite::Result<StoredEvent> {
    let event = event(row)?;
    let target: Option<[u8; 16]> = row.get(COLUMNS + 2)?;
    Ok(StoredEvent {
        id: event.id,
        place: event.place(),
        sender: UserId(row.get(COLUMNS)?),
        nick: row.get(COLUMNS + 1)?,
        target_nick: row.get::<_, Option<String>>(COLUMNS + 3)?.unwrap_or_default(),
        change: change(event.entry, room, target.map(UserId)).ok_or_else(|| {
            rusqlite::Error::FromSqlConversionFailure(
                0,
                Type::Blob,
                "the event belongs to another log".into(),
            )
        })?,
    })
}

/// The change of a room's log with this entry; `None` if there is no such change.
fn change(entry: Entry, room: RoomId, target: Option<UserId>) -> Option<Change> {
    Some(match entry {
        Entry::Message { content } => Change::Message { room, content },
        Entry::SetTopic { topic } => Change::SetTopic { room, topic },
        Entry::Archive { archived } => Change::Archive { room, archived },
        Entry::ChangeMember { role, .. } => Change::ChangeMember { room, account: target?, role },
        Entry::CreateAccount { .. }
        | Entry::CreateRoom { .. }
        | Entry::ChangeNick { .. }
        | Entry::RenameRoom { .. }
        | Entry::ImportAccount { .. } => return None,
    })
}
