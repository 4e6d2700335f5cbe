//! When to try again: capped exponential backoff with full jitter on its upper half.

use crate::Millis;

/// How long the first wait is, before jitter.
pub const FIRST: Millis = 500;
/// The longest wait.
pub const CAP: Millis = 30_000;

/// Waits that double from [`FIRST`] to [`CAP`]. Half of each is certain and half is drawn, so that clients cut
/// off together do not come back together.
#[derive(Clone, Debug)]
pub struct Backoff {
    attempt: u32,
    rng: u64,
}

impl Backoff {
    /// The seed decides every wait; each client needs its own.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { attempt: 0, rng: seed }
    }

    /// How many waits there were since the last [`reset`](Self::reset).
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The next wait in ms.
    pub fn next_wait(&mut self) -> Millis {
        let full = CAP.min(FIRST << self.attempt.min(10));
        self.attempt = self.attempt.saturating_add(1);
        full / 2 + self.random() % (full / 2 + 1)
    }

    /// A server's own "come back in n ms", spread by up to a quarter of it so that all who were told the same
    /// do not come at once.
    pub fn told(&mut self, wait: Millis) -> Millis {
        let wait = wait.min(10 * 60_000);
        self.attempt = self.attempt.saturating_add(1);
        wait + self.random() % (wait / 4 + 1)
    }

    /// To be called after a connection that lasted, and only then: a server that accepts and drops at once must not
    /// be hammered.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }

    /// splitmix64 (Steele, Lea, Flood 2014): a wait needs to be spread, not secret.
    fn random(&mut self) -> u64 {
        self.rng = self.rng.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.rng;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_start_over() {
        let mut backoff = Backoff::new(7);
        for n in 0..40 {
            let full = CAP.min(FIRST << n.min(10));
            let wait = backoff.next_wait();
            assert!((full / 2..=full).contains(&wait), "wait {n} is {wait} of {full}");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= FIRST);
    }

    #[test]
    fn two_clients_do_not_come_back_together() {
        let waits: std::collections::BTreeSet<_> =
            (0..100).map(|seed| Backoff::new(seed).told(10_000)).collect();
        assert!(waits.len() > 80 && *waits.first().unwrap() >= 10_000 && *waits.last().unwrap() <= 12_500);
    }
}
