//! The drawer that holds the member list in a narrow viewport.

use leptos::{html, prelude::*};
use leptos_use_media_query::use_media_query;

use super::focus_next_frame;

/// Viewports up to this width have a drawer. The stylesheets use the same width.
const NARROW_VIEWPORT: &str = "(max-width: 52rem)";

/// The state of the drawer: absent, open or closed. Opening it moves the keyboard focus into it, closing it moves the
/// focus back.
#[derive(Clone, Copy)]
pub struct Drawer {
    narrow: Signal<bool>,
    opened: RwSignal<bool>,
    /// The button that opens the drawer and gets the focus when it is closed.
    pub open_button: NodeRef<html::Button>,
    /// The button that closes the drawer and gets the focus when it is opened.
    pub close_button: NodeRef<html::Button>,
}

impl Drawer {
    /// Makes a closed drawer that follows the viewport's width.
    pub fn new() -> Self {
        let drawer = Self {
            narrow: use_media_query(NARROW_VIEWPORT),
            opened: RwSignal::new(false),
            open_button: NodeRef::new(),
            close_button: NodeRef::new(),
        };
        Effect::watch(move || drawer.narrow.get(), move |_, _, _| drawer.opened.set(false), false);
        drawer
    }

    /// Returns `true` if the viewport is narrow. Reactive.
    pub fn is_narrow(self) -> bool {
        self.narrow.get()
    }

    /// Returns `true` if the drawer covers the room. Reactive.
    pub fn is_open(self) -> bool {
        self.narrow.get() && self.opened.get()
    }

    /// Returns `true` if the drawer's content is hidden. Reactive.
    pub fn is_hidden(self) -> bool {
        self.narrow.get() && !self.opened.get()
    }

    /// Opens the drawer.
    pub fn open(self) {
        self.opened.set(true);
        focus_next_frame(self.close_button);
    }

    /// Closes the drawer if it is open.
    pub fn close(self) {
        if self.opened.get_untracked() {
            self.opened.set(false);
            focus_next_frame(self.open_button);
        }
    }
}
