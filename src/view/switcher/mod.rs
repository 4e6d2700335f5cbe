//! The quick switcher: a dialog that opens a room by a part of its name.

mod shortcuts;

pub use self::shortcuts::is_mac;
use leptos::{
    ev::{Event, KeyboardEvent},
    html,
    prelude::*,
};
use parlour_core::model::{Role, RoomId};

use super::{
    composer::{KeyPress, is_send_key},
    screens::Screens,
    shared::{Icon, announced, event, icon, room_name, tr, use_texts},
    sidebar::{RoomMark, find_rooms},
};
use crate::{
    ctrl::{RoomSummary, Store, use_store},
    i18n::{Key, Texts},
};

/// The most rooms that are offered.
const MAX_OFFERED: usize = 12;

/// The state of the switcher: open or closed. A context of the room.
#[derive(Clone, Copy)]
pub struct SwitcherState {
    opened: RwSignal<bool>,
}

impl SwitcherState {
    /// Makes a closed switcher.
    pub fn new() -> Self {
        Self { opened: RwSignal::new(false) }
    }

    /// Returns `true` if it is open. Reactive.
    pub fn is_open(self) -> bool {
        self.opened.get()
    }

    /// Returns `true` if it is open.
    pub fn is_open_untracked(self) -> bool {
        self.opened.get_untracked()
    }

    /// Opens it, or closes it if it is open.
    pub fn toggle(self) {
        self.opened.update(|opened| *opened = !*opened);
    }

    /// Closes it.
    pub fn close(self) {
        self.opened.set(false);
    }
}

/// The switcher while it is open, and the keys that lead to other rooms.
#[component]
pub fn SwitcherHost() -> impl IntoView {
    let state = expect_context::<SwitcherState>();
    shortcuts::listen(use_store(), expect_context::<Screens>(), state);
    view! {
        <Show when=move || state.is_open()>
            <Switcher/>
        </Show>
    }
}

/// The dialog: a field and the rooms that match, of which one is selected. What is offered changes only with the text: new
/// messages must not move another room under a key press.
#[component]
fn Switcher() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let state = expect_context::<SwitcherState>();
    let screens = expect_context::<Screens>();
    let (dialog, field) = (NodeRef::<html::Dialog>::new(), NodeRef::<html::Input>::new());
    let offered = RwSignal::new(offer(store, t(), ""));
    let selected = RwSignal::new(0_usize);
    let composition_ended = StoredValue::new(None::<f64>);
    let composing = StoredValue::new(false);
    // The element that gets the focus back. The dialog does this only when it is closed, not when it is removed.
    let focused = StoredValue::new_local(document().active_element());
    Effect::new(move || {
        if let Some(dialog) = dialog.get() {
            // Fails only if the dialog is open.
            let _ = dialog.show_modal();
        }
    });
    on_cleanup(move || {
        use wasm_bindgen::JsCast;
        let before = focused.try_update_value(Option::take).flatten();
        if let Some(before) = before.and_then(|before| before.dyn_into::<web_sys::HtmlElement>().ok()) {
            // Not while the dialog is in the document: nothing else can have the focus then.
            queue_microtask(move || {
                let _ = before.focus();
            });
        }
    });
    let open = move |room: RoomId| {
        state.close();
        screens.show_room(room);
    };
    let search = move || {
        if let Some(field) = field.get_untracked().filter(|_| !composing.get_value()) {
            offered.set(offer(store, untrack(t), &field.value()));
            selected.set(0);
        }
    };
    let keydown = move |event: KeyboardEvent| {
        let count = offered.with_untracked(Vec::len);
        let key = event::key(&event);
        match &*key {
            "Enter" => {
                let press = KeyPress {
                    key: &key,
                    modified: false,
                    is_composing: event.is_composing(),
                    key_code: event.key_code(),
                    at_ms: event.time_stamp(),
                    composition_ended_ms: composition_ended.get_value(),
                };
                let room = offered
                    .with_untracked(|offered| offered.get(selected.get_untracked()).map(|room| room.room));
                if let Some(room) = room.filter(|_| is_send_key(press)) {
                    open(room);
                }
            }
            _ if event::is_composing(&event) || count == 0 => return,
            "ArrowDown" => selected.update(|at| *at = (*at + 1) % count),
            "ArrowUp" => selected.update(|at| *at = (*at + count - 1) % count),
            _ => return,
        }
        event.prevent_default();
    };
    // An input method uses Escape to discard what it composes.
    let cancel = move |event: Event| {
        if composing.get_value() {
            event.prevent_default();
        }
    };
    // A press beside the dialog is one on its backdrop, which belongs to it. Not the release alone: a selection may end there.
    let pressed_beside = StoredValue::new(false);
    let press = move |event: leptos::ev::PointerEvent| {
        pressed_beside.set_value(event.target() == event.current_target());
    };
    let click = move |event: leptos::ev::MouseEvent| {
        if pressed_beside.get_value() && event.target() == event.current_target() {
            state.close();
        }
    };
    let has_none = move || offered.with(Vec::is_empty);
    let options = move || {
        let option = move |(at, room): (usize, RoomSummary)| {
            view! { <Offer at room selected=selected open=open/> }
        };
        offered.get().into_iter().enumerate().map(option).collect_view()
    };
    view! {
        <dialog
            id="switcher" class="switcher" node_ref=dialog aria-label=tr(Key::SwitcherTitle)
            on:close=move |_: Event| state.close() on:cancel=cancel on:pointerdown=press
            on:click=click
        >
            <div class="switcher-field">
                <Icon path=icon::SEARCH/>
                <input
                    id="switcher-field" node_ref=field type="text" dir="auto" maxlength="200" enterkeyhint="go"
                    autocomplete="off" spellcheck="false" role="combobox" aria-autocomplete="list"
                    aria-controls="switcher-list" aria-expanded=move || (!has_none()).to_string()
                    aria-activedescendant=move || (!has_none()).then(|| option_id(selected.get()))
                    placeholder=tr(Key::SwitcherField) aria-label=tr(Key::SwitcherField)
                    on:compositionstart=move |_| composing.set_value(true)
                    on:compositionend=move |event| {
                        composing.set_value(false);
                        composition_ended.set_value(Some(event.time_stamp()));
                        search();
                    }
                    on:input=move |_| search() on:keydown=keydown
                />
            </div>
            <ul id="switcher-list" class="switcher-list" role="listbox" aria-label=tr(Key::RoomsTitle)>{options}</ul>
            <p class="room-note" role="status">
                {announced(move || has_none().then(|| t().text(Key::RoomsNoneFound).to_owned()))}
            </p>
        </dialog>
    }
}

/// A room that is offered. Follows the selection.
#[component]
fn Offer(
    at: usize,
    room: RoomSummary,
    selected: RwSignal<usize>,
    open: impl Fn(RoomId) + Copy + 'static,
) -> impl IntoView {
    let t = use_texts();
    let id = room.room;
    let name = room_name(&room, t());
    let state = match &room {
        room if room.role == Role::Invited => Some(t().text(Key::RoomsInvited).to_owned()),
        room if room.unread > 0 => Some(t().rooms_unread(usize::try_from(room.unread).unwrap_or(usize::MAX))),
        room => room.archived.then(|| t().text(Key::RoomsArchived).to_owned()),
    };
    let option = NodeRef::<html::Li>::new();
    Effect::new(move || {
        if selected.get() == at
            && let Some(option) = option.get()
        {
            option.scroll_into_view_with_bool(false);
        }
    });
    // The field keeps the focus.
    let keep_focus = move |event: leptos::ev::MouseEvent| event.prevent_default();
    view! {
        <li
            id=option_id(at) class="switcher-option" role="option" node_ref=option data-room=format!("{id:?}") title=name.to_string()
            aria-selected=move || (selected.get() == at).to_string()
            on:mousedown=keep_focus on:click=move |_| open(id)
        >
            <RoomMark room/>
            <bdi class="room-label">{name.to_string()}</bdi>
            {state.map(|state| view! { " " <span class="switcher-state">{state}</span> })}
        </li>
    }
}

fn option_id(at: usize) -> String {
    format!("switcher-{at}")
}

/// The rooms to offer for a text: the best matches; without a text the first rooms of the list, other than the open one.
fn offer(store: Store, t: &Texts, query: &str) -> Vec<RoomSummary> {
    untrack(|| {
        let open = store.open_room.get().filter(|_| query.trim().is_empty());
        let found = find_rooms(store, t, query).into_iter();
        found
            .filter(|item| Some(item.room) != open)
            .filter_map(|item| store.room(item.room))
            .take(MAX_OFFERED)
            .collect()
    })
}
