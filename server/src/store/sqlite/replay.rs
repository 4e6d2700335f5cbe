//! Reading the events of a room after a position, for a client that continues from there.

use std::collections::BTreeMap;

use parlour_core::model::{RoomId, UserId};
use rusqlite::{Connection, OptionalExtension as _, Row, params, types::Type};

use super::{
    entry::{CHANGE_NICK, Entry},
    events::{EVENT_COLUMNS, TEXTS, event},
    heads::DIRECTORY,
    message_key::{LAST_SEQ, key},
    page::text_state,
    profiles::account,
    revisions, rooms,
};
use crate::store::{Account, Change, EventPage, StoredEvent, Target};

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
    // The target of an event of a room is an account or the place of a message, if it has one. No account has such a large number.
    let mut statement = snapshot.prepare_cached(&format!(
        "SELECT {EVENT_COLUMNS}, coalesce(body.text, revision.text), author.user, author.nick, about.user, about.nick,
             edited, erased
         FROM event {TEXTS} CROSS JOIN account AS author ON author.id = sender
         LEFT JOIN account AS about ON about.id = target
         WHERE place > ?1 AND place <= ?2 ORDER BY place LIMIT ?3"
    ))?;
    let with_next = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let range = params![key(head.id, after), key(head.id, LAST_SEQ), with_next];
    let events = statement.query_map(range, |row| stored_event(&snapshot, row, room))?;
    let mut events = events.collect::<rusqlite::Result<Vec<_>>>()?;
    let more = events.len() > limit;
    events.truncate(limit);
    Ok(EventPage { events, seq: head.head_seq, more })
}

/// See [`crate::store::LogReader::renamed`].
pub(super) fn renamed(
    connection: &mut Connection,
    room: RoomId,
    seq: u64,
    limit: usize,
) -> rusqlite::Result<Option<Vec<Account>>> {
    let snapshot = connection.transaction()?;
    let Some(head) = rooms::head(&snapshot, room)? else { return Ok(Some(Vec::new())) };
    // The event itself may be deleted.
    let gseq = snapshot
        .prepare_cached("SELECT gseq FROM event WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC LIMIT 1")?
        .query_row([key(head.id, 0), key(head.id, seq)], |row| row.get::<_, i64>(0))
        .optional()?;
    let Some(gseq) = gseq else { return Ok(None) };
    // The directory has the order of the whole log too.
    let mut newest = snapshot.prepare_cached(
        "SELECT user, nick, holds_nick, event.kind, gseq FROM event CROSS JOIN account ON account.id = sender
         WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut newest = newest.query([key(DIRECTORY, 0), key(DIRECTORY, LAST_SEQ), limit])?;
    let (mut renamed, mut looked_at) = (BTreeMap::new(), 0);
    while let Some(row) = newest.next()? {
        if row.get::<_, i64>(4)? <= gseq {
            return Ok(Some(renamed.into_values().collect()));
        }
        looked_at += 1;
        if row.get::<_, u8>(3)? == CHANGE_NICK {
            let account = account(row, 0)?;
            renamed.insert(account.user, account);
        }
    }
    Ok((looked_at < limit).then(|| renamed.into_values().collect()))
}

fn stored_event(connection: &Connection, row: &Row<'_>, room: RoomId) -> rusqlite::Result<StoredEvent> {
    let event = event(row)?;
    let account: Option<[u8; 16]> = row.get(COLUMNS + 2)?;
    let message = match event.entry {
        Entry::Edit { target, .. } | Entry::Redact { target, .. } | Entry::React { target, .. } => {
            Some(revisions::message(connection, target, event.sender)?)
        }
        _ => None,
    };
    let target = message.as_ref().map(|message| message.target);
    let damaged = || {
        let reason = "the event belongs to another log".into();
        rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, reason)
    };
    Ok(StoredEvent {
        id: event.id,
        place: event.place(),
        sender: UserId(row.get(COLUMNS)?),
        nick: row.get(COLUMNS + 1)?,
        target_nick: row.get::<_, Option<String>>(COLUMNS + 3)?.unwrap_or_default(),
        state: text_state(row, COLUMNS + 4)?,
        message,
        change: change(event.entry, room, account.map(UserId), target).ok_or_else(damaged)?,
    })
}

/// The change of a room's log with this entry, about this account or message; `None` if there is no such change.
fn change(entry: Entry, room: RoomId, account: Option<UserId>, target: Option<Target>) -> Option<Change> {
    Some(match entry {
        Entry::Message { content } => Change::Message { room, content },
        Entry::Erased { .. } => Change::Message { room, content: "".into() },
        Entry::Edit { content, .. } => {
            Change::Edit { room, target: target?, content: content.unwrap_or_default() }
        }
        Entry::Redact { .. } => Change::Redact { room, target: target? },
        Entry::React { emoji, remove, .. } => Change::React { room, target: target?, emoji, remove },
        Entry::SetTopic { topic } => Change::SetTopic { room, topic },
        Entry::Archive { archived } => Change::Archive { room, archived },
        Entry::ChangeMember { role, .. } => Change::ChangeMember { room, account: account?, role },
        Entry::CreateAccount { .. }
        | Entry::CreateRoom { .. }
        | Entry::ChangeNick { .. }
        | Entry::RenameRoom { .. }
        | Entry::ImportAccount { .. } => return None,
    })
}
