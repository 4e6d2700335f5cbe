//! The storage of a device, whose transactions may be aborted or hang.

use parlour_core::{
    Millis,
    model::MessageId,
    persist::{Change, Key},
};

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
}
