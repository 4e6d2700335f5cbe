//! Delays between connection attempts: capped exponential backoff with jitter.

use crate::Millis;

/// The first delay before jitter, in ms.
pub const INITIAL_DELAY_MS: Millis = 500;
/// The maximum delay, in ms.
pub const MAX_DELAY_MS: Millis = 30_000;
/// The maximum delay accepted from a server, before jitter, in ms.
const MAX_SERVER_DELAY_MS: Millis = 10 * 60_000;

/// Delays that double from [`INITIAL_DELAY_MS`] to [`MAX_DELAY_MS`]. Each is drawn between half of that value and all of
/// it, so that clients that were disconnected together do not reconnect together.
#[derive(Clone, Debug)]
pub struct Backoff {
    attempt: u32,
    rng: u64,
}

impl Backoff {
    /// The seed determines all delays; each client needs a different one.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { attempt: 0, rng: seed }
    }

    /// The number of delays since the last [`reset`](Self::reset).
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The next delay in ms.
    pub fn next_delay(&mut self) -> Millis {
        let full = MAX_DELAY_MS.min(INITIAL_DELAY_MS << self.attempt.min(10));
        self.attempt = self.attempt.saturating_add(1);
        full / 2 + self.random() % (full / 2 + 1)
    }

    /// The delay in ms when the server has requested one, at most 12.5 minutes. Up to a quarter is added at random, because
    /// the server requests the same delay from many clients.
    pub fn server_delay(&mut self, requested: Millis) -> Millis {
        let delay = requested.min(MAX_SERVER_DELAY_MS);
        self.attempt = self.attempt.saturating_add(1);
        delay + self.random() % (delay / 4 + 1)
    }

    /// Starts again with the initial delay. To be called only after a connection that lasted, so that a server which
    /// accepts and immediately drops connections is not flooded.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }

    /// splitmix64 (Steele, Lea, Flood 2014). Delays need to be spread out, not unpredictable.
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
    fn delays_double_up_to_the_maximum_and_start_over_after_a_reset() {
        let mut backoff = Backoff::new(7);
        for n in 0..40 {
            let full = MAX_DELAY_MS.min(INITIAL_DELAY_MS << n.min(10));
            let delay = backoff.next_delay();
            assert!((full / 2..=full).contains(&delay), "delay {n} is {delay} of {full}");
        }
        backoff.reset();
        assert!(backoff.next_delay() <= INITIAL_DELAY_MS);
    }

    #[test]
    fn clients_do_not_reconnect_at_the_same_time() {
        let delays: std::collections::BTreeSet<_> =
            (0..100).map(|seed| Backoff::new(seed).server_delay(10_000)).collect();
        assert!(delays.len() > 80);
        assert!(*delays.first().unwrap() >= 10_000 && *delays.last().unwrap() <= 12_500);
    }
}
