//! Limits the log lines about refused requests: a page retries for ever, and anybody can send any origin.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::conn::limiter::network;

/// The time for which the same refusal is not logged again.
const REPEAT_INTERVAL: Duration = Duration::from_secs(600);
/// The number of different refusals that are logged in that time.
const MAX_LOGGED: usize = 100;
/// The same of one address, so that it cannot hide the refusals of others.
const MAX_LOGGED_PER_ADDRESS: usize = 20;

/// The refusals logged lately.
#[derive(Debug, Default)]
pub struct RefusalLog(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    /// The time at which each was logged, and the address of the client.
    logged: HashMap<(String, String), (Instant, IpAddr)>,
    /// Refusals that were not logged since the last one that was.
    suppressed: u64,
}

impl RefusalLog {
    /// Returns `None` if this refusal of a client is not to be logged, otherwise the number of those before it that were
    /// not. Two words describe a refusal, such as origin and host.
    pub fn admit(&self, (first, second): (&str, &str), client: IpAddr, now: Instant) -> Option<u64> {
        let client = network(client);
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.logged.retain(|_, (logged, _)| now.duration_since(*logged) < REPEAT_INTERVAL);
        let refusal = (first.to_owned(), second.to_owned());
        let of_client = recent.logged.values().filter(|(_, of)| *of == client).count();
        if recent.logged.len() >= MAX_LOGGED
            || of_client >= MAX_LOGGED_PER_ADDRESS
            || recent.logged.contains_key(&refusal)
        {
            recent.suppressed += 1;
            return None;
        }
        recent.logged.insert(refusal, (now, client));
        Some(std::mem::take(&mut recent.suppressed))
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
    fn each_page_is_logged_once_in_a_while() {
        let (log, start) = (RefusalLog::default(), Instant::now());
        let admit = |origin, now| log.admit((origin, "b"), address(1), now);
        assert_eq!(admit("http://a", start), Some(0));
        for _ in 0..5 {
            assert_eq!(admit("http://a", start + REPEAT_INTERVAL / 2), None);
        }
        assert_eq!(admit("http://c", start), Some(5), "another page is logged at once");
        assert_eq!(admit("http://a", start + REPEAT_INTERVAL), Some(0));
    }

    #[test]
    fn flood_of_origins_is_bounded() {
        let (log, start) = (RefusalLog::default(), Instant::now());
        let logged = (0..10_000_u32)
            .filter(|n| log.admit((&format!("http://{n}"), "b"), address(n % 50), start).is_some())
            .count();
        assert_eq!(logged, MAX_LOGGED);
        let recent = log.0.lock().unwrap();
        assert_eq!((recent.logged.len(), recent.suppressed), (MAX_LOGGED, 10_000 - MAX_LOGGED as u64));
        drop(recent);
        assert!(log.admit(("http://late", "b"), address(1), start + REPEAT_INTERVAL).is_some());
    }

    #[test]
    fn flood_of_one_address_hides_no_refusal_of_others() {
        let (log, now) = (RefusalLog::default(), Instant::now());
        let client = |n: u128| std::net::Ipv6Addr::from_bits((0x2001_0db8 << 96) + n).into();
        let logged = (0..10_000)
            .filter(|n| log.admit((&format!("http://{n}"), "b"), client(*n), now).is_some())
            .count();
        assert_eq!(logged, MAX_LOGGED_PER_ADDRESS, "addresses of one network");
        assert!(log.admit(("http://a", "b"), address(1), now).is_some());
    }
}
