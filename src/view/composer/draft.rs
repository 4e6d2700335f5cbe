//! The text being written.

use leptos::{html, prelude::*};

use super::oversized::Inserted;
use crate::ctrl::{Store, use_store};

/// The composer's text and field. A context of the room, because a failed message can be put back into the composer.
#[derive(Clone, Copy)]
pub struct Draft {
    store: Store,
    pub(super) text: RwSignal<String>,
    pub(super) field: NodeRef<html::Textarea>,
    /// The text that was not inserted into the field, because that would be too long to be sent.
    pub(super) refused: StoredValue<Option<Inserted>>,
    /// The number of bytes by which the field's text would be too long with it; 0 if no text was refused.
    pub(super) excess_bytes: RwSignal<u32>,
}

impl Draft {
    /// Makes an empty draft.
    pub fn new() -> Self {
        Self {
            store: use_store(),
            text: RwSignal::new(String::new()),
            field: NodeRef::new(),
            refused: StoredValue::new(None),
            excess_bytes: RwSignal::new(0),
        }
    }

    /// Inserts a text before the current draft, on a line of its own, and focuses the field.
    pub fn prepend(self, text: &str) {
        let Some(field) = self.field.get_untracked() else { return };
        let written = field.value();
        let whole = if written.is_empty() { text.to_owned() } else { format!("{text}\n{written}") };
        self.store.draft_changed(&whole);
        self.text.set(whole);
        let _ = field.focus();
    }

    /// Shows what was typed in the open room and not sent, whenever another room is opened and when it was read.
    pub(super) fn follow_room(self) {
        let store = self.store;
        Effect::new(move || {
            let stored = store.draft();
            // The text is stored as it is typed, so this is what was typed, and what was stored before that.
            let is_shown = self.field.get_untracked().is_some_and(|field| field.value() == stored);
            if !is_shown {
                self.forget_refused();
                self.text.set(stored);
            }
        });
    }
}
