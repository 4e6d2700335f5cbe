//! Editing a message in the composer.

use leptos::{ev::KeyboardEvent, mount::mount_to, prelude::*};
use parlour_core::{
    model::{Message, RoomId},
    sorted::SortedMap,
};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlTextAreaElement};

use super::{Draft, format};
use crate::{
    ctrl::MessageEditor,
    i18n::Key,
    view::{
        emoji::{EmojiButton, EmojiPicker},
        markup::Markup,
        shared::{Icon, event, icon, tr},
        timeline::Scroller,
    },
};

/// A message that is being edited, and its new text.
#[derive(Clone, Debug)]
struct Edit {
    message: Message,
    text: String,
}

/// The messages that are being edited, one in a room. Their drafts are what was typed before.
type Edits = RwSignal<SortedMap<RoomId, Edit>>;

/// A function for a key while the message with this ord has the focus. Returns whether the key has an effect.
type HandleMessageKey = fn(MessageEditor, Draft, Scroller, u64, &str) -> bool;

/// The editor of messages in the composer. Its functions are pointers, so that nothing outside of the part of the client refers to
/// the code.
#[derive(Clone, Copy)]
pub struct Editor {
    messages: MessageEditor,
    picker: EmojiPicker,
    edits: Edits,
    text: fn(Edits, RoomId) -> Option<String>,
    handle_change: fn(Edits, Draft, &str) -> bool,
    save: fn(Editor, Draft, &str) -> bool,
    handle_key: fn(Editor, Draft, &KeyboardEvent) -> bool,
    format: fn(&KeyboardEvent, &HtmlTextAreaElement) -> bool,
    handle_message_key: HandleMessageKey,
}

impl Editor {
    /// The emoji picker.
    pub fn picker(self) -> EmojiPicker {
        self.picker
    }

    /// The text of the edit in a room. Reactive.
    pub fn text(self, room: RoomId) -> Option<String> {
        (self.text)(self.edits, room)
    }

    /// The text in the field has changed. Returns whether it is that of an edit.
    pub fn handle_change(self, draft: Draft, typed: &str) -> bool {
        (self.handle_change)(self.edits, draft, typed)
    }

    /// Saves the edit in the open room. Returns whether there is one. It goes on if its text can't be sent.
    pub fn save(self, draft: Draft, typed: &str) -> bool {
        (self.save)(self, draft, typed)
    }

    /// Handles a key press in the field. Returns whether it is a shortcut that adds markup.
    pub fn format(self, event: &KeyboardEvent, field: &HtmlTextAreaElement) -> bool {
        (self.format)(event, field)
    }

    /// Handles a key in the field, which begins or ends an edit. Returns whether it does. Not for keys of a composition.
    pub fn handle_key(self, draft: Draft, event: &KeyboardEvent) -> bool {
        (self.handle_key)(self, draft, event)
    }

    /// Handles a key while the message with this ord has the focus. Returns whether it has an effect.
    pub fn handle_message_key(self, draft: Draft, scroller: Scroller, ord: u64, key: &str) -> bool {
        (self.handle_message_key)(self.messages, draft, scroller, ord, key)
    }
}

impl Draft {
    /// Makes the editor available.
    pub fn set_editor(self, messages: MessageEditor, handle_message_key: HandleMessageKey) {
        let edits = RwSignal::new(SortedMap::new());
        self.editor.set(Some(Editor {
            messages,
            picker: expect_context::<EmojiPicker>(),
            edits,
            text,
            handle_change,
            save,
            handle_key,
            format: format::handle_key,
            handle_message_key,
        }));
        Effect::watch(
            move || messages.track_refused(),
            move |_, _, _| {
                if untrack(|| self.edit_text()).is_none() {
                    self.text.set(untrack(|| self.store.draft()));
                }
            },
            false,
        );
        // Another composer is mounted after an archived room.
        Effect::new(move |_| {
            let root = self.edit_bar.get()?;
            let send = root.parent_element().and_then(|form| form.query_selector("#composer-send").ok()?);
            let tools = send.and_then(place_before);
            let tools = tools.map(|tools| mount_to(tools, || view! { <EmojiButton/> }));
            Some((mount_to(root.into(), || view! { <EditBar/> }), tools))
        });
    }

    /// The editor; `None` until it is loaded.
    pub fn editor(self) -> Option<Editor> {
        self.editor.get_untracked()
    }

    /// Edits a message of the open room in the field. If the text of another edit was changed, that one goes on.
    pub fn edit(self, message: Message) {
        let (Some(room), Some(editor)) = (self.store.open_room.get_untracked(), self.editor()) else {
            return;
        };
        let text = message.content.to_string();
        // The text of an edit in progress is nowhere else.
        let is_kept = editor
            .edits
            .with_untracked(|edits| edits.get(&room).is_some_and(|edit| *edit.text != *edit.message.content));
        if !is_kept {
            editor.edits.update(|edits| drop(edits.insert(room, Edit { message, text })));
        }
        self.focus();
    }

    /// Inserts a text at the caret, as if it had been typed: the browser can undo it, and tells the composer. The field gets the focus.
    pub fn insert(self, text: &str) {
        if let Some(field) = self.field.get_untracked() {
            format::insert(&field, text);
        }
    }

    /// The message that is being edited in the open room. Reactive.
    fn edited(self) -> Option<Message> {
        let room = self.store.open_room.get()?;
        self.editor.get()?.edits.with(|edits| edits.get(&room).map(|edit| edit.message.clone()))
    }

    fn focus(self) {
        if let Some(field) = self.field.get_untracked() {
            // Without the focus the field can still be used with a pointer.
            let _ = field.focus();
        }
    }

    /// Ends the edit in the open room. What was typed before is shown again.
    fn end_edit(self) {
        if let (Some(room), Some(editor)) = (self.store.open_room.get_untracked(), self.editor()) {
            editor.edits.update(|edits| drop(edits.remove(&room)));
            self.store.check_length(&untrack(|| self.store.draft()));
        }
    }
}

/// A new element before another one.
fn place_before(element: Element) -> Option<HtmlElement> {
    // Fails only for a name that is invalid, and for elements that contain each other.
    let place = document().create_element("div").ok()?;
    element.parent_element()?.insert_before(&place, Some(&element)).ok()?;
    place.dyn_into().ok()
}

fn text(edits: Edits, room: RoomId) -> Option<String> {
    edits.with(|edits| edits.get(&room).map(|edit| edit.text.clone()))
}

fn handle_change(edits: Edits, draft: Draft, typed: &str) -> bool {
    let room = draft.store.open_room.get_untracked();
    let is_edit = edits.try_maybe_update(|edits| {
        let edit = room.and_then(|room| edits.get_mut(&room));
        (false, edit.map(|edit| edit.text = typed.to_owned()).is_some())
    });
    if is_edit == Some(true) {
        draft.store.check_length(typed);
    }
    is_edit == Some(true)
}

/// An empty text deletes the message.
fn save(Editor { messages, .. }: Editor, draft: Draft, typed: &str) -> bool {
    let Some(message) = untrack(|| draft.edited()) else { return false };
    if typed.trim().is_empty() {
        draft.end_edit();
        messages.delete_message(message);
        return true;
    }
    if messages.edit_message(message, typed) {
        draft.end_edit();
    }
    true
}

fn handle_key(Editor { messages, edits, .. }: Editor, draft: Draft, event: &KeyboardEvent) -> bool {
    let room = draft.store.open_room.get_untracked();
    let is_editing = edits.with_untracked(|edits| room.is_some_and(|room| edits.get(&room).is_some()));
    match &*event::key(event) {
        "Escape" if is_editing => draft.end_edit(),
        "ArrowUp"
            if !is_editing && draft.field.get_untracked().is_some_and(|field| field.value().is_empty()) =>
        {
            let Some(message) = messages.last_own_message() else { return false };
            draft.edit(message);
        }
        _ => return false,
    }
    true
}

/// Says which message is being edited, with a button to end that. Nothing without an edit.
#[component]
fn EditBar() -> impl IntoView {
    let (draft, markup) = (expect_context::<Draft>(), expect_context::<Markup>());
    let is_editing = Memo::new(move |_| draft.edited().is_some());
    let before = move || draft.edited().map(|message| markup.line(&message.content));
    let cancel = move |_| {
        draft.end_edit();
        draft.focus();
    };
    // Not in the composer itself, because the bar is not there before it is loaded.
    Effect::new(move || {
        let notes = "composer-note composer-countdown";
        let described_by = if is_editing.get() { format!("edit-bar {notes}") } else { notes.to_owned() };
        if let Some(field) = draft.field.get() {
            // Fails only for a name that is invalid.
            let _ = field.set_attribute("aria-describedby", &described_by);
        }
    });
    view! {
        <Show when=move || is_editing.get()>
            <div class="edit-bar">
                <Icon path=icon::NAME/>
                <p id="edit-bar" dir="auto">
                    <strong>{tr(Key::MessageEditing)}</strong>
                    " "
                    <span class="before">{before}</span>
                </p>
                <button
                    type="button" id="edit-cancel" class="button quiet" aria-label=tr(Key::CommonCancel)
                    title=tr(Key::CommonCancel) on:click=cancel
                >
                    <Icon path=icon::CLOSE/>
                </button>
            </div>
        </Show>
    }
}
