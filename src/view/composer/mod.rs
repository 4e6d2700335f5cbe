//! The composer, in which messages are written.

mod draft;
mod send_key;

use leptos::{
    ev::{CompositionEvent, Event, KeyboardEvent, SubmitEvent},
    prelude::*,
};
use parlour_core::model::Connection;

pub use self::draft::Draft;
use self::send_key::{KeyPress, is_send_key};
use super::{
    shared::{Icon, icon, is_first_attempt, tr, use_texts},
    timeline::Scroller,
};
use crate::{
    ctrl::{ComposerNote, use_store},
    i18n::Key,
};

/// The text field, the send button and a note below them. Follows the draft, the composer's note and the connection.
#[component]
pub fn Composer() -> impl IntoView {
    let store = use_store();
    let scroller = expect_context::<Scroller>();
    let draft = expect_context::<Draft>();
    let Draft { text, field, .. } = draft;
    draft.load();
    let composition_ended = StoredValue::new(None::<f64>);

    let send = move || {
        let Some(field) = field.get_untracked() else { return };
        // Not the signal: some browsers restore a field's content without an input event.
        let typed = field.value();
        if store.send(&typed) {
            text.set(String::new());
            scroller.to_end();
        } else {
            text.set(typed);
        }
        let _ = field.focus();
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        send();
    };
    let input = move |event: Event| {
        let typed = event_target_value(&event);
        store.draft_changed(&typed);
        text.set(typed);
    };
    let keydown = move |event: KeyboardEvent| {
        let press = KeyPress {
            key: &event.key(),
            modified: event.shift_key() || event.ctrl_key() || event.alt_key() || event.meta_key(),
            is_composing: event.is_composing(),
            key_code: event.key_code(),
            at_ms: event.time_stamp(),
            composition_ended_ms: composition_ended.get_value(),
        };
        if is_send_key(press) {
            event.prevent_default();
            send();
        }
    };
    let composition_end =
        move |event: CompositionEvent| composition_ended.set_value(Some(event.time_stamp()));
    let refused = move || {
        matches!(store.composer_note.get(), Some(ComposerNote::Refused(_) | ComposerNote::TooLong(_)))
    };
    // Focuses the field, except on a touch screen, where the focus would open the keyboard.
    Effect::new(move || {
        if let Some(field) = field.get()
            && has_fine_pointer()
        {
            let _ = field.focus();
        }
    });
    view! {
        <form id="composer" class="composer" aria-label=tr(Key::ComposerLabel) on:submit=submit>
            <div class="composer-box" class:refused=refused>
                // The stylesheet renders the copy in `data-text`, which gives the field its height.
                <div class="grow" data-text=move || text.get()>
                    <textarea
                        id="composer-text" node_ref=field rows="1" dir="auto" enterkeyhint="send" autocomplete="off"
                        placeholder=tr(Key::ComposerLabel) aria-label=tr(Key::ComposerLabel)
                        aria-description=tr(Key::ComposerKeys) aria-describedby="composer-note"
                        prop:value=move || text.get()
                        on:input=input on:keydown=keydown on:compositionend=composition_end
                    ></textarea>
                </div>
                <button
                    type="submit" id="composer-send" class="button primary" aria-label=tr(Key::ComposerSend)
                    title=tr(Key::ComposerSend) data-empty=move || text.with(|text| text.trim().is_empty())
                >
                    <Icon path=icon::SEND/>
                </button>
            </div>
            <Note/>
        </form>
    }
}

/// The note below the text field: why the text was refused, a countdown, or what happens to messages without a
/// connection. Follows the store's composer note, connection and `from_device`.
#[component]
fn Note() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let note = move || {
        if let Some(note) = store.composer_note.get() {
            return Some(match note {
                ComposerNote::Refused(status) => t().status(status).to_owned(),
                ComposerNote::TooLong(bytes) => t().composer_too_long(bytes),
                ComposerNote::Wait(status, seconds) => t().sending_paused(status, seconds),
            });
        }
        let from_device = store.from_device.get();
        store.connection.with(|connection| match connection {
            connection if from_device && is_first_attempt(connection) => None,
            Connection::Reconnecting { .. } => Some(t().text(Key::ComposerReconnecting).to_owned()),
            Connection::Failed { .. } => Some(t().text(Key::ComposerDisconnected).to_owned()),
            _ => None,
        })
    };
    view! { <p id="composer-note" class="composer-note" role="status">{note}</p> }
}

/// Whether the primary pointing device is a mouse or the like.
fn has_fine_pointer() -> bool {
    window().match_media("(pointer: fine)").ok().flatten().is_some_and(|query| query.matches())
}
