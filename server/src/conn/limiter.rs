//! The connection limiter: how many connections there may be, in total and per address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use thiserror::Error;
use tokio::sync::Semaphore;

use super::input_budget;

/// The reason why a connection is rejected.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum LimitReached {
    /// The server's limit is reached.
    #[error("The server is full; try again later.")]
    Server,
    /// The address's limit is reached.
    #[error("There are too many connections from your network; try again later.")]
    Address,
}

/// Counts connections against two limits; `0` means no limit.
#[derive(Debug)]
pub struct ConnectionLimiter {
    total: usize,
    per_address: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, OneAddress>,
}

#[derive(Debug)]
struct OneAddress {
    connections: usize,
    /// The bytes that its connections may have in the hub's channel.
    input: Arc<Semaphore>,
}

/// The right to hold one connection; returned when dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    address: IpAddr,
    input: Arc<Semaphore>,
}

impl ConnectionLimiter {
    /// At most `total` connections, and at most `per_address` per address.
    #[must_use]
    pub fn new(total: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self { total, per_address, counts: Mutex::default() })
    }

    /// Acquires a permit.
    ///
    /// # Errors
    /// [`LimitReached`].
    pub fn acquire(self: &Arc<Self>, address: IpAddr) -> Result<ConnectionPermit, LimitReached> {
        self.acquire_within(self.per_address, address)
    }

    /// Acquires a permit for a connection of a reverse proxy. All of its users connect from its address, so only the
    /// server's limit applies.
    ///
    /// # Errors
    /// [`LimitReached::Server`].
    pub fn acquire_for_proxy(self: &Arc<Self>, address: IpAddr) -> Result<ConnectionPermit, LimitReached> {
        self.acquire_within(0, address)
    }

    fn acquire_within(
        self: &Arc<Self>,
        per_address: usize,
        address: IpAddr,
    ) -> Result<ConnectionPermit, LimitReached> {
        let address = network(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if self.total != 0 && counts.all >= self.total {
            return Err(LimitReached::Server);
        }
        let of_address = counts
            .by_address
            .entry(address)
            .or_insert_with(|| OneAddress { connections: 0, input: input_budget::for_address() });
        if per_address != 0 && of_address.connections >= per_address {
            return Err(LimitReached::Address);
        }
        of_address.connections += 1;
        let input = of_address.input.clone();
        counts.all += 1;
        Ok(ConnectionPermit { limiter: self.clone(), address, input })
    }

    /// The number of permits in use.
    #[must_use]
    pub fn active(&self) -> usize {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// The number of addresses with permits.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).by_address.len()
    }
}

impl ConnectionPermit {
    /// The bytes that connections of this address may have in the hub's channel.
    pub(super) const fn input(&self) -> &Arc<Semaphore> {
        &self.input
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut counts = self.limiter.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Some(of_address) = counts.by_address.get_mut(&self.address) {
            of_address.connections -= 1;
            if of_address.connections == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

/// The address that is counted. For IPv6 it is the /64 network, because one customer usually has all of it.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            octets[8..].fill(0);
            IpAddr::V6(octets.into())
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn permits_are_returned() {
        let limiter = ConnectionLimiter::new(3, 2);
        let first = limiter.acquire(ip("10.0.0.1")).unwrap();
        let _second = limiter.acquire(ip("::ffff:10.0.0.1")).unwrap();
        assert_eq!(limiter.acquire(ip("10.0.0.1")).unwrap_err(), LimitReached::Address);
        let _third = limiter.acquire(ip("2001:db8::1")).unwrap();
        assert_eq!(limiter.acquire(ip("10.0.0.2")).unwrap_err(), LimitReached::Server);
        drop(first);
        assert!(limiter.acquire(ip("10.0.0.1")).is_ok());
        assert_eq!(limiter.active(), 2);
    }

    #[test]
    fn ipv6_network_counts_as_one_address() {
        let limiter = ConnectionLimiter::new(0, 1);
        let _permit = limiter.acquire(ip("2001:db8::1")).unwrap();
        assert_eq!(limiter.acquire(ip("2001:db8::2:1")).unwrap_err(), LimitReached::Address);
        assert!(limiter.acquire(ip("2001:db8:0:1::1")).is_ok());
    }
}
