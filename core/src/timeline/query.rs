//! What a view asks: which rows there are and where, counted in rows from the oldest and in CSS pixels from the top.

use super::{CONTINUES_WITHIN, Measure, Other, Packed, Place, Row, RowKind, Timeline};
use crate::event::Missing;

impl Timeline {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// There is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Something was said, or can be loaded.
    #[must_use]
    pub fn has_messages(&self) -> bool {
        self.places(0).any(|place| {
            let row = self.packed(place);
            row.is_message() || self.gap(row.key).is_some()
        })
    }

    /// All rows, oldest first.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.places(0).map(|place| self.row_at(place))
    }

    /// A row; `None` when there are not so many.
    #[must_use]
    pub fn row(&self, at: usize) -> Option<Row> {
        Some(self.row_at(self.place(at)?))
    }

    /// The key of a row; `None` when there are not so many.
    #[must_use]
    pub fn key(&self, at: usize) -> Option<u32> {
        Some(self.packed(self.place(at)?).key)
    }

    /// Where the row of a key is. The nearer it is to `near`, the sooner it is found.
    #[must_use]
    pub fn find(&self, key: u32, near: usize) -> Option<usize> {
        if self.key(near) == Some(key) {
            return Some(near);
        }
        let (block, at) = self.places(0).find(|place| self.packed(*place).key == key)?;
        Some(self.index((block, at)))
    }

    /// The row that a sequence number is in: the message, or what is missing there. When there is neither, the message
    /// after it, or the last one before; `None` in an empty room.
    #[must_use]
    pub fn find_seq(&self, seq: u64) -> Option<usize> {
        let before = self.at_or_before(seq);
        if let Some(place) = before
            && self.packed(place).seq == seq
        {
            return Some(self.index(place));
        }
        let from = before.map_or((0, 0), |(block, at)| (block, at + 1));
        let mut rest = self.places_from(from);
        let is_there = |place: &Place| {
            let row = self.packed(*place);
            row.is_message() || self.gap(row.key).is_some_and(|missing| missing.gap.to >= seq)
        };
        rest.find(is_there).or(before).map(|place| self.index(place))
    }

    /// The height of all rows.
    #[must_use]
    pub fn height(&self) -> f64 {
        self.blocks.iter().map(|block| block.height).sum()
    }

    /// Where a row begins; where the last one ends when there are not so many.
    #[must_use]
    pub fn top(&self, at: usize) -> f64 {
        let Some((block, at)) = self.place(at) else { return self.height() };
        let before: f64 = self.blocks[..block].iter().map(|block| block.height).sum();
        before + self.blocks[block].rows[..at].iter().map(|row| f64::from(row.height)).sum::<f64>()
    }

    /// How tall a row is; 0 when there are not so many.
    #[must_use]
    pub fn height_of(&self, at: usize) -> f64 {
        self.place(at).map_or(0.0, |place| f64::from(self.packed(place).height))
    }

    /// The row that has what is so far from the top: the first one above, the last one below all of them.
    #[must_use]
    pub fn at(&self, y: f64) -> usize {
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

    /// What is missing in a row, if that is what it shows.
    #[must_use]
    pub fn missing(&self, at: usize) -> Option<Missing> {
        self.gap(self.packed(self.place(at)?).key)
    }

    /// The sequence number of a row's message; `None` of any other row, and of what has no number.
    #[must_use]
    pub fn seq(&self, at: usize) -> Option<u64> {
        let row = self.packed(self.place(at)?);
        (row.is_message() && row.is_sent() && row.seq > 0).then_some(row.seq)
    }

    /// When the message of a row was said, Unix ms; `None` of any other row.
    #[must_use]
    pub fn time(&self, at: usize) -> Option<i64> {
        let row = self.packed(self.place(at)?);
        row.is_message().then_some(row.time)
    }

    /// The largest sequence number of all.
    #[must_use]
    pub fn newest(&self) -> Option<u64> {
        let sent = |place: &Place| self.packed(*place).is_message() && self.packed(*place).is_sent();
        self.places_back().find(sent).map(|place| self.packed(place).seq)
    }

    /// A row was measured. Messages like it that come are thought to be as tall.
    pub fn measured(&mut self, at: usize, height: f32) {
        let Some(place) = self.place(at) else { return };
        self.blocks[place.0].set_height(place.1, height);
        let row = *self.packed(place);
        // One with a day above it is taller than those like it.
        if row.is_message() && self.begins_day(place, &row).is_none() {
            let continued = self.continues(place, row.nick(), row.time);
            let likeness = self.likeness(row.len(), continued, row.is_own());
            self.learned[likeness] = height;
        }
    }

    /// Nothing is measured any more, as when the rows are of another width; what it is estimated from.
    pub fn reshape(&mut self, measure: Measure) {
        self.measure = measure;
        self.learned.fill(0.0);
        let messages: Vec<_> = self.places(0).filter(|place| self.packed(*place).is_message()).collect();
        for (block, at) in messages {
            let row = self.blocks[block].rows[at];
            let height = self.estimate(row.len(), false, row.is_own());
            self.blocks[block].set_height(at, height);
        }
    }

    /// Which row is being read; `None` at the end. What is let go of is far from it.
    pub fn reads(&mut self, key: Option<u32>) {
        self.reader = key;
    }

    fn place(&self, mut at: usize) -> Option<Place> {
        for (number, block) in self.blocks.iter().enumerate() {
            if at < block.rows.len() {
                return Some((number, at));
            }
            at -= block.rows.len();
        }
        None
    }

    fn index(&self, (block, at): Place) -> usize {
        self.blocks[..block].iter().map(|block| block.rows.len()).sum::<usize>() + at
    }

    fn row_at(&self, place: Place) -> Row {
        let row = *self.packed(place);
        if row.is_message() {
            let day = self.begins_day(place, &row);
            let continued = day.is_none() && self.continues(place, row.nick(), row.time);
            let message = self.message_at(place);
            return Row { key: row.key, day, kind: RowKind::Message { message, continued } };
        }
        let kind = match self.other(row.key).cloned() {
            Some(Other::Movement(movement)) => RowKind::Movement(movement),
            Some(Other::Notice(notice)) => RowKind::Notice(notice),
            Some(Other::Gap(missing)) => RowKind::Gap { missing, height: row.height.into() },
            None => unreachable!("a row that is no message was put in together with what it shows"),
        };
        Row { key: row.key, day: None, kind }
    }

    /// The time of a message that is the first of its day, or the first after what is missing: there nobody knows.
    fn begins_day(&self, place: Place, row: &Packed) -> Option<i64> {
        let tells =
            |place: &Place| self.packed(*place).is_message() || self.gap(self.packed(*place).key).is_some();
        let above = self.places_back_from(place).find(tells).map(|place| self.packed(place));
        let day = |row: &Packed| (self.day_of)(row.time);
        let same = above.is_some_and(|above| above.is_message() && day(above) == day(row));
        (!same).then_some(row.time)
    }

    /// A message by this nick, said then, goes on with what is above this place.
    pub(super) fn continues(&self, place: Place, nick: u32, time: i64) -> bool {
        self.packed_before(place).is_some_and(|above| {
            above.is_message() && above.nick() == nick && (time - above.time).abs() < CONTINUES_WITHIN
        })
    }
}
