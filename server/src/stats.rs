//! Counters that can be read while the server runs.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::hub::Counters;

/// The server's counters.
#[derive(Debug, Default)]
pub struct Stats {
    /// Open TCP connections, including WebSockets.
    pub tcp: AtomicUsize,
    /// Open WebSocket connections, including those being closed.
    pub sockets: AtomicUsize,
    /// Members online.
    pub members: AtomicUsize,
    /// Messages published.
    pub accepted: AtomicU64,
    /// Envelopes and connections refused by the hub.
    pub refused: AtomicU64,
    /// Envelopes ignored because they have only unknown fields, or no content.
    pub ignored: AtomicU64,
    /// TCP connections and WebSocket handshakes rejected because of a limit, their origin, or a shutdown.
    pub rejected: AtomicU64,
    /// Connections closed as slow consumers.
    pub too_slow: AtomicU64,
    /// The number of times that a slow consumer was unsubscribed, to load the skipped messages later.
    pub skipped: AtomicU64,
    /// The number of times that the event log failed to append or to read.
    pub log_failures: AtomicU64,
}

impl Stats {
    /// Increments a counter.
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    /// Copies the hub's counters.
    pub(crate) fn count(&self, members: usize, counters: Counters) {
        self.members.store(members, Relaxed);
        self.accepted.store(counters.accepted, Relaxed);
        self.refused.store(counters.refused, Relaxed);
        self.ignored.store(counters.ignored, Relaxed);
    }
}
