//! Where a message is, or belongs.

use super::{
    Timeline,
    block::{Block, Packed, UNSENT},
};
use crate::model::{Delivery, Message, MessageId};

/// Where a row is: its block, and its place there.
pub type Place = (usize, usize);

impl Timeline {
    /// The row of an own message that is not acknowledged: all of them are behind what is.
    pub(super) fn unsent(&self, id: MessageId) -> Option<Place> {
        let unsent = |place: &Place| self.packed(*place).order().is_none_or(|order| order & UNSENT != 0);
        let mut last = self.places_back().take_while(unsent);
        last.find(|place| self.packed(*place).is_message() && self.packed(*place).id == id)
    }

    /// The row of a message that is acknowledged: by its number, or by its id, as an outbox knows it.
    pub(super) fn sent(&self, message: &Message) -> Option<Place> {
        if message.delivery == Delivery::Sent {
            let place = self.at_or_before(message.seq)?;
            return (message.seq > 0 && self.packed(place).seq == message.seq).then_some(place);
        }
        self.places_back().find(|place| {
            let row = self.packed(*place);
            row.is_message() && row.id == message.id
        })
    }

    /// The last message whose place is not after this one.
    pub(super) fn at_or_before(&self, order: u64) -> Option<Place> {
        let not_after = |row: &Packed| row.order().is_some_and(|other| other <= order);
        let begins =
            |block: &Block| block.rows.iter().find_map(Packed::order).is_some_and(|first| first <= order);
        let block = self.blocks.iter().rposition(begins)?;
        // One that begins with it has it.
        let at = self.blocks[block].rows.iter().rposition(not_after)?;
        Some((block, at))
    }

    /// Where a message of this place belongs: behind the last one that is not after it. A gap that it lies in is split.
    pub(super) fn open(&mut self, order: u64) -> Place {
        let after = self.at_or_before(order).map_or((0, 0), |(block, at)| (block, at + 1));
        let mut place = after;
        loop {
            let (block, at) = place;
            let Some(row) = self.blocks.get(block).and_then(|block| block.rows.get(at)) else {
                if block + 1 < self.blocks.len() {
                    place = (block + 1, 0);
                    continue;
                }
                // Nothing that is later follows: at the very end, behind notices and movements too.
                return place;
            };
            if let Some(missing) =
                self.gap(row.key).filter(|missing| missing.gap.from < order && order <= missing.gap.to)
            {
                return self.split_gap(place, missing, order);
            }
            if row.is_message() {
                return if self.packed_before(after).is_some() { after } else { place };
            }
            place = (block, at + 1);
        }
    }

    pub(super) fn packed_before(&self, (block, at): Place) -> Option<&Packed> {
        match at.checked_sub(1) {
            Some(at) => self.blocks.get(block)?.rows.get(at),
            None => self.blocks.get(block.checked_sub(1)?)?.rows.last(),
        }
    }

    /// Whether a message that has a row may stay there with this place among the others.
    pub(super) fn may_stay(&self, (block, at): Place, order: u64) -> bool {
        let before = self.places_back_from((block, at)).find_map(|place| self.packed(place).order());
        let after = self.places_from((block, at + 1)).find_map(|place| self.packed(place).order());
        before.is_none_or(|before| before <= order) && after.is_none_or(|after| order <= after)
    }
}

/// Acknowledged ones by number, then the pending ones by theirs; where there are no numbers, arrival decides.
pub fn order(message: &Message) -> u64 {
    match message.delivery {
        Delivery::Sent => message.seq,
        _ => message.seq | UNSENT,
    }
}
