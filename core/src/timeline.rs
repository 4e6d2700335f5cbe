//! The rows of a room as a reader sees them: messages in order, comings and goings in quiet lines, and what is missing
//! as the tall rows that it would be.
//!
//! Order: acknowledged messages by sequence number, then what is pending, in the order it was written. A basic
//! server gives no numbers; there the order of arrival stands.
//!
//! However large the room is, a bounded number of rows is held, packed (see `block`). Each has a height, estimated until
//! the view has measured it, so that a view which draws only the rows on the screen knows where every row is. What is let
//! go of, far from where the reader is, becomes a gap of the same height: nothing on the screen moves.
//!
//! | module | what it holds |
//! | --- | --- |
//! | this one | what comes in |
//! | `row` | what a row shows |
//! | `block`, `nicks` | rows packed |
//! | `gaps` | what is missing, and what is let go of |
//! | `place` | where a message is, or belongs |
//! | `look` | what a view asks: which rows, and where |

mod block;
mod gaps;
mod look;
mod nicks;
mod place;
mod row;

use std::sync::Arc;

pub use self::row::{Movement, NAMES_KEPT, Notice, Row, RowKind};
use self::{
    block::{Block, Packed, ROWS},
    nicks::Nicks,
    place::{Place, order},
};
use crate::{
    event::Missing,
    model::{Delivery, Message, MessageId},
    ranges::Range,
};

/// A message by the same person within this time after their last one needs no name above it. In ms.
const CONTINUES_WITHIN: i64 = 5 * 60_000;

/// From what the height of a row is estimated until it is measured, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// What a message of one line takes.
    pub message: f32,
    /// What each further line adds.
    pub line: f32,
    /// How many bytes of text fit in a line.
    pub bytes: f32,
}

impl Default for Measure {
    fn default() -> Self {
        Self { message: 44.0, line: 24.0, bytes: 70.0 }
    }
}

/// Messages of this many lines or more are alike.
const LINES: usize = 16;

/// How many kinds of messages are taken to be about as tall as each other; see [`Timeline::likeness`].
const LIKENESSES: usize = 4 * LINES;

/// What a row that is no message is estimated at.
const OTHER: f32 = 30.0;

/// What a row shows that is no message.
#[derive(Clone, Debug)]
enum Other {
    Gap(Missing),
    Movement(Movement),
    Notice(Notice),
}

/// The rows of one room.
pub struct Timeline {
    /// None of them is empty.
    blocks: Vec<Block>,
    len: usize,
    nicks: Nicks,
    /// What the rows show that are no messages, by their keys, which rise.
    others: Vec<(u32, Other)>,
    next_key: u32,
    /// Gives the number of the local day of a Unix time in ms.
    day_of: Box<dyn Fn(i64) -> i64 + Send + Sync>,
    measure: Measure,
    /// How tall rows were when they were measured last, by what they have in common; 0 where none was.
    learned: [f32; LIKENESSES],
    held: usize,
    /// The row that is being read; `None` at the end.
    reader: Option<u32>,
    /// The server has what is let go of.
    kept: bool,
    /// What was let go of and not told yet.
    let_go: Vec<Range>,
    dropped: usize,
}

impl std::fmt::Debug for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timeline")
            .field("rows", &self.len)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

impl Timeline {
    /// An empty room. `day_of` gives the number of the local day of a Unix time in ms (time zones are the caller's
    /// knowledge); about `held` rows are held at most, those go first that are farthest from the reader.
    #[must_use]
    pub fn new(held: usize, day_of: impl Fn(i64) -> i64 + Send + Sync + 'static) -> Self {
        Self {
            blocks: Vec::new(),
            len: 0,
            nicks: Nicks::default(),
            others: Vec::new(),
            next_key: 0,
            day_of: Box::new(day_of),
            measure: Measure::default(),
            learned: [0.0; LIKENESSES],
            held,
            reader: None,
            kept: false,
            let_go: Vec::new(),
            dropped: 0,
        }
    }

    /// Puts in messages of earlier that the reader has asked for, or that were kept.
    pub fn page(&mut self, messages: Vec<Message>) {
        messages.into_iter().for_each(|message| self.put(message));
        self.trim();
    }

    /// Puts a message in its place, or changes the row that it has already: what is said twice is shown once. What was
    /// acknowledged stays so: an outbox that another page left behind may not know it yet.
    pub fn message(&mut self, message: Message) {
        self.put(message);
        self.trim();
    }

    /// Changes how far a message has come.
    pub fn delivery(&mut self, id: MessageId, delivery: Delivery) {
        if let Some(message) = self.get(id) {
            self.put(Message { delivery, ..message });
        }
    }

    /// The own message of an id that is not acknowledged.
    #[must_use]
    pub fn get(&self, id: MessageId) -> Option<Message> {
        Some(self.message_at(self.unsent(id)?))
    }

    /// Takes a message out, as when the user discards one that failed.
    pub fn discard(&mut self, id: MessageId) {
        if let Some(place) = self.unsent(id) {
            self.remove(place);
        }
    }

    /// Somebody came (`true`) or went.
    pub fn moved(&mut self, nick: &Arc<str>, joined: bool, time: i64) {
        if let Some((key, place)) = self.last()
            && let Some(Other::Movement(movement)) = self.other_mut(key)
        {
            movement.add(nick, joined, time);
            if movement.is_empty() {
                self.remove(place);
            }
            return;
        }
        let mut movement = Movement::default();
        movement.add(nick, joined, time);
        self.push(Other::Movement(movement));
    }

    /// The program says something.
    pub fn notice(&mut self, notice: Notice) {
        // The same words twice in a row say nothing new.
        let last = self.last().and_then(|(key, _)| self.other(key));
        if !matches!(last, Some(Other::Notice(last)) if *last == notice) {
            self.push(Other::Notice(notice));
        }
    }

    /// The log is another one: what it had acknowledged is gone, and what is not acknowledged stays.
    pub fn forget(&mut self) {
        let stay: Vec<_> = self.places(0).filter(|place| !self.packed(*place).is_sent()).collect();
        let stay: Vec<_> = stay.into_iter().map(|place| self.message_at(place)).collect();
        self.blocks.clear();
        self.others.clear();
        (self.len, self.reader) = (0, None);
        self.page(stay);
    }

    fn put(&mut self, message: Message) {
        let known = self.unsent(message.id).or_else(|| self.sent(&message));
        let mut key = None;
        if let Some(place) = known {
            let sent = self.packed(place).is_sent();
            if sent && message.delivery != Delivery::Sent {
                return;
            }
            if self.may_stay(place, order(&message)) {
                return self.blocks[place.0].set(place.1, &message);
            }
            key = Some(self.packed(place).key);
            self.remove(place);
        }
        let key = key.unwrap_or_else(|| self.new_key());
        let place = self.open(order(&message));
        let nick = self.nicks.number(&message.nick);
        let continued = self.continues(place, nick, message.time);
        let height = self.estimate(message.content.len(), continued, message.own);
        let (block, at) = self.room_for(place);
        self.blocks[block].insert(at, key, nick, height, &message);
        self.len += 1;
    }

    /// How tall a message is thought to be: as one like it was, or as long as none was measured, by its length.
    fn estimate(&self, bytes: usize, continued: bool, own: bool) -> f32 {
        let learned = self.learned[self.likeness(bytes, continued, own)];
        if learned > 0.0 {
            return learned;
        }
        // A length that rounds is as good an estimate.
        #[allow(clippy::cast_precision_loss)]
        let lines = self.lines(bytes) as f32;
        self.measure.message + self.measure.line * lines
    }

    /// Messages of the same number have as many lines, by their length, and the same around them.
    fn likeness(&self, bytes: usize, continued: bool, own: bool) -> usize {
        let lines = self.lines(bytes).min(LINES - 1);
        lines + LINES * (usize::from(continued) + 2 * usize::from(own))
    }

    /// How many lines a text has beyond its first, by its length.
    fn lines(&self, bytes: usize) -> usize {
        // No text is so long that it is not exact, and none is shorter than nothing.
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let lines = (bytes as f32 / self.measure.bytes) as usize;
        lines
    }

    // ---- rows in and out

    fn new_key(&mut self) -> u32 {
        self.next_key += 1;
        self.next_key
    }

    /// Where to put a row that is to be at a place: the block has room.
    fn room_for(&mut self, (block, at): Place) -> Place {
        if self.blocks.is_empty() {
            self.blocks.push(Block::default());
        }
        let block = block.min(self.blocks.len() - 1);
        if self.blocks[block].rows.len() < ROWS {
            return (block, at);
        }
        if at == ROWS && block + 1 == self.blocks.len() {
            // It grows at its end: no use to have a half empty one before.
            self.blocks.push(Block::default());
            return (block + 1, 0);
        }
        let second = self.blocks[block].split();
        self.blocks.insert(block + 1, second);
        let half = self.blocks[block].rows.len();
        if at > half { (block + 1, at - half) } else { (block, at) }
    }

    /// Puts a row at the end that is no message.
    fn push(&mut self, other: Other) {
        let end = self.blocks.last().map_or((0, 0), |last| (self.blocks.len() - 1, last.rows.len()));
        self.insert_other(end, other, OTHER);
        self.trim();
    }

    fn insert_other(&mut self, place: Place, other: Other, height: f32) -> Place {
        let row = self.other_row(other, height);
        let (block, at) = self.room_for(place);
        self.blocks[block].insert_row(at, row);
        (block, at)
    }

    /// A new row that is no message, to be put in.
    fn other_row(&mut self, other: Other, height: f32) -> Packed {
        let key = self.new_key();
        self.others.push((key, other));
        self.len += 1;
        Packed::other(key, height)
    }

    fn remove(&mut self, (block, at): Place) -> Packed {
        let row = self.blocks[block].remove(at);
        self.len -= 1;
        if self.blocks[block].rows.is_empty() {
            self.blocks.remove(block);
        }
        if let Ok(at) = self.others.binary_search_by_key(&row.key, |(key, _)| *key) {
            self.others.remove(at);
        }
        row
    }

    // ---- reading

    fn packed(&self, (block, at): Place) -> &Packed {
        &self.blocks[block].rows[at]
    }

    fn message_at(&self, (block, at): Place) -> Message {
        let nick = self.nicks.get(self.blocks[block].rows[at].nick());
        self.blocks[block].message(at, nick)
    }

    fn other(&self, key: u32) -> Option<&Other> {
        let at = self.others.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        Some(&self.others[at].1)
    }

    fn other_mut(&mut self, key: u32) -> Option<&mut Other> {
        let at = self.others.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        Some(&mut self.others[at].1)
    }

    fn gap(&self, key: u32) -> Option<Missing> {
        match self.other(key) {
            Some(Other::Gap(missing)) => Some(*missing),
            _ => None,
        }
    }

    fn last(&self) -> Option<(u32, Place)> {
        let place = self.places_back().next()?;
        Some((self.packed(place).key, place))
    }

    /// All places from a block on, in order.
    fn places(&self, block: usize) -> impl Iterator<Item = Place> {
        self.places_from((block, 0))
    }

    /// All places from one on, in order.
    fn places_from(&self, (block, at): Place) -> impl Iterator<Item = Place> {
        let blocks = self.blocks.iter().enumerate().skip(block);
        blocks.flat_map(move |(number, of)| {
            (if number == block { at } else { 0 }..of.rows.len()).map(move |at| (number, at))
        })
    }

    /// All places, from the last one back.
    fn places_back(&self) -> impl Iterator<Item = Place> {
        self.places_back_from((self.blocks.len(), 0))
    }

    /// All places before one, the nearest first.
    fn places_back_from(&self, (block, at): Place) -> impl Iterator<Item = Place> {
        let here = (0..at).rev().map(move |at| (block, at));
        let before = self.blocks[..block].iter().enumerate().rev();
        here.chain(before.flat_map(|(number, of)| (0..of.rows.len()).rev().map(move |at| (number, at))))
    }
}

#[cfg(test)]
mod tests;
