//! A thread that reads.

use std::sync::{Mutex, PoisonError, mpsc::Receiver};

use super::{Answer, Query, Read, Report, What, guarded};

/// Answers queries until there can be no more.
pub(super) fn run(mut read: Box<dyn Read>, queries: &Mutex<Receiver<(u64, Query)>>, report: impl Fn(Report)) {
    // The lock is held while one waits for a query, and not while it is answered.
    let next = || queries.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok((token, Query { room, what, size })) = next() {
        let answer = guarded(|| match &what {
            What::Page(start) => read.page(&room, *start, size).map(Answer::Page),
            What::Search { query, before } => read.search(&room, query, *before, size).map(Answer::Found),
        });
        report(Report::Read(token, answer));
    }
}
