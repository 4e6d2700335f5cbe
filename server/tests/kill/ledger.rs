//! The messages of a user: those that were sent, and what became of each.

use std::collections::BTreeSet;

use parlour_core::model::{Delivery, MessageId};

/// The messages that a user has sent.
#[derive(Debug, Default)]
pub struct Ledger {
    /// In the order in which they were sent.
    pub sent: Vec<MessageId>,
    pub acknowledged: BTreeSet<MessageId>,
}

impl Ledger {
    /// Records the state of an own message as it is shown. Returns a complaint if it has failed: the server refuses none.
    pub fn delivery(&mut self, id: MessageId, delivery: Delivery) -> Option<String> {
        match delivery {
            Delivery::Failed(status) => return Some(format!("{id:?} was refused: {status}")),
            Delivery::Sent => drop(self.acknowledged.insert(id)),
            Delivery::Queued | Delivery::Pending => {}
        }
        None
    }
}
