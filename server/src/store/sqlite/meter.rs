//! Counts the work of a search while SQLite runs it, and ends it at a limit.

use std::{
    ffi::c_int,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use rusqlite::{Connection, Error, ErrorCode};

use crate::store::{Cancellation, SearchLimits};

/// The number of instructions after which SQLite reports them. A page of the search index is read with about five.
const REPORT_INSTRUCTIONS: c_int = 100;
/// Text that is read as one unit of work, in bytes.
const UNIT_BYTES: usize = 16;
/// The work below which the time does not count, so that a small search is complete on a machine of any speed.
const UNTIMED_WORK: u64 = 50_000;

/// The work of a connection. Only a search has limits; between [`Meter::end`] and [`Meter::begin`] there are none.
#[derive(Debug)]
pub(super) struct Meter {
    work: AtomicU64,
    /// The most work; `u64::MAX` if there is no search.
    limit: AtomicU64,
    deadline: Mutex<Option<Instant>>,
    cancellation: Cancellation,
}

impl Meter {
    /// Counts the work of a connection.
    pub(super) fn new(connection: &mut Connection) -> rusqlite::Result<Arc<Self>> {
        let meter = Arc::new(Self {
            work: AtomicU64::new(0),
            limit: AtomicU64::new(u64::MAX),
            deadline: Mutex::new(None),
            cancellation: Cancellation::default(),
        });
        let counting = meter.clone();
        let count = move || counting.spend(REPORT_INSTRUCTIONS.unsigned_abs().into());
        connection.progress_handler(REPORT_INSTRUCTIONS, Some(count))?;
        Ok(meter)
    }

    /// Begins a search.
    pub(super) fn begin(&self, limits: SearchLimits) {
        self.work.store(0, Relaxed);
        self.allow(limits);
    }

    /// Changes the limits of the search.
    pub(super) fn allow(&self, limits: SearchLimits) {
        self.limit.store(limits.work, Relaxed);
        *self.lock_deadline() = Instant::now().checked_add(limits.time);
    }

    /// Ends the search. Returns its work.
    pub(super) fn end(&self) -> u64 {
        self.limit.store(u64::MAX, Relaxed);
        self.work.load(Relaxed)
    }

    /// Adds work. Returns whether the search is to end.
    pub(super) fn spend(&self, work: u64) -> bool {
        self.work.fetch_add(work, Relaxed);
        self.is_exhausted()
    }

    /// Runs something whose instructions do not tell its work, which is this much.
    pub(super) fn instead<T>(&self, work: u64, run: impl FnOnce() -> T) -> T {
        let before = self.work.load(Relaxed);
        let out = run();
        self.work.store(before + work, Relaxed);
        out
    }

    /// Adds the work of reading a text. Returns whether the search is to end.
    pub(super) fn spend_text(&self, text: &str) -> bool {
        self.spend((text.len() / UNIT_BYTES) as u64 + 1)
    }

    /// Adds the work of a text that was folded, as far as it is longer than the original: some characters become many.
    pub(super) fn spend_folded(&self, text: &str, folded: &str) {
        self.spend((folded.len().saturating_sub(text.len()) / UNIT_BYTES) as u64);
    }

    /// Returns `true` if the search has reached a limit or is cancelled.
    pub(super) fn is_exhausted(&self) -> bool {
        let (work, limit) = (self.work.load(Relaxed), self.limit.load(Relaxed));
        let is_late = || self.lock_deadline().is_some_and(|deadline| Instant::now() > deadline);
        limit < u64::MAX
            && (work >= limit || self.cancellation.is_cancelled() || work >= UNTIMED_WORK && is_late())
    }

    fn lock_deadline(&self) -> MutexGuard<'_, Option<Instant>> {
        self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn cancellation(&self) -> Cancellation {
        self.cancellation.clone()
    }
}

/// Turns the error of a statement that was ended by the meter into `None`.
pub(super) fn unless_exhausted<T>(result: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    match result {
        Err(Error::SqliteFailure(failure, _)) if failure.code == ErrorCode::OperationInterrupted => Ok(None),
        other => other.map(Some),
    }
}
