//! The messages of a user: those that were sent, and what became of each.

use std::collections::{BTreeMap, BTreeSet};

use parlour_core::{
    model::{Delivery, MessageId},
    status::Status,
};

/// A message that a user has sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub tab: usize,
    /// Messages with the same number must be stored in the order in which they were sent.
    pub sequence: u64,
    pub id: MessageId,
}

/// The messages that one user has sent from one device under one account.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The sent messages, in order.
    pub sent: Vec<Sent>,
    pub acknowledged: BTreeSet<MessageId>,
    /// Shown as failed, with the reason.
    pub failed: BTreeMap<MessageId, Status>,
    /// Messages that were sent again by the user, so that they may be anywhere in the order.
    pub retried: BTreeSet<MessageId>,
    /// Messages of which a fault has removed all traces: whether they are in the log is unknown.
    pub forgotten: BTreeSet<MessageId>,
    /// Messages that the device has not persisted.
    pub unpersisted: BTreeSet<MessageId>,
    /// Messages that something on the way does not let pass.
    pub hopeless: BTreeSet<MessageId>,
    /// The server's log may be replaced by an older one, or a tab may take another login for that.
    pub log_may_change: bool,
}

impl Ledger {
    /// Records a sent message.
    pub fn sent(&mut self, tab: usize, sequence: u64, id: MessageId) {
        self.sent.push(Sent { tab, sequence, id });
    }

    /// Records the state of an own message as it is shown. Returns a complaint if it has failed without a reason.
    pub fn delivery(&mut self, id: MessageId, delivery: Delivery) -> Option<String> {
        match delivery {
            Delivery::Failed(status) => {
                self.failed.insert(id, status);
                // Also one that could pass, if its connection ended each time for another reason.
                let is_blamed = status == Status::EndsConnection || self.hopeless.contains(&id);
                return (!is_blamed).then(|| format!("{id:?} was refused: {status}"));
            }
            Delivery::Sent => {
                // The acknowledgement may be that of a log that was replaced meanwhile.
                if !self.forgotten.contains(&id) {
                    self.acknowledged.insert(id);
                }
                self.failed.remove(&id);
            }
            Delivery::Queued | Delivery::Pending => {
                self.failed.remove(&id);
            }
        }
        None
    }

    /// The user has discarded a message, or a fault has removed all traces of it. It may have been stored.
    pub fn forget(&mut self, id: MessageId) {
        self.sent.retain(|sent| sent.id != id);
        self.acknowledged.remove(&id);
        self.failed.remove(&id);
        self.unpersisted.remove(&id);
        self.forgotten.insert(id);
    }

    /// A tab was closed or has logged out, or all have: what was sent and neither acknowledged nor persisted is gone.
    pub fn forget_unpersisted(&mut self, tab: Option<usize>) {
        let of_tab = |sent: &Sent| tab.is_none_or(|tab| tab == sent.tab).then_some(sent.id);
        let of_tab: Vec<_> = self.sent.iter().filter_map(of_tab).collect();
        of_tab.into_iter().for_each(|id| self.forget_if_unpersisted(id));
    }

    /// A message is gone if it was neither acknowledged nor persisted.
    pub fn forget_if_unpersisted(&mut self, id: MessageId) {
        if self.unpersisted.remove(&id) && !self.acknowledged.contains(&id) {
            self.forget(id);
        }
    }

    /// The sent messages, in order.
    pub fn ids(&self) -> impl Iterator<Item = MessageId> {
        self.sent.iter().map(|sent| sent.id)
    }

    /// Returns `true` if this message has failed, and has to.
    pub fn has_failed(&self, id: MessageId) -> bool {
        self.failed.contains_key(&id) && self.hopeless.contains(&id)
    }

    /// Returns `true` if every message was delivered, or has failed with a reason.
    pub fn is_settled(&self) -> bool {
        self.ids().all(|id| self.acknowledged.contains(&id) || self.has_failed(id))
    }
}
