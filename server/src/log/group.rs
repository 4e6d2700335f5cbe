//! Many jobs as one append, and what becomes of those behind one that failed. Sans-IO, as the log itself: the thread
//! that writes calls it, and so does a test.

use super::{Appended, Entry, Job, Log, LogError, SessionChange};

/// Commits groups of jobs, in order.
#[derive(Debug, Default)]
pub struct Groups {
    /// The newest generation that has failed, and why.
    failed: Option<(u32, LogError)>,
}

impl Groups {
    /// Appends a group as one, by `append`, and gives the result of each of its jobs: those of a generation that has
    /// failed are not tried.
    pub fn commit(
        &mut self,
        jobs: Vec<Job>,
        append: impl FnOnce(&[Entry], &[SessionChange]) -> Result<Vec<Appended>, LogError>,
    ) -> Vec<Result<Vec<Appended>, LogError>> {
        let mut batch = Batch::default();
        // Of each job how many entries it has, or why they are not tried.
        let parts: Vec<_> = jobs
            .into_iter()
            .map(|job| match &self.failed {
                Some((failed, error)) if job.generation <= *failed => Err(error.clone()),
                _ => Ok(batch.add(job)),
            })
            .collect();
        let mut appended = match batch.generation {
            Some(generation) => append(&batch.entries, &batch.sessions).inspect_err(|error| {
                self.failed = Some((generation, error.clone()));
            }),
            // Nothing of the group is to be tried.
            None => Ok(Vec::new()),
        }
        .map(Vec::into_iter);
        let of_job = |part: Result<usize, LogError>| {
            part.and_then(|count| match &mut appended {
                Ok(appended) => Ok(appended.take(count).collect()),
                Err(error) => Err(error.clone()),
            })
        };
        parts.into_iter().map(of_job).collect()
    }

    /// As [`Groups::commit`], into a log.
    pub fn commit_to(&mut self, log: &mut dyn Log, jobs: Vec<Job>) -> Vec<Result<Vec<Appended>, LogError>> {
        self.commit(jobs, |entries, sessions| log.append(entries, sessions))
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
