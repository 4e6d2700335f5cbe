//! Counters that anybody may read while the server runs.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::hub::Counters;

/// What the server holds and has done.
#[derive(Debug, Default)]
pub struct Stats {
    /// TCP connections that are open, WebSockets among them.
    pub tcp: AtomicUsize,
    /// WebSocket connections that are open, those that are being closed among them.
    pub sockets: AtomicUsize,
    /// Peers that are there under a name.
    pub members: AtomicUsize,
    /// Messages accepted.
    pub accepted: AtomicU64,
    /// Frames refused.
    pub refused: AtomicU64,
    /// Frames of unknown meaning, ignored.
    pub ignored: AtomicU64,
    /// Connections refused for their number or origin.
    pub turned_away: AtomicU64,
    /// Connections closed because they did not read.
    pub too_slow: AtomicU64,
    /// How often a connection was not told what was said until it had caught up.
    pub skipped: AtomicU64,
    /// How often the log failed to append or to read.
    pub log_failures: AtomicU64,
}

impl Stats {
    /// One more.
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn count(&self, members: usize, counters: Counters) {
        self.members.store(members, Relaxed);
        self.accepted.store(counters.accepted, Relaxed);
        self.refused.store(counters.refused, Relaxed);
        self.ignored.store(counters.ignored, Relaxed);
    }
}
