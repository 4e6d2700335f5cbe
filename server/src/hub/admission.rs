//! How fast people are let in. Thousands that were cut off together come back together, and each gets a list of who is
//! there and what was said: those who would be too many are told when to come, each another moment.

use parlour_core::{Millis, limits::TokenBucket};

/// The door.
#[derive(Debug)]
pub struct Admission {
    bucket: TokenBucket,
    per_second: u64,
    /// The moment the last of those sent away was given, in µs.
    promised: u64,
}

impl Admission {
    /// Lets in `per_second` on the long run, and `burst` at once. `per_second == 0` means no limit.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self {
            bucket: TokenBucket::new(per_second.saturating_mul(60), burst, 0),
            per_second: per_second.into(),
            promised: 0,
        }
    }

    /// Lets somebody in.
    ///
    /// # Errors
    /// In how many ms there will be a place for them.
    pub fn enter(&mut self, now: Millis) -> Result<(), Millis> {
        self.bucket.take(now).map_err(|wait| {
            let first = (now + wait) * 1_000;
            self.promised = (self.promised + 1_000_000 / self.per_second.max(1)).max(first);
            (self.promised / 1_000).saturating_sub(now).max(1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_sent_away_are_given_moments_of_their_own() {
        let mut door = Admission::new(100, 10);
        assert!((0..10).all(|_| door.enter(0).is_ok()));
        let waits: Vec<_> = (0..50).map(|_| door.enter(0).unwrap_err()).collect();
        assert_eq!((waits[0], waits[49]), (10, 500));
        assert!(waits.is_sorted_by(|a, b| a < b));
        // Each comes when told, and finds a place.
        assert!(waits.iter().all(|wait| door.enter(*wait).is_ok()));
        assert!(Admission::new(0, 0).enter(0).is_ok());
    }
}
