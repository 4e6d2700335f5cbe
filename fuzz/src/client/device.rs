//! A device's storage. Changes are made late, or never if the tab closes first. The encoding of the data is that of the
//! target `stored`.

use std::collections::{BTreeMap, VecDeque};

use parlour_core::{
    client::{AccountRecord, Change, Persisted},
    model::{MessageId, RoomId},
    send_queue::QueuedMessage,
};

#[derive(Debug, Default)]
pub(super) struct Device {
    account: Option<AccountRecord>,
    queued: BTreeMap<MessageId, (RoomId, QueuedMessage)>,
    /// Requested changes that are not made yet.
    pending: VecDeque<(u64, Vec<Change>)>,
    last_ticket: Option<u64>,
}

impl Device {
    /// Requests changes.
    pub(super) fn request(&mut self, ticket: u64, changes: Vec<Change>) {
        assert!(
            self.last_ticket.replace(ticket) < Some(ticket),
            "ticket {ticket} after {:?}",
            self.last_ticket
        );
        self.pending.push_back((ticket, changes));
    }

    /// Makes the oldest requested changes. Returns their ticket and the ids of deleted send-queue entries.
    pub(super) fn commit(&mut self) -> Option<(u64, Vec<MessageId>)> {
        let (ticket, changes) = self.pending.pop_front()?;
        let mut deleted = Vec::new();
        for change in changes {
            match change {
                Change::PutAccount(account) => self.account = Some(*account),
                Change::PutQueued(room, message) => drop(self.queued.insert(message.id, (room, message))),
                Change::DeleteQueued(_, id) => {
                    deleted.push(id);
                    self.queued.remove(&id);
                }
                Change::Forget => {
                    self.account = None;
                    self.queued.clear();
                }
            }
        }
        Some((ticket, deleted))
    }

    /// Fails the oldest requested changes. Returns their ticket.
    pub(super) fn fail(&mut self) -> Option<u64> {
        self.pending.pop_front().map(|(ticket, _)| ticket)
    }

    /// The tab is closed, so pending changes are never made.
    pub(super) fn drop_pending(&mut self) {
        self.pending.clear();
        self.forget_tickets();
    }

    /// Another client counts its own tickets.
    pub(super) fn forget_tickets(&mut self) {
        self.last_ticket = None;
    }

    /// The content that a newly loaded tab finds.
    pub(super) fn persisted(&self) -> Persisted {
        let send_queue = self.queued.values().cloned().collect();
        Persisted { account: self.account.clone(), send_queue, last_order: 0 }
    }

    /// The entries of the send queue.
    pub(super) fn queued(&self) -> impl Iterator<Item = &(RoomId, QueuedMessage)> {
        self.queued.values()
    }

    pub(super) fn has_entry(&self, id: MessageId) -> bool {
        self.queued.contains_key(&id)
    }
}
