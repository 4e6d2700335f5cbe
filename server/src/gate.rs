//! How many connections there may be, in all and from one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use thiserror::Error;

/// Why somebody is turned away.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// All places are taken.
    #[error("The server is full; try again later.")]
    Full,
    /// This address has as many as it may.
    #[error("There are too many connections from your network; try again later.")]
    Address,
}

/// A counter of places with two bounds; `0` is no bound.
#[derive(Debug)]
pub struct Gate {
    total: usize,
    each: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place taken; given back when dropped.
#[derive(Debug)]
pub struct Place {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Gate {
    /// At most `total` places, and `each` of them for one address.
    #[must_use]
    pub fn new(total: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { total, each, taken: Mutex::default() })
    }

    /// Takes a place.
    ///
    /// # Errors
    /// There is none.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Place, Closed> {
        let address = network(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if self.total != 0 && taken.all >= self.total {
            return Err(Closed::Full);
        }
        if self.each != 0 {
            let count = taken.by_address.entry(address).or_default();
            if *count >= self.each {
                return Err(Closed::Address);
            }
            *count += 1;
        }
        taken.all += 1;
        Ok(Place { gate: self.clone(), address })
    }

    /// How many places are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.gate.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(count) = taken.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// What is counted as one address: of IPv6 the network of 64 bits, which one customer has whole.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            octets[8..].fill(0);
            IpAddr::V6(octets.into())
        }
        v4 => v4,
    }
}

/// The address of the peer: the socket's, or behind a proxy that is trusted the last one in `X-Forwarded-For`,
/// which is the one that proxy itself has seen.
#[must_use]
pub fn peer_address(socket: IpAddr, headers: &axum::http::HeaderMap, trust_proxy: bool) -> IpAddr {
    if !trust_proxy {
        return socket;
    }
    let last = headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
    last.and_then(|list| list.rsplit(',').next()).and_then(|a| a.trim().parse().ok()).unwrap_or(socket)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_given_back() {
        let gate = Gate::new(3, 2);
        let first = gate.enter(ip("10.0.0.1")).unwrap();
        let _second = gate.enter(ip("::ffff:10.0.0.1")).unwrap();
        assert_eq!(gate.enter(ip("10.0.0.1")).unwrap_err(), Closed::Address);
        let _third = gate.enter(ip("2001:db8::1")).unwrap();
        assert_eq!(gate.enter(ip("10.0.0.2")).unwrap_err(), Closed::Full);
        drop(first);
        assert!(gate.enter(ip("10.0.0.1")).is_ok());
        assert_eq!(gate.taken(), 2);
    }

    #[test]
    fn one_network_is_one_address() {
        let gate = Gate::new(0, 1);
        let _place = gate.enter(ip("2001:db8::1")).unwrap();
        assert_eq!(gate.enter(ip("2001:db8::2:1")).unwrap_err(), Closed::Address);
        assert!(gate.enter(ip("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("1.1.1.1, 2.2.2.2"));
        assert_eq!(peer_address(ip("10.0.0.1"), &headers, false), ip("10.0.0.1"));
        assert_eq!(peer_address(ip("10.0.0.1"), &headers, true), ip("2.2.2.2"));
        headers.insert("x-forwarded-for", HeaderValue::from_static("unknown"));
        assert_eq!(peer_address(ip("10.0.0.1"), &headers, true), ip("10.0.0.1"));
    }
}
