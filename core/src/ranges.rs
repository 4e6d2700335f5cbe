//! The ranges of a room's messages that are known, and the gaps between them. Messages are numbered by their ords, which
//! have no holes.

/// The ords above `from` and up to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The ord before the range.
    pub from: u64,
    /// The last ord of the range.
    pub to: u64,
}

/// The unknown ords above `from` and up to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gap {
    /// The end of the known range before the gap; 0 when there is none.
    pub from: u64,
    /// The last ord of the gap; the next known range begins after it.
    pub to: u64,
}

/// A gap, and whether it is being loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapState {
    /// The missing ords.
    pub gap: Gap,
    /// A page in it was requested.
    pub loading: bool,
}

/// A set of ranges, in order, that are not empty and neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges(Vec<Range>);

impl Ranges {
    /// Inserts a range and merges it with those it touches. Ignored if it is empty.
    pub fn insert(&mut self, from: u64, to: u64) {
        if from >= to {
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

    /// Returns `true` if an ord is in one of the ranges.
    #[must_use]
    pub fn contains(&self, ord: u64) -> bool {
        let at = self.0.partition_point(|range| range.to < ord);
        self.0.get(at).is_some_and(|range| range.from < ord)
    }

    /// Removes the ords above `from` and up to `to`.
    pub fn remove(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        for range in std::mem::take(&mut self.0) {
            for (from, to) in [(range.from, range.to.min(from)), (range.from.max(to), range.to)] {
                if from < to {
                    self.0.push(Range { from, to });
                }
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(list: &[(u64, u64)]) -> Ranges {
        let mut all = Ranges::default();
        list.iter().for_each(|(from, to)| all.insert(*from, *to));
        all
    }

    #[test]
    fn ranges_that_touch_are_merged() {
        assert_eq!(ranges(&[(5, 9), (0, 5)]), ranges(&[(0, 9)]));
        assert_eq!(ranges(&[(0, 2), (4, 6), (8, 9)]).0.len(), 3);
        assert_eq!(ranges(&[(0, 2), (4, 6), (8, 9), (1, 8)]), ranges(&[(0, 9)]));
        assert_eq!(ranges(&[(9, 3), (7, 7)]), Ranges::default(), "they are empty");
    }

    #[test]
    fn removing_a_range_anywhere_leaves_a_gap() {
        let all = [(0, 9), (11, 12), (15, 20)];
        for (from, to, left) in [
            (3, 5, &[(0, 3), (5, 9), (11, 12), (15, 20)][..]),
            (0, 9, &[(11, 12), (15, 20)]),
            (5, 12, &[(0, 5), (15, 20)]),
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
            ) {
                let mut known = ranges(&list.iter().map(|&(from, len)| (from, from + len)).collect::<Vec<_>>());
                let mut model = std::collections::BTreeSet::new();
                for (from, len) in list {
                    model.extend(from + 1..=from + len);
                }
                let inside = |known: &Ranges| (0..60).filter(|ord| known.contains(*ord)).collect::<Vec<_>>();
                prop_assert_eq!(inside(&known), model.iter().copied().collect::<Vec<_>>());
                prop_assert!(known.0.windows(2).all(|pair| pair[0].to < pair[1].from));
                let removed = (removed.0, removed.0 + removed.1);
                known.remove(removed.0, removed.1);
                model.retain(|ord| *ord <= removed.0 || *ord > removed.1);
                prop_assert_eq!(inside(&known), model.into_iter().collect::<Vec<_>>());
                prop_assert!(known.0.windows(2).all(|pair| pair[0].to < pair[1].from));
            }
        }
    }
}
