//! Gaps, whose rows are as tall as the messages that are missing there, and the eviction that creates them.

use super::{BLOCK_ROWS, OtherRow, RowIndex, Timeline};
use crate::ranges::{Gap, GapState, Range};

/// The maximum height of all gaps together, in CSS pixels. Browsers cut off elements taller than about 17 million.
const MAX_GAPS_PX: f64 = 6_000_000.0;
/// The minimum height of a gap, in CSS pixels, so that its text is visible.
const MIN_GAP_PX: f64 = 64.0;
/// The number of blocks at the end that are never evicted.
const PINNED_BLOCKS: usize = 2;

impl Timeline {
    /// Replaces the gaps. A gap of which a part was loaded keeps its row, because that may have the focus.
    pub fn set_gaps(&mut self, gaps: &[GapState]) {
        self.has_history = true;
        let message_px = self.gap_message_px(gaps.iter().map(|state| state.gap));
        let mut remaining = gaps.to_vec();
        let shown: Vec<_> =
            self.indices_from((0, 0)).filter(|index| self.gap(self.packed(*index).key).is_some()).collect();
        for index in shown.into_iter().rev() {
            let (key, height) = (self.packed(index).key, f64::from(self.packed(index).height));
            let Some(old) = self.gap(key) else { continue };
            let overlaps = |new: &GapState| new.gap.from < old.gap.to && old.gap.from < new.gap.to;
            let new =
                remaining.iter().position(overlaps).filter(|at| self.is_gap_at(index, remaining[*at].gap));
            if let Some(at) = new {
                let new = remaining.remove(at);
                let part = (missing_messages(new.gap) / missing_messages(old.gap)).min(1.0);
                self.update_gap(index, key, new, height * part);
            } else {
                self.remove(index);
            }
        }
        for new in remaining {
            let index = self.gap_index(new.gap.to);
            let height = row_height(missing_messages(new.gap) * message_px);
            self.insert_other(index, OtherRow::Gap(new), height);
        }
    }

    /// The next range that was evicted and has to be loaded again to be shown.
    pub fn poll_evicted(&mut self) -> Option<Range> {
        self.evicted.pop()
    }

    /// The number of evicted rows that can't be loaded again, because the server has no history.
    #[must_use]
    pub fn dropped_rows(&self) -> usize {
        self.dropped_rows
    }

    /// Makes the heights of gaps proportional to their missing messages again, if they differ by more than half. Returns
    /// whether one has changed.
    pub fn rebalance_gaps(&mut self) -> bool {
        let gaps: Vec<_> = self
            .indices_from((0, 0))
            .filter_map(|index| Some((index, self.gap(self.packed(index).key)?.gap)))
            .collect();
        let message_px = self.gap_message_px(gaps.iter().map(|(_, gap)| *gap));
        let mut changed = false;
        for ((block, at), gap) in gaps {
            let current = self.blocks[block].rows[at].height;
            let target = row_height(missing_messages(gap) * message_px);
            if current > target * 1.5 || target > current * 1.5 {
                self.blocks[block].set_height(at, target);
                changed = true;
            }
        }
        changed
    }

    /// The height of one missing message in CSS pixels, reduced so that all gaps together fit into [`MAX_GAPS_PX`].
    fn gap_message_px(&self, gaps: impl Iterator<Item = Gap>) -> f64 {
        let missing: f64 = gaps.map(missing_messages).sum();
        f64::from(self.metrics.message_px).min(MAX_GAPS_PX / missing.max(1.0))
    }

    fn update_gap(&mut self, (block, at): RowIndex, key: u32, new: GapState, height: f64) {
        if let Some(gap) = self.others.get_mut(&key) {
            *gap = OtherRow::Gap(new);
        }
        self.blocks[block].set_height(at, row_height(height));
    }

    /// Returns `true` if the row at this index is in the right position for a gap: after all older and before all newer
    /// messages.
    fn is_gap_at(&self, (block, at): RowIndex, gap: Gap) -> bool {
        let before = self.indices_before((block, at)).find_map(|index| self.packed(index).sort_key());
        let after = self.indices_from((block, at + 1)).find_map(|index| self.packed(index).sort_key());
        before.is_none_or(|before| before <= gap.from) && after.is_none_or(|after| after > gap.to)
    }

    /// The index for inserting a gap that ends with this ord: right before the next message.
    fn gap_index(&self, to: u64) -> RowIndex {
        let after = self.last_up_to(to).map_or((0, 0), |(block, at)| (block, at + 1));
        let is_message = |index: &RowIndex| self.packed(*index).is_message();
        self.indices_from(after).find(is_message).unwrap_or_else(|| self.end())
    }

    /// Splits a gap at an ord inside it. Returns where to insert the message with that number.
    pub(super) fn split_gap(&mut self, index: RowIndex, state: GapState, ord: u64) -> RowIndex {
        let (block, at) = index;
        let row = *self.packed(index);
        let message_px = f64::from(row.height) / missing_messages(state.gap);
        let older = GapState { gap: Gap { from: state.gap.from, to: ord - 1 }, ..state };
        let newer = GapState { gap: Gap { from: ord, to: state.gap.to }, ..state };
        let height = |state: GapState| missing_messages(state.gap) * message_px;
        match (older.gap.from < older.gap.to, newer.gap.from < newer.gap.to) {
            (true, true) => {
                self.update_gap(index, row.key, older, height(older));
                self.insert_other((block, at + 1), OtherRow::Gap(newer), row_height(height(newer)))
            }
            (true, false) => {
                self.update_gap(index, row.key, older, height(older));
                (block, at + 1)
            }
            (false, true) => {
                self.update_gap(index, row.key, newer, height(newer));
                index
            }
            (false, false) => {
                self.remove(index);
                index
            }
        }
    }

    /// Evicts the blocks farthest from the anchor while there are too many rows.
    pub(super) fn evict_excess(&mut self) {
        while self.len > self.max_rows + BLOCK_ROWS
            && let Some(block) = self.farthest_block()
        {
            self.evict(block);
        }
    }

    /// The block to evict next: the first or the last evictable one, unless it is next to the anchor or has messages
    /// that are not acknowledged.
    fn farthest_block(&self) -> Option<usize> {
        let last = self.blocks.len().checked_sub(PINNED_BLOCKS + 1)?;
        let block_of =
            |key: u32| self.blocks.iter().position(|block| block.rows.iter().any(|row| row.key == key));
        let anchor = self.anchor.and_then(block_of).unwrap_or(self.blocks.len() - 1);
        let block = if anchor >= last.abs_diff(anchor) { 0 } else { last };
        let has_unacknowledged = self.blocks[block].rows.iter().any(|row| !row.is_sent());
        (block.abs_diff(anchor) > 1 && !has_unacknowledged).then_some(block)
    }

    fn evict(&mut self, mut block: usize) {
        let evicted = self.blocks.remove(block);
        self.len -= evicted.rows.len();
        // The range of the messages and gaps of the block, and that of its messages alone.
        let (mut all, mut messages) = (None, None);
        for row in &evicted.rows {
            if let Some(state) = self.gap(row.key) {
                extend(&mut all, state.gap.from, state.gap.to);
            } else if row.is_message() && row.ord > 0 {
                extend(&mut all, row.ord - 1, row.ord);
                extend(&mut messages, row.ord - 1, row.ord);
            }
        }
        for row in &evicted.rows {
            self.others.remove(&row.key);
            self.set_expanded(row.key, false);
        }
        let (Some(Range { mut from, mut to }), true) = (all, self.has_history) else {
            self.dropped_rows += evicted.rows.len();
            return;
        };
        self.evicted.extend(messages);
        // Merge the new gap with a gap right before and right after it.
        let mut height = evicted.height;
        if let Some((previous, row)) =
            block.checked_sub(1).and_then(|previous| Some((previous, *self.blocks[previous].rows.last()?)))
            && let Some(state) = self.gap(row.key)
        {
            from = from.min(state.gap.from);
            height += f64::from(row.height);
            let blocks = self.blocks.len();
            self.remove((previous, self.blocks[previous].rows.len() - 1));
            block -= blocks - self.blocks.len();
        }
        if let Some(row) = self.blocks[block].rows.first().copied()
            && let Some(state) = self.gap(row.key)
        {
            to = to.max(state.gap.to);
            let state = GapState { gap: Gap { from, to }, ..state };
            return self.update_gap((block, 0), row.key, state, height + f64::from(row.height));
        }
        let state = GapState { gap: Gap { from, to }, loading: false };
        // Inserted even into a full block: if that were split, its halves would be evicted one by one, with the gap
        // between them.
        let row = self.new_other(OtherRow::Gap(state), row_height(height));
        self.blocks[block].insert_row(0, row);
    }
}

fn extend(range: &mut Option<Range>, from: u64, to: u64) {
    let range = range.get_or_insert(Range { from, to });
    range.from = range.from.min(from);
    range.to = range.to.max(to);
}

/// The maximum number of messages that are missing in a gap.
#[allow(clippy::cast_precision_loss, reason = "only numbers too large to matter lose precision")]
fn missing_messages(gap: Gap) -> f64 {
    (gap.to - gap.from) as f64
}

/// The height of a gap's row, within the limits.
#[allow(clippy::cast_possible_truncation, reason = "within the limits an f32 is precise to half a pixel")]
fn row_height(height: f64) -> f32 {
    height.clamp(MIN_GAP_PX, MAX_GAPS_PX) as f32
}
