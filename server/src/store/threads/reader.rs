//! The reader threads: one for pages, and one for searches, so that a page never waits for a search.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::{LogReport, Query, guarded};
use crate::{
    fair_queue::FairQueue,
    store::{Cancellation, LogReader},
};

/// The queries of one reader thread.
#[derive(Debug)]
pub(super) struct Lane {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: FairQueue<(u64, Query)>,
    /// The query that is being executed.
    running: Option<u64>,
    /// Cancels it.
    cancellation: Cancellation,
    closed: bool,
}

impl Lane {
    /// A lane for a thread with this reader.
    pub(super) fn new(reader: &dyn LogReader) -> Self {
        let state = State { cancellation: reader.cancellation(), ..State::default() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a query.
    pub(super) fn push(&self, token: u64, query: Query) {
        self.lock().waiting.push(query.requester.clone(), (token, query));
        self.changed.notify_one();
    }

    /// Removes a query, or ends it if it is being executed.
    pub(super) fn cancel(&self, token: u64) {
        let mut state = self.lock();
        state.waiting.remove(|(waiting, _)| *waiting == token);
        if state.running == Some(token) {
            state.cancellation.cancel();
        }
    }

    /// Ends the thread: after the queries, or at once if they are not `needed`.
    pub(super) fn close(&self, needed: bool) {
        let mut state = self.lock();
        state.closed = true;
        if !needed {
            state.waiting.clear();
            state.cancellation.cancel();
        }
        self.changed.notify_one();
    }

    /// Waits for the next query; `None` when the lane is closed.
    fn next(&self) -> Option<(u64, Query)> {
        let mut state = self.lock();
        loop {
            if let Some((token, query)) = state.waiting.pop() {
                state.running = Some(token);
                return Some((token, query));
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Records that the query was executed. Returns whether it was cancelled.
    fn executed(&self) -> bool {
        let mut state = self.lock();
        state.running = None;
        let was_cancelled = state.cancellation.is_cancelled();
        state.cancellation.reset();
        was_cancelled
    }
}

/// Executes queries until the lane is closed. A cancelled query is not reported.
pub(super) fn run(mut reader: Box<dyn LogReader>, lane: &Lane, report: impl Fn(LogReport)) {
    while let Some((token, query)) = lane.next() {
        let result = guarded(|| reader.execute(&query));
        if !lane.executed() {
            report(LogReport::Read(token, result));
        }
    }
}

/// Returns `true` if a query belongs into the lane for searches.
pub(super) fn is_search(query: &Query) -> bool {
    query.query.is_search()
}
