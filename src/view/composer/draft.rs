//! The text being written.

use leptos::{html, prelude::*, task::spawn_local};

use web_sys::HtmlTextAreaElement;

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
    /// By how many bytes the field's text would be too long with it; 0 if no text was refused.
    pub(super) excess_bytes: RwSignal<u32>,
}

impl Draft {
    /// Makes an empty draft, and loads what was typed before and not sent.
    pub fn new() -> Self {
        let draft = Self {
            store: use_store(),
            text: RwSignal::new(String::new()),
            field: NodeRef::new(),
            refused: StoredValue::new(None),
            excess_bytes: RwSignal::new(0),
        };
        let stored = draft.store.load_draft();
        spawn_local(async move {
            let stored = stored.await;
            if !stored.is_empty() {
                draft.insert(&stored);
            }
        });
        draft
    }

    /// Inserts a text before the current draft, on a line of its own, and focuses the field.
    pub fn prepend(self, text: &str) {
        if let Some(field) = self.insert(text) {
            let _ = field.focus();
        }
    }

    /// [`Self::prepend`] without the focus. Returns the field; `None` if the room is not shown any more.
    fn insert(self, text: &str) -> Option<HtmlTextAreaElement> {
        let field = self.field.try_get_untracked().flatten()?;
        let written = field.value();
        let whole = if written.is_empty() { text.to_owned() } else { format!("{text}\n{written}") };
        self.store.draft_changed(&whole);
        self.text.set(whole);
        Some(field)
    }
}
