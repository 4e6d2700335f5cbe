//! The limits of a search, and its cancellation.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

/// The limits of one search; beyond them its results are partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchLimits {
    /// The most work, in instructions of SQLite's virtual machine; reading text counts as such. One takes about
    /// 0.4 µs.
    pub work: u64,
    /// The most time, for a disk that is slow.
    pub time: Duration,
}

impl Default for SearchLimits {
    fn default() -> Self {
        Self { work: 500_000, time: Duration::from_millis(500) }
    }
}

/// Cancels the running search of a [`LogReader`](super::LogReader) from another thread.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Makes the running search end soon, with partial results.
    pub fn cancel(&self) {
        self.0.store(true, Relaxed);
    }

    /// Allows searches again. To be called between two queries.
    pub fn reset(&self) {
        self.0.store(false, Relaxed);
    }

    /// Returns `true` if the running search is to end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Relaxed)
    }
}
