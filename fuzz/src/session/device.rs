//! A device's storage. Changes are made late, or never if the tab closes first.

use std::collections::{BTreeMap, VecDeque};

use parlour_core::{
    model::MessageId,
    persist::{Change, Persisted, Table},
};

#[derive(Debug, Default)]
pub(super) struct Device {
    tables: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
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
                Change::Put(table, key, value) => {
                    self.tables.insert((table, key.into()), value.into());
                }
                Change::Delete(table, key) => {
                    if table == Table::SendQueue {
                        deleted.extend(MessageId::from_wire(&key));
                    }
                    self.tables.remove(&(table, key.into()));
                }
                Change::DeleteUpTo(table, key) => {
                    assert_ne!(table, Table::SendQueue, "send-queue entries are deleted one by one");
                    self.tables.retain(|(t, k), _| *t != table || **k > *key);
                }
                Change::Clear(table) => {
                    assert_ne!(table, Table::SendQueue, "send-queue entries are deleted one by one");
                    self.tables.retain(|(t, _), _| *t != table);
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
        self.last_ticket = None;
    }

    /// The content that a newly loaded tab finds.
    pub(super) fn persisted(&self) -> Persisted {
        let account = self.values(Table::Account).pop();
        Persisted::read(account.as_deref(), &self.values(Table::SendQueue), &self.values(Table::Messages))
    }

    /// The values of a table, in the order of their keys.
    pub(super) fn values(&self, table: Table) -> Vec<Vec<u8>> {
        let rows = self.tables.iter().filter(|((t, _), _)| *t == table);
        rows.map(|(_, value)| value.clone()).collect()
    }

    pub(super) fn has_entry(&self, id: MessageId) -> bool {
        self.tables.contains_key(&(Table::SendQueue, id.0.to_vec()))
    }
}
