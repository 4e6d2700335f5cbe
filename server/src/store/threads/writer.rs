//! The writer thread.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{LogReport, guarded};
use crate::store::{
    AppendBatch, EventLog, INDEX_STEP_MESSAGES, LogError, Outcome, Retention,
    group_commit::GroupCommit,
    retention_clock::{ClockEvent, ClockRecord, RetentionClock},
};

/// The most proposals and row changes of one append; its last batch may exceed it.
const MAX_GROUP_CHANGES: usize = 4096;
/// The most bytes of text of one append; its last batch may exceed it.
const MAX_GROUP_BYTES: usize = 4 << 20;
/// The pause before the next step of retention when nothing is left to delete, and after errors.
const RETENTION_INTERVAL: Duration = Duration::from_secs(10);
/// The state of the retention clock is stored when its time has changed by this much.
const CLOCK_INTERVAL_MS: u64 = 10 * 60_000;
/// The multiple of the duration of a step of retention or indexing that is left to appends after it, if there is more
/// to do.
const PAUSE_FACTOR: u32 = 4;
/// The time for which messages accumulate for the search index when there are fewer than one step indexes.
const INDEX_DELAY: Duration = Duration::from_secs(5);
/// The number of messages that are not indexed above which indexing takes precedence over appends: a search would need
/// seconds to scan them.
const MAX_UNINDEXED_MESSAGES: u64 = 1_000_000;

pub(super) struct Writer<R> {
    log: Box<dyn EventLog>,
    retention: Retention,
    report: R,
    group_commit: GroupCommit,
    start: Instant,
    clock: RetentionClock,
    /// The state of the clock in the log.
    stored_clock: Option<ClockRecord>,
    retention_at: Instant,
    retention_error: Option<LogError>,
    /// The time at which messages are indexed; `None` if all are.
    index_at: Option<Instant>,
    /// The number of messages that wait for the index.
    unindexed: u64,
    index_error: Option<LogError>,
}

impl<R: Fn(LogReport)> Writer<R> {
    /// A writer whose clock continues from this state.
    pub(super) fn new(
        log: Box<dyn EventLog>,
        retention: Retention,
        clock: Option<ClockRecord>,
        report: R,
    ) -> Self {
        Self {
            start: Instant::now(),
            clock: RetentionClock::new(0, unix_ms(), clock),
            stored_clock: None,
            log,
            retention,
            report,
            group_commit: GroupCommit::default(),
            retention_at: Instant::now(),
            retention_error: None,
            // The previous run may have left unindexed messages.
            index_at: Some(Instant::now()),
            unindexed: INDEX_STEP_MESSAGES,
            index_error: None,
        }
    }

    /// Appends batches until the sender is dropped.
    pub(super) fn run(mut self, batches: &Receiver<AppendBatch>) {
        loop {
            let next = self.index_at.map_or(self.retention_at, |at| at.min(self.retention_at));
            match batches.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(batch) => self.commit(collect_group(batch, batches)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            if self.retention_at <= now {
                self.apply_retention();
            }
            if self.index_at.is_some_and(|at| at <= now) {
                self.index();
            }
        }
    }

    /// Appends a group together and reports each of its batches.
    fn commit(&mut self, group: Vec<AppendBatch>) {
        let log = &mut self.log;
        let results = self.group_commit.commit(group, |proposals, rows| {
            guarded(|| log.append(proposals, rows))
                .inspect_err(|error| tracing::error!(proposals = proposals.len(), %error, "append failed"))
        });
        let is_new = |outcome: &&Outcome| matches!(outcome, Outcome::Appended(place) if place.ord > 0);
        let new = results.iter().flatten().flatten().filter(is_new).count();
        self.count_unindexed(new as u64);
        for result in results {
            (self.report)(LogReport::Appended(result));
        }
    }

    /// Counts new messages for the index, and schedules it: at once if there are enough for a step, otherwise
    /// later.
    fn count_unindexed(&mut self, new: u64) {
        let were_few = self.unindexed < INDEX_STEP_MESSAGES;
        self.unindexed += new;
        if self.unindexed > 0 && self.index_at.is_none() || were_few && self.unindexed >= INDEX_STEP_MESSAGES
        {
            let wait = if self.unindexed < INDEX_STEP_MESSAGES { INDEX_DELAY } else { Duration::ZERO };
            self.index_at = Some(Instant::now() + wait);
        }
    }

    fn index(&mut self) {
        let begun = Instant::now();
        let indexed = guarded(|| self.log.index_pending());
        let pause = pause_after(&indexed, begun.elapsed());
        self.unindexed = *indexed.as_ref().unwrap_or(&INDEX_STEP_MESSAGES);
        self.index_at = pause.map(|pause| Instant::now() + pause);
        warn_once("indexing failed", &mut self.index_error, indexed.err());
    }

    fn apply_retention(&mut self) {
        let begun = Instant::now();
        let now = self.read_clock();
        let applied = guarded(|| self.log.apply_retention(&self.retention, now));
        let stored = guarded(|| self.store_clock());
        let pause = if applied == Ok(true) { begun.elapsed() * PAUSE_FACTOR } else { RETENTION_INTERVAL };
        self.retention_at = Instant::now() + pause;
        warn_once("retention failed", &mut self.retention_error, applied.err().or(stored.err()));
    }
}

impl<R> Writer<R> {
    /// Reads the retention clock, and logs what the operator should know.
    fn read_clock(&mut self) -> i64 {
        let monotonic = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (now, event) = self.clock.read(monotonic, unix_ms());
        let hours = |ms: i64| ms / 3_600_000;
        match event {
            // A server that deletes nothing may be off for as long as it likes.
            Some(ClockEvent::Ahead(_)) if self.retention == Retention::default() => {}
            Some(ClockEvent::Ahead(ms)) => tracing::warn!(
                hours = hours(ms),
                "the system clock is ahead of the time that the message log knows; messages are not deleted by it \
                 until this has lasted a day; check the date of the system, unless the server was off for so long"
            ),
            Some(ClockEvent::Behind(ms)) => tracing::warn!(
                hours = hours(ms),
                "the system clock is behind the time that the message log knows; new messages get a wrong time; \
                 check the date of the system"
            ),
            Some(ClockEvent::Believed) if self.retention != Retention::default() => {
                tracing::warn!(
                    "the system clock has been like this for a day; messages are deleted by it from now on"
                );
            }
            Some(ClockEvent::Right) => tracing::info!("the system clock is right again"),
            Some(ClockEvent::Believed) | None => {}
        }
        now
    }

    /// Stores the state of the clock, if it has changed much.
    fn store_clock(&mut self) -> Result<(), LogError> {
        let clock = self.clock.record();
        let is_stored = self.stored_clock.is_some_and(|stored| {
            clock.time.abs_diff(stored.time) < CLOCK_INTERVAL_MS
                && (clock.waited == 0) == (stored.waited == 0)
        });
        if !is_stored {
            self.log.store_clock(clock)?;
            self.stored_clock = Some(clock);
        }
        Ok(())
    }
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Returns the time to wait after a step of indexing with this result and duration; `None` if nothing is left.
fn pause_after(indexed: &Result<u64, LogError>, took: Duration) -> Option<Duration> {
    match *indexed {
        Err(_) => Some(RETENTION_INTERVAL),
        Ok(0) => None,
        Ok(left) if left < INDEX_STEP_MESSAGES => Some(INDEX_DELAY),
        Ok(left) if left > MAX_UNINDEXED_MESSAGES => Some(took / PAUSE_FACTOR),
        Ok(_) => Some(took * PAUSE_FACTOR),
    }
}

/// Logs an error when it first occurs, not for each retry.
fn warn_once(what: &str, known: &mut Option<LogError>, error: Option<LogError>) {
    if let Some(error) = error.as_ref().filter(|&error| known.as_ref() != Some(error)) {
        tracing::warn!(%error, "{what}");
    }
    *known = error;
}

/// Collects the pending batches, up to the limits of one append.
fn collect_group(first: AppendBatch, batches: &Receiver<AppendBatch>) -> Vec<AppendBatch> {
    let mut group = vec![first];
    let (mut changes, mut bytes) = (0, 0);
    loop {
        let last = group.last();
        changes += last.map_or(0, |batch| batch.proposals.len() + batch.rows.len());
        let proposals = last.map_or(&[][..], |batch| &batch.proposals);
        bytes += proposals.iter().map(|proposal| proposal.change.text_bytes()).sum::<usize>();
        if changes >= MAX_GROUP_CHANGES || bytes >= MAX_GROUP_BYTES {
            return group;
        }
        match batches.try_recv() {
            Ok(batch) => group.push(batch),
            Err(_) => return group,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_take_precedence_until_too_much_is_unindexed() {
        let took = Duration::from_millis(8);
        let after = |indexed| pause_after(&indexed, took);
        assert_eq!(after(Ok(0)), None);
        assert_eq!(after(Ok(1)), Some(INDEX_DELAY));
        assert_eq!(after(Ok(INDEX_STEP_MESSAGES)), Some(Duration::from_millis(32)));
        assert_eq!(after(Ok(MAX_UNINDEXED_MESSAGES)), Some(Duration::from_millis(32)));
        assert_eq!(after(Ok(MAX_UNINDEXED_MESSAGES + 1)), Some(Duration::from_millis(2)));
        assert_eq!(after(Err(LogError::Failed("test".into()))), Some(RETENTION_INTERVAL));
    }
}
