//! Deletes events that later ones have replaced: memberships, topics and names that were valid for a while.
//!
//! What is valid stays, however old it is, so that the rooms and accounts can be rebuilt from the log.

use std::collections::HashSet;

use parlour_core::model::UserId;
use rusqlite::Connection;

use super::{
    super::{
        entry::Entry,
        events::{EVENT_COLUMNS, Event, event},
        fingerprint::fingerprint,
        message_key::key,
        rooms::public_id,
    },
    Gone, Id, STEP_ROWS,
};
use crate::store::Change;

/// A pass over all events except messages, from the last room to the directory, newest first.
#[derive(Debug)]
pub(super) struct SupersededPass {
    /// The events from this key on were looked at.
    from: i64,
    /// The room, or the directory, to which they belong.
    log: i64,
    /// What was set by an event of this log that was looked at.
    set: HashSet<Subject>,
}

impl Default for SupersededPass {
    fn default() -> Self {
        Self { from: i64::MAX, log: i64::MAX, set: HashSet::new() }
    }
}

/// What an event sets. Only the last one counts.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Subject {
    Topic,
    Archived,
    Member(i64),
    RoomName(i64),
    Nick(i64),
}

impl SupersededPass {
    /// Looks at some events, and deletes those from before a time that are replaced. Returns whether events are left.
    pub(super) fn step(&mut self, connection: &Connection, before: i64, now: i64) -> rusqlite::Result<bool> {
        let mut events = connection.prepare_cached(&format!(
            "SELECT {EVENT_COLUMNS}, NULL FROM event INDEXED BY event_other
             WHERE place < ?1 AND kind <> 0 ORDER BY place DESC LIMIT ?2"
        ))?;
        let events =
            events.query_map([self.from, STEP_ROWS], event)?.collect::<rusqlite::Result<Vec<_>>>()?;
        for event in &events {
            self.from = key(event.log, event.seq);
            if event.log != self.log {
                self.log = event.log;
                self.set.clear();
            }
            let is_replaced = subject(event).is_some_and(|subject| !self.set.insert(subject));
            if is_replaced && event.time < before && !takes_nick(event) {
                delete(connection, event, now)?;
            }
        }
        Ok(events.len() as i64 == STEP_ROWS)
    }
}

/// What an event sets; `None` if it also creates something, and stays.
fn subject(event: &Event) -> Option<Subject> {
    Some(match event.entry {
        Entry::SetTopic { .. } => Subject::Topic,
        Entry::Archive { .. } => Subject::Archived,
        Entry::ChangeMember { account, .. } => Subject::Member(account),
        Entry::RenameRoom { room, .. } => Subject::RoomName(room),
        Entry::ChangeNick { .. } => Subject::Nick(event.sender),
        // These are deleted with their message.
        Entry::Message { .. }
        | Entry::Erased { .. }
        | Entry::Edit { .. }
        | Entry::Redact { .. }
        | Entry::React { .. }
        | Entry::CreateAccount { .. }
        | Entry::CreateRoom { .. }
        | Entry::ImportAccount { .. } => return None,
    })
}

/// Returns `true` if another account lost its nick by this event. That is still so.
fn takes_nick(event: &Event) -> bool {
    matches!(event.entry, Entry::ChangeNick { from: Some(_), .. })
}

/// Deletes an event and stores its id.
fn delete(connection: &Connection, event: &Event, now: i64) -> rusqlite::Result<()> {
    let place = key(event.log, event.seq);
    if let Some(change) = change(connection, event)? {
        let id = Id {
            sender: event.sender,
            client_id: event.id.0,
            place,
            ord: event.place().ord.cast_signed(),
            time: event.time,
        };
        Gone::new(connection)?.store(&id, &fingerprint(&change), now)?;
    }
    connection.prepare_cached("DELETE FROM event WHERE place = ?1")?.execute([place]).map(drop)
}

/// The change as it was proposed; `None` for one that is not deleted.
fn change(connection: &Connection, event: &Event) -> rusqlite::Result<Option<Change>> {
    let user = |account: i64| {
        connection
            .prepare_cached("SELECT user FROM account WHERE id = ?1")?
            .query_row([account], |row| row.get(0).map(UserId))
    };
    Ok(Some(match &event.entry {
        Entry::SetTopic { topic } => {
            Change::SetTopic { room: public_id(connection, event.log)?, topic: topic.clone() }
        }
        Entry::Archive { archived } => {
            Change::Archive { room: public_id(connection, event.log)?, archived: *archived }
        }
        Entry::ChangeMember { account, role, .. } => Change::ChangeMember {
            room: public_id(connection, event.log)?,
            account: user(*account)?,
            role: *role,
        },
        Entry::RenameRoom { room, name } => {
            Change::RenameRoom { room: public_id(connection, *room)?, name: name.clone() }
        }
        Entry::ChangeNick { nick, .. } => Change::ChangeNick { nick: nick.clone(), from: None },
        Entry::Message { .. }
        | Entry::Erased { .. }
        | Entry::Edit { .. }
        | Entry::Redact { .. }
        | Entry::React { .. }
        | Entry::CreateAccount { .. }
        | Entry::CreateRoom { .. }
        | Entry::ImportAccount { .. } => return Ok(None),
    }))
}
