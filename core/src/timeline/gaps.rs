//! What is missing: rows as tall as it, or a part of that; and what is let go of, which then is missing.

use super::{Other, Place, ROWS, Timeline};
use crate::{
    event::Missing,
    ranges::{Gap, Range},
};

/// What all gaps are tall together at most, in CSS pixels. Browsers cut off what is taller than some 17 million.
const TALLEST: f64 = 6_000_000.0;
/// What a gap is tall at least: its words have to be seen.
const LOWEST: f64 = 64.0;
/// So many blocks at the end are never let go of.
const TAIL: usize = 2;

impl Timeline {
    /// Shows what is missing, in place of what was shown as missing before. A gap of which a part was filled keeps its
    /// row: somebody may have the focus in it.
    pub fn gaps(&mut self, gaps: &[Missing]) {
        self.kept = true;
        let share = self.share(gaps.iter().map(|missing| missing.gap));
        let mut left = gaps.to_vec();
        let shown: Vec<_> =
            self.places(0).filter(|place| self.gap(self.packed(*place).key).is_some()).collect();
        for place in shown.into_iter().rev() {
            let (key, height) = (self.packed(place).key, f64::from(self.packed(place).height));
            let Some(old) = self.gap(key) else { continue };
            let overlaps = |new: &Missing| new.gap.from < old.gap.to && old.gap.from < new.gap.to;
            let new = left.iter().position(overlaps).filter(|at| self.stands(place, left[*at].gap));
            if let Some(at) = new {
                let new = left.remove(at);
                self.show(place, key, new, height * (missing(new.gap) / missing(old.gap)).min(1.0));
            } else {
                self.remove(place);
            }
        }
        for new in left {
            let place = self.before_what_follows(new.gap.to);
            self.insert_other(place, Other::Gap(new), row_height(missing(new.gap) * share));
        }
    }

    /// The next part of the room that was let go of: it would have to be loaded again.
    pub fn poll_let_go(&mut self) -> Option<Range> {
        self.let_go.pop()
    }

    /// How many rows were let go of for good, where nobody has them.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// Makes each gap as tall again as what is missing there; `true` when one was not nearly so.
    pub fn rebalance(&mut self) -> bool {
        let gaps: Vec<_> =
            self.places(0).filter_map(|place| Some((place, self.gap(self.packed(place).key)?.gap))).collect();
        let share = self.share(gaps.iter().map(|(_, gap)| *gap));
        let mut changed = false;
        for ((block, at), gap) in gaps {
            let (is, should) = (self.blocks[block].rows[at].height, row_height(missing(gap) * share));
            if is > should * 1.5 || should > is * 1.5 {
                self.blocks[block].set_height(at, should);
                changed = true;
            }
        }
        changed
    }

    /// How tall a missing message is.
    fn share(&self, gaps: impl Iterator<Item = Gap>) -> f64 {
        let all: f64 = gaps.map(missing).sum();
        f64::from(self.measure.message).min(TALLEST / all.max(1.0))
    }

    fn show(&mut self, (block, at): Place, key: u32, new: Missing, height: f64) {
        if let Some(shown) = self.other_mut(key) {
            *shown = Other::Gap(new);
        }
        self.blocks[block].set_height(at, row_height(height));
    }

    /// The row is in the place of this gap: what is above it is older, what is under it newer.
    fn stands(&self, (block, at): Place, gap: Gap) -> bool {
        let above = self.places_back_from((block, at)).find_map(|place| self.packed(place).order());
        let under = self.places_from((block, at + 1)).find_map(|place| self.packed(place).order());
        above.is_none_or(|above| above <= gap.from) && under.is_none_or(|under| under > gap.to)
    }

    /// Where a row stands that comes right before the messages above a sequence number.
    fn before_what_follows(&self, seq: u64) -> Place {
        let after = self.at_or_before(seq).map_or((0, 0), |(block, at)| (block, at + 1));
        let follows = |place: &Place| self.packed(*place).is_message();
        let end = || self.blocks.last().map_or((0, 0), |last| (self.blocks.len() - 1, last.rows.len()));
        self.places_from(after).find(follows).unwrap_or_else(end)
    }

    /// Splits the gap in a place at a number in it. Gives where the message of that number goes.
    pub(super) fn split_gap(&mut self, place: Place, of: Missing, seq: u64) -> Place {
        let (block, at) = place;
        let row = *self.packed(place);
        let share = f64::from(row.height) / missing(of.gap);
        let older = Missing { gap: Gap { from: of.gap.from, to: seq - 1 }, ..of };
        let newer = Missing { gap: Gap { from: seq, to: of.gap.to }, ..of };
        match (older.gap.from < older.gap.to, newer.gap.from < newer.gap.to) {
            (true, true) => {
                self.show(place, row.key, older, missing(older.gap) * share);
                self.insert_other((block, at + 1), Other::Gap(newer), row_height(missing(newer.gap) * share))
            }
            (true, false) => {
                self.show(place, row.key, older, missing(older.gap) * share);
                (block, at + 1)
            }
            (false, true) => {
                self.show(place, row.key, newer, missing(newer.gap) * share);
                place
            }
            (false, false) => {
                self.remove(place);
                place
            }
        }
    }

    /// Lets go of what is too much, the farthest from the reader first.
    pub(super) fn trim(&mut self) {
        while self.len > self.held + ROWS
            && let Some(block) = self.farthest()
        {
            self.let_go_of(block);
        }
    }

    /// The block that is missed least, if there is one that is not near the reader or the end.
    fn farthest(&self) -> Option<usize> {
        let last = self.blocks.len().checked_sub(TAIL + 1)?;
        let has = |key: u32| self.blocks.iter().position(|block| block.rows.iter().any(|row| row.key == key));
        let reader = self.reader.and_then(has).unwrap_or(self.blocks.len() - 1);
        let block = if reader >= last.abs_diff(reader) { 0 } else { last };
        let waits = self.blocks[block].rows.iter().any(|row| !row.is_sent());
        (block.abs_diff(reader) > 1 && !waits).then_some(block)
    }

    fn let_go_of(&mut self, mut block: usize) {
        let gone = self.blocks.remove(block);
        self.len -= gone.rows.len();
        let (mut all, mut messages) = (None, None);
        for row in &gone.rows {
            if let Some(missing) = self.gap(row.key) {
                join(&mut all, missing.gap.from, missing.gap.to);
            } else if row.is_message() && row.seq > 0 {
                join(&mut all, row.seq - 1, row.seq);
                join(&mut messages, row.seq - 1, row.seq);
            }
        }
        self.others.retain(|(key, _)| !gone.rows.iter().any(|row| row.key == *key));
        let (Some(mut gap), true) = (all, self.kept) else {
            self.dropped += gone.rows.len();
            return;
        };
        self.let_go.extend(messages);
        // With what is missing on either side it is one.
        let mut height = gone.height;
        if let Some((above, row)) =
            block.checked_sub(1).and_then(|above| Some((above, *self.blocks[above].rows.last()?)))
            && let Some(missing) = self.gap(row.key)
        {
            gap.from = gap.from.min(missing.gap.from);
            height += f64::from(row.height);
            let blocks = self.blocks.len();
            self.remove((above, self.blocks[above].rows.len() - 1));
            block -= blocks - self.blocks.len();
        }
        if let Some(row) = self.blocks[block].rows.first().copied()
            && let Some(missing) = self.gap(row.key)
        {
            gap.to = gap.to.max(missing.gap.to);
            let missing = Missing { gap: Gap { from: gap.from, to: gap.to }, ..missing };
            return self.show((block, 0), row.key, missing, height + f64::from(row.height));
        }
        let missing = Missing { gap: Gap { from: gap.from, to: gap.to }, loading: false };
        // A full block takes one more: split, its halves would go one by one, with what stays of them in between.
        let row = self.other_row(Other::Gap(missing), row_height(height));
        self.blocks[block].insert_row(0, row);
    }
}

fn join(range: &mut Option<Range>, from: u64, to: u64) {
    let range = range.get_or_insert(Range { from, to });
    range.from = range.from.min(from);
    range.to = range.to.max(to);
}

/// How many messages may be missing there.
// Of so many that a number is not exact, nobody sees one.
#[allow(clippy::cast_precision_loss)]
fn missing(gap: Gap) -> f64 {
    (gap.to - gap.from) as f64
}

/// As a row has it.
#[allow(clippy::cast_possible_truncation)]
fn row_height(height: f64) -> f32 {
    height.clamp(LOWEST, TALLEST) as f32
}
