//! The thread that writes.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{Appended, Entry, Job, Log, LogError, Report, Retention, SessionChange, guarded};

/// What one append takes at most, but for what its last job has over: entries.
const ENTRIES: usize = 4096;
/// The same in bytes of content.
const BYTES: usize = 4 << 20;
/// How often the log is tidied when there was nothing more to do.
const TIDY: Duration = Duration::from_secs(10);
/// After a step of tidying with more to do, so many times what it took is left to appends.
const SHARE: u32 = 4;

pub(super) struct Writer<R> {
    log: Box<dyn Log>,
    retention: Retention,
    report: R,
    /// The newest generation that has failed, and why.
    failed: Option<(u32, LogError)>,
    tidy_at: Instant,
    tidy_error: Option<LogError>,
}

impl<R: Fn(Report)> Writer<R> {
    pub(super) fn new(log: Box<dyn Log>, retention: Retention, report: R) -> Self {
        Self { log, retention, report, failed: None, tidy_at: Instant::now(), tidy_error: None }
    }

    /// Appends until there can be no more jobs.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            match jobs.recv_timeout(self.tidy_at.saturating_duration_since(Instant::now())) {
                Ok(job) => self.commit(gather(job, jobs)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.tidy_at <= Instant::now() {
                self.tidy();
            }
        }
    }

    /// Appends a group as one, and reports each of its jobs.
    fn commit(&mut self, group: Vec<Job>) {
        let mut batch = Batch::default();
        // Of each job how many entries it has, or why they are not tried.
        let parts: Vec<_> = group
            .into_iter()
            .map(|job| match &self.failed {
                Some((failed, error)) if job.generation <= *failed => Err(error.clone()),
                _ => Ok(batch.add(job)),
            })
            .collect();
        let mut appended = self.append(&batch).map(Vec::into_iter);
        for part in parts {
            let of_job = part.and_then(|count| match &mut appended {
                Ok(appended) => Ok(appended.take(count).collect()),
                Err(error) => Err(error.clone()),
            });
            (self.report)(Report::Appended(of_job));
        }
    }

    fn append(&mut self, batch: &Batch) -> Result<Vec<Appended>, LogError> {
        // Nothing of the group is to be tried.
        let Some(generation) = batch.generation else { return Ok(Vec::new()) };
        let appended = guarded(|| self.log.append(&batch.entries, &batch.sessions));
        if let Err(error) = &appended {
            tracing::error!(entries = batch.entries.len(), "not appended: {error}");
            self.failed = Some((generation, error.clone()));
        }
        appended
    }

    fn tidy(&mut self) {
        let begun = Instant::now();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let tidied = guarded(|| self.log.tidy(&self.retention, i64::try_from(now).unwrap_or(i64::MAX)));
        let pause = if tidied == Ok(true) { begun.elapsed() * SHARE } else { TIDY };
        self.tidy_at = Instant::now() + pause;
        let error = tidied.err();
        // Once, not every ten seconds.
        if let Some(error) = error.as_ref().filter(|&error| self.tidy_error.as_ref() != Some(error)) {
            tracing::warn!("not tidied: {error}");
        }
        self.tidy_error = error;
    }
}

/// What is appended as one.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    sessions: Vec<SessionChange>,
    /// The newest; none when nothing was added.
    generation: Option<u32>,
}

impl Batch {
    /// Adds a job and says how many entries it has.
    fn add(&mut self, mut job: Job) -> usize {
        let count = job.entries.len();
        self.entries.append(&mut job.entries);
        self.sessions.append(&mut job.sessions);
        self.generation = self.generation.max(Some(job.generation));
        count
    }
}

/// The job and all that waits behind it, up to the bounds of an append.
fn gather(first: Job, jobs: &Receiver<Job>) -> Vec<Job> {
    let mut group = vec![first];
    let (mut entries, mut bytes) = (0, 0);
    loop {
        let last = group.last().map_or(&[][..], |job| &job.entries);
        entries += last.len();
        bytes += last.iter().map(|entry| entry.content.len()).sum::<usize>();
        if entries >= ENTRIES || bytes >= BYTES {
            return group;
        }
        match jobs.try_recv() {
            Ok(job) => group.push(job),
            Err(_) => return group,
        }
    }
}
