//! Limits the log lines about refused pages: a page retries for ever, and anybody can send any origin.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The time for which the same page is not logged again.
const REPEAT_INTERVAL: Duration = Duration::from_secs(600);
/// The number of different pages that are logged in that time.
const MAX_PAGES: usize = 100;

/// The pages logged lately.
#[derive(Debug, Default)]
pub struct RefusalLog(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    /// The time at which each was logged, by origin and host.
    logged: HashMap<(String, String), Instant>,
    /// Refusals that were not logged since the last one that was.
    suppressed: u64,
}

impl RefusalLog {
    /// Returns `None` if this refusal is not to be logged, otherwise the number of those before it that were not.
    pub fn admit(&self, origin: &str, host: &str, now: Instant) -> Option<u64> {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.logged.retain(|_, logged| now.duration_since(*logged) < REPEAT_INTERVAL);
        let page = (origin.to_owned(), host.to_owned());
        if recent.logged.len() >= MAX_PAGES || recent.logged.contains_key(&page) {
            recent.suppressed += 1;
            return None;
        }
        recent.logged.insert(page, now);
        Some(std::mem::take(&mut recent.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_is_logged_once_in_a_while() {
        let (log, start) = (RefusalLog::default(), Instant::now());
        assert_eq!(log.admit("http://a", "b", start), Some(0));
        for _ in 0..5 {
            assert_eq!(log.admit("http://a", "b", start + REPEAT_INTERVAL / 2), None);
        }
        assert_eq!(log.admit("http://c", "b", start), Some(5), "another page is logged at once");
        assert_eq!(log.admit("http://a", "b", start + REPEAT_INTERVAL), Some(0));
    }

    #[test]
    fn flood_of_origins_is_bounded() {
        let (log, start) = (RefusalLog::default(), Instant::now());
        let logged = (0..10_000).filter(|n| log.admit(&format!("http://{n}"), "b", start).is_some()).count();
        assert_eq!(logged, MAX_PAGES);
        let recent = log.0.lock().unwrap();
        assert_eq!((recent.logged.len(), recent.suppressed), (MAX_PAGES, 10_000 - MAX_PAGES as u64));
        drop(recent);
        assert!(log.admit("http://late", "b", start + REPEAT_INTERVAL).is_some());
    }
}
