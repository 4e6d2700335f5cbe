//! The shortcuts that add markup to a text that is being written.

use std::ops::Range;

use leptos::{
    ev::KeyboardEvent,
    prelude::{document, window},
};
use parlour_core::markup::{Format, Replacement};
use wasm_bindgen::JsCast;
use web_sys::{HtmlDocument, HtmlTextAreaElement};

use crate::view::{shared::event, switcher::is_mac};

/// The keys, each with whether Shift is held, and its format.
const SHORTCUTS: [(bool, &str, Format); 5] = [
    (false, "b", Format::Bold),
    (false, "i", Format::Italic),
    (false, "e", Format::Code),
    (false, "k", Format::Link),
    (true, "x", Format::Strike),
];

/// Handles a key press in a text field. Returns whether it is the shortcut of a [`Format`], which is applied to what is selected.
/// Then nothing else handles it.
pub fn handle_key(event: &KeyboardEvent, field: &HtmlTextAreaElement) -> bool {
    let Some(format) = format_of(event).filter(|_| !event::is_composing(event)) else { return false };
    let text = field.value();
    let selection = selection_of(field, &text);
    if format == Format::Link && selection.is_empty() {
        // Without a selection it leads to another room.
        return false;
    }
    event.prevent_default();
    event.stop_propagation();
    replace(field, &text, format.apply(&text, selection));
    true
}

/// The selection in a field with this text, in bytes.
pub fn selection_of(field: &HtmlTextAreaElement, text: &str) -> Range<usize> {
    let byte =
        |place: Result<Option<u32>, _>| byte_at(text, place.ok().flatten().unwrap_or_default() as usize);
    byte(field.selection_start())..byte(field.selection_end())
}

/// Replaces a part of the text of a field. The browser can undo it.
pub fn replace(field: &HtmlTextAreaElement, text: &str, replacement: Replacement) {
    let Replacement { range, text: new, selection } = replacement;
    let after = [&text[..range.start], &new, &text[range.end..]].concat();
    let select = |text: &str, range: Range<usize>| {
        let place = |byte: usize| u32::try_from(text[..byte].encode_utf16().count()).unwrap_or(u32::MAX);
        let _ = field.set_selection_range(place(range.start), place(range.end));
    };
    select(text, range);
    insert(field, &new);
    if field.value() == after {
        select(&after, selection);
    }
}

/// The format whose shortcut this is: with Command on a Mac, where Control moves the caret, and with Control elsewhere.
fn format_of(event: &KeyboardEvent) -> Option<Format> {
    let is_apple = window().navigator().platform().is_ok_and(|platform| is_mac(&platform));
    let (needed, other) = match is_apple {
        true => (event.meta_key(), event.ctrl_key()),
        false => (event.ctrl_key(), event.meta_key()),
    };
    if !needed || other || event.alt_key() {
        return None;
    }
    let key = event::key(event);
    // Caps Lock may be on.
    let found =
        SHORTCUTS.iter().find(|(shift, of, _)| *shift == event.shift_key() && key.eq_ignore_ascii_case(of));
    found.map(|(.., format)| *format)
}

/// Replaces what is selected, as if it had been typed: the browser can undo it, and tells the composer.
pub(super) fn insert(field: &HtmlTextAreaElement, text: &str) {
    let Ok(document) = document().dyn_into::<HtmlDocument>() else { return };
    let command = if text.is_empty() { "delete" } else { "insertText" };
    // Without the focus, or the command, which all browsers have, nothing is inserted.
    let _ = field.focus();
    let _ = document.exec_command_with_show_ui_and_value(command, false, text);
}

/// The place in bytes of a place in UTF-16 code units.
fn byte_at(text: &str, utf16: usize) -> usize {
    let mut units = 0;
    let place = text.char_indices().find(|(_, c)| {
        let is_there = units >= utf16;
        units += c.len_utf16();
        is_there
    });
    place.map_or(text.len(), |(byte, _)| byte)
}
