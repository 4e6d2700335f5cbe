//! The composer, in which messages are written.

mod direction;
mod draft;
mod edit;
mod format;
mod oversized;
mod send_key;

use leptos::{
    ev::{CompositionEvent, Event, InputEvent, KeyboardEvent, SubmitEvent},
    prelude::*,
};
use parlour_core::{model::Connection, status::Status};
use wasm_bindgen::JsCast;

use self::{
    direction::direction,
    oversized::{Change, Inserted},
    send_key::{is_of_composition, sends_line_break},
};
pub use self::{
    draft::Draft,
    format::{replace, selection_of},
    oversized::OversizedNote,
    send_key::{KeyPress, is_send_key},
};
use super::{
    pieces::OversizedSlot,
    shared::{Icon, announced, event, icon, is_first_attempt, tr, use_texts},
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
    draft.follow_room();
    let composition_ended = StoredValue::new(None::<f64>);
    // The last key press had a modifier.
    let is_modified = StoredValue::new(false);

    let send = move || {
        let Some(field) = field.get_untracked() else { return };
        // Not the signal: some browsers restore a field's content without an input event.
        let typed = field.value();
        let _ = field.focus();
        if draft.editor().is_some_and(|editor| editor.save(draft, &typed)) {
            return;
        }
        if store.send(&typed) {
            text.set(String::new());
            draft.forget_refused();
            scroller.to_end();
        } else {
            text.set(typed);
        }
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        send();
    };
    let before_input = move |event: InputEvent| {
        let Some(field) = field.get_untracked() else { return };
        let input_type = event::input_type(&event);
        if sends_line_break(&input_type, is_modified.get_value()) {
            event.prevent_default();
            send();
        } else if let Some(data) = event.data().filter(|_| !event.is_composing()) {
            let position = |of: Result<Option<u32>, _>| of.ok().flatten().unwrap_or(0);
            let (from, to) = (position(field.selection_start()), position(field.selection_end()));
            if draft.refuses(store, Inserted { text: data, from, to }, Change::of(&input_type)) {
                event.prevent_default();
            }
        }
    };
    let input = move |event: Event| {
        let typed = event_target_value(&event);
        let is_composing = event.dyn_ref::<InputEvent>().is_some_and(InputEvent::is_composing);
        // Not every change is announced by `beforeinput`.
        let whole = || Inserted { text: typed.clone(), from: 0, to: u32::MAX };
        if !is_composing && draft.refuses(store, whole(), Change::Typed) {
            // Back to the text before.
            if let Some(field) = field.get_untracked() {
                text.with_untracked(|text| field.set_value(text));
            }
            return;
        }
        draft.changed(&typed);
        text.set(typed);
    };
    let keydown = move |event: KeyboardEvent| {
        let modified = event.shift_key() || event.ctrl_key() || event.alt_key() || event.meta_key();
        is_modified.set_value(modified);
        let editor = draft.editor();
        if field.get_untracked().zip(editor).is_some_and(|(field, editor)| editor.format(&event, &field)) {
            return;
        }
        let press = KeyPress {
            key: &event::key(&event),
            modified,
            is_composing: event.is_composing(),
            key_code: event.key_code(),
            at_ms: event.time_stamp(),
            composition_ended_ms: composition_ended.get_value(),
        };
        if is_send_key(press) {
            event.prevent_default();
            send();
        } else if !modified
            && !is_of_composition(press)
            && editor.is_some_and(|editor| editor.handle_key(draft, &event))
        {
            event.prevent_default();
        }
    };
    let composition_end =
        move |event: CompositionEvent| composition_ended.set_value(Some(event.time_stamp()));
    let refused = move || {
        matches!(
            store.composer_note.get(),
            Some(ComposerNote::Refused(_) | ComposerNote::TooLong(_) | ComposerNote::Leaving)
        )
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
            // The place of the editor's bar.
            <div class="part-slot" node_ref=draft.edit_bar></div>
            <div class="composer-box" class:refused=refused>
                // The stylesheet renders the copy in `data-text`, which gives the field its height.
                <div class="grow" data-text=move || text.get()>
                    <textarea
                        id="composer-text" node_ref=field rows="1" dir=move || text.with(|text| direction(text))
                        enterkeyhint="send" autocomplete="off"
                        placeholder=tr(Key::ComposerLabel) aria-label=tr(Key::ComposerLabel)
                        aria-description=tr(Key::ComposerKeys) aria-describedby="composer-note composer-countdown"
                        prop:value=move || text.get()
                        on:beforeinput=before_input on:input=input on:keydown=keydown
                        on:compositionend=composition_end
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
            <OversizedSlot/>
        </form>
    }
}

/// The note below the text field: why the text was refused, a countdown, or what happens to messages without a
/// connection. Follows the store's composer note, connection and `from_device`.
#[component]
fn Note() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let has_failed = Memo::new(move |_| {
        store.connection.with(|connection| matches!(connection, Connection::Failed { .. }))
    });
    let note = move || {
        store.composer_note.get().and_then(|note| match note {
            // It is not attempted again by itself.
            ComposerNote::Refused(Status::NotConnected) if has_failed.get() => {
                Some(t().text(Key::ComposerDisconnected).to_owned())
            }
            ComposerNote::Refused(status) => Some(t().status(status).to_owned()),
            ComposerNote::TooLong(bytes) => Some(t().composer_too_long(bytes)),
            ComposerNote::Leaving => Some(t().text(Key::ComposerLeaving).to_owned()),
            ComposerNote::Wait(..) => None,
        })
    };
    let countdown = move || match store.composer_note.get() {
        Some(ComposerNote::Wait(status, seconds)) => Some(t().sending_paused(status, seconds)),
        _ => None,
    };
    // A memo, because the connection changes with each attempt, and the same note is not to be announced again.
    let about_connection = Memo::new(move |_| {
        let from_device = store.from_device.get();
        store.connection.with(|connection| match connection {
            connection if from_device && is_first_attempt(connection) => None,
            Connection::Reconnecting { .. } => Some(Key::ComposerReconnecting),
            Connection::Failed { .. } => Some(Key::ComposerDisconnected),
            _ => None,
        })
    });
    let connection_note = move || {
        let key = about_connection.get().filter(|_| store.composer_note.with(Option::is_none));
        key.map(|key| t().text(key))
    };
    view! {
        <p id="composer-note" class="composer-note" role="status">{announced(note)} {connection_note}</p>
        // Outside of the live region, or a screen reader would announce every second.
        <p id="composer-countdown" class="composer-note">{countdown}</p>
    }
}

/// Returns `true` if the primary pointing device is a mouse or the like.
fn has_fine_pointer() -> bool {
    window().match_media("(pointer: fine)").ok().flatten().is_some_and(|query| query.matches())
}
