//! Bounds that all addresses share.
//!
//! An address may use at most as much as it leaves free: alone it can use half, the next one half of the rest, and so on.
//! So a few addresses that flood the server leave something for others.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
};

/// The use of something bounded, by address.
#[derive(Debug, Default)]
pub struct SharedBound {
    used: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl SharedBound {
    /// Returns `true` if an address may use this much more. An amount larger than the whole bound is allowed alone.
    #[must_use]
    pub fn allows(&self, address: IpAddr, amount: usize, bound: usize) -> bool {
        let free = bound.saturating_sub(self.used);
        self.used == 0 || self.used_by(address).saturating_add(amount) <= free
    }

    /// The use of one address.
    #[must_use]
    pub fn used_by(&self, address: IpAddr) -> usize {
        self.by_address.get(&address).copied().unwrap_or(0)
    }

    /// The use of all addresses.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Counts what an address uses.
    pub fn add(&mut self, address: IpAddr, amount: usize) {
        self.used += amount;
        *self.by_address.entry(address).or_default() += amount;
    }

    /// Counts what an address does not use any more.
    pub fn remove(&mut self, address: IpAddr, amount: usize) {
        self.used -= amount;
        if let Entry::Occupied(mut own) = self.by_address.entry(address) {
            *own.get_mut() -= amount;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }

    /// The number of entries in all tables.
    #[must_use]
    pub fn table_size(&self) -> usize {
        self.by_address.len()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    /// Uses as much as is allowed, one by one. Returns how much that was.
    fn fill(shared: &mut SharedBound, n: u32) -> usize {
        (0..)
            .take_while(|_| shared.allows(address(n), 1, 120).then(|| shared.add(address(n), 1)).is_some())
            .count()
    }

    #[test]
    fn one_address_leaves_half_of_the_rest() {
        let mut shared = SharedBound::default();
        // The fewer use it at the same time, the more each may use.
        assert_eq!([1, 2, 3, 4].map(|n| fill(&mut shared, n)), [60, 30, 15, 8]);
        for n in 5..200 {
            fill(&mut shared, n);
        }
        assert_eq!((shared.used(), shared.used_by(address(1))), (120, 60));
        // The first ones give back what they use, and share it.
        shared.remove(address(1), 60);
        assert_eq!((fill(&mut shared, 1), fill(&mut shared, 999)), (30, 15));
        assert_eq!(shared.table_size(), 8);
    }

    #[test]
    fn amount_larger_than_the_bound_is_allowed_alone() {
        let mut shared = SharedBound::default();
        assert!(shared.allows(address(1), 500, 120));
        shared.add(address(1), 500);
        assert!(!shared.allows(address(1), 1, 120) && !shared.allows(address(2), 1, 120));
        shared.remove(address(1), 500);
        assert_eq!((shared.used(), shared.table_size()), (0, 0));
    }
}
