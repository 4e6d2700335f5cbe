//! A device's storage. Changes are made late, or never if the tab closes first.

use std::collections::VecDeque;

use parlour_core::{
    ids::RoomId,
    model::MessageId,
    persist::{Change, Key, KeyRange, Persisted, Rows, Table},
};

#[derive(Debug, Default)]
pub(super) struct Device {
    rows: Rows,
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
            match &change {
                Change::Delete(Key::Queued(_, id)) => deleted.push(*id),
                Change::Clear(table) => {
                    assert_ne!(*table, Table::SendQueue, "send-queue entries are deleted one by one");
                }
                _ => {}
            }
            self.rows.apply(&change);
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
        self.last_ticket = None;
    }

    /// The content that a newly loaded tab finds.
    pub(super) fn persisted(&self) -> Persisted {
        Persisted::of(&self.rows)
    }

    /// The values of a table, in the order of their keys.
    pub(super) fn values(&self, table: Table) -> Vec<Vec<u8>> {
        self.rows.values(&KeyRange::all(table))
    }

    pub(super) fn has_entry(&self, id: MessageId) -> bool {
        self.rows.get(&Key::Queued(RoomId::LOBBY, id)).is_some()
    }
}
