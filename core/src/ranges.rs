//! What is known of a room, as a set of parts without a hole: the only thing from which it is ever concluded that
//! something is missing, or that nothing is.

/// All that a room has above `from` and up to `to`. `from == to` holds no message: it is a place to go on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The part begins after this sequence number ...
    pub from: u64,
    /// ... and ends with this one.
    pub to: u64,
}

/// Something of a room that is not known: what lies above `from` and up to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gap {
    /// What is known before it ends here; 0 when nothing older is known.
    pub from: u64,
    /// What is known after it begins here.
    pub to: u64,
}

/// Parts of a room, in order, none touching another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<Range>);

impl Ranges {
    /// Puts a part in; those it touches become one with it. One that ends before it begins is ignored.
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

    /// Whether a message is in one of the parts.
    #[must_use]
    pub fn contains(&self, seq: u64) -> bool {
        let at = self.0.partition_point(|range| range.to < seq);
        self.0.get(at).is_some_and(|range| range.from < seq)
    }

    /// The end of the newest part; `None` when nothing is known.
    #[must_use]
    pub fn newest(&self) -> Option<u64> {
        self.0.last().map(|range| range.to)
    }

    /// What is missing before each part, oldest first: before the first part too, unless that begins at the room's
    /// start.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> {
        let ends = std::iter::once(0).chain(self.0.iter().map(|range| range.to));
        ends.zip(&self.0)
            .filter(|(end, range)| *end < range.from)
            .map(|(from, range)| Gap { from, to: range.from })
    }

    /// Forgets everything up to a sequence number, itself included.
    pub fn forget_up_to(&mut self, seq: u64) {
        self.0.retain_mut(|range| {
            range.from = range.from.max(seq);
            range.from <= range.to
        });
    }

    /// Forgets everything above `from` and up to `to`. Parts of which nothing is left are gone; a place to go on from
    /// stays unless it is between the two.
    pub fn remove(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        for range in std::mem::take(&mut self.0) {
            let place = range.from == range.to;
            for (from, to) in [(range.from, range.to.min(from)), (range.from.max(to), range.to)] {
                if from < to || (from == to && place) {
                    self.0.push(Range { from, to });
                }
            }
        }
    }

    /// The sequence number nearest to this one that the room may have, as far as is known how far it goes.
    #[must_use]
    pub fn nearest(&self, seq: u64) -> u64 {
        seq.clamp(1, self.newest().unwrap_or(0).max(1))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The parts, in order.
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
    fn parts_that_touch_become_one() {
        assert_eq!(ranges(&[(5, 9), (0, 5)]), ranges(&[(0, 9)]));
        assert_eq!(ranges(&[(0, 2), (4, 6), (8, 8)]).0.len(), 3);
        assert_eq!(ranges(&[(0, 2), (4, 6), (8, 8), (1, 8)]), ranges(&[(0, 8)]));
        assert_eq!(ranges(&[(4, 6), (6, 6)]), ranges(&[(4, 6)]));
        assert_eq!(ranges(&[(6, 6), (4, 6)]), ranges(&[(4, 6)]));
        assert_eq!(ranges(&[(9, 3)]), Ranges::default());
    }

    #[test]
    fn what_is_missing() {
        assert_eq!(gaps(&ranges(&[])), []);
        assert_eq!(gaps(&ranges(&[(0, 0)])), []);
        assert_eq!(gaps(&ranges(&[(7, 7)])), [(0, 7)]);
        assert_eq!(gaps(&ranges(&[(0, 3), (5, 6), (9, 9)])), [(3, 5), (6, 9)]);
        assert_eq!(gaps(&ranges(&[(2, 3)])), [(0, 2)]);
    }

    #[test]
    fn what_is_forgotten_is_missing() {
        let mut known = ranges(&[(0, 3), (5, 9)]);
        known.forget_up_to(6);
        assert_eq!(known, ranges(&[(6, 9)]));
        known.forget_up_to(9);
        assert_eq!(known, ranges(&[(9, 9)]), "the place to go on from stays");
        known.forget_up_to(10);
        assert_eq!(known, Ranges::default());
    }

    #[test]
    fn what_is_removed_is_missing_wherever_it_was() {
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
            /// Against a plain set of single numbers.
            #[test]
            fn holds_what_was_put_in(
                list in prop::collection::vec((0u64..40, 0u64..12), 0..12),
                hole in (0u64..40, 0u64..20),
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
                let hole = (hole.0, hole.0 + hole.1);
                known.remove(hole.0, hole.1);
                model.retain(|seq| *seq <= hole.0 || *seq > hole.1);
                prop_assert_eq!(inside(&known), model.iter().copied().collect::<Vec<_>>());
                prop_assert!(known.0.windows(2).all(|pair| pair[0].to < pair[1].from));
                known.forget_up_to(cut);
                model.retain(|seq| *seq > cut);
                prop_assert_eq!(inside(&known), model.into_iter().collect::<Vec<_>>());
            }
        }
    }
}
