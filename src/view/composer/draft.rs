//! The text being written.

use leptos::{html, prelude::*};

use super::{edit::Editor, oversized::Inserted};
use crate::ctrl::{Store, prepended, use_store};

/// The composer's text and field. A context of the room, because a failed message can be put back into the composer.
#[derive(Clone, Copy)]
pub struct Draft {
    pub(super) store: Store,
    pub(super) text: RwSignal<String>,
    pub(super) field: NodeRef<html::Textarea>,
    /// The text that was not inserted into the field, because that would be too long to be sent.
    pub(super) refused: StoredValue<Option<Inserted>>,
    /// The number of bytes by which the field's text would be too long with it; 0 if no text was refused.
    pub(super) excess_bytes: RwSignal<u32>,
    /// The place of the bar above the field.
    pub(super) edit_bar: NodeRef<html::Div>,
    /// The editor of messages; `None` until it is loaded.
    pub(super) editor: RwSignal<Option<Editor>>,
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
            edit_bar: NodeRef::new(),
            editor: RwSignal::new(None),
        }
    }

    /// Inserts a text before the current draft, on a line of its own, and focuses the field.
    pub fn prepend(self, text: &str) {
        let Some(field) = self.field.get_untracked() else { return };
        if untrack(|| self.edit_text()).is_some() {
            // The end of the edit shows the draft.
            self.store.save_draft(&prepended(text, &untrack(|| self.store.draft())));
        } else {
            let whole = prepended(text, &field.value());
            self.store.draft_changed(&whole);
            self.text.set(whole);
        }
        let _ = field.focus();
    }

    /// The text of the edit in the open room, if a message is being edited there. Reactive.
    pub(super) fn edit_text(self) -> Option<String> {
        self.editor.get()?.text(self.store.open_room.get()?)
    }

    /// The text in the field has changed.
    pub(super) fn changed(self, typed: &str) {
        if !self.editor.get_untracked().is_some_and(|editor| editor.handle_change(self, typed)) {
            self.store.draft_changed(typed);
        }
    }

    /// Shows what was typed in the open room and not sent, or the text of the edit there, whenever another room is opened, when that
    /// was read, and when an edit begins or ends.
    pub(super) fn follow_room(self) {
        let store = self.store;
        Effect::new(move || {
            let stored = store.draft();
            let written = self.edit_text().unwrap_or(stored);
            // The text is stored as it is typed, so this is what was typed, and what was stored before that.
            let is_shown = self.field.get_untracked().is_some_and(|field| field.value() == written);
            if !is_shown {
                self.forget_refused();
                self.text.set(written);
            }
        });
    }
}
