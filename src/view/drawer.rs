//! On a narrow screen the roster is a drawer: over the room, with the keyboard's focus inside while it is open.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};

use super::dom::{El, el};
use crate::ctrl::Live;

/// Screens up to this width have a drawer; the stylesheet has the same number.
const NARROW: &str = "(max-width: 52rem)";

/// The button that opens it: the focus comes from there and goes back there.
const TOGGLE: &str = "roster-toggle";
/// The button that closes it: the focus goes there.
const HIDE: &str = "roster-close";

/// Whether there is a drawer, and whether it is open.
#[derive(Clone, Copy)]
pub struct Drawer {
    narrow: Live<bool>,
    opened: Live<bool>,
}

impl Drawer {
    /// A closed one, that knows the width of the screen.
    pub fn new() -> Self {
        let drawer = Self { narrow: Live::new(false), opened: Live::new(false) };
        drawer.follow_width();
        drawer
    }

    /// The button that opens it, as far as that is the drawer's.
    pub fn toggle(self) -> El {
        el("button#roster-toggle.button.quiet").attr("type", "button")
    }

    /// The button that closes it.
    pub fn hide(self) -> El {
        el("button#roster-close.button.quiet").attr("type", "button")
    }

    /// The screen is narrow, now.
    pub fn is_narrow(self) -> bool {
        self.narrow.get()
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
        focus(HIDE);
    }

    pub fn close(self) {
        if self.opened.get_untracked() {
            self.opened.set(false);
            focus(TOGGLE);
        }
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

/// Gives an element the focus, once the page has changed: what is inert can't have it.
pub fn focus(id: &'static str) {
    request_animation_frame(move || {
        let button =
            document().get_element_by_id(id).and_then(|it| it.dyn_into::<web_sys::HtmlElement>().ok());
        if let Some(button) = button {
            let _ = button.focus();
        }
    });
}
