//! The storage of a device, as the page sees it: rows in tables. Transactions may be aborted or hang, and reading may
//! fail.

use std::collections::BTreeMap;

use parlour_core::{
    Millis,
    model::MessageId,
    persist::{Change, Persisted, Table},
};

/// The rows of one account.
#[derive(Debug, Default)]
pub struct Storage {
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
}

impl Storage {
    /// Applies the changes of one transaction.
    pub fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Put(table, key, value) => {
                    self.rows.insert((*table, key.to_vec()), value.to_vec());
                }
                Change::Delete(table, key) => {
                    self.rows.remove(&(*table, key.to_vec()));
                }
                Change::DeleteUpTo(table, key) => {
                    self.rows.retain(|(t, k), _| t != table || **k > **key);
                }
                Change::Clear(table) => self.rows.retain(|(t, _), _| t != table),
            }
        }
    }

    /// Everything that is persisted.
    pub fn persisted(&self) -> Persisted {
        let table = |table: Table| -> Vec<Vec<u8>> {
            let of = self.rows.iter().filter(|((t, _), _)| *t == table);
            of.map(|(_, value)| value.clone()).collect()
        };
        let account = table(Table::Account);
        Persisted::read(account.first().map(Vec::as_slice), &table(Table::SendQueue), &table(Table::Messages))
    }

    /// The ids in the persisted send queue.
    pub fn queued_messages(&self) -> impl Iterator<Item = MessageId> {
        let queued = self.rows.keys().filter(|(table, _)| *table == Table::SendQueue);
        queued.filter_map(|(_, key)| MessageId::from_wire(key))
    }

    /// Returns `true` if the identity of a user is persisted who has not logged out.
    pub fn has_account(&self) -> bool {
        self.rows.keys().any(|(table, _)| *table == Table::Account)
    }

    pub fn has_queued(&self, id: MessageId) -> bool {
        self.rows.contains_key(&(Table::SendQueue, id.0.to_vec()))
    }
}

/// The messages of the send queue that a transaction puts into it.
pub fn queued_by(changes: &[Change]) -> impl Iterator<Item = MessageId> {
    changes.iter().filter_map(|change| match change {
        Change::Put(Table::SendQueue, key, _) => MessageId::from_wire(key),
        _ => None,
    })
}

/// The state of the browser's storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Works,
    /// Every transaction is aborted until this time, as with a handle of the database that has died.
    Aborts(Millis),
    /// Transactions do not end before this time; the page stops waiting for them earlier.
    Hangs(Millis),
    /// The browser has no storage.
    Absent,
}
