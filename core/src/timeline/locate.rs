//! Finding a message, or where to insert it.

use super::{
    Timeline,
    block::{Block, PackedRow, UNACKNOWLEDGED},
};
use crate::model::{Delivery, Message, MessageId};

/// The index of a row: the index of its block, and the index within the block.
pub type RowIndex = (usize, usize);

impl Timeline {
    /// The row of an own message that is not acknowledged. Such messages come after all acknowledged ones.
    pub(super) fn find_unacknowledged(&self, id: MessageId) -> Option<RowIndex> {
        let may_match =
            |index: &RowIndex| self.packed(*index).sort_key().is_none_or(|key| key & UNACKNOWLEDGED != 0);
        let mut candidates = self.indices_before(self.end()).take_while(may_match);
        candidates.find(|index| self.packed(*index).is_message() && self.packed(*index).id == id)
    }

    /// The row of an acknowledged message: by its ord. If `message` has none yet, the row of an own message with its id: ids
    /// are unique among the messages of an account only.
    pub(super) fn find_acknowledged(&self, message: &Message) -> Option<RowIndex> {
        if message.delivery == Delivery::Sent {
            let index = self.last_up_to(message.ord)?;
            return (message.ord > 0 && self.packed(index).ord == message.ord).then_some(index);
        }
        self.indices_before(self.end()).find(|index| {
            let row = self.packed(*index);
            row.is_own() && row.id == message.id
        })
    }

    /// The last message whose sort key is at most this one.
    pub(super) fn last_up_to(&self, sort_key: u64) -> Option<RowIndex> {
        let is_up_to = |row: &PackedRow| row.sort_key().is_some_and(|key| key <= sort_key);
        let starts_up_to = |block: &Block| {
            block.rows.iter().find_map(PackedRow::sort_key).is_some_and(|first| first <= sort_key)
        };
        let block = self.blocks.iter().rposition(starts_up_to)?;
        let at = self.blocks[block].rows.iter().rposition(is_up_to)?;
        Some((block, at))
    }

    /// The index for inserting a message: after the last one whose sort key is not larger. Splits the gap that it lies in.
    pub(super) fn insertion_index(&mut self, sort_key: u64) -> RowIndex {
        let mut after = self.last_up_to(sort_key).map_or((0, 0), |(block, at)| (block, at + 1));
        let mut index = after;
        loop {
            let (block, at) = index;
            let Some(row) = self.blocks.get(block).and_then(|block| block.rows.get(at)) else {
                if block + 1 < self.blocks.len() {
                    index = (block + 1, 0);
                    continue;
                }
                // There is no later message: the end, after notices and presence changes.
                return index;
            };
            let (key, is_message) = (row.key, row.is_message());
            if let Some(state) = self.gap(key).filter(|state| state.gap.from < sort_key) {
                if sort_key <= state.gap.to {
                    return self.split_gap(index, state, sort_key);
                }
                // The gap is older than the message.
                after = (block, at + 1);
            }
            if is_message {
                return if self.row_before(after).is_some() { after } else { index };
            }
            index = (block, at + 1);
        }
    }

    pub(super) fn row_before(&self, (block, at): RowIndex) -> Option<&PackedRow> {
        match at.checked_sub(1) {
            Some(at) => self.blocks.get(block)?.rows.get(at),
            None => self.blocks.get(block.checked_sub(1)?)?.rows.last(),
        }
    }

    /// Returns `true` if the message at an index could have this sort key without being out of order.
    pub(super) fn is_in_order(&self, (block, at): RowIndex, sort_key: u64) -> bool {
        let is_before = |index| {
            let row = self.packed(index);
            let gap = self.gap(row.key).map(|state| state.gap.to < sort_key);
            gap.or_else(|| Some(row.sort_key()? <= sort_key))
        };
        let is_after = |index| {
            let row = self.packed(index);
            let gap = self.gap(row.key).map(|state| state.gap.from >= sort_key);
            gap.or_else(|| Some(sort_key <= row.sort_key()?))
        };
        self.indices_before((block, at)).find_map(is_before).unwrap_or(true)
            && self.indices_from((block, at + 1)).find_map(is_after).unwrap_or(true)
    }
}

/// The position of a message among the others: by ord, then the ones that are not acknowledged by their
/// order. Without ords all keys are equal, so that messages stay in the order of their arrival.
pub fn sort_key(message: &Message) -> u64 {
    match message.delivery {
        Delivery::Sent => message.ord,
        _ => message.ord | UNACKNOWLEDGED,
    }
}
