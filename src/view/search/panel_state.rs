//! The state of the search panel.

use leptos::{
    ev::{self, KeyboardEvent},
    html,
    prelude::*,
};

use crate::{
    ctrl::{Store, use_store},
    view::shared::{Drawer, event, focus_next_frame},
};

/// The state of the search panel: open or closed. Opening it moves the keyboard focus into it, closing it moves the
/// focus back. A context of the room.
#[derive(Clone, Copy)]
pub struct PanelState {
    opened: RwSignal<bool>,
    drawer: Drawer,
    /// The button that opens the panel and gets the focus when it is closed.
    pub(super) toggle: NodeRef<html::Button>,
    /// The field for the words, which gets the focus when it is mounted.
    pub(super) field: NodeRef<html::Input>,
}

impl PanelState {
    /// Makes a closed panel that Ctrl+K opens.
    pub fn new(drawer: Drawer) -> Self {
        let store = use_store();
        let panel =
            Self { opened: RwSignal::new(false), drawer, toggle: NodeRef::new(), field: NodeRef::new() };
        let listener = window_event_listener(ev::keydown, move |event| {
            if is_shortcut(&event) && untrack(move || can_search(store)) {
                event.prevent_default();
                panel.open();
            }
        });
        on_cleanup(move || listener.remove());
        panel
    }

    /// Returns `true` if the panel is open. Reactive.
    pub fn is_open(self) -> bool {
        self.opened.get()
    }

    /// Returns `true` if the panel covers the whole room, as in a narrow viewport. Reactive.
    pub fn covers_room(self) -> bool {
        self.drawer.is_narrow() && self.opened.get()
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
        self.drawer.close();
        self.opened.set(true);
    }
}

/// Returns `true` if the server supports search; a basic one does not. Reactive.
pub fn can_search(store: Store) -> bool {
    store.identity.with(|identity| identity.as_ref().is_some_and(|me| me.search))
}

/// Ctrl+K or Command+K without another modifier.
fn is_shortcut(event: &KeyboardEvent) -> bool {
    let modified = event.shift_key() || event.alt_key();
    !modified && event.ctrl_key() != event.meta_key() && event::key(event).eq_ignore_ascii_case("k")
}
