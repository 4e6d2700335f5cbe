//! The rate limit for logins. After an outage thousands of clients reconnect at once, and for each the
//! log is read. Clients over the limit are refused, each with a different time to retry.
//!
//! One address has a share of the limit, so that it cannot use it up for all others.

use std::{collections::HashMap, net::IpAddr};

use parlour_core::{Millis, limits::TokenBucket};

use super::expiry_queue::ExpiryQueue;

/// The share of one address, in percent of the limit.
const ADDRESS_SHARE_PERCENT: u32 = 75;
/// The share is at least this many logins per second, and at once.
const MIN_ADDRESS_SHARE: (u32, u32) = (16, 64);

/// The longest time to retry. A flood of refused logins must not make others wait for longer.
const MAX_WAIT_MS: Millis = 30_000;

/// The limit of the server and the shares of addresses.
#[derive(Debug)]
pub struct LoginAdmission {
    all: Pace,
    /// Per second and at once.
    share: (u32, u32),
    /// The shares of addresses that have logged in lately.
    by_address: HashMap<IpAddr, Pace>,
    /// The times at which the whole share of each is available again.
    recovered: ExpiryQueue<IpAddr>,
}

/// A token bucket and the queue of retry times.
#[derive(Debug)]
struct Pace {
    bucket: TokenBucket,
    per_second: u64,
    /// The retry time last given to a refused client, in µs.
    last_slot_us: u64,
}

impl Pace {
    fn new(now: Millis, (per_second, burst): (u32, u32)) -> Self {
        Self {
            bucket: TokenBucket::new(per_second.saturating_mul(60), burst, now),
            per_second: per_second.into(),
            last_slot_us: 0,
        }
    }

    fn admit(&mut self, now: Millis) -> Result<(), Millis> {
        self.bucket.take(now).map_err(|wait| {
            let first = (now + wait) * 1_000;
            let next = self.last_slot_us + 1_000_000 / self.per_second.max(1);
            self.last_slot_us = next.max(first).min((now + wait.max(MAX_WAIT_MS)) * 1_000);
            (self.last_slot_us / 1_000).saturating_sub(now).max(1)
        })
    }
}

impl LoginAdmission {
    /// Allows `per_second` logins on average and `burst` at once. `per_second == 0` means no limit.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let share = |limit: u32, least: u32| (limit / 100 * ADDRESS_SHARE_PERCENT).max(least);
        let share = match per_second {
            0 => (0, burst),
            _ => (share(per_second, MIN_ADDRESS_SHARE.0), share(burst, MIN_ADDRESS_SHARE.1)),
        };
        Self {
            all: Pace::new(0, (per_second, burst)),
            share,
            by_address: HashMap::new(),
            recovered: ExpiryQueue::default(),
        }
    }

    /// Admits one login from an address.
    ///
    /// # Errors
    /// The time in ms after which the client should retry.
    pub fn admit(&mut self, now: Millis, address: IpAddr) -> Result<(), Millis> {
        self.expire(now);
        let of_address = self.by_address.entry(address).or_insert_with(|| Pace::new(now, self.share));
        let before = of_address.bucket;
        // The share first: a login beyond it must neither use up the limit of all nor delay the retries of others.
        let admitted = of_address.admit(now).and_then(|()| self.all.admit(now));
        if admitted.is_err() {
            of_address.bucket = before;
        }
        self.recovered.set(address, of_address.bucket.full_at());
        admitted
    }

    /// Forgets addresses whose share has recovered.
    pub fn expire(&mut self, now: Millis) {
        while let Some(address) = self.recovered.pop_due(now) {
            self.by_address.remove(&address);
        }
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.by_address.len() + self.recovered.table_size()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    #[test]
    fn refused_logins_get_distinct_retry_times() {
        let mut admission = LoginAdmission::new(100, 10);
        assert!((0..10).all(|_| admission.admit(0, address(1)).is_ok()));
        let waits: Vec<_> = (0..50).map(|_| admission.admit(0, address(1)).unwrap_err()).collect();
        assert_eq!((waits[0], waits[49]), (10, 500));
        assert!(waits.is_sorted_by(|a, b| a < b));
        // Each client that retries at its time is admitted.
        assert!(waits.iter().all(|wait| admission.admit(*wait, address(1)).is_ok()));
        assert!(LoginAdmission::new(0, 0).admit(0, address(1)).is_ok());
    }

    #[test]
    fn flood_of_refused_logins_does_not_make_others_wait_for_longer() {
        let mut admission = LoginAdmission::new(100, 100);
        for n in 0..100_000 {
            let _ = admission.admit(n / 1_000, address(1 + n as u32 % 5));
        }
        let wait = admission.admit(99, address(999)).unwrap_err();
        assert!(wait <= MAX_WAIT_MS, "{wait}");
    }

    #[test]
    fn one_address_does_not_use_up_the_limit_of_others() {
        let mut admission = LoginAdmission::new(1_000, 1_000);
        let flood = |admission: &mut LoginAdmission, now| {
            (0..10_000).filter(|_| admission.admit(now, address(1)).is_ok()).count()
        };
        assert_eq!(flood(&mut admission, 0), 750);
        assert_eq!((2..252).filter(|n| admission.admit(0, address(*n)).is_ok()).count(), 250);
        assert!(admission.admit(0, address(999)).is_err(), "now the limit of all is reached");
        for now in 1..=1_000 {
            assert!(flood(&mut admission, now) <= 1);
        }
        assert!(admission.admit(1_000, address(999)).is_ok());
        assert!(admission.table_size() <= 9, "{}", admission.table_size());
        assert!(admission.admit(3_000, address(2)).is_ok());
        assert_eq!(admission.table_size(), 3, "addresses whose share has recovered are forgotten");
    }
}
