//! Pages: a part of a room, read in one transaction.

use parlour_core::model::MessageId;
use rusqlite::{Connection, Row, Rows};

use super::{
    message_key::{self, LAST_SEQ, key},
    rooms::{self, Room},
    runs,
};
use crate::store::{HistoryPage, PageSize, PageStart, Stamp, StoredMessage};

/// See [`crate::store::LogReader::page`].
pub(super) fn page(
    connection: &mut Connection,
    room: &str,
    start: PageStart,
    size: PageSize,
) -> rusqlite::Result<HistoryPage> {
    // One snapshot for all statements of a page.
    let snapshot = connection.transaction()?;
    let Some(room) = rooms::find(&snapshot, room)? else {
        return Ok(HistoryPage { reached_start: true, reached_end: true, ..HistoryPage::default() });
    };
    let view = View { connection: &snapshot, room };
    match start {
        PageStart::Before(seq) => view.before(seq, size),
        PageStart::After(seq) => view.after(seq, size),
        PageStart::At(time) => view.at(time, size),
        PageStart::End => view.before(u64::MAX, size),
    }
}

/// A message from a row with the columns place, time, id, nick and content.
pub(super) fn stored_message(row: &Row<'_>) -> rusqlite::Result<StoredMessage> {
    Ok(StoredMessage {
        stamp: Stamp { seq: message_key::parts(row.get(0)?).1, time: row.get(1)? },
        id: MessageId(row.get(2)?),
        nick: row.get(3)?,
        content: row.get(4)?,
    })
}

/// Collects messages up to a size, in the order they are read.
#[derive(Debug, Default)]
pub(super) struct PageBuilder {
    pub(super) messages: Vec<StoredMessage>,
    /// There are no further messages in this direction.
    complete: bool,
    bytes: usize,
}

impl PageBuilder {
    /// Takes as many as `size` allows, but at least `min_messages`.
    fn take(mut rows: Rows<'_>, size: PageSize, min_messages: usize) -> rusqlite::Result<Self> {
        let mut part = Self::default();
        while let Some(row) = rows.next()? {
            if !part.take_one(stored_message(row)?, size, min_messages) {
                return Ok(part);
            }
        }
        part.complete = true;
        Ok(part)
    }

    /// Adds one message if `size` allows it or there are fewer than `min_messages`. Returns whether it was added.
    pub(super) fn take_one(&mut self, message: StoredMessage, size: PageSize, min_messages: usize) -> bool {
        let bytes = self.bytes.saturating_add(message.content.len());
        let count = self.messages.len();
        let fits = count < min_messages || count < size.messages && bytes <= size.bytes;
        if fits {
            self.bytes = bytes;
            self.messages.push(message);
        }
        fits
    }
}

/// A room as seen by a transaction.
struct View<'a> {
    connection: &'a Connection,
    room: Room,
}

impl View<'_> {
    fn before(&self, seq: u64, size: PageSize) -> rusqlite::Result<HistoryPage> {
        let PageBuilder { mut messages, complete, .. } = self.older(seq, size, 1)?;
        messages.reverse();
        let to = self.any(seq, LAST_SEQ)?.then(|| seq.saturating_sub(1));
        let from = seq_before_first(&messages).filter(|_| !complete);
        Ok(self.assemble(from, to, messages))
    }

    fn after(&self, seq: u64, size: PageSize) -> rusqlite::Result<HistoryPage> {
        let PageBuilder { messages, complete, .. } = self.newer(seq, size, 1)?;
        let from = self.any(0, seq)?.then(|| seq.min(self.room.last_seq));
        let to = last_seq(&messages).filter(|_| !complete);
        Ok(self.assemble(from, to, messages))
    }

    fn at(&self, time: i64, size: PageSize) -> rusqlite::Result<HistoryPage> {
        let Some(found) = runs::since(self.connection, self.room.id, time)? else {
            return self.before(u64::MAX, size);
        };
        let (_, seq) = message_key::parts(found);
        let half = PageSize { messages: size.messages / 2, bytes: size.bytes / 2 };
        let older = self.older(seq, half, 0)?;
        let left =
            PageSize { messages: size.messages - older.messages.len(), bytes: size.bytes - older.bytes };
        let newer = self.newer(seq.saturating_sub(1), left, 1)?;
        let mut messages = older.messages;
        messages.reverse();
        messages.extend(newer.messages);
        let from = seq_before_first(&messages).filter(|_| !older.complete);
        let to = last_seq(&messages).filter(|_| !newer.complete);
        Ok(self.assemble(from, to, messages))
    }

    /// A page with its limits; `None` where it has reached the room's end.
    fn assemble(&self, from: Option<u64>, to: Option<u64>, messages: Vec<StoredMessage>) -> HistoryPage {
        HistoryPage {
            from: from.unwrap_or(0),
            to: to.unwrap_or(self.room.last_seq),
            messages,
            reached_start: from.is_none(),
            reached_end: to.is_none(),
        }
    }

    /// The messages before `seq`, newest first.
    fn older(&self, seq: u64, size: PageSize, min_messages: usize) -> rusqlite::Result<PageBuilder> {
        let mut statement = self.connection.prepare_cached(
            "SELECT place, time, id, nick, content FROM message WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC",
        )?;
        let rows = statement.query([key(self.room.id, 0), key(self.room.id, seq.saturating_sub(1))])?;
        PageBuilder::take(rows, size, min_messages)
    }

    /// The messages after `seq`, oldest first.
    fn newer(&self, seq: u64, size: PageSize, min_messages: usize) -> rusqlite::Result<PageBuilder> {
        let mut statement = self.connection.prepare_cached(
            "SELECT place, time, id, nick, content FROM message WHERE place BETWEEN ?1 AND ?2 ORDER BY place",
        )?;
        let rows =
            statement.query([key(self.room.id, seq.saturating_add(1)), key(self.room.id, LAST_SEQ)])?;
        PageBuilder::take(rows, size, min_messages)
    }

    /// Returns `true` if there is a message in a range of sequence numbers.
    fn any(&self, from: u64, to: u64) -> rusqlite::Result<bool> {
        let mut statement =
            self.connection.prepare_cached("SELECT 1 FROM message WHERE place BETWEEN ?1 AND ?2 LIMIT 1")?;
        statement.exists([key(self.room.id, from), key(self.room.id, to)])
    }
}

/// The sequence number before the first message.
fn seq_before_first(messages: &[StoredMessage]) -> Option<u64> {
    messages.first().map(|message| message.stamp.seq - 1)
}

/// The sequence number of the last message.
fn last_seq(messages: &[StoredMessage]) -> Option<u64> {
    messages.last().map(|message| message.stamp.seq)
}
