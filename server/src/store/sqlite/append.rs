//! Appending: a batch of proposals and row changes in one transaction.

use std::mem;

use parlour_core::model::{MessageId, Role, UserId};
use rusqlite::{Connection, TransactionBehavior};

use super::{
    fault::Fault,
    projector::{KnownRows, Projector},
};
use crate::store::{Outcome, Proposal, RoomLimits, RowChange};

/// What an append has done.
pub(super) struct Appended {
    /// The outcome of each proposal.
    pub(super) outcomes: Vec<Outcome>,
    /// The rooms with new events.
    pub(super) rooms: Vec<i64>,
    /// The number of events that were ever appended to the log.
    pub(super) events: u64,
}

/// See [`crate::store::EventLog::append`]. `known` is what the append before it has left.
pub(super) fn append(
    connection: &mut Connection,
    limits: RoomLimits,
    known: &mut KnownRows,
    proposals: &[Proposal],
    rows: &[RowChange],
) -> Result<Appended, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Nothing is known after an error.
    let mut projector = Projector::new(&transaction, limits, mem::take(known))?;
    let outcomes =
        proposals.iter().map(|proposal| projector.append(proposal)).collect::<Result<Vec<_>, _>>()?;
    for change in rows {
        projector.apply_row(change)?;
    }
    let rooms = projector.store()?;
    let events = projector.events();
    let stored = projector.into_known();
    transaction.commit()?;
    *known = stored;
    Ok(Appended { outcomes, rooms, events })
}

/// See [`SqliteLog::give_lobby_role`](super::SqliteLog::give_lobby_role). Returns the number of events that were ever appended
/// to the log.
pub(super) fn give_lobby_role(
    connection: &mut Connection,
    limits: RoomLimits,
    account: UserId,
    role: Role,
    (id, time): (MessageId, i64),
) -> Result<u64, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut projector = Projector::new(&transaction, limits, KnownRows::default())?;
    projector.give_lobby_role(account, role, (id, time))?;
    projector.store()?;
    let events = projector.events();
    drop(projector);
    transaction.commit()?;
    Ok(events)
}
