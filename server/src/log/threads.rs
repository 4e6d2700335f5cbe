//! A log on threads of its own, for those who may not wait for a disk.
//!
//! One thread writes. While it waits for the disk, jobs gather; it takes all of them at once and commits them together,
//! so a busy log costs one wait for many messages. Two threads read, so that a long search does not hold up a page.
//!
//! What comes of a job or a query is told to the `report` of [`start`], from these threads.

mod reader;
mod writer;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        mpsc::{Sender, channel},
    },
    thread::{Builder, JoinHandle},
};

use self::writer::Writer;
pub use super::{Answer, Job, Query, What};
use super::{Appended, Log, LogError, Retention};

/// Threads that read.
const READERS: usize = 2;

/// What came of a job or a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Of a job, with one result for each of its entries. Jobs are reported in their order.
    Appended(Result<Vec<Appended>, LogError>),
    /// Of a query, by its token. Queries are reported in any order.
    Read(u64, Result<Answer, LogError>),
}

/// Starts the threads. The log is tidied on the one that writes, between appends.
///
/// `report` must not block for long; while it does, nothing is written or read.
///
/// # Errors
/// [`LogError`] when the log gives no reader, or the system no thread.
pub fn start(
    log: Box<dyn Log>,
    retention: Retention,
    report: impl Fn(Report) + Send + Clone + 'static,
) -> Result<Handle, LogError> {
    let (jobs, waiting_jobs) = channel();
    let (queries, waiting_queries) = channel();
    // From here on a return ends the threads that have been started.
    let mut handle = Handle { jobs: Some(jobs), queries: Some(queries), readers: Vec::new(), writer: None };
    let waiting_queries = Arc::new(Mutex::new(waiting_queries));
    for _ in 0..READERS {
        let (read, queries, report) = (log.reader()?, waiting_queries.clone(), report.clone());
        handle.readers.push(thread("log-reader", move || reader::run(read, &queries, report))?);
    }
    handle.writer =
        Some(thread("log-writer", move || Writer::new(log, retention, report).run(&waiting_jobs))?);
    Ok(handle)
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, LogError> {
    Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(|error| LogError::Failed(format!("the system gives no thread: {error}")))
}

/// The threads. When it is dropped they finish what they were given, close the log, and end.
#[derive(Debug)]
pub struct Handle {
    jobs: Option<Sender<Job>>,
    queries: Option<Sender<(u64, Query)>>,
    readers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
}

impl Handle {
    /// Appends, in the order of the calls. Reported as [`Report::Appended`]. How much may wait is for the caller to
    /// bound.
    pub fn append(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // The other end is there as long as this one, unless `report` itself has panicked: nobody is left to tell.
            let _ = jobs.send(job);
        }
    }

    /// Reads. Reported as [`Report::Read`] with this token.
    pub fn read(&self, token: u64, query: Query) {
        if let Some(queries) = &self.queries {
            let _ = queries.send((token, query));
        }
    }

    /// Waits until everything that was given is done and reported, and the log is closed.
    pub fn close(self) {}
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Readers first: the last to close the log leaves it in one file.
        self.queries = None;
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// A log that panics has failed; the thread it ran on goes on.
fn guarded<T>(call: impl FnOnce() -> Result<T, LogError>) -> Result<T, LogError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| Err(LogError::Failed(words(&*panic))))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let words =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", words.unwrap_or("without a word"))
}
