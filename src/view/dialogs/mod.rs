//! Dialogs: rooms, people, the account.

use leptos::prelude::*;

pub use crate::ctrl::DialogKind;

/// The dialog that is open; at most one is. A context of the room.
#[derive(Clone, Copy, Debug)]
pub struct Dialogs {
    opened: RwSignal<Option<DialogKind>>,
}

impl Dialogs {
    /// Makes the state without an open dialog.
    pub fn new() -> Self {
        Self { opened: RwSignal::new(None) }
    }

    /// Opens a dialog, in place of the one that is open. When it is closed, the focus returns to the element that has it
    /// now.
    pub fn open(self, kind: DialogKind) {
        self.opened.set(Some(kind));
    }

    /// Closes the dialog.
    pub fn close(self) {
        self.opened.set(None);
    }

    /// The open dialog. Reactive.
    pub fn kind(self) -> Option<DialogKind> {
        self.opened.get()
    }
}
