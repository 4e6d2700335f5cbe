//! The ranges of a room's sequence numbers that are known, and the gaps between them. Gaps are derived from these
//! ranges only, never from the sequence numbers of single messages.

/// The sequence numbers above `from` and up to `to`. A range with `from == to` has no messages; it records a position
/// after which new messages follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The last sequence number before the range.
    pub from: u64,
    /// The last sequence number of the range.
    pub to: u64,
}

/// The unknown sequence numbers above `from` and up to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gap {
    /// The end of the known range before the gap; 0 when there is none.
    pub from: u64,
    /// The last sequence number of the gap; the next known range begins after it.
    pub to: u64,
}

/// A set of ranges, in order, that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<Range>);

impl Ranges {
    /// Inserts a range and merges it with those it touches. Ignored if `from > to`.
    pub fn insert(&mut self, from: u64, to: u64) {
        if from > to {
            return;
        }
        let first = self.0.partition_point(|range| range.to < from);
        let last = self.0.partition_point(|range| range.from <= to);
        if first < last {
            let (from, to) = (from.min(self.0[first].from), to.max(self.0[last - 1].to));
            self.0[first] = Range { from, to };
            self.0.drain(first + 1..last);
        } else {
            self.0.insert(first, Range { from, to });
        }
    }

    /// Returns `true` if a sequence number is in one of the ranges.
    #[must_use]
    pub fn contains(&self, seq: u64) -> bool {
        let at = self.0.partition_point(|range| range.to < seq);
        self.0.get(at).is_some_and(|range| range.from < seq)
    }

    /// The end of the newest range; `None` when there is none.
    #[must_use]
    pub fn newest(&self) -> Option<u64> {
        self.0.last().map(|range| range.to)
    }

    /// The gap before each range, oldest first. There is one before the first range too, unless that begins at the start
    /// of the room.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> {
        let ends = std::iter::once(0).chain(self.0.iter().map(|range| range.to));
        ends.zip(&self.0)
            .filter(|(end, range)| *end < range.from)
            .map(|(from, range)| Gap { from, to: range.from })
    }

    /// Removes all sequence numbers up to and including this one.
    pub fn remove_up_to(&mut self, seq: u64) {
        self.0.retain_mut(|range| {
            range.from = range.from.max(seq);
            range.from <= range.to
        });
    }

    /// Removes the sequence numbers above `from` and up to `to`. A range without messages stays unless it lies between
    /// the two.
    pub fn remove(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        for range in std::mem::take(&mut self.0) {
            let was_empty = range.from == range.to;
            for (from, to) in [(range.from, range.to.min(from)), (range.from.max(to), range.to)] {
                if from < to || (from == to && was_empty) {
                    self.0.push(Range { from, to });
                }
            }
        }
    }

    /// Removes a range that was evicted from memory. The end of the newest range stays known; otherwise the gap before
    /// the next live message would be lost.
    pub(crate) fn evict(&mut self, range: Range) {
        let newest = self.newest();
        self.remove(range.from, range.to);
        if let Some(newest) = newest {
            self.insert(newest, newest);
        }
    }

    /// Clamps a sequence number to those that the room can have: from 1 to the end of the newest range.
    #[must_use]
    pub fn nearest(&self, seq: u64) -> u64 {
        seq.clamp(1, self.newest().unwrap_or(0).max(1))
    }

    /// Removes all ranges.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The ranges, in order.
    pub fn iter(&self) -> impl Iterator<Item = Range> {
        self.0.iter().copied()
    }
}

impl FromIterator<Range> for Ranges {
    fn from_iter<I: IntoIterator<Item = Range>>(ranges: I) -> Self {
        let mut all = Self::default();
        ranges.into_iter().for_each(|range| all.insert(range.from, range.to));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(list: &[(u64, u64)]) -> Ranges {
        list.iter().map(|&(from, to)| Range { from, to }).collect()
    }

    fn gaps(ranges: &Ranges) -> Vec<(u64, u64)> {
        ranges.gaps().map(|gap| (gap.from, gap.to)).collect()
    }

    #[test]
    fn ranges_that_touch_are_merged() {
        assert_eq!(ranges(&[(5, 9), (0, 5)]), ranges(&[(0, 9)]));
        assert_eq!(ranges(&[(0, 2), (4, 6), (8, 8)]).0.len(), 3);
        assert_eq!(ranges(&[(0, 2), (4, 6), (8, 8), (1, 8)]), ranges(&[(0, 8)]));
        assert_eq!(ranges(&[(4, 6), (6, 6)]), ranges(&[(4, 6)]));
        assert_eq!(ranges(&[(6, 6), (4, 6)]), ranges(&[(4, 6)]));
        assert_eq!(ranges(&[(9, 3)]), Ranges::default());
    }

    #[test]
    fn gaps_lie_before_each_range() {
        assert_eq!(gaps(&ranges(&[])), []);
        assert_eq!(gaps(&ranges(&[(0, 0)])), []);
        assert_eq!(gaps(&ranges(&[(7, 7)])), [(0, 7)]);
        assert_eq!(gaps(&ranges(&[(0, 3), (5, 6), (9, 9)])), [(3, 5), (6, 9)]);
        assert_eq!(gaps(&ranges(&[(2, 3)])), [(0, 2)]);
    }

    #[test]
    fn removing_up_to_a_number_leaves_a_gap() {
        let mut known = ranges(&[(0, 3), (5, 9)]);
        known.remove_up_to(6);
        assert_eq!(known, ranges(&[(6, 9)]));
        known.remove_up_to(9);
        assert_eq!(known, ranges(&[(9, 9)]), "the newest position stays");
        known.remove_up_to(10);
        assert_eq!(known, Ranges::default());
    }

    #[test]
    fn removing_a_range_anywhere_leaves_a_gap() {
        let all = [(0, 9), (12, 12), (15, 20)];
        for (from, to, left) in [
            (3, 5, &[(0, 3), (5, 9), (12, 12), (15, 20)][..]),
            (0, 9, &[(12, 12), (15, 20)]),
            (5, 12, &[(0, 5), (12, 12), (15, 20)]),
            (12, 13, &all),
            (11, 17, &[(0, 9), (17, 20)]),
            (9, 99, &[(0, 9)]),
            (0, 99, &[]),
            (7, 7, &all),
            (8, 7, &all),
        ] {
            let mut known = ranges(&all);
            known.remove(from, to);
            assert_eq!(known, ranges(left), "{from} to {to}");
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    mod model {
        use super::*;
        use proptest::prelude::*;

        proptest! {
            /// Compares with a set of single numbers.
            #[test]
            fn behaves_like_a_set_of_numbers(
                list in prop::collection::vec((0u64..40, 0u64..12), 0..12),
                removed in (0u64..40, 0u64..20),
                cut in 0u64..40,
            ) {
                let mut known = ranges(&list.iter().map(|&(from, len)| (from, from + len)).collect::<Vec<_>>());
                let mut model = std::collections::BTreeSet::new();
                for (from, len) in list {
                    model.extend(from + 1..=from + len);
                }
                let inside = |known: &Ranges| (0..60).filter(|seq| known.contains(*seq)).collect::<Vec<_>>();
                prop_assert_eq!(inside(&known), model.iter().copied().collect::<Vec<_>>());
                prop_assert!(known.0.windows(2).all(|pair| pair[0].to < pair[1].from));
                for gap in known.gaps() {
                    prop_assert!((gap.from + 1..=gap.to).all(|seq| !model.contains(&seq)));
                }
                let removed = (removed.0, removed.0 + removed.1);
                known.remove(removed.0, removed.1);
                model.retain(|seq| *seq <= removed.0 || *seq > removed.1);
                prop_assert_eq!(inside(&known), model.iter().copied().collect::<Vec<_>>());
                prop_assert!(known.0.windows(2).all(|pair| pair[0].to < pair[1].from));
                known.remove_up_to(cut);
                model.retain(|seq| *seq > cut);
                prop_assert_eq!(inside(&known), model.into_iter().collect::<Vec<_>>());
            }
        }
    }
}
