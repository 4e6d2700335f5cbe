//! The exact number of messages in the room, those that are not loaded included, and the line above new messages.

use super::{Timeline, locate::RowIndex};

impl Timeline {
    /// Sets the ords of the oldest and of the newest message of the room, and removes older messages, which were deleted.
    pub fn set_bounds(&mut self, first: u64, head: u64) {
        self.bounds = Some((first, head));
        while let Some(index) = self.first_message()
            && let Some(ord) = self.packed(index).sort_key()
            && ord < first
            && ord > 0
        {
            // Together with what was shown above it: who has joined and left, and gaps.
            let rows: Vec<_> = self.indices_before((index.0, index.1 + 1)).collect();
            for row in rows {
                self.remove(row);
            }
        }
    }

    /// Sets the line above the messages after this ord; `None` for no line.
    pub fn set_unread_line(&mut self, line: Option<u64>) {
        self.unread_line = line;
    }

    /// The number of messages in the room, for `aria-setsize`: those of the server and own ones that are not acknowledged.
    /// The number of rows if the server has no ords.
    #[must_use]
    pub fn set_size(&self) -> u64 {
        match self.bounds.or_else(|| Some((1, self.newest().filter(|newest| *newest > 0)?))) {
            Some((first, head)) => (head + 1).saturating_sub(first) + self.unacknowledged_count(),
            None => self.len as u64,
        }
    }

    /// The number of a row's message among those of the room, from 1 on, for `aria-posinset`; of a gap that of its first
    /// missing message. `None` for other rows, and after the last one.
    #[must_use]
    pub fn position_in_set(&self, at: usize) -> Option<u64> {
        let index = self.index(at)?;
        let row = self.packed(index);
        let (first, head) = self.bounds.unwrap_or((1, self.newest().unwrap_or(0)));
        if let Some(state) = self.gap(row.key) {
            return Some((state.gap.from + 1).saturating_sub(first) + 1);
        }
        if !row.is_message() {
            return None;
        }
        if !row.is_sent() {
            let above = self.indices_before(index).take_while(|above| !self.is_sent_message(*above));
            let own = above.filter(|above| self.packed(*above).is_message()).count() as u64;
            return Some((head + 1).saturating_sub(first) + own + 1);
        }
        Some(if row.ord > 0 { (row.ord + 1).saturating_sub(first) } else { at as u64 + 1 })
    }

    /// Returns `true` if the line above new messages is above this row. A gap that begins before the line has none: where it
    /// is becomes visible when the gap is loaded.
    pub(super) fn is_below_unread_line(&self, index: RowIndex) -> bool {
        let Some(line) = self.unread_line else { return false };
        let row = self.packed(index);
        match self.gap(row.key) {
            Some(state) => state.gap.from == line,
            None => row.is_message() && row.is_sent() && row.ord == line + 1,
        }
    }

    fn first_message(&self) -> Option<RowIndex> {
        self.indices_from((0, 0)).find(|index| self.packed(*index).is_message())
    }

    fn is_sent_message(&self, index: RowIndex) -> bool {
        self.packed(index).is_message() && self.packed(index).is_sent()
    }

    fn unacknowledged_count(&self) -> u64 {
        let unacknowledged =
            self.indices_before(self.end()).take_while(|index| !self.is_sent_message(*index));
        unacknowledged.filter(|index| self.packed(*index).is_message()).count() as u64
    }
}
