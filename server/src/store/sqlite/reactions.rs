//! The reactions to messages. They follow from the events, and are deleted with the text of their message.

use parlour_core::model::{RoomId, UserId};
use rusqlite::{Connection, params};

use super::{
    entry::Entry,
    events::{EVENT_COLUMNS, Event, event},
    message_key::{key, parts},
    profiles::account,
    revisions, rooms,
};
use crate::store::{MESSAGE_EMOJI, OWN_EMOJI, Reaction, ReactionPage, StoredMessage, Target};

/// Adapts the reactions to an event.
pub(super) fn apply(connection: &Connection, event: &Event) -> rusqlite::Result<()> {
    match &event.entry {
        Entry::React { target, emoji, remove: false, .. } => {
            add(connection, *target, event.sender, emoji, key(event.log, event.seq))
        }
        Entry::React { target, emoji, remove: true, .. } => remove(connection, *target, event.sender, emoji),
        Entry::Redact { target, .. } => delete(connection, *target),
        _ => Ok(()),
    }
}

fn add(connection: &Connection, message: i64, account: i64, emoji: &str, place: i64) -> rusqlite::Result<()> {
    let inserted = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO reaction (message, account, emoji, place) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![message, account, emoji, place])?;
    if inserted == 1 {
        connection
            .prepare_cached(
                "INSERT INTO reaction_count (message, emoji, first, count) VALUES (?1, ?2, ?3, 1)
                 ON CONFLICT (message, emoji) DO UPDATE SET count = count + 1",
            )?
            .execute(params![message, emoji, place])?;
        connection.prepare_cached("UPDATE body SET reacted = 1 WHERE place = ?1")?.execute([message])?;
    }
    Ok(())
}

fn remove(connection: &Connection, message: i64, account: i64, emoji: &str) -> rusqlite::Result<()> {
    let removed = connection
        .prepare_cached("DELETE FROM reaction WHERE message = ?1 AND account = ?2 AND emoji = ?3")?
        .execute(params![message, account, emoji])?;
    if removed == 1 {
        let of_emoji = params![message, emoji];
        connection
            .prepare_cached("UPDATE reaction_count SET count = count - 1 WHERE message = ?1 AND emoji = ?2")?
            .execute(of_emoji)?;
        connection
            .prepare_cached("DELETE FROM reaction_count WHERE message = ?1 AND emoji = ?2 AND count = 0")?
            .execute(of_emoji)?;
        connection
            .prepare_cached(
                "UPDATE body SET reacted = EXISTS (SELECT 1 FROM reaction_count WHERE message = ?1)
                 WHERE place = ?1",
            )?
            .execute([message])?;
    }
    Ok(())
}

/// Deletes the reactions to a message.
pub(super) fn delete(connection: &Connection, message: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM reaction WHERE message = ?1")?.execute([message])?;
    connection.prepare_cached("DELETE FROM reaction_count WHERE message = ?1")?.execute([message])?;
    connection.prepare_cached("UPDATE body SET reacted = 0 WHERE place = ?1")?.execute([message]).map(drop)
}

/// Returns `true` if an account reacts to a message with an emoji.
pub(super) fn exists(
    connection: &Connection,
    message: i64,
    account: i64,
    emoji: &str,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM reaction WHERE message = ?1 AND account = ?2 AND emoji = ?3")?
        .exists(params![message, account, emoji])
}

/// Returns `true` if an account can react to a message with another emoji.
pub(super) fn is_possible(
    connection: &Connection,
    message: i64,
    account: i64,
    emoji: &str,
) -> rusqlite::Result<bool> {
    let (own, of_all, is_new) = connection
        .prepare_cached(
            "SELECT (SELECT count(*) FROM reaction WHERE message = ?1 AND account = ?2),
                 (SELECT count(*) FROM reaction_count WHERE message = ?1),
                 NOT EXISTS (SELECT 1 FROM reaction_count WHERE message = ?1 AND emoji = ?3)",
        )?
        .query_row(params![message, account, emoji], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, u32>(1)?, row.get::<_, bool>(2)?))
        })?;
    Ok(own < OWN_EMOJI && (!is_new || of_all < MESSAGE_EMOJI))
}

/// The reactions to a message.
pub(super) fn of_message(connection: &Connection, message: i64) -> rusqlite::Result<Vec<Reaction>> {
    let mut counts = connection
        .prepare_cached("SELECT emoji, count FROM reaction_count WHERE message = ?1 ORDER BY first")?;
    let reaction =
        |row: &rusqlite::Row<'_>| Ok(Reaction { emoji: row.get(0)?, count: row.get(1)?, own: false });
    counts.query_map([message], reaction)?.collect()
}

/// The emoji with which an account reacts to a message.
pub(super) fn of_account(
    connection: &Connection,
    message: i64,
    account: i64,
) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached("SELECT emoji FROM reaction WHERE message = ?1 AND account = ?2 ORDER BY place")?
        .query_map([message, account], |row| row.get(0))?
        .collect()
}

/// Adds the reactions to messages of a room, which are in the order of the room.
pub(super) fn fill(
    connection: &Connection,
    room: i64,
    messages: &mut [StoredMessage],
) -> rusqlite::Result<()> {
    let [first, .., last] = messages else {
        if let [only] = messages {
            only.reactions = of_message(connection, key(room, only.place.seq))?;
        }
        return Ok(());
    };
    let range = [key(room, first.place.seq), key(room, last.place.seq)];
    let mut counts = connection.prepare_cached(
        "SELECT message, emoji, count FROM reaction_count WHERE message BETWEEN ?1 AND ?2 ORDER BY message, first",
    )?;
    let mut rows = counts.query(range)?;
    while let Some(row) = rows.next()? {
        let (_, seq) = parts(row.get(0)?);
        if let Ok(at) = messages.binary_search_by_key(&seq, |message| message.place.seq) {
            messages[at].reactions.push(Reaction { emoji: row.get(1)?, count: row.get(2)?, own: false });
        }
    }
    Ok(())
}

/// See [`crate::store::LogReader::own_reactions`].
pub(super) fn own(
    connection: &mut Connection,
    room: RoomId,
    account: UserId,
    (from, to): (u64, u64),
) -> rusqlite::Result<Vec<(u64, String)>> {
    let snapshot = connection.transaction()?;
    let Some(head) = rooms::head(&snapshot, room)? else { return Ok(Vec::new()) };
    let mut own = snapshot.prepare_cached(
        "SELECT message, emoji FROM reaction
         WHERE account = (SELECT id FROM account WHERE user = ?1) AND message BETWEEN ?2 AND ?3",
    )?;
    let range = params![account.0, key(head.id, from), key(head.id, to)];
    own.query_map(range, |row| Ok((parts(row.get(0)?).1, row.get(1)?)))?.collect()
}

/// See [`crate::store::LogReader::reactions`].
pub(super) fn list(
    connection: &mut Connection,
    room: RoomId,
    target: Target,
    emoji: &str,
    count: usize,
) -> rusqlite::Result<ReactionPage> {
    let snapshot = connection.transaction()?;
    let Some(head) = rooms::head(&snapshot, room)? else { return Ok(ReactionPage::default()) };
    let Some(message) = revisions::find(&snapshot, &head, target)? else {
        return Ok(ReactionPage::default());
    };
    let mut people = snapshot.prepare_cached(
        "SELECT user, nick, holds_nick FROM reaction CROSS JOIN account ON account.id = reaction.account
         WHERE message = ?1 AND emoji = ?2 ORDER BY place LIMIT ?3",
    )?;
    let limit = i64::try_from(count).unwrap_or(i64::MAX);
    let people = people.query_map(params![message.place, emoji, limit], |row| account(row, 0))?;
    let people = people.collect::<rusqlite::Result<_>>()?;
    let total = of_message(&snapshot, message.place)?.into_iter().find(|reaction| reaction.emoji == emoji);
    Ok(ReactionPage { people, total: total.map_or(0, |reaction| reaction.count.into()) })
}

/// Makes the reactions those of the events.
pub(super) fn rebuild(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "DELETE FROM reaction; DELETE FROM reaction_count; UPDATE body SET reacted = 0 WHERE reacted;",
    )?;
    let mut events = connection
        .prepare(&format!("SELECT {EVENT_COLUMNS}, NULL FROM event WHERE kind IN (10, 11) ORDER BY place"))?;
    let mut rows = events.query([])?;
    while let Some(row) = rows.next()? {
        apply(connection, &event(row)?)?;
    }
    Ok(())
}
