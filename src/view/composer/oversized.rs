//! A text that is too long to be sent is not inserted into the composer: a browser takes seconds for a million characters,
//! and again for each key after that. The user is told at once, and may insert as much of it as can be sent.

use leptos::prelude::*;

use super::Draft;
use crate::{
    ctrl::Store,
    i18n::{Key, graphemes},
    view::shared::{announced, tr, use_texts},
};

/// The number of bytes by which a text that is typed may be too long, so that one sees what to shorten.
const TYPING_EXCESS_BYTES: usize = 1_024;

/// A text to be inserted into another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inserted {
    /// The text.
    pub text: String,
    /// The selection that it replaces, in UTF-16 code units.
    pub from: u32,
    /// The end of the selection.
    pub to: u32,
}

impl Inserted {
    /// Returns `old` with the text inserted, and the position after it in UTF-16 code units. The line breaks are those
    /// of a text field.
    fn insert_into(&self, old: &str) -> (String, u32) {
        let text = self.text.replace('\r', "");
        let (from, to) = (byte_position(old, self.from), byte_position(old, self.to.max(self.from)));
        let units = text.encode_utf16().count();
        (format!("{}{text}{}", &old[..from], &old[to..]), self.from + u32::try_from(units).unwrap_or(0))
    }
}

/// The position in bytes of a position in UTF-16 code units.
fn byte_position(text: &str, units: u32) -> usize {
    let mut rest = units as usize;
    let is_before = |c: &char| {
        let fits = rest >= c.len_utf16();
        rest = rest.saturating_sub(c.len_utf16());
        fits
    };
    text.chars().take_while(is_before).map(char::len_utf8).sum()
}

/// The kind of a change of the field: typing, or the insertion of a whole text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A key, an input method, or the keyboard of a phone.
    Typed,
    /// From the clipboard, or dropped.
    Pasted,
}

impl Change {
    /// The kind of a change, from `InputEvent.inputType`.
    pub fn of(input_type: &str) -> Self {
        match input_type {
            "insertFromPaste" | "insertFromPasteAsQuotation" | "insertFromDrop" | "insertFromYank" => {
                Self::Pasted
            }
            _ => Self::Typed,
        }
    }
}

impl Draft {
    /// Returns `true` if the field must not hold its text with this one inserted. Then the user is told; otherwise, an
    /// earlier refusal is over.
    pub(super) fn refuses(self, store: Store, inserted: Inserted, change: Change) -> bool {
        let (excess, grows) = self.text.with_untracked(|text| {
            let (whole, _) = inserted.insert_into(text);
            (store.excess_bytes(&whole), whole.len() > text.len())
        });
        let allowed = if change == Change::Pasted { 0 } else { TYPING_EXCESS_BYTES };
        let is_refused = grows && excess > allowed;
        if is_refused {
            self.refused.set_value(Some(inserted));
            self.excess_bytes.set(u32::try_from(excess).unwrap_or(u32::MAX));
        } else {
            self.forget_refused();
        }
        is_refused
    }

    /// Ends a refusal.
    pub(super) fn forget_refused(self) {
        if self.excess_bytes.get_untracked() > 0 {
            self.refused.set_value(None);
            self.excess_bytes.set(0);
        }
    }

    /// Inserts as much of the refused text as can be sent.
    fn insert_fitting(self) {
        let refused = self.refused.try_update_value(Option::take).flatten();
        if let (Some(mut inserted), Some(field)) = (refused, self.field.get_untracked()) {
            let fits =
                inserted.text.trim_end().len().saturating_sub(self.excess_bytes.get_untracked() as usize);
            inserted.text.truncate(graphemes::floor(&inserted.text, fits));
            let (whole, caret) = self.text.with_untracked(|text| inserted.insert_into(text));
            field.set_value(&whole);
            // Fails only for a field without text.
            let _ = field.set_selection_range(caret, caret);
            self.changed(&whole);
            self.text.set(whole);
        }
    }
}

/// Tells that a text was not inserted, and offers to insert the part of it that can be sent. Follows
/// [`Draft::excess_bytes`].
#[component]
pub fn OversizedNote() -> impl IntoView {
    let t = use_texts();
    let draft = expect_context::<Draft>();
    let excess = move || draft.excess_bytes.get();
    let finish = move || {
        draft.forget_refused();
        if let Some(field) = draft.field.get_untracked() {
            let _ = field.focus();
        }
    };
    let insert = move |_| {
        draft.insert_fitting();
        finish();
    };
    let note = move || {
        Some(excess()).filter(|bytes| *bytes > 0).map(|bytes| t().composer_not_inserted(bytes as usize))
    };
    view! {
        <div class="composer-oversized">
            <p id="composer-oversized" role="alert">{announced(note)}</p>
            <div hidden=move || excess() == 0>
                <button type="button" id="composer-insert" class="button" on:click=insert>
                    {tr(Key::ComposerInsertPart)}
                </button>
                <button type="button" id="composer-discard" class="button quiet" on:click=move |_| finish()>
                    {tr(Key::MessageDiscard)}
                </button>
            </div>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_replaces_the_selection() {
        for (old, (from, to), text, whole, caret) in [
            ("", (0, 0), "a\r\nb\n", "a\nb\n", 4),
            ("one two", (4, 7), "2", "one 2", 5),
            ("a👋b", (1, 3), "李👋", "a李👋b", 4),
            ("a👋b", (3, 3), "!", "a👋!b", 4),
            ("ab", (9, 9), "c", "abc", 10),
        ] {
            let inserted = Inserted { text: text.into(), from, to };
            assert_eq!(inserted.insert_into(old), (whole.into(), caret), "{text} in {old}");
        }
    }

    #[test]
    fn only_whole_texts_count_as_pasted() {
        assert_eq!(Change::of("insertFromPaste"), Change::Pasted);
        assert_eq!(Change::of("insertFromDrop"), Change::Pasted);
        assert_eq!(Change::of("insertText"), Change::Typed);
        assert_eq!(Change::of("insertCompositionText"), Change::Typed);
    }
}
