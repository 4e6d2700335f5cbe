//! On a narrow screen the roster is a drawer: over the room, with the keyboard's focus inside while it is open.

use leptos::{html, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};

/// Screens up to this width have a drawer; the stylesheet has the same number.
const NARROW: &str = "(max-width: 52rem)";

/// Whether there is a drawer, and whether it is open.
#[derive(Clone, Copy)]
pub struct Drawer {
    narrow: RwSignal<bool>,
    opened: RwSignal<bool>,
    /// The button that opens it: the focus comes from there and goes back there.
    pub toggle: NodeRef<html::Button>,
    /// The button that closes it: the focus goes there.
    pub hide: NodeRef<html::Button>,
}

impl Drawer {
    /// A closed one, that knows the width of the screen.
    pub fn new() -> Self {
        let drawer = Self {
            narrow: RwSignal::new(false),
            opened: RwSignal::new(false),
            toggle: NodeRef::new(),
            hide: NodeRef::new(),
        };
        drawer.follow_width();
        drawer
    }

    /// Over the room, now.
    pub fn is_open(self) -> bool {
        self.narrow.get() && self.opened.get()
    }

    /// Out of sight, now.
    pub fn is_shut(self) -> bool {
        self.narrow.get() && !self.opened.get()
    }

    pub fn open(self) {
        self.opened.set(true);
        self.focus(self.hide);
    }

    pub fn close(self) {
        if self.opened.get_untracked() {
            self.opened.set(false);
            self.focus(self.toggle);
        }
    }

    /// Once the page has changed: what is inert can't have the focus.
    fn focus(self, button: NodeRef<html::Button>) {
        request_animation_frame(move || {
            if let Some(button) = button.try_get_untracked().flatten() {
                let _ = button.focus();
            }
        });
    }

    fn follow_width(self) {
        let Ok(Some(query)) = window().match_media(NARROW) else { return };
        self.narrow.set(query.matches());
        let now = query.clone();
        let changed = Closure::<dyn Fn()>::new(move || {
            self.narrow.set(now.matches());
            self.opened.set(false);
        });
        let _ = query.add_event_listener_with_callback("change", changed.as_ref().unchecked_ref());
        let held = StoredValue::new_local((query, changed));
        on_cleanup(move || {
            held.with_value(|(query, changed)| {
                let _ = query.remove_event_listener_with_callback("change", changed.as_ref().unchecked_ref());
            });
        });
    }
}
