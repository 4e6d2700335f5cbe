//! A reader thread.

use std::sync::{Mutex, PoisonError, mpsc::Receiver};

use super::{LogReport, Query, guarded};
use crate::store::LogReader;

/// Executes queries until the sender is dropped.
pub(super) fn run(
    mut reader: Box<dyn LogReader>,
    queries: &Mutex<Receiver<(u64, Query)>>,
    report: impl Fn(LogReport),
) {
    // The lock is held while waiting for a query, not while executing it.
    let next = || queries.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok((token, query)) = next() {
        report(LogReport::Read(token, guarded(|| reader.execute(&query))));
    }
}
