//! Chance that happens again: all of a run's from one seed.

use std::{ops::Range, time::Duration};

/// A source of chance (SplitMix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The one of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of its own for a part of the run, so that parts that run side by side don't depend on each other.
    #[must_use]
    pub fn of(seed: u64, part: u64) -> Self {
        Self(Self(seed ^ part.wrapping_mul(0xA076_1D64_78BD_642F)).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number of a range, which must not be empty.
    pub fn among(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// A time, in ms.
    pub fn millis(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.among(range))
    }

    /// A time, in ms, far more often near the start of the range than near its end.
    pub fn mostly_short(&mut self, range: Range<u64>) -> Duration {
        let least = (0..3).map(|_| self.among(range.clone())).min().unwrap_or(range.start);
        Duration::from_millis(least)
    }

    /// Any order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len() as u64).rev() {
            items.swap(usize::try_from(last).unwrap(), usize::try_from(self.among(0..last + 1)).unwrap());
        }
    }
}

/// Things that happen in any order, but each as often as it is in the deck: a short run has all of them.
#[derive(Clone, Debug)]
pub struct Deck<T> {
    all: Vec<T>,
    left: Vec<T>,
}

impl<T: Copy> Deck<T> {
    /// Each thing as many times as told.
    #[must_use]
    pub fn new(things: &[(usize, T)]) -> Self {
        let all = things.iter().flat_map(|(times, thing)| std::iter::repeat_n(*thing, *times)).collect();
        Self { all, left: Vec::new() }
    }

    /// The next.
    ///
    /// # Panics
    /// When the deck is of nothing.
    pub fn draw(&mut self, chance: &mut Chance) -> T {
        if self.left.is_empty() {
            self.left.clone_from(&self.all);
            chance.shuffle(&mut self.left);
        }
        self.left.pop().expect("a deck of something")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_again_and_another_one_something_else() {
        let draw = |seed| {
            let mut chance = Chance::new(seed);
            let mut deck = Deck::new(&[(3, 'a'), (2, 'b'), (1, 'c')]);
            (0..60).map(|_| deck.draw(&mut chance)).collect::<String>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert_eq!(draw(7).matches('c').count(), 10, "each as often as it is in the deck");
        let mut chance = Chance::of(7, 1);
        assert!((0..1000).all(|_| (5..8).contains(&chance.among(5..8))));
    }
}
