//! Limits the log lines about connections. Whoever connects again and again would otherwise fill the disk with them, some
//! megabytes a second.

use std::{collections::HashMap, net::IpAddr};

use parlour_core::{Millis, limits::TokenBucket};

use super::limiter::network;
use crate::hub::expiry_queue::ExpiryQueue;

/// The lines about connections of one address, per minute in the long run and at once. A connection has two.
const ADDRESS_RATE: (u32, u32) = (600, 2_000);

/// The lines of each address.
#[derive(Debug, Default)]
pub struct ConnectionLog {
    by_address: HashMap<IpAddr, TokenBucket>,
    /// The times at which addresses are as good as new ones.
    recovered: ExpiryQueue<IpAddr>,
    /// Lines that were left out since the last one that was not.
    left_out: u64,
}

impl ConnectionLog {
    /// Returns `None` if a line about a connection from this address is to be left out, otherwise the number of those
    /// before it that were.
    pub fn admit(&mut self, now: Millis, address: IpAddr) -> Option<u64> {
        while let Some(address) = self.recovered.pop_due(now) {
            self.by_address.remove(&address);
        }
        let address = network(address);
        let (per_minute, burst) = ADDRESS_RATE;
        let lines =
            self.by_address.entry(address).or_insert_with(|| TokenBucket::new(per_minute, burst, now));
        if lines.take(now).is_err() {
            self.left_out += 1;
            return None;
        }
        self.recovered.set(address, lines.full_at());
        Some(std::mem::take(&mut self.left_out))
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
    fn flood_of_connections_is_a_bounded_number_of_lines() {
        let mut log = ConnectionLog::default();
        // A hundred a millisecond, for ten seconds.
        let logged: Vec<_> = (0..1_000_000).filter_map(|n| log.admit(n / 100, address(1))).collect();
        assert_eq!(logged.len(), 2_000 + 99);
        assert_eq!(log.admit(10_000, address(2)), Some(1_000_000 - 2_099 - logged.iter().sum::<u64>()));
        assert_eq!(log.admit(10_000, address(2)), Some(0), "of another address");
        log.admit(1_000_000, address(3));
        assert_eq!((log.by_address.len(), log.recovered.table_size()), (1, 2), "others are forgotten");
    }
}
