//! Appending: a batch of proposals and row changes in one transaction.

use std::mem;

use rusqlite::{Connection, TransactionBehavior};

use super::{
    fault::Fault,
    projector::{KnownRows, Projector},
};
use crate::store::{Outcome, Proposal, RoomLimits, RowChange};

/// See [`crate::store::EventLog::append`]. Returns the rooms with new events too. `known` is what the append before it has left.
pub(super) fn append(
    connection: &mut Connection,
    limits: RoomLimits,
    known: &mut KnownRows,
    proposals: &[Proposal],
    rows: &[RowChange],
) -> Result<(Vec<Outcome>, Vec<i64>), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Nothing is known after an error.
    let mut projector = Projector::new(&transaction, limits, mem::take(known))?;
    let outcomes =
        proposals.iter().map(|proposal| projector.append(proposal)).collect::<Result<Vec<_>, _>>()?;
    for change in rows {
        projector.apply_row(change)?;
    }
    let grown = projector.store()?;
    let stored = projector.into_known();
    transaction.commit()?;
    *known = stored;
    Ok((outcomes, grown))
}
