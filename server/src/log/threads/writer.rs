//! The thread that writes.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{Report, guarded};
use crate::log::{Job, Log, LogError, Retention, group::Groups};

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
    groups: Groups,
    tidy_at: Instant,
    tidy_error: Option<LogError>,
}

impl<R: Fn(Report)> Writer<R> {
    pub(super) fn new(log: Box<dyn Log>, retention: Retention, report: R) -> Self {
        Self { log, retention, report, groups: Groups::default(), tidy_at: Instant::now(), tidy_error: None }
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
        let log = &mut self.log;
        let results = self.groups.commit(group, |entries, sessions| {
            guarded(|| log.append(entries, sessions))
                .inspect_err(|error| tracing::error!(entries = entries.len(), "not appended: {error}"))
        });
        for result in results {
            (self.report)(Report::Appended(result));
        }
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
