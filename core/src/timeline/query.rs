//! Reading rows by their number, counted from the oldest, and their positions in CSS pixels from the top.

use super::{
    CONTINUES_WITHIN_MS, OtherRow, PackedRow, Row, RowIndex, RowKind, RowMetrics, Timeline, block::latest,
};
use crate::ranges::{Gap, GapState};

impl Timeline {
    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns `true` if there are messages or gaps.
    #[must_use]
    pub fn has_messages(&self) -> bool {
        self.indices_from((0, 0)).any(|index| self.is_message_or_gap(index))
    }

    /// All rows, oldest first.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.indices_from((0, 0)).map(|index| self.row_at(index))
    }

    /// The row with this number; `None` after the last one.
    #[must_use]
    pub fn row(&self, at: usize) -> Option<Row> {
        Some(self.row_at(self.index(at)?))
    }

    /// The key of the row with this number; `None` after the last one.
    #[must_use]
    pub fn key(&self, at: usize) -> Option<u32> {
        Some(self.packed(self.index(at)?).key)
    }

    /// The number of the row with a key. Tries the number `near` first; otherwise linear in the number of rows.
    #[must_use]
    pub fn index_of_key(&self, key: u32, near: usize) -> Option<usize> {
        if self.key(near) == Some(key) {
            return Some(near);
        }
        let index = self.indices_from((0, 0)).find(|index| self.packed(*index).key == key)?;
        Some(self.number(index))
    }

    /// The number of the row with an ord: its message, or the gap that contains it. If there is neither, that of
    /// the next message or gap, or else of the last message; `None` in an empty room.
    #[must_use]
    pub fn index_of_ord(&self, ord: u64) -> Option<usize> {
        let before = self.last_up_to(ord);
        if let Some(index) = before
            && self.packed(index).ord == ord
        {
            return Some(self.number(index));
        }
        let from = before.map_or((0, 0), |(block, at)| (block, at + 1));
        let is_at_or_after = |index: &RowIndex| {
            let row = self.packed(*index);
            row.is_message() || self.gap(row.key).is_some_and(|state| state.gap.to >= ord)
        };
        self.indices_from(from).find(is_at_or_after).or(before).map(|index| self.number(index))
    }

    /// The height of all rows together, in CSS pixels.
    #[must_use]
    pub fn height(&self) -> f64 {
        self.blocks.iter().map(|block| block.height).sum()
    }

    /// The top of the row with this number, in CSS pixels; after the last one, the height of all rows.
    #[must_use]
    pub fn top(&self, at: usize) -> f64 {
        let Some((block, at)) = self.index(at) else { return self.height() };
        let blocks: f64 = self.blocks[..block].iter().map(|block| block.height).sum();
        blocks + self.blocks[block].rows[..at].iter().map(|row| f64::from(row.height)).sum::<f64>()
    }

    /// The height of the row with this number, in CSS pixels; 0 after the last one.
    #[must_use]
    pub fn height_of(&self, at: usize) -> f64 {
        self.index(at).map_or(0.0, |index| f64::from(self.packed(index).height))
    }

    /// The number of the row at a vertical position in CSS pixels: 0 above all rows, that of the last row below them.
    #[must_use]
    pub fn index_at(&self, y: f64) -> usize {
        let (mut top, mut number) = (0.0, 0);
        for block in &self.blocks {
            if top + block.height <= y {
                top += block.height;
                number += block.rows.len();
                continue;
            }
            for row in &block.rows {
                top += f64::from(row.height);
                if top > y {
                    return number;
                }
                number += 1;
            }
        }
        self.len.saturating_sub(1)
    }

    /// The gap that a row shows; `None` for other rows.
    #[must_use]
    pub fn gap_at(&self, at: usize) -> Option<GapState> {
        self.gap(self.packed(self.index(at)?).key)
    }

    /// Returns `true` if a row shows exactly this gap.
    #[must_use]
    pub fn has_gap(&self, gap: Gap) -> bool {
        let is_it = |other: &OtherRow| matches!(other, OtherRow::Gap(state) if state.gap == gap);
        self.others.values().any(is_it)
    }

    /// The ord of a row's message; `None` for other rows, and for messages without one.
    #[must_use]
    pub fn ord(&self, at: usize) -> Option<u64> {
        let row = self.packed(self.index(at)?);
        (row.is_message() && row.is_sent() && row.ord > 0).then_some(row.ord)
    }

    /// A time of the day that a row's message is shown under, Unix ms; `None` for other rows. It is the message's own time
    /// unless an earlier message has a later one: the server's clock went back, or the message was written on another day
    /// than it is sent. So days never go backwards.
    #[must_use]
    pub fn day_time(&self, at: usize) -> Option<i64> {
        let index = self.index(at)?;
        let own = self.packed(index).message_time()?;
        Some(self.latest_before(index).map_or(own, |before| before.max(own)))
    }

    /// The largest ord of all messages.
    #[must_use]
    pub fn newest(&self) -> Option<u64> {
        let is_sent = |index: &RowIndex| self.packed(*index).is_message() && self.packed(*index).is_sent();
        self.indices_before(self.end()).find(is_sent).map(|index| self.packed(index).ord)
    }

    /// Sets the measured height of a row, in CSS pixels. It becomes the estimate for messages of the same class.
    pub fn set_measured(&mut self, at: usize, height: f32) {
        let Some(index) = self.index(at) else { return };
        self.blocks[index.0].set_height(index.1, height);
        let row = *self.packed(index);
        // A day heading or the line above new messages makes a row taller than others of its class, and so does expanding a
        // message.
        let has_heading = self.starts_day(index, &row).is_some() || self.is_below_unread_line(index);
        let is_plain = row.is_message() && self.blocks[index.0].is_plain(index.1);
        if is_plain && !self.is_expanded(row.key) && !has_heading {
            let continued = self.continues(index, row.sender(), row.time);
            let class = self.height_class(self.blocks[index.0].text_of(index.1), continued, row.is_own());
            self.class_heights[class] = height;
        }
    }

    /// Discards all measured heights, because the width of the rows has changed, and estimates them from new metrics.
    pub fn set_metrics(&mut self, metrics: RowMetrics) {
        self.metrics = metrics;
        self.class_heights.fill(0.0);
        let messages: Vec<_> =
            self.indices_from((0, 0)).filter(|index| self.packed(*index).is_message()).collect();
        for (block, at) in messages {
            let row = self.blocks[block].rows[at];
            let (text, expanded) = (self.blocks[block].text_of(at), self.is_expanded(row.key));
            let height = self.estimate_height(text, expanded, false, row.is_own());
            self.blocks[block].set_height(at, height);
        }
    }

    /// Expands a message that is taller than [`SCREENFUL_PX`](super::SCREENFUL_PX), or collapses it again.
    pub fn set_expanded(&mut self, key: u32, expanded: bool) {
        self.expanded.retain(|other| *other != key);
        if expanded {
            self.expanded.push(key);
        }
    }

    pub(super) fn is_expanded(&self, key: u32) -> bool {
        self.expanded.contains(&key)
    }

    /// Sets the row at the scroll anchor; `None` for the end of the timeline. Rows near it are not evicted.
    pub fn set_anchor(&mut self, key: Option<u32>) {
        self.anchor = key;
    }

    /// The index of a row, given its number.
    pub(super) fn index(&self, mut at: usize) -> Option<RowIndex> {
        for (number, block) in self.blocks.iter().enumerate() {
            if at < block.rows.len() {
                return Some((number, at));
            }
            at -= block.rows.len();
        }
        None
    }

    /// The number of a row, given its index.
    fn number(&self, (block, at): RowIndex) -> usize {
        self.blocks[..block].iter().map(|block| block.rows.len()).sum::<usize>() + at
    }

    fn is_message_or_gap(&self, index: RowIndex) -> bool {
        let row = self.packed(index);
        row.is_message() || self.gap(row.key).is_some()
    }

    fn row_at(&self, index: RowIndex) -> Row {
        let row = *self.packed(index);
        let unread_line = self.is_below_unread_line(index);
        if row.is_message() {
            let day = self.starts_day(index, &row);
            let continued = day.is_none() && !unread_line && self.continues(index, row.sender(), row.time);
            let message = self.message_at(index);
            let expanded = self.is_expanded(row.key);
            let kind = RowKind::Message { message, continued };
            return Row { key: row.key, day, unread_line, expanded, kind };
        }
        let kind = match self.others.get(&row.key).cloned() {
            Some(OtherRow::Presence(summary)) => RowKind::Presence(summary),
            Some(OtherRow::Notice(notice)) => RowKind::Notice(notice),
            Some(OtherRow::Gap(gap)) => RowKind::Gap { gap, height: row.height.into() },
            None => unreachable!("`new_other` inserts the content of every row that is not a message"),
        };
        Row { key: row.key, day: None, unread_line, expanded: false, kind }
    }

    /// The message's time if it is the first one of its day. See [`Timeline::day_time`].
    fn starts_day(&self, index: RowIndex, row: &PackedRow) -> Option<i64> {
        let is_later = self
            .latest_before(index)
            .is_none_or(|before| before < row.time && (self.day_of)(before) < (self.day_of)(row.time));
        is_later.then_some(row.time)
    }

    /// The latest time of the messages above a row, Unix ms; `None` when there are none.
    fn latest_before(&self, (block, at): RowIndex) -> Option<i64> {
        let blocks = self.blocks[..block].iter().filter_map(|block| block.latest);
        blocks.max().max(latest(&self.blocks[block].rows[..at]))
    }

    /// Returns `true` if a message of this sender and time continues the row above this index, so that its nick is not
    /// repeated.
    pub(super) fn continues(&self, index: RowIndex, sender: u32, time: i64) -> bool {
        self.row_before(index).is_some_and(|above| {
            above.is_message() && above.sender() == sender && (time - above.time).abs() < CONTINUES_WITHIN_MS
        })
    }
}
