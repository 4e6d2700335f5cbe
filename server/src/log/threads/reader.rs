//! A thread that reads.

use std::sync::{Mutex, PoisonError, mpsc::Receiver};

use super::{Query, Report, guarded};
use crate::log::Read;

/// Answers queries until there can be no more.
pub(super) fn run(mut read: Box<dyn Read>, queries: &Mutex<Receiver<(u64, Query)>>, report: impl Fn(Report)) {
    // The lock is held while one waits for a query, and not while it is answered.
    let next = || queries.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok((token, query)) = next() {
        report(Report::Read(token, guarded(|| read.answer(&query))));
    }
}
