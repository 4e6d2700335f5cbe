//! A text that is too long to be sent is not inserted into the composer: a browser takes seconds for a million characters,
//! and again for each key after that. The user is told at once, and may insert as much of it as can be sent.

use leptos::prelude::*;

use super::Draft;
use crate::{
    ctrl::{Store, use_store},
    i18n::{Key, graphemes},
    view::shared::{announced, tr, use_texts},
};

/// By how many bytes a text that is typed may be too long, so that one sees what to shorten.
const TYPING_EXCESS_BYTES: usize = 1_024;

/// A text that was not inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oversized {
    inserted: Inserted,
    /// By how many bytes the field's text would be too long with it.
    excess_bytes: usize,
}

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
    /// The result of the insertion into `old`, and the position after the inserted text in UTF-16 code units. Line breaks are
    /// those of a text field.
    fn into_text(self, old: &str) -> (String, u32) {
        let text = self.text.replace("\r\n", "\n").replace('\r', "\n");
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

/// Whether a change of the field is typing rather than the insertion of a whole text.
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

/// The text as `Oversized` if the field must not hold `old` with it.
pub fn oversized(store: Store, old: &str, inserted: Inserted, change: Change) -> Option<Oversized> {
    let (whole, _) = inserted.clone().into_text(old);
    let excess_bytes = store.excess_bytes(&whole);
    let allowed = if change == Change::Pasted { 0 } else { TYPING_EXCESS_BYTES };
    (excess_bytes > allowed && whole.len() > old.len()).then_some(Oversized { inserted, excess_bytes })
}

impl Oversized {
    /// As much of the text as can be sent together with `old`, inserted into that; and the position after it.
    fn into_fitting(self, old: &str) -> (String, u32) {
        let Inserted { text, from, to } = self.inserted;
        let end = graphemes::floor(&text, text.trim_end().len().saturating_sub(self.excess_bytes));
        let fitting = Inserted { text: text[..end].to_owned(), from, to };
        fitting.into_text(old)
    }
}

/// Tells that a text was not inserted, and offers to insert the part of it that can be sent. Follows [`Draft::oversized`].
#[component]
pub fn OversizedNote() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let Draft { text, field, oversized, .. } = expect_context::<Draft>();
    let finish = move |change: Option<(String, u32)>| {
        oversized.set(None);
        let Some(field) = field.get_untracked() else { return };
        if let Some((whole, caret)) = change {
            field.set_value(&whole);
            store.draft_changed(&whole);
            text.set(whole);
            // Fails only for a field without text.
            let _ = field.set_selection_range(caret, caret);
        }
        let _ = field.focus();
    };
    let insert = move |_| {
        let fitting = oversized.get_untracked().map(|it| it.into_fitting(&text.get_untracked()));
        finish(fitting);
    };
    let note = move || oversized.with(|it| it.as_ref().map(|it| t().composer_not_inserted(it.excess_bytes)));
    view! {
        <div id="composer-oversized" class="composer-oversized">
            <p role="alert">{announced(note)}</p>
            <Show when=move || oversized.with(Option::is_some)>
                <button type="button" class="button insert" on:click=insert>{tr(Key::ComposerInsertPart)}</button>
                <button type="button" class="button quiet" on:click=move |_| finish(None)>
                    {tr(Key::MessageDiscard)}
                </button>
            </Show>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_replaces_the_selection() {
        for (old, (from, to), text, whole, caret) in [
            ("", (0, 0), "a\r\nb\rc", "a\nb\nc", 5),
            ("one two", (4, 7), "2", "one 2", 5),
            ("a👋b", (1, 3), "李👋", "a李👋b", 4),
            ("a👋b", (3, 3), "!", "a👋!b", 4),
            ("ab", (9, 9), "c", "abc", 10),
        ] {
            let inserted = Inserted { text: text.into(), from, to };
            assert_eq!(inserted.into_text(old), (whole.into(), caret), "{text} in {old}");
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
