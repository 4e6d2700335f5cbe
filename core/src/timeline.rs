//! The rows of a room as they are shown: messages in order, joining and leaving members in summary lines, and gaps as
//! tall as the messages that are missing there.
//!
//! Acknowledged messages are sorted by ord, their number in the room; the others follow in the order in which they were
//! written. A basic server has no ords, so its messages stay in the order of their arrival.
//!
//! The number of rows in memory is bounded, and rows are packed (see `block`). Each row has a height, estimated until
//! the view has measured it, so that a view which renders only the rows in its viewport can locate every row. Rows far
//! from the scroll anchor are evicted: they become a gap of the same height, so that nothing moves on the screen.
//!
//! | module | contents |
//! | --- | --- |
//! | this one | inserting and updating rows |
//! | `row` | the content of a row |
//! | `block`, `senders` | packed rows |
//! | `size` | the exact number of messages, and the line above new ones |
//! | `update` | [`TimelineUpdate`], what the state of a room passes to its timeline |
//! | `gaps` | gaps and eviction |
//! | `locate` | finding a message, or where to insert it |
//! | `query` | reading rows and their positions |

mod block;
mod gaps;
mod locate;
mod query;
mod row;
mod senders;
mod size;
mod update;

use std::{collections::BTreeMap, sync::Arc};

use self::{
    block::{BLOCK_ROWS, Block, PackedRow},
    locate::{RowIndex, sort_key},
    senders::Senders,
};
pub use self::{
    row::{COLLAPSED_PX, Notice, PRESENCE_NAMES, PresenceSummary, RoomNotice, Row, RowKind, SCREENFUL_PX},
    update::TimelineUpdate,
};
use crate::{
    model::{Delivery, Message, MessageId, UserId},
    ranges::{GapState, Range},
};

/// A message is shown without its nick when it follows one by the same sender within this time, in ms.
const CONTINUES_WITHIN_MS: i64 = 5 * 60_000;

/// The values from which the height of a row is estimated until it is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowMetrics {
    /// The height of a message of one line, in CSS pixels.
    pub message_px: f32,
    /// The height of each further line, in CSS pixels.
    pub line_px: f32,
    /// The number of bytes of text that fit into a line.
    pub bytes_per_line: f32,
}

impl Default for RowMetrics {
    fn default() -> Self {
        Self { message_px: 44.0, line_px: 24.0, bytes_per_line: 70.0 }
    }
}

/// Messages with at least this many lines are in the same height class.
const CLASS_LINES: usize = 16;

/// The number of height classes, see [`Timeline::height_class`].
const HEIGHT_CLASSES: usize = 4 * CLASS_LINES;

/// The estimated height of a row that is not a message, in CSS pixels.
const OTHER_ROW_PX: f32 = 30.0;

/// The content of a row that is not a message.
#[derive(Clone, Debug)]
enum OtherRow {
    Gap(GapState),
    Presence(PresenceSummary),
    Notice(Notice),
}

/// The rows of one room.
pub struct Timeline {
    /// The blocks, in order; none of them is empty.
    blocks: Vec<Block>,
    len: usize,
    senders: Senders,
    /// The content of the rows that are not messages, by row key.
    others: BTreeMap<u32, OtherRow>,
    /// The keys of the messages that the user has expanded.
    expanded: Vec<u32>,
    last_key: u32,
    /// Maps a Unix time in ms to the number of its local day.
    day_of: Box<dyn Fn(i64) -> i64 + Send + Sync>,
    metrics: RowMetrics,
    /// The last measured height of each height class; 0 when there is none.
    class_heights: [f32; HEIGHT_CLASSES],
    max_rows: usize,
    /// The key of the row at the scroll anchor; `None` at the end of the timeline.
    anchor: Option<u32>,
    /// The ords of the oldest and of the newest message of the room; `None` if they are not known.
    bounds: Option<(u64, u64)>,
    /// The line above new messages is after the message with this ord.
    unread_line: Option<u64>,
    /// The server has a history, so that evicted messages can be loaded again.
    has_history: bool,
    /// Evicted ranges that have not been polled yet.
    evicted: Vec<Range>,
    dropped_rows: usize,
}

impl std::fmt::Debug for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timeline")
            .field("rows", &self.len)
            .field("dropped_rows", &self.dropped_rows)
            .finish_non_exhaustive()
    }
}

impl Timeline {
    /// An empty room. `day_of` maps a Unix time in ms to the number of its local day, because only the caller knows the
    /// time zone. About `max_rows` rows are held; beyond that those farthest from the anchor are evicted.
    #[must_use]
    pub fn new(max_rows: usize, day_of: impl Fn(i64) -> i64 + Send + Sync + 'static) -> Self {
        Self {
            blocks: Vec::new(),
            len: 0,
            senders: Senders::default(),
            others: BTreeMap::new(),
            expanded: Vec::new(),
            last_key: 0,
            day_of: Box::new(day_of),
            metrics: RowMetrics::default(),
            class_heights: [0.0; HEIGHT_CLASSES],
            max_rows,
            anchor: None,
            bounds: None,
            unread_line: None,
            has_history: false,
            evicted: Vec::new(),
            dropped_rows: 0,
        }
    }

    /// Inserts messages of the history, or from the device.
    pub fn insert_page(&mut self, messages: Vec<Message>) {
        messages.into_iter().for_each(|message| self.put(message));
        self.evict_excess();
    }

    /// Inserts a message, or updates the row that it has already. An acknowledged message stays acknowledged: the send
    /// queue of a former leader may be outdated.
    pub fn insert(&mut self, message: Message) {
        self.put(message);
        self.evict_excess();
    }

    /// Sets the delivery state of an own message.
    pub fn set_delivery(&mut self, id: MessageId, delivery: Delivery) {
        if let Some(message) = self.unacknowledged(id) {
            self.put(Message { delivery, ..message });
        }
    }

    /// The own message with this id, unless it is acknowledged.
    #[must_use]
    pub fn unacknowledged(&self, id: MessageId) -> Option<Message> {
        Some(self.message_at(self.find_unacknowledged(id)?))
    }

    /// Removes an own message that is not acknowledged.
    pub fn discard(&mut self, id: MessageId) {
        if let Some(index) = self.find_unacknowledged(id) {
            self.remove(index);
        }
    }

    /// Adds a member that has joined or left, at a Unix time in ms, to the last row or a new one.
    pub fn presence_changed(&mut self, nick: &Arc<str>, joined: bool, time: i64) {
        if let Some((key, index)) = self.last()
            && let Some(OtherRow::Presence(summary)) = self.others.get_mut(&key)
        {
            summary.add(nick, joined, time);
            if summary.is_empty() {
                self.remove(index);
            }
            return;
        }
        let mut summary = PresenceSummary::default();
        summary.add(nick, joined, time);
        self.push(OtherRow::Presence(summary));
    }

    /// Appends a notice, unless the last row has the same one.
    pub fn push_notice(&mut self, notice: Notice) {
        let last = self.last().and_then(|(key, _)| self.others.get(&key));
        if !matches!(last, Some(OtherRow::Notice(last)) if *last == notice) {
            self.push(OtherRow::Notice(notice));
        }
    }

    /// Sets the present nick of an account, under which its messages are shown.
    pub fn set_nick(&mut self, account: UserId, nick: Arc<str>) {
        self.senders.rename(account, nick);
    }

    /// Removes everything except the own messages that are not acknowledged, because the server has a different log, or to
    /// free memory.
    pub fn clear_acknowledged(&mut self) {
        let remaining: Vec<_> = self
            .indices_from((0, 0))
            .filter(|index| !self.packed(*index).is_sent())
            .map(|index| self.message_at(index))
            .collect();
        self.blocks.clear();
        self.others.clear();
        self.expanded.clear();
        (self.len, self.anchor, self.bounds) = (0, None, None);
        self.evicted.clear();
        self.insert_page(remaining);
    }

    fn put(&mut self, message: Message) {
        // Ids are unique among the messages of an account only.
        let may_be_own = message.own || message.sender.is_none();
        let existing = Some(message.id).filter(|_| may_be_own).and_then(|id| self.find_unacknowledged(id));
        let existing = existing.or_else(|| self.find_acknowledged(&message));
        let (mut key, mut expanded) = (None, false);
        if let Some(index) = existing {
            let is_sent = self.packed(index).is_sent();
            if is_sent && message.delivery != Delivery::Sent {
                return;
            }
            // Without an account, an own message is sent again under another nick after its sender has changed that.
            let has_same_sender = self.senders.is(self.packed(index).sender(), message.sender, &message.nick);
            if has_same_sender && self.is_in_order(index, sort_key(&message)) {
                self.senders.intern(message.sender, &message.nick);
                return self.blocks[index.0].set(index.1, &message);
            }
            key = has_same_sender.then(|| self.packed(index).key);
            expanded = self.is_expanded(self.packed(index).key);
            self.remove(index);
        }
        let key = key.unwrap_or_else(|| self.new_key());
        let index = self.insertion_index(sort_key(&message));
        let sender = self.senders.intern(message.sender, &message.nick);
        let continued = self.continues(index, sender, message.time);
        self.set_expanded(key, expanded);
        let height = self.estimate_height(&message.content, expanded, continued, message.own);
        let (block, at) = self.reserve(index);
        self.blocks[block].insert(at, key, sender, height, &message);
        self.len += 1;
    }

    /// The estimated height of a message in CSS pixels: that of the last measured message of its class, or else an estimate
    /// from its number of lines.
    fn estimate_height(&self, text: &str, expanded: bool, continued: bool, own: bool) -> f32 {
        let measured = self.class_heights[self.height_class(text, continued, own)];
        if measured > 0.0 && !expanded {
            return measured;
        }
        #[allow(clippy::cast_precision_loss, reason = "rounding does not matter in an estimate")]
        let text_px = self.metrics.line_px * self.extra_lines(text) as f32;
        let shown_px = if text_px > SCREENFUL_PX && !expanded { COLLAPSED_PX } else { text_px };
        self.metrics.message_px + shown_px
    }

    /// Messages of the same class are expected to have the same height: they have the same number of lines and the same
    /// decoration.
    fn height_class(&self, text: &str, continued: bool, own: bool) -> usize {
        let lines = self.extra_lines(text).min(CLASS_LINES - 1);
        lines + CLASS_LINES * (usize::from(continued) + 2 * usize::from(own))
    }

    /// The estimated number of lines of a text after its first one.
    fn extra_lines(&self, text: &str) -> usize {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "texts are short enough for an f32, and lengths are not negative"
        )]
        let wrapped = |line: &str| (line.len() as f32 / self.metrics.bytes_per_line) as usize;
        text.split('\n').map(|line| 1 + wrapped(line)).sum::<usize>() - 1
    }

    // ---- inserting and removing rows

    fn new_key(&mut self) -> u32 {
        self.last_key += 1;
        self.last_key
    }

    /// Makes room for one row, and returns where to insert it; splits a full block.
    fn reserve(&mut self, index: RowIndex) -> RowIndex {
        if self.blocks.is_empty() {
            self.blocks.push(Block::default());
        }
        // The last block is removed with a gap that was its only row.
        let (block, at) = if index.0 < self.blocks.len() { index } else { self.end() };
        if self.blocks[block].rows.len() < BLOCK_ROWS {
            return (block, at);
        }
        if at == BLOCK_ROWS && block + 1 == self.blocks.len() {
            // Appending must not leave half-empty blocks behind.
            self.blocks.push(Block::default());
            return (block + 1, 0);
        }
        let second = self.blocks[block].split();
        self.blocks.insert(block + 1, second);
        let half = self.blocks[block].rows.len();
        if at > half { (block + 1, at - half) } else { (block, at) }
    }

    /// Appends a row that is not a message.
    fn push(&mut self, other: OtherRow) {
        self.insert_other(self.end(), other, OTHER_ROW_PX);
        self.evict_excess();
    }

    fn insert_other(&mut self, index: RowIndex, other: OtherRow, height: f32) -> RowIndex {
        let row = self.new_other(other, height);
        let (block, at) = self.reserve(index);
        self.blocks[block].insert_row(at, row);
        (block, at)
    }

    /// Creates a row that is not a message; the caller has to insert it into a block.
    fn new_other(&mut self, other: OtherRow, height: f32) -> PackedRow {
        let key = self.new_key();
        self.others.insert(key, other);
        self.len += 1;
        PackedRow::other(key, height)
    }

    fn remove(&mut self, (block, at): RowIndex) -> PackedRow {
        let row = self.blocks[block].remove(at);
        self.len -= 1;
        if self.blocks[block].rows.is_empty() {
            self.blocks.remove(block);
        }
        self.others.remove(&row.key);
        self.set_expanded(row.key, false);
        row
    }

    // ---- reading rows

    fn packed(&self, (block, at): RowIndex) -> &PackedRow {
        &self.blocks[block].rows[at]
    }

    fn message_at(&self, (block, at): RowIndex) -> Message {
        let sender = self.senders.get(self.blocks[block].rows[at].sender());
        self.blocks[block].message(at, sender)
    }

    fn gap(&self, key: u32) -> Option<GapState> {
        match self.others.get(&key) {
            Some(OtherRow::Gap(gap)) => Some(*gap),
            _ => None,
        }
    }

    /// The key and the index of the last row.
    fn last(&self) -> Option<(u32, RowIndex)> {
        let index = self.indices_before(self.end()).next()?;
        Some((self.packed(index).key, index))
    }

    /// The index after the last row.
    fn end(&self) -> RowIndex {
        self.blocks.last().map_or((0, 0), |last| (self.blocks.len() - 1, last.rows.len()))
    }

    /// The indices of all rows from one on, in order.
    fn indices_from(&self, (block, at): RowIndex) -> impl Iterator<Item = RowIndex> {
        let blocks = self.blocks.iter().enumerate().skip(block);
        blocks.flat_map(move |(number, rows)| {
            (if number == block { at } else { 0 }..rows.rows.len()).map(move |at| (number, at))
        })
    }

    /// The indices of all rows before one, the nearest first.
    fn indices_before(&self, (block, at): RowIndex) -> impl Iterator<Item = RowIndex> {
        let same_block = (0..at).rev().map(move |at| (block, at));
        let earlier = self.blocks[..block].iter().enumerate().rev();
        same_block
            .chain(earlier.flat_map(|(number, rows)| (0..rows.rows.len()).rev().map(move |at| (number, at))))
    }
}

#[cfg(test)]
mod tests;
