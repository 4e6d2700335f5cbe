//! Reproducible randomness: one seed determines a whole run.

use std::{ops::Range, time::Duration};

/// A pseudo-random number generator (SplitMix64).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Creates a generator from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Creates the generator for one part of a run. Concurrent parts have separate generators, so that they do not
    /// affect each other.
    #[must_use]
    pub fn for_part(seed: u64, part: u64) -> Self {
        Self(Self(seed ^ part.wrapping_mul(0xA076_1D64_78BD_642F)).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in a non-empty range.
    pub fn in_range(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// A duration in a range of ms.
    pub fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.in_range(range))
    }

    /// A duration in a range of ms, biased towards the start of the range.
    pub fn mostly_short(&mut self, range: Range<u64>) -> Duration {
        let least = (0..3).map(|_| self.in_range(range.clone())).min().unwrap_or(range.start);
        Duration::from_millis(least)
    }

    /// Shuffles in place.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len() as u64).rev() {
            items.swap(usize::try_from(last).unwrap(), usize::try_from(self.in_range(0..last + 1)).unwrap());
        }
    }
}

/// Draws items in random order. Each round draws every item as often as it is in the deck, so that even a short run
/// draws all of them.
#[derive(Clone, Debug)]
pub struct Deck<T> {
    all: Vec<T>,
    left: Vec<T>,
}

impl<T: Copy> Deck<T> {
    /// Creates a deck with the given number of copies of each item.
    #[must_use]
    pub fn new(items: &[(usize, T)]) -> Self {
        let all = items.iter().flat_map(|(count, item)| std::iter::repeat_n(*item, *count)).collect();
        Self { all, left: Vec::new() }
    }

    /// Draws the next item; shuffles a full deck when it is empty.
    ///
    /// # Panics
    /// If the deck has no items.
    pub fn draw(&mut self, rng: &mut Rng) -> T {
        if self.left.is_empty() {
            self.left.clone_from(&self.all);
            rng.shuffle(&mut self.left);
        }
        self.left.pop().expect("a deck is not empty")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_draw_equal_sequences() {
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            let mut deck = Deck::new(&[(3, 'a'), (2, 'b'), (1, 'c')]);
            (0..60).map(|_| deck.draw(&mut rng)).collect::<String>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert_eq!(draw(7).matches('c').count(), 10, "each item as often as it is in the deck");
        let mut rng = Rng::for_part(7, 1);
        assert!((0..1000).all(|_| (5..8).contains(&rng.in_range(5..8))));
    }
}
