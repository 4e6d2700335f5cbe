//! The rate limit for logins. After an outage thousands of clients reconnect at once, and each is sent the
//! member list and recent messages. Clients over the limit are refused, each with a different time to retry.

use parlour_core::{Millis, limits::TokenBucket};

/// A token bucket and the queue of retry times.
#[derive(Debug)]
pub struct LoginAdmission {
    bucket: TokenBucket,
    per_second: u64,
    /// The retry time last given to a refused client, in µs.
    last_slot_us: u64,
}

impl LoginAdmission {
    /// Allows `per_second` logins on average and `burst` at once. `per_second == 0` means no limit.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self {
            bucket: TokenBucket::new(per_second.saturating_mul(60), burst, 0),
            per_second: per_second.into(),
            last_slot_us: 0,
        }
    }

    /// Admits one login.
    ///
    /// # Errors
    /// The time in ms after which the client should retry.
    pub fn admit(&mut self, now: Millis) -> Result<(), Millis> {
        self.bucket.take(now).map_err(|wait| {
            let first = (now + wait) * 1_000;
            self.last_slot_us = (self.last_slot_us + 1_000_000 / self.per_second.max(1)).max(first);
            (self.last_slot_us / 1_000).saturating_sub(now).max(1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_logins_get_distinct_retry_times() {
        let mut admission = LoginAdmission::new(100, 10);
        assert!((0..10).all(|_| admission.admit(0).is_ok()));
        let waits: Vec<_> = (0..50).map(|_| admission.admit(0).unwrap_err()).collect();
        assert_eq!((waits[0], waits[49]), (10, 500));
        assert!(waits.is_sorted_by(|a, b| a < b));
        // Each client that retries at its time is admitted.
        assert!(waits.iter().all(|wait| admission.admit(*wait).is_ok()));
        assert!(LoginAdmission::new(0, 0).admit(0).is_ok());
    }
}
