//! The text being written.

use leptos::{html, prelude::*, task::spawn_local};

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

    /// Loads what was typed before and not sent.
    pub(super) fn load(self) {
        let loading = self.store.load_draft();
        spawn_local(async move {
            let stored = loading.await;
            // There is no field any more if the room was left meanwhile.
            let Some(field) = self.field.try_get_untracked().flatten() else { return };
            if !stored.is_empty() && field.value().is_empty() {
                self.store.draft_changed(&stored);
                self.text.set(stored);
            } else if !stored.is_empty() {
                self.prepend(&stored);
            }
        });
    }
}
