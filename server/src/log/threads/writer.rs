//! The thread that writes.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{Report, guarded};
use crate::log::{Appended, INDEX_STEP, Job, Log, LogError, Retention, group::Groups};

/// What one append takes at most, but for what its last job has over: entries.
const ENTRIES: usize = 4096;
/// The same in bytes of content.
const BYTES: usize = 4 << 20;
/// How often the log is tidied when there was nothing more to do.
const TIDY: Duration = Duration::from_secs(10);
/// After a step of tidying or indexing with more to do, so many times what it took is left to appends.
const SHARE: u32 = 4;
/// How long messages gather for the index of words, where they are fewer than a step takes.
const GATHER: Duration = Duration::from_secs(5);
/// While more than so many are not in the index, it has its share before appends have theirs: to look through them takes a
/// search some seconds.
const BEHIND: u64 = 1_000_000;

pub(super) struct Writer<R> {
    log: Box<dyn Log>,
    retention: Retention,
    report: R,
    groups: Groups,
    tidy_at: Instant,
    tidy_error: Option<LogError>,
    /// When messages are to be put into the index of words; none when it has all.
    index_at: Option<Instant>,
    /// How many have gathered for it.
    gathered: u64,
    index_error: Option<LogError>,
}

impl<R: Fn(Report)> Writer<R> {
    pub(super) fn new(log: Box<dyn Log>, retention: Retention, report: R) -> Self {
        Self {
            log,
            retention,
            report,
            groups: Groups::default(),
            tidy_at: Instant::now(),
            tidy_error: None,
            // What was not done when the log was closed.
            index_at: Some(Instant::now()),
            gathered: INDEX_STEP,
            index_error: None,
        }
    }

    /// Appends until there can be no more jobs.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let next = self.index_at.map_or(self.tidy_at, |at| at.min(self.tidy_at));
            match jobs.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(job) => self.commit(gather(job, jobs)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            if self.tidy_at <= now {
                self.tidy();
            }
            if self.index_at.is_some_and(|at| at <= now) {
                self.index();
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
        let is_new = |appended: &&Appended| matches!(appended, Appended::New(_));
        let new = results.iter().flatten().flatten().filter(is_new).count();
        self.gather_for_index(new as u64);
        for result in results {
            (self.report)(Report::Appended(result));
        }
    }

    /// So many messages more are to be put into the index, when there are many or a while later.
    fn gather_for_index(&mut self, new: u64) {
        let were_few = self.gathered < INDEX_STEP;
        self.gathered += new;
        if self.gathered > 0 && self.index_at.is_none() || were_few && self.gathered >= INDEX_STEP {
            let wait = if self.gathered < INDEX_STEP { GATHER } else { Duration::ZERO };
            self.index_at = Some(Instant::now() + wait);
        }
    }

    fn index(&mut self) {
        let begun = Instant::now();
        let indexed = guarded(|| self.log.index());
        let pause = after_step(&indexed, begun.elapsed());
        self.gathered = *indexed.as_ref().unwrap_or(&INDEX_STEP);
        self.index_at = pause.map(|pause| Instant::now() + pause);
        warn_once("not indexed", &mut self.index_error, indexed.err());
    }

    fn tidy(&mut self) {
        let begun = Instant::now();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let tidied = guarded(|| self.log.tidy(&self.retention, i64::try_from(now).unwrap_or(i64::MAX)));
        let pause = if tidied == Ok(true) { begun.elapsed() * SHARE } else { TIDY };
        self.tidy_at = Instant::now() + pause;
        warn_once("not tidied", &mut self.tidy_error, tidied.err());
    }
}

/// How long until the next step of indexing, after one that said so and took so long; `None` when there is nothing more.
fn after_step(indexed: &Result<u64, LogError>, took: Duration) -> Option<Duration> {
    match *indexed {
        Err(_) => Some(TIDY),
        Ok(0) => None,
        Ok(left) if left < INDEX_STEP => Some(GATHER),
        Ok(left) if left > BEHIND => Some(took / SHARE),
        Ok(_) => Some(took * SHARE),
    }
}

/// Once, not every ten seconds.
fn warn_once(what: &str, known: &mut Option<LogError>, error: Option<LogError>) {
    if let Some(error) = error.as_ref().filter(|&error| known.as_ref() != Some(error)) {
        tracing::warn!("{what}: {error}");
    }
    *known = error;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_go_first_until_too_much_is_behind() {
        let took = Duration::from_millis(8);
        let after = |indexed| after_step(&indexed, took);
        assert_eq!(after(Ok(0)), None);
        assert_eq!(after(Ok(1)), Some(GATHER));
        assert_eq!(after(Ok(INDEX_STEP)), Some(Duration::from_millis(32)));
        assert_eq!(after(Ok(BEHIND)), Some(Duration::from_millis(32)));
        assert_eq!(after(Ok(BEHIND + 1)), Some(Duration::from_millis(2)));
        assert_eq!(after(Err(LogError::Failed("as told".into()))), Some(TIDY));
    }
}
