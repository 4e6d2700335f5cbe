//! What can be done with a message, beside the one under the pointer. One element for all messages: buttons in each of them
//! would make every row more expensive.

use leptos::{
    ev::{KeyboardEvent, MouseEvent},
    html::Div,
    prelude::*,
};
use parlour_core::model::RoomId;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement};

use super::scroller::Scroller;
use crate::{
    ctrl::{Route, use_store},
    i18n::Key,
    view::shared::{Icon, event, icon, px, tr},
};

/// The message that the tools are for.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Target {
    room: RoomId,
    ord: u64,
    /// The distance from the top of the frame, in CSS pixels.
    top: f64,
}

/// The state of the tools: hidden, or beside a message.
#[derive(Clone, Copy)]
pub struct ToolsState {
    target: RwSignal<Option<Target>>,
    /// The element that the tools are placed in.
    pub frame: NodeRef<Div>,
}

impl ToolsState {
    pub fn new() -> Self {
        Self { target: RwSignal::new(None), frame: NodeRef::new() }
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
        // Below the line of the day, if there is one.
        let message = item.query_selector(".message").ok().flatten()?;
        let top_of = |element: &Element| element.get_bounding_client_rect().top();
        let frame = self.frame.get_untracked()?;
        Some(Target { room, ord, top: (top_of(&message) - top_of(&frame)).max(0.0) })
    }
}

/// A link to the message, and a button that marks it and all later ones as unread.
#[component]
pub fn MessageTools(state: ToolsState) -> impl IntoView {
    let store = use_store();
    let scroller = expect_context::<Scroller>();
    let target = state.target;
    Effect::watch(move || store.open_room.track(), move |_, _, _| state.hide(scroller), false);
    let is_shown = Memo::new(move |_| target.with(Option::is_some));
    let link =
        move || target.get().map(|Target { room, ord, .. }| Route::Room { room, at: Some(ord) }.to_string());
    let mark_unread = move |_: MouseEvent| {
        if let Some(Target { room, ord, .. }) = target.get_untracked() {
            store.mark_unread(room, ord);
            state.hide(scroller);
            scroller.focus();
        }
    };
    let leave_by_key = move |event: KeyboardEvent| {
        if event::key(&event) == "Escape" {
            event.prevent_default();
            let target = target.get_untracked();
            scroller.focus_message(target.map(|Target { ord, .. }| ord));
        }
    };
    view! {
        <Show when=move || is_shown.get()>
            <div
                class="message-tools" role="group" aria-label=tr(Key::MessageTools) on:keydown=leave_by_key
                style:top=move || target.get().map(|target| px(target.top))
            >
                <a
                    id="message-link" class="button quiet" href=link aria-label=tr(Key::MessageLink)
                    title=tr(Key::MessageLink)
                >
                    <Icon path=icon::LINK/>
                </a>
                <button
                    type="button" id="mark-unread-here" class="button quiet" aria-label=tr(Key::RoomMarkUnreadHere)
                    title=tr(Key::RoomMarkUnreadHere) on:click=mark_unread
                >
                    <Icon path=icon::UNREAD/>
                </button>
            </div>
        </Show>
    }
}
