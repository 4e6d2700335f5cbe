//! Appending: a batch of proposals and row changes in one transaction.

use rusqlite::{Connection, TransactionBehavior};

use super::{fault::Fault, projector::Projector};
use crate::store::{Outcome, Proposal, RoomLimits, RowChange};

/// See [`crate::store::EventLog::append`].
pub(super) fn append(
    connection: &mut Connection,
    limits: RoomLimits,
    proposals: &[Proposal],
    rows: &[RowChange],
) -> Result<Vec<Outcome>, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut projector = Projector::new(&transaction, limits)?;
    let outcomes =
        proposals.iter().map(|proposal| projector.append(proposal)).collect::<Result<Vec<_>, _>>()?;
    for change in rows {
        projector.apply_row(change)?;
    }
    projector.store()?;
    drop(projector);
    transaction.commit()?;
    Ok(outcomes)
}
