//! Pages: a part of a room, read in one transaction.

use parlour_core::model::MessageId;
use rusqlite::{Connection, Row, Rows};

use super::{
    place::{self, LAST_SEQ, key},
    rooms::{self, Room},
    runs,
};
use crate::log::{Page, Place, Size, Start, Stored};

/// As [`crate::log::Read::page`].
pub(super) fn page(
    connection: &mut Connection,
    room: &str,
    start: Start,
    size: Size,
) -> rusqlite::Result<Page> {
    // One snapshot for all the statements of a page.
    let snapshot = connection.transaction()?;
    let Some(room) = rooms::find(&snapshot, room)? else {
        return Ok(Page { reached_start: true, reached_end: true, ..Page::default() });
    };
    let view = View { connection: &snapshot, room };
    match start {
        Start::Before(seq) => view.before(seq, size),
        Start::After(seq) => view.after(seq, size),
        Start::At(time) => view.at(time, size),
        Start::End => view.before(u64::MAX, size),
    }
}

/// A message of a statement whose first columns are place, time, id, nick and content.
fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        place: Place { seq: place::parts(row.get(0)?).1, time: row.get(1)? },
        id: MessageId(row.get(2)?),
        nick: row.get(3)?,
        content: row.get(4)?,
    })
}

/// Some messages, in the order they were read.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) messages: Vec<Stored>,
    /// There is nothing further that way.
    is_all: bool,
    bytes: usize,
}

impl Part {
    /// Takes as many as `size` allows, and `least` whatever they weigh.
    fn take(rows: Rows<'_>, size: Size, least: usize) -> rusqlite::Result<Self> {
        let mut part = Self::default();
        part.is_all = part.add(rows, size, least, |_| Ok(true))?;
        Ok(part)
    }

    /// Takes those that are wanted, as [`take`](Self::take) does, after what is there. `false` when there is more than fits.
    pub(super) fn add(
        &mut self,
        mut rows: Rows<'_>,
        size: Size,
        least: usize,
        is_wanted: impl Fn(&Row<'_>) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<bool> {
        while let Some(row) = rows.next()? {
            if is_wanted(row)? && !self.take_one(stored(row)?, size, least) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes one more, if `size` allows it or there are not `least` yet.
    fn take_one(&mut self, message: Stored, size: Size, least: usize) -> bool {
        let bytes = self.bytes.saturating_add(message.content.len());
        let count = self.messages.len();
        let fits = count < least || count < size.messages && bytes <= size.bytes;
        if fits {
            self.bytes = bytes;
            self.messages.push(message);
        }
        fits
    }
}

/// A room as a transaction sees it.
struct View<'a> {
    connection: &'a Connection,
    room: Room,
}

impl View<'_> {
    fn before(&self, seq: u64, size: Size) -> rusqlite::Result<Page> {
        let Part { mut messages, is_all, .. } = self.older(seq, size, 1)?;
        messages.reverse();
        let to = self.any(seq, LAST_SEQ)?.then(|| seq.saturating_sub(1));
        let from = first(&messages).filter(|_| !is_all);
        Ok(self.assemble(from, to, messages))
    }

    fn after(&self, seq: u64, size: Size) -> rusqlite::Result<Page> {
        let Part { messages, is_all, .. } = self.newer(seq, size, 1)?;
        let from = self.any(0, seq)?.then(|| seq.min(self.room.last_seq));
        let to = last(&messages).filter(|_| !is_all);
        Ok(self.assemble(from, to, messages))
    }

    fn at(&self, time: i64, size: Size) -> rusqlite::Result<Page> {
        let Some(found) = runs::since(self.connection, self.room.id, time)? else {
            return self.before(u64::MAX, size);
        };
        let (_, seq) = place::parts(found);
        let half = Size { messages: size.messages / 2, bytes: size.bytes / 2 };
        let older = self.older(seq, half, 0)?;
        let left = Size { messages: size.messages - older.messages.len(), bytes: size.bytes - older.bytes };
        let newer = self.newer(seq.saturating_sub(1), left, 1)?;
        let mut messages = older.messages;
        messages.reverse();
        messages.extend(newer.messages);
        let from = first(&messages).filter(|_| !older.is_all);
        let to = last(&messages).filter(|_| !newer.is_all);
        Ok(self.assemble(from, to, messages))
    }

    /// A page with its ends, where it has not reached the room's.
    fn assemble(&self, from: Option<u64>, to: Option<u64>, messages: Vec<Stored>) -> Page {
        Page {
            from: from.unwrap_or(0),
            to: to.unwrap_or(self.room.last_seq),
            messages,
            reached_start: from.is_none(),
            reached_end: to.is_none(),
        }
    }

    /// Those before `seq`, the newest first.
    fn older(&self, seq: u64, size: Size, least: usize) -> rusqlite::Result<Part> {
        let mut statement = self.connection.prepare_cached(
            "SELECT place, time, id, nick, content FROM message WHERE place BETWEEN ?1 AND ?2 ORDER BY place DESC",
        )?;
        let rows = statement.query([key(self.room.id, 0), key(self.room.id, seq.saturating_sub(1))])?;
        Part::take(rows, size, least)
    }

    /// Those after `seq`, the oldest first.
    fn newer(&self, seq: u64, size: Size, least: usize) -> rusqlite::Result<Part> {
        let mut statement = self.connection.prepare_cached(
            "SELECT place, time, id, nick, content FROM message WHERE place BETWEEN ?1 AND ?2 ORDER BY place",
        )?;
        let rows =
            statement.query([key(self.room.id, seq.saturating_add(1)), key(self.room.id, LAST_SEQ)])?;
        Part::take(rows, size, least)
    }

    /// Whether there is a message from one number to another.
    fn any(&self, from: u64, to: u64) -> rusqlite::Result<bool> {
        let mut statement =
            self.connection.prepare_cached("SELECT 1 FROM message WHERE place BETWEEN ?1 AND ?2 LIMIT 1")?;
        statement.exists([key(self.room.id, from), key(self.room.id, to)])
    }
}

/// The number that the messages are after.
fn first(messages: &[Stored]) -> Option<u64> {
    messages.first().map(|message| message.place.seq - 1)
}

/// The number that the messages go up to.
fn last(messages: &[Stored]) -> Option<u64> {
    messages.last().map(|message| message.place.seq)
}
