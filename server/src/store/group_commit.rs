//! Group commit: many batches in one append, and the failure of the batches behind a failed one. Sans-IO,
//! like the log itself: the writer thread calls it, and so do tests.

use super::{AppendBatch, EventLog, LogError, Outcome, Proposal, RowChange};

/// Commits groups of batches, in order.
#[derive(Debug, Default)]
pub struct GroupCommit {
    /// The newest generation that has failed, and its error.
    failed: Option<(u32, LogError)>,
}

impl GroupCommit {
    /// Appends a group in one call of `append` and returns the result of each batch. Batches of a generation
    /// that has failed are not tried.
    pub fn commit(
        &mut self,
        batches: Vec<AppendBatch>,
        append: impl FnOnce(&[Proposal], &[RowChange]) -> Result<Vec<Outcome>, LogError>,
    ) -> Vec<Result<Vec<Outcome>, LogError>> {
        let mut group = Group::default();
        // For each batch, the number of its proposals, or why it is not tried.
        let parts: Vec<_> = batches
            .into_iter()
            .map(|batch| match &self.failed {
                Some((failed, error)) if batch.generation <= *failed => Err(error.clone()),
                _ => Ok(group.add(batch)),
            })
            .collect();
        let mut appended = match group.generation {
            Some(generation) => append(&group.proposals, &group.rows).inspect_err(|error| {
                self.failed = Some((generation, error.clone()));
            }),
            // No batch of the group is tried.
            None => Ok(Vec::new()),
        }
        .map(Vec::into_iter);
        let of_batch = |part: Result<usize, LogError>| {
            part.and_then(|count| match &mut appended {
                Ok(appended) => Ok(appended.take(count).collect()),
                Err(error) => Err(error.clone()),
            })
        };
        parts.into_iter().map(of_batch).collect()
    }

    /// Commits batches to a log; see [`GroupCommit::commit`].
    pub fn commit_to(
        &mut self,
        log: &mut dyn EventLog,
        batches: Vec<AppendBatch>,
    ) -> Vec<Result<Vec<Outcome>, LogError>> {
        self.commit(batches, |proposals, rows| log.append(proposals, rows))
    }
}

/// The contents of one append.
#[derive(Default)]
struct Group {
    proposals: Vec<Proposal>,
    rows: Vec<RowChange>,
    /// The newest generation; `None` if nothing was added.
    generation: Option<u32>,
}

impl Group {
    /// Adds a batch and returns the number of its proposals.
    fn add(&mut self, mut batch: AppendBatch) -> usize {
        let count = batch.proposals.len();
        self.proposals.append(&mut batch.proposals);
        self.rows.append(&mut batch.rows);
        self.generation = self.generation.max(Some(batch.generation));
        count
    }
}
