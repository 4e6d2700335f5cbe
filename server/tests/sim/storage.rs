//! The storage of a device, as the page sees it: rows in tables. Transactions may be aborted or hang, and reading may
//! fail.

use parlour_core::{
    Millis,
    model::MessageId,
    persist::{Change, Key, Persisted, Rows, Table},
};

/// The rows of one account.
#[derive(Debug, Default)]
pub struct Storage {
    rows: Rows,
}

impl Storage {
    /// Applies the changes of one transaction.
    pub fn apply(&mut self, changes: &[Change]) {
        changes.iter().for_each(|change| self.rows.apply(change));
    }

    /// Everything that is persisted.
    pub fn persisted(&self) -> Persisted {
        Persisted::of(&self.rows)
    }

    /// The ids in the persisted send queue.
    pub fn queued_messages(&self) -> impl Iterator<Item = MessageId> {
        self.rows.keys(Table::SendQueue).filter_map(queued_id)
    }

    /// Returns `true` if the identity of a user is persisted who has not logged out.
    pub fn has_account(&self) -> bool {
        self.rows.get(&Key::Account).is_some()
    }

    pub fn has_queued(&self, id: MessageId) -> bool {
        self.queued_messages().any(|queued| queued == id)
    }
}

/// The messages of the send queue that a transaction puts into it.
pub fn queued_by(changes: &[Change]) -> impl Iterator<Item = MessageId> {
    changes.iter().filter_map(|change| match change {
        Change::Put(key, _) => queued_id(key),
        _ => None,
    })
}

fn queued_id(key: &Key) -> Option<MessageId> {
    match key {
        Key::Queued(_, id) => Some(*id),
        _ => None,
    }
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
