//! Pages: a part of a room, read in one transaction.

use parlour_core::model::{MessageId, RoomId, UserId};
use std::cell::Cell;

use rusqlite::{Connection, Row, Rows};

use super::{
    message_key::{self, LAST_SEQ, key},
    ords, reactions,
    rooms::{self, RoomHead},
    runs,
};
use crate::store::{HistoryPage, PageSize, PageStart, Place, StoredMessage, TextState};

/// See [`crate::store::LogReader::page`].
pub(super) fn page(
    connection: &mut Connection,
    room: RoomId,
    start: PageStart,
    size: PageSize,
) -> rusqlite::Result<HistoryPage> {
    // One snapshot for all statements of a page.
    let snapshot = connection.transaction()?;
    let Some(room) = rooms::head(&snapshot, room)? else {
        return Ok(HistoryPage { first_ord: 1, ..HistoryPage::default() });
    };
    let number = room.id;
    let view = View { connection: &snapshot, room, has_reactions: Cell::new(false) };
    let mut page = match start {
        PageStart::Before(ord) => view.before(ord, size),
        PageStart::After(ord) => view.after(ord, size),
        PageStart::Around(ord) => view.around(ord, size),
        PageStart::At(time) => view.at(time, size),
        PageStart::End => view.before(u64::MAX, size),
    }?;
    if view.has_reactions.get() {
        reactions::fill(&snapshot, number, &mut page.messages)?;
    }
    Ok(page)
}

/// A statement that reads messages with the columns of [`stored_message`]; the rest of it follows. The texts come first:
/// they belong to messages only, so other events cost nothing.
macro_rules! select_messages {
    ($rest:literal) => {
        concat!(
            "SELECT body.place, ord, time, client_id, user, nick, text, edited, erased, reacted FROM body
             CROSS JOIN event ON event.place = body.place CROSS JOIN account ON account.id = sender ",
            $rest
        )
    };
}
pub(super) use select_messages;

/// The message of a row of [`select_messages`].
pub(super) fn stored_message(row: &Row<'_>) -> rusqlite::Result<StoredMessage> {
    Ok(StoredMessage {
        place: Place {
            seq: message_key::parts(row.get(0)?).1,
            ord: row.get::<_, i64>(1)?.cast_unsigned(),
            time: row.get(2)?,
        },
        id: MessageId(row.get(3)?),
        sender: UserId(row.get(4)?),
        nick: row.get(5)?,
        content: row.get(6)?,
        state: text_state(row, 7)?,
        reactions: Vec::new(),
    })
}

/// The state of the text in the columns `edited` and `erased`, which begin at `at`.
pub(super) fn text_state(row: &Row<'_>, at: usize) -> rusqlite::Result<TextState> {
    let erased: Option<bool> = row.get(at + 1)?;
    let edited: Option<i64> = row.get(at)?;
    Ok(match erased {
        Some(true) => TextState::Erased,
        _ => edited.map_or(TextState::Original, TextState::Edited),
    })
}

/// Collects messages up to a size, in the order they are read.
#[derive(Debug, Default)]
pub(super) struct PageBuilder {
    pub(super) messages: Vec<StoredMessage>,
    /// There are no further messages in this direction.
    complete: bool,
    bytes: usize,
    /// There are reactions to some of the messages, or to the next one.
    has_reactions: bool,
}

impl PageBuilder {
    /// Takes as many as `size` allows, but at least `min_messages`.
    fn take(mut rows: Rows<'_>, size: PageSize, min_messages: usize) -> rusqlite::Result<Self> {
        let mut part = Self::default();
        while let Some(row) = rows.next()? {
            part.has_reactions |= row.get::<_, bool>(9)?;
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
    room: RoomHead,
    /// There are reactions to some of the messages that were read.
    has_reactions: Cell<bool>,
}

impl View<'_> {
    fn before(&self, ord: u64, size: PageSize) -> rusqlite::Result<HistoryPage> {
        let PageBuilder { mut messages, complete, .. } = self.older(self.seq(ord)?, size, 1)?;
        messages.reverse();
        let from = ord_before_first(&messages).filter(|_| !complete);
        let is_end = self.room.stored().is_empty() || ord > self.room.head_ord;
        let to = (!is_end).then(|| ord.saturating_sub(1));
        Ok(self.assemble(from, to, messages))
    }

    fn after(&self, ord: u64, size: PageSize) -> rusqlite::Result<HistoryPage> {
        let PageBuilder { messages, complete, .. } = self.newer(self.seq(ord.saturating_add(1))?, size, 1)?;
        let is_start = self.room.stored().is_empty() || ord < self.room.first_ord;
        let from = (!is_start).then(|| ord.min(self.room.head_ord));
        let to = last_ord(&messages).filter(|_| !complete);
        Ok(self.assemble(from, to, messages))
    }

    fn at(&self, time: i64, size: PageSize) -> rusqlite::Result<HistoryPage> {
        match runs::since(self.connection, self.room.id, time)? {
            Some(found) => self.around_seq(message_key::parts(found).1, size),
            None => self.before(u64::MAX, size),
        }
    }

    fn around(&self, ord: u64, size: PageSize) -> rusqlite::Result<HistoryPage> {
        if self.room.stored().is_empty() || ord > self.room.head_ord {
            return self.before(u64::MAX, size);
        }
        self.around_seq(self.seq(ord)?, size)
    }

    fn around_seq(&self, seq: u64, size: PageSize) -> rusqlite::Result<HistoryPage> {
        let half = PageSize { messages: size.messages / 2, bytes: size.bytes / 2 };
        let older = self.older(seq, half, 0)?;
        let left =
            PageSize { messages: size.messages - older.messages.len(), bytes: size.bytes - older.bytes };
        let newer = self.newer(seq, left, 1)?;
        let mut messages = older.messages;
        messages.reverse();
        messages.extend(newer.messages);
        let from = ord_before_first(&messages).filter(|_| !older.complete);
        let to = last_ord(&messages).filter(|_| !newer.complete);
        Ok(self.assemble(from, to, messages))
    }

    /// A page with its limits; `None` where it has reached the room's end.
    fn assemble(&self, from: Option<u64>, to: Option<u64>, messages: Vec<StoredMessage>) -> HistoryPage {
        HistoryPage {
            from: from.unwrap_or(0),
            to: to.unwrap_or(self.room.head_ord),
            messages,
            first_ord: self.room.first_ord,
            head_ord: self.room.head_ord,
            seq: self.room.head_seq,
        }
    }

    /// A sequence number between the messages below this ord and the others.
    fn seq(&self, ord: u64) -> rusqlite::Result<u64> {
        match ord {
            _ if ord <= self.room.first_ord => Ok(0),
            _ if ord > self.room.head_ord => Ok(LAST_SEQ),
            _ => Ok(ords::seq_of(self.connection, &self.room, ord)?.unwrap_or(LAST_SEQ)),
        }
    }

    /// The messages before `seq`, newest first.
    fn older(&self, seq: u64, size: PageSize, min_messages: usize) -> rusqlite::Result<PageBuilder> {
        let mut statement = self.connection.prepare_cached(select_messages!(
            "WHERE body.place >= ?1 AND body.place < ?2 ORDER BY body.place DESC"
        ))?;
        let rows = statement.query([key(self.room.id, 0), key(self.room.id, seq)])?;
        self.take(rows, size, min_messages)
    }

    /// The messages from `seq` on, oldest first.
    fn newer(&self, seq: u64, size: PageSize, min_messages: usize) -> rusqlite::Result<PageBuilder> {
        let mut statement = self
            .connection
            .prepare_cached(select_messages!("WHERE body.place BETWEEN ?1 AND ?2 ORDER BY body.place"))?;
        let rows = statement.query([key(self.room.id, seq), key(self.room.id, LAST_SEQ)])?;
        self.take(rows, size, min_messages)
    }

    fn take(&self, rows: Rows<'_>, size: PageSize, min_messages: usize) -> rusqlite::Result<PageBuilder> {
        let part = PageBuilder::take(rows, size, min_messages)?;
        self.has_reactions.set(self.has_reactions.get() || part.has_reactions);
        Ok(part)
    }
}

/// The ord before the first message.
fn ord_before_first(messages: &[StoredMessage]) -> Option<u64> {
    messages.first().map(|message| message.place.ord - 1)
}

/// The ord of the last message.
fn last_ord(messages: &[StoredMessage]) -> Option<u64> {
    messages.last().map(|message| message.place.ord)
}
