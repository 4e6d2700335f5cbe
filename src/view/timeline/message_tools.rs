//! What can be done with a message, beside the one under the pointer. One element for all messages: buttons in each of them
//! would make every row more expensive.

use leptos::{
    ev::{KeyboardEvent, MouseEvent},
    html::Div,
    prelude::*,
};
use parlour_core::{
    client::MessageTarget,
    model::{Message, RoomId, TextState},
};
use wasm_bindgen::JsCast;
use web_sys::{DomRect, Element, Event, HtmlElement};

use super::{focus::return_focus_to_timeline, reactions, scroller::Scroller};
use crate::{
    ctrl::{DialogKind, MessageEditor, Route, use_store},
    i18n::Key,
    view::{
        composer::Draft,
        emoji::EmojiPicker,
        shared::{Icon, announced, event, icon, px, tr, use_texts},
    },
};

/// The width that is kept free for the tools beside a message, and their height above it, in CSS pixels.
const TOOLS_WIDTH: f64 = 240.0;
const TOOLS_HEIGHT: f64 = 48.0;

/// The message that the tools are for.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Target {
    room: RoomId,
    ord: u64,
    place: Place,
}

/// The place of the tools: distances from the edges of the frame, in CSS pixels. One of `left` and `right` is given.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    top: f64,
    left: Option<f64>,
    right: Option<f64>,
    /// `top` is the lower end of the tools.
    is_above: bool,
}

impl Place {
    /// The place beside the text of a message, or above it if there is not enough space.
    fn beside(frame: &DomRect, text: &DomRect) -> Self {
        let (before, after) = (text.left() - frame.left(), frame.right() - text.right());
        // Own messages are at the end of the line.
        let is_at_right = before > after;
        let is_above = before.max(after) < TOOLS_WIDTH;
        let top = text.top() - frame.top();
        let top = top.max(if is_above { TOOLS_HEIGHT } else { 0.0 });
        let (left, right) = match (is_at_right, is_above) {
            (true, true) => (None, Some(after)),
            (true, false) => (None, Some(frame.right() - text.left())),
            (false, true) => (Some(before), None),
            (false, false) => (Some(text.right() - frame.left()), None),
        };
        Self { top, left, right, is_above }
    }
}

/// A function that draws the reactions to a message. A pointer, so that nothing outside of the part of the client refers to the code.
type DrawReactions = fn(MessageEditor, &Message) -> AnyView;

/// The state of the tools: hidden, or beside a message.
#[derive(Clone, Copy)]
pub struct ToolsState {
    target: RwSignal<Option<Target>>,
    draft: Draft,
    /// Draws the reactions to a message; `None` until the part is loaded.
    draw: RwSignal<Option<(DrawReactions, MessageEditor)>>,
    /// The element that the tools are placed in.
    pub frame: NodeRef<Div>,
}

impl ToolsState {
    pub fn new(draft: Draft) -> Self {
        Self { target: RwSignal::new(None), draft, draw: RwSignal::new(None), frame: NodeRef::new() }
    }

    /// The reactions to a message, once the part is loaded that draws them. Reactive.
    pub(super) fn draw_reactions(self, message: &Message) -> AnyView {
        self.draw.get().map_or_else(|| ().into_any(), |(draw, messages)| draw(messages, message))
    }

    /// Hides the tools.
    pub fn hide(self, scroller: Scroller) {
        self.place(scroller, None);
    }

    /// Shows the tools beside a message, or hides them. If they have the focus then, it moves to their message.
    fn place(self, scroller: Scroller, target: Option<Target>) {
        let in_tools =
            |element: Element| element.closest(".message-tools").is_ok_and(|tools| tools.is_some());
        if target.is_none() && document().active_element().is_some_and(in_tools) {
            // First, because the focus shows the tools of the message again.
            let open = scroller.store().open_room.get_untracked();
            let shown = self.target.get_untracked().filter(|shown| Some(shown.room) == open);
            scroller.focus_message(shown.map(|shown| shown.ord));
        }
        self.target.maybe_update(|shown| std::mem::replace(shown, target) != target);
    }

    /// The pointer or the focus has moved to another element of the frame: the tools follow.
    pub fn handle_move(self, scroller: Scroller, event: &Event) {
        let Some(element) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else {
            return;
        };
        let closest = |selector| element.closest(selector).ok().flatten();
        if closest(".message-tools").is_some() {
            return;
        }
        self.place(scroller, closest(".item").and_then(|item| self.target_of(scroller, &item)));
    }

    /// Shows the tools beside a message, and moves the focus to the first of them.
    pub(super) fn focus(self, scroller: Scroller, item: &Element) {
        let Some(target) = self.target_of(scroller, item) else { return };
        self.target.set(Some(target));
        // Once they are in the document.
        request_animation_frame(move || {
            let frame = self.frame.try_get_untracked().flatten();
            let tool = frame.and_then(|frame| frame.query_selector(".message-tools a").ok().flatten());
            if let Some(tool) = tool.and_then(|tool| tool.dyn_into::<HtmlElement>().ok()) {
                // Without the focus the tools can still be used with a pointer.
                let _ = tool.focus();
            }
        });
    }

    /// Handles a key while the message of a row has the focus: edits or deletes it. Returns whether it has an effect.
    pub(super) fn handle_key(self, scroller: Scroller, item: &Element, key: &str) -> bool {
        let editor = scroller.stored_message(item).zip(self.draft.editor());
        editor.is_some_and(|(ord, editor)| editor.handle_message_key(self.draft, scroller, ord, key))
    }

    /// Marks the message of a row and all later ones as unread; `false` if it can't be marked.
    pub(super) fn mark_unread(self, scroller: Scroller, item: &Element) -> bool {
        let target = self.target_of(scroller, item);
        if let Some(Target { room, ord, .. }) = target {
            scroller.store().mark_unread(room, ord);
            self.hide(scroller);
            scroller.focus();
        }
        target.is_some()
    }

    fn target_of(self, scroller: Scroller, item: &Element) -> Option<Target> {
        let store = scroller.store();
        let room = store.open_room.get_untracked().filter(|_| untrack(|| store.has_rooms()))?;
        let ord = scroller.stored_message(item)?;
        // The text of a deleted message has no size.
        let rect = |selector| Some(item.query_selector(selector).ok()??.get_bounding_client_rect());
        let text = rect(".content").filter(|text| text.width() > 0.0).or_else(|| rect(".text-state"))?;
        let frame = self.frame.get_untracked()?.get_bounding_client_rect();
        Some(Target { room, ord, place: Place::beside(&frame, &text) })
    }
}

/// Edits or deletes the message with this ord, shows its earlier texts, or lets the user react to it, if the key stands for that.
/// Returns whether it does.
fn handle_key(messages: MessageEditor, draft: Draft, scroller: Scroller, ord: u64, key: &str) -> bool {
    let Some(message) = messages.message(ord) else { return false };
    match key {
        "e" | "E" if messages.may_change(&message) => draft.edit(message),
        "Delete" if messages.may_change(&message) => delete(messages, scroller, message),
        "r" | "R" if messages.may_react(&message) => {
            let Some((opener, editor)) = scroller.element_of(ord).zip(draft.editor()) else { return false };
            reactions::pick(editor.picker(), opener, (messages, scroller), message);
        }
        "h" | "H" if message.text == TextState::Edited => show_history(scroller, &message),
        _ => return false,
    }
    true
}

/// What the user may do with a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Offers {
    /// Edit and delete it.
    change: bool,
    /// See its earlier texts.
    history: bool,
    /// React to it.
    reaction: bool,
}

/// Shows the earlier texts of a message of the open room.
fn show_history(scroller: Scroller, message: &Message) {
    let store = scroller.store();
    if let Some(room) = store.open_room.get_untracked() {
        let message = MessageTarget { ord: message.ord, id: message.id };
        store.open_dialog(DialogKind::MessageHistory(room, message));
    }
}

/// Deletes a message, unless that is undone. The focus stays on its row, which is drawn anew.
fn delete(messages: MessageEditor, scroller: Scroller, message: Message) {
    let ord = message.ord;
    messages.delete_message(message);
    keep_focus(scroller, ord);
}

/// Moves the focus back to the message with this ord, if its row, or the button that restored it, had it.
fn keep_focus(scroller: Scroller, ord: u64) {
    // The row is drawn in the next frame.
    request_animation_frame(move || {
        request_animation_frame(move || {
            let is_lost = |focused: Element| focused.tag_name() == "BODY" || focused.id() == "timeline";
            if document().active_element().is_none_or(is_lost) {
                scroller.focus_message(Some(ord));
            }
        });
    });
}

/// The tools of the message under the pointer: reacting to it, a link to it, marking it and all later ones as unread, its earlier texts, editing
/// and deleting it. And, after a message was deleted, a button that undoes that.
#[component]
pub fn MessageTools() -> impl IntoView {
    let (store, state) = (use_store(), expect_context::<ToolsState>());
    let draft = state.draft;
    let scroller = expect_context::<Scroller>();
    let target = state.target;
    let messages = MessageEditor::new(store);
    draft.set_editor(messages, handle_key);
    state.draw.set(Some((reactions::draw, messages)));
    Effect::watch(move || store.open_room.track(), move |_, _, _| state.hide(scroller), false);
    // The message may have another place then.
    let resized = window_event_listener_untyped("resize", move |_| state.hide(scroller));
    on_cleanup(move || resized.remove());
    let is_shown = Memo::new(move |_| target.with(Option::is_some));
    let offers = Memo::new(move |_| {
        store.timeline_version.track();
        let message = target.get().and_then(|target| messages.message(target.ord));
        message.map_or_else(Offers::default, |message| Offers {
            change: messages.may_change(&message),
            history: message.text == TextState::Edited,
            reaction: messages.may_react(&message),
        })
    });
    let place = move || target.get().map(|target| target.place);
    let link =
        move || target.get().map(|Target { room, ord, .. }| Route::Room { room, at: Some(ord) }.to_string());
    let mark_unread = move |_: MouseEvent| {
        if let Some(Target { room, ord, .. }) = target.get_untracked() {
            store.mark_unread(room, ord);
            state.hide(scroller);
            scroller.focus();
        }
    };
    let message = move || messages.message(target.get_untracked()?.ord);
    let picker = expect_context::<EmojiPicker>();
    let react = move |event: MouseEvent| {
        let button = event.current_target().and_then(|button| button.dyn_into::<HtmlElement>().ok());
        if let Some((message, button)) = message().zip(button) {
            reactions::pick(picker, button, (messages, scroller), message);
        }
    };
    let history = move |_: MouseEvent| {
        if let Some(message) = message() {
            state.hide(scroller);
            show_history(scroller, &message);
        }
    };
    let edit = move |_: MouseEvent| {
        if let Some(message) = message() {
            state.hide(scroller);
            draft.edit(message);
        }
    };
    let delete_it = move |_: MouseEvent| {
        if let Some(message) = message() {
            state.hide(scroller);
            delete(messages, scroller, message);
        }
    };
    let leave_by_key = move |event: KeyboardEvent| {
        if event::key(&event) == "Escape" {
            event.prevent_default();
            let target = target.get_untracked();
            scroller.focus_message(target.map(|Target { ord, .. }| ord));
        }
    };
    let tool = move |id, keys, key, path, act: Box<dyn Fn(MouseEvent)>| {
        view! {
            <button
                type="button" id=id class="button quiet" aria-label=tr(key) aria-keyshortcuts=keys title=tr(key) on:click=act
            >
                <Icon path/>
            </button>
        }
    };
    view! {
        <Show when=move || is_shown.get()>
            <div
                class="message-tools" class:above=move || place().is_some_and(|place| place.is_above) role="group"
                aria-label=tr(Key::MessageTools) on:keydown=leave_by_key
                style:top=move || place().map(|place| px(place.top))
                style:left=move || place().and_then(|place| place.left).map(px)
                style:right=move || place().and_then(|place| place.right).map(px)
            >
                <Show when=move || offers.get().reaction>
                    {tool("message-react", "r", Key::MessageReact, icon::EMOJI, Box::new(react))}
                </Show>
                <a
                    id="message-link" class="button quiet" href=link aria-label=tr(Key::MessageLink)
                    title=tr(Key::MessageLink)
                >
                    <Icon path=icon::LINK/>
                </a>
                {tool("mark-unread-here", "u", Key::RoomMarkUnreadHere, icon::UNREAD, Box::new(mark_unread))}
                <Show when=move || offers.get().history>
                    {tool("message-history-open", "h", Key::MessageHistory, icon::HISTORY, Box::new(history))}
                </Show>
                <Show when=move || offers.get().change>
                    {tool("message-edit", "e", Key::MessageEdit, icon::NAME, Box::new(edit))}
                    {tool("message-delete", "Delete", Key::MessageDelete, icon::DELETE, Box::new(delete_it))}
                </Show>
            </div>
        </Show>
        <UndoBar messages/>
    }
}

/// Says that a message was deleted, with a button that undoes that while it can be undone. Leaving the page ends that time.
#[component]
fn UndoBar(messages: MessageEditor) -> impl IntoView {
    let (store, scroller, t) = (use_store(), expect_context::<Scroller>(), use_texts());
    let undo = move |_: MouseEvent| {
        if let Some((room, ord)) = messages.undo_deletion()
            && store.open_room.get_untracked() == Some(room)
        {
            keep_focus(scroller, ord);
        }
    };
    let finish = move || {
        if document().hidden() {
            messages.finish_deletion();
        }
    };
    let hidden = window_event_listener_untyped("visibilitychange", move |_| finish());
    let left = window_event_listener_untyped("pagehide", move |_| messages.finish_deletion());
    on_cleanup(move || {
        hidden.remove();
        left.remove();
    });
    let said = move || messages.can_undo().then(|| t().text(Key::MessageDeleted).to_owned());
    view! {
        <p class="visually-hidden" role="status">{announced(said)}</p>
        <Show when=move || messages.can_undo()>
            <UndoButton messages undo/>
        </Show>
    }
}

/// The bar with the button. There is more time while it has the focus, which goes to the timeline if the time ends.
#[component]
fn UndoButton(messages: MessageEditor, undo: impl Fn(MouseEvent) + 'static) -> impl IntoView {
    let element = NodeRef::<Div>::new();
    return_focus_to_timeline(element);
    view! {
        <div
            class="undo-bar" node_ref=element on:focusin=move |_| messages.hold_undo(true)
            on:focusout=move |_| messages.hold_undo(false)
        >
            <span aria-hidden="true">{tr(Key::MessageDeleted)}</span>
            <button type="button" id="undo-delete" class="button quiet" on:click=undo>{tr(Key::MessageUndo)}</button>
        </div>
    }
}
