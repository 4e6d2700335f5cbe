//! The state of the search panel.

use leptos::{
    ev::{self, KeyboardEvent},
    html,
    prelude::*,
};

use crate::{
    ctrl::{Store, use_store},
    view::{
        screens::Screens,
        shared::{event, focus_next_frame},
    },
};

/// The state of the search panel: open or closed. Opening it moves the keyboard focus into it, closing it moves the
/// focus back. A context of the room.
#[derive(Clone, Copy)]
pub struct PanelState {
    opened: RwSignal<bool>,
    screens: Screens,
    /// The button that opens the panel and gets the focus when it is closed.
    pub(super) toggle: NodeRef<html::Button>,
    /// The field for the words, which gets the focus when it is mounted.
    pub(super) field: NodeRef<html::Input>,
}

impl PanelState {
    /// Makes a closed panel that Ctrl+Shift+F opens, and without rooms also Ctrl+K. A change of the screen closes it in a narrow
    /// viewport.
    pub fn new(screens: Screens) -> Self {
        let store = use_store();
        let panel =
            Self { opened: RwSignal::new(false), screens, toggle: NodeRef::new(), field: NodeRef::new() };
        let listener = window_event_listener(ev::keydown, move |event| {
            let is_free = untrack(move || !store.has_rooms());
            if is_shortcut(&event, is_free) && untrack(move || can_search(store)) {
                event.prevent_default();
                panel.open();
            }
        });
        on_cleanup(move || listener.remove());
        Effect::watch(
            move || (screens.screen(), screens.room()),
            move |_, _, _| {
                if untrack(|| panel.covers_room()) {
                    panel.opened.set(false);
                }
            },
            false,
        );
        panel
    }

    /// Returns `true` if the panel is open. Reactive.
    pub fn is_open(self) -> bool {
        self.opened.get()
    }

    /// Returns `true` if the panel covers the whole room, as in a narrow viewport. Reactive.
    pub fn covers_room(self) -> bool {
        self.screens.is_narrow() && self.opened.get()
    }

    /// Closes the panel.
    pub fn close(self) {
        self.opened.set(false);
        focus_next_frame(self.toggle);
    }

    /// Opens the panel, or closes it if it is open.
    pub fn toggle(self) {
        if self.opened.get_untracked() { self.close() } else { self.open() }
    }

    fn open(self) {
        self.opened.set(true);
    }
}

/// Returns `true` if the server supports search; a basic one does not. Reactive.
pub fn can_search(store: Store) -> bool {
    store.identity.with(|identity| identity.as_ref().is_some_and(|me| me.search))
}

/// Ctrl+Shift+F or Command+Shift+F; or Ctrl+K or Command+K, if nothing else uses it.
fn is_shortcut(event: &KeyboardEvent, is_free: bool) -> bool {
    let is_command = event.ctrl_key() != event.meta_key() && !event.alt_key();
    let key = event::key(event);
    is_command
        && if event.shift_key() {
            key.eq_ignore_ascii_case("f")
        } else {
            is_free && key.eq_ignore_ascii_case("k")
        }
}
