//! Where one writes.

use leptos::{
    ev::{CompositionEvent, KeyboardEvent, SubmitEvent},
    html,
    prelude::*,
};
use parlour_core::model::Connection;

use super::{
    icon::{self, icon},
    keys::{KeyPress, should_send},
    scroll::Scroll,
    words::use_words,
};
use crate::ctrl::{ComposerNote, use_store};

/// The text field, its button, and what there is to say about the text.
#[component]
pub fn Composer() -> impl IntoView {
    let (store, t) = (use_store(), use_words());
    let scroll = expect_context::<Scroll>();
    let text = RwSignal::new(String::new());
    let field = NodeRef::<html::Textarea>::new();
    let composition_ended = StoredValue::new(None::<f64>);

    let focus = move || {
        if let Some(field) = field.get_untracked() {
            let _ = field.focus();
        }
    };
    let send = move || {
        // What the field holds, not what its last event told: a browser may fill it in without one.
        let typed = field.get_untracked().map_or_else(|| text.get_untracked(), |field| field.value());
        if store.talk(&typed) {
            text.set(String::new());
            scroll.to_end();
        } else {
            text.set(typed);
        }
        focus();
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        send();
    };
    let input = move |event| {
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
            composition_ended: composition_ended.get_value(),
        };
        if should_send(press) {
            event.prevent_default();
            send();
        }
    };
    let composition_end =
        move |event: CompositionEvent| composition_ended.set_value(Some(event.time_stamp()));

    let note = move || {
        if let Some(note) = store.composer_note().get() {
            return Some(match note {
                ComposerNote::Refused(status) => (t().status)(status).to_owned(),
                ComposerNote::TooLong(bytes) => (t().too_long)(bytes),
                ComposerNote::Wait(seconds) => (t().wait)(seconds),
            });
        }
        store.connection().with(|connection| match connection {
            Connection::Reconnecting { .. } => Some(t().sent_later.to_owned()),
            Connection::Failed { .. } => Some(t().sent_never.to_owned()),
            _ => None,
        })
    };
    let refused = move || {
        matches!(store.composer_note().get(), Some(ComposerNote::Refused(_) | ComposerNote::TooLong(_)))
    };

    // Whoever comes in by keyboard or mouse can write at once; on a touch screen that would open the keyboard.
    Effect::new(move || {
        let fine =
            window().match_media("(pointer: fine)").ok().flatten().is_some_and(|query| query.matches());
        if fine && field.get().is_some() {
            focus();
        }
    });
    view! {
        <form id="composer" class="composer" aria-label=move || t().message on:submit=submit>
            <div class="composer-box" class:refused=refused>
                // The copy in `data-text` gives the field its height.
                <div class="grow" data-text=move || text.get()>
                    <textarea
                        id="composer-text" rows="1" dir="auto" enterkeyhint="send" autocomplete="off"
                        node_ref=field placeholder=move || t().message aria-label=move || t().message
                        aria-description=move || t().message_keys aria-describedby="composer-note"
                        prop:value=move || text.get()
                        on:input=input on:keydown=keydown on:compositionend=composition_end
                    ></textarea>
                </div>
                <button
                    type="submit" id="composer-send" class="button primary" aria-label=move || t().send
                    title=move || t().send data-empty=move || text.with(|text| text.trim().is_empty()).then_some("")
                >
                    {icon(icon::SEND)}
                </button>
            </div>
            <p id="composer-note" class="composer-note" role="status">{note}</p>
        </form>
    }
}
