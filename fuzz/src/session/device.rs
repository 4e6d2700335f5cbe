//! The storage of a device: changes are made late, or never when the page goes first.

use std::collections::{BTreeMap, VecDeque};

use parlour_core::{
    model::MessageId,
    persist::{Change, Persisted, Table},
};

#[derive(Debug, Default)]
pub(super) struct Device {
    tables: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    /// Asked for, and not made.
    waiting: VecDeque<(u64, Vec<Change>)>,
    last_ticket: Option<u64>,
}

impl Device {
    /// Changes are to be made.
    pub(super) fn ask(&mut self, ticket: u64, changes: Vec<Change>) {
        assert!(
            self.last_ticket.replace(ticket) < Some(ticket),
            "ticket {ticket} after {:?}",
            self.last_ticket
        );
        self.waiting.push_back((ticket, changes));
    }

    /// Makes the oldest changes, and gives their number and the ids of entries that were taken out.
    pub(super) fn make(&mut self) -> Option<(u64, Vec<MessageId>)> {
        let (ticket, changes) = self.waiting.pop_front()?;
        let mut out = Vec::new();
        for change in changes {
            match change {
                Change::Put(table, key, value) => {
                    self.tables.insert((table, key.into()), value.into());
                }
                Change::Delete(table, key) => {
                    if table == Table::SendQueue {
                        out.extend(MessageId::from_wire(&key));
                    }
                    self.tables.remove(&(table, key.into()));
                }
                Change::DeleteUpTo(table, key) => {
                    assert_ne!(table, Table::SendQueue, "entries are taken out one by one");
                    self.tables.retain(|(t, k), _| *t != table || **k > *key);
                }
                Change::Clear(table) => {
                    assert_ne!(table, Table::SendQueue, "entries are taken out one by one");
                    self.tables.retain(|(t, _), _| *t != table);
                }
            }
        }
        Some((ticket, out))
    }

    /// Fails to make the oldest changes, and gives their number.
    pub(super) fn fail(&mut self) -> Option<u64> {
        self.waiting.pop_front().map(|(ticket, _)| ticket)
    }

    /// The page is gone: what was not made never will be.
    pub(super) fn lose(&mut self) {
        self.waiting.clear();
        self.last_ticket = None;
    }

    /// What a page that is loaded finds.
    pub(super) fn kept(&self) -> Persisted {
        let account = self.values(Table::Account).pop();
        Persisted::read(account.as_deref(), &self.values(Table::SendQueue), &self.values(Table::Messages))
    }

    /// What is in a table, in order of key.
    pub(super) fn values(&self, table: Table) -> Vec<Vec<u8>> {
        let of = self.tables.iter().filter(|((t, _), _)| *t == table);
        of.map(|(_, value)| value.clone()).collect()
    }

    pub(super) fn has_entry(&self, id: MessageId) -> bool {
        self.tables.contains_key(&(Table::SendQueue, id.0.to_vec()))
    }
}
