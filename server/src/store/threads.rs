//! Runs an event log on its own threads, for callers that must not wait for the disk.
//!
//! One thread writes. While it waits for the disk, batches accumulate; it then commits all of them together,
//! so that a busy log waits once for many messages. One thread reads pages and one searches, so that a page does not
//! wait for a search. Each serves the requesters in turn.
//!
//! Results are passed to the `report` callback of [`start`], on these threads.

mod reader;
mod writer;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    thread::{Builder, JoinHandle},
};

use self::{reader::Lane, writer::Writer};
pub use super::{AppendBatch, Query};
use super::{EventLog, LogError, Outcome, Retention, RoomResult};

/// The result of an append or a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogReport {
    /// The outcome of each proposal of a batch. Batches are reported in order.
    Appended(Result<Vec<Outcome>, LogError>),
    /// The result of a query that was not cancelled, with its token. Queries are reported in any order.
    Read(u64, Result<RoomResult, LogError>),
}

/// Starts the threads. Retention and indexing run on the writer thread, between appends.
///
/// `report` must not block for long: it blocks writing and reading.
///
/// # Errors
/// [`LogError`] if the log has no reader or a thread cannot be started.
pub fn start(
    log: Box<dyn EventLog>,
    retention: Retention,
    report: impl Fn(LogReport) + Send + Clone + 'static,
) -> Result<LogThreads, LogError> {
    let (batches, batch_receiver) = channel();
    let (mut pages, searches) = (log.reader()?, log.reader()?);
    let clock = pages.clock()?;
    // An early return drops the handle, which ends the threads started so far.
    let mut handle = LogThreads {
        batches: Some(batches),
        pages: Arc::new(Lane::new(&*pages)),
        searches: Arc::new(Lane::new(&*searches)),
        readers: Vec::new(),
        writer: None,
    };
    for (name, read, lane) in
        [("log-pages", pages, handle.pages.clone()), ("log-searches", searches, handle.searches.clone())]
    {
        let report = report.clone();
        handle.readers.push(thread(name, move || reader::run(read, &lane, report))?);
    }
    handle.writer =
        Some(thread("log-writer", move || Writer::new(log, retention, clock, report).run(&batch_receiver))?);
    Ok(handle)
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, LogError> {
    Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(|error| LogError::Failed(format!("a thread could not be started: {error}")))
}

/// The handle of the threads. When dropped, they finish their work except searches, close the log and end.
#[derive(Debug)]
pub struct LogThreads {
    batches: Option<Sender<AppendBatch>>,
    pages: Arc<Lane>,
    searches: Arc<Lane>,
    readers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
}

impl LogThreads {
    /// Appends in the order of the calls. The result is reported as [`LogReport::Appended`]. The caller must
    /// bound the number of pending batches.
    pub fn append(&self, batch: AppendBatch) {
        if let Some(batches) = &self.batches {
            // Fails only if `report` has panicked; then the result can't be reported anyway.
            let _ = batches.send(batch);
        }
    }

    /// Executes a query. The result is reported as [`LogReport::Read`] with this token. The caller must bound the
    /// number of pending queries.
    pub fn read(&self, token: u64, query: Query) {
        let lane = if reader::is_search(&query) { &self.searches } else { &self.pages };
        lane.push(token, query);
    }

    /// Cancels a query that waits or is being executed. Its result is reported only if it was finished already.
    pub fn cancel(&self, token: u64) {
        self.pages.cancel(token);
        self.searches.cancel(token);
    }

    /// Waits until all work except searches is done and reported, and the log is closed.
    pub fn close(self) {}
}

impl Drop for LogThreads {
    fn drop(&mut self) {
        // Readers first: the last connection to close leaves the log in one file.
        self.pages.close(true);
        self.searches.close(false);
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        self.batches = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// Turns a panic of the log into an error, so that its thread continues.
fn guarded<T>(call: impl FnOnce() -> Result<T, LogError>) -> Result<T, LogError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| Err(LogError::Failed(panic_message(&*panic))))
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", message.unwrap_or("no message"))
}
