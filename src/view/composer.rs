//! Where one writes.

use leptos::{
    ev::{CompositionEvent, Event, KeyboardEvent, SubmitEvent},
    prelude::*,
};
use parlour_core::model::Connection;

use super::{
    connection::is_first,
    dom::{El, el},
    icon::{self, icon},
    keys::{KeyPress, should_send},
    scroll::Scroll,
    words::{Word, use_words},
};
use crate::ctrl::{ComposerNote, Live, Store, context, use_store};

/// What is being written, and where.
#[derive(Clone, Copy)]
pub struct Draft {
    text: Live<String>,
    field: Live<El>,
}

impl Draft {
    /// Nothing.
    pub fn new() -> Self {
        Self { text: Live::new(String::new()), field: Live::new(el("textarea#composer-text")) }
    }

    /// Puts a text in front of what is written so far, to be written anew.
    pub fn put(self, store: Store, text: &str) {
        let field = self.field.get_untracked();
        let mut whole = String::from(text);
        let written = field.value();
        if !written.is_empty() {
            whole.push('\n');
            whole.push_str(&written);
        }
        store.composing(&whole);
        self.text.set(whole);
        field.focus();
    }
}

/// The text field, its button, and what there is to say about the text.
#[component]
pub fn Composer() -> El {
    let (store, t) = (use_store(), use_words());
    let scroll = context::<Scroll>();
    let draft = context::<Draft>();
    let (text, field) = (draft.text, draft.field.get_untracked());
    let composition_ended = Live::new(None::<f64>);

    let send = {
        let field = field.clone();
        move || {
            // What the field holds, not what its last event told: a browser may fill it in without one.
            let typed = field.value();
            if store.talk(&typed) {
                text.set(String::new());
                scroll.to_end();
            } else {
                text.set(typed);
            }
            field.focus();
        }
    };
    let send_by_key = send.clone();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        send();
    };
    let input = move |event: Event| {
        let typed = event_target_value(&event);
        store.composing(&typed);
        text.set(typed);
    };
    let keydown = move |event: KeyboardEvent| {
        let press = KeyPress {
            key: &event.key(),
            modified: event.shift_key() || event.ctrl_key() || event.alt_key() || event.meta_key(),
            is_composing: event.is_composing(),
            key_code: event.key_code(),
            at: event.time_stamp(),
            composition_ended: composition_ended.get_untracked(),
        };
        if should_send(press) {
            event.prevent_default();
            send_by_key();
        }
    };
    let composition_end =
        move |event: CompositionEvent| composition_ended.set_untracked(Some(event.time_stamp()));

    let note = move || {
        if let Some(note) = store.composer_note().get() {
            return Some(match note {
                ComposerNote::Refused(status) => t().status(status).to_owned(),
                ComposerNote::TooLong(bytes) => t().count(Word::TooLong, bytes),
                ComposerNote::Wait(status, seconds) => t().wait(status, seconds),
            });
        }
        store.connection().with(|connection| match connection {
            first if store.from_device().get() && is_first(first) => None,
            Connection::Reconnecting { .. } => Some(t().word(Word::SentLater).to_owned()),
            Connection::Failed { .. } => Some(t().word(Word::SentNever).to_owned()),
            _ => None,
        })
    };
    let refused = move || {
        matches!(store.composer_note().get(), Some(ComposerNote::Refused(_) | ComposerNote::TooLong(_)))
    };

    let writing = field
        .clone()
        .attr("rows", "1")
        .attr("dir", "auto")
        .attr("enterkeyhint", "send")
        .attr("autocomplete", "off")
        .attr("aria-describedby", "composer-note")
        .words_attr("placeholder", Word::Message)
        .words_attr("aria-label", Word::Message)
        .words_attr("aria-description", Word::MessageKeys)
        .value_fn(move || text.get())
        .on("input", input)
        .on("keydown", keydown)
        .on("compositionend", composition_end);
    let button = el("button#composer-send.button.primary")
        .attr("type", "submit")
        .words_attr("aria-label", Word::Send)
        .words_attr("title", Word::Send)
        .attr_fn("data-empty", move || text.with(|text| text.trim().is_empty()))
        .child(icon(icon::SEND));
    let grow = el("div.grow")
        // The copy gives the field its height.
        .attr_fn("data-text", move || text.get())
        .child(writing);

    // Whoever comes in by keyboard or mouse can write at once; on a touch screen that would open the keyboard.
    queue_microtask(move || {
        if window()
            .match_media("(pointer: fine)")
            .is_ok_and(|query| query.is_some_and(|query| query.matches()))
        {
            field.focus();
        }
    });
    el("form#composer.composer")
        .words_attr("aria-label", Word::Message)
        .on("submit", submit)
        .child(el("div.composer-box").class_fn("refused", refused).child(grow).child(button))
        .child(el("p#composer-note.composer-note").attr("role", "status").text_fn(note))
}
