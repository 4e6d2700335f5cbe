//! The state of the room list: what is searched for, which row has the keyboard focus, and which rows are in the DOM.

use std::ops::Range;

use leptos::{html::Div, prelude::*};
use parlour_core::{client::account::Section, model::RoomId};

use super::listing::{Listing, find_rooms};
use crate::{
    ctrl::Store,
    view::{
        screens::Screens,
        shared::{focus_selected_next_frame, use_texts},
    },
};

/// The row that a press of Tab leads to.
const TAB_STOP: &str = "#room-list a[tabindex='0']";

/// The scroll position of the list, in CSS pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct ScrollPosition {
    top: f64,
    height: f64,
    row_height: f64,
}

/// The state of the room list. A context of the sidebar.
#[derive(Clone, Copy)]
pub struct ListState {
    pub screens: Screens,
    /// The text to search for; all rooms are listed if it is empty.
    pub query: RwSignal<String>,
    pub listing: Memo<Listing>,
    /// The archived rooms are shown.
    pub shows_archived: RwSignal<bool>,
    /// The row that has had the keyboard focus last.
    active: RwSignal<Option<RoomId>>,
    /// The only row that a press of Tab leads to. Arrow keys lead to the others.
    pub tab_stop: Memo<Option<RoomId>>,
    position: RwSignal<ScrollPosition>,
    /// The rows that are in the DOM.
    pub rows: Memo<Range<usize>>,
    /// The scrolling element.
    pub viewport: NodeRef<Div>,
    /// Contains all rows.
    pub content: NodeRef<Div>,
    has_focus: StoredValue<bool>,
}

impl ListState {
    pub fn new(store: Store, screens: Screens) -> Self {
        let t = use_texts();
        let query = RwSignal::new(String::new());
        let shows_archived = RwSignal::new(false);
        let listing = Memo::new(move |_| match &*query.get() {
            all if all.trim().is_empty() => {
                let is_closed = |section| section == Section::Archived && !shows_archived.get();
                Listing::new(&store.list(""), is_closed, store.open_room.get())
            }
            query => Listing::found(&find_rooms(store, t(), query)),
        });
        let active = RwSignal::new(None);
        let tab_stop = Memo::new(move |_| {
            listing.with(|listing| {
                let mut wanted = [active.get(), store.open_room.get()].into_iter().flatten();
                wanted.find(|room| listing.row_of(*room).is_some()).or_else(|| listing.rooms().next())
            })
        });
        let position = RwSignal::new(ScrollPosition::default());
        let rows = Memo::new(move |_| {
            let ScrollPosition { top, height, row_height } = position.get();
            listing.with(|listing| listing.mounted_rows(top, height, row_height))
        });
        let state = Self {
            screens,
            query,
            listing,
            shows_archived,
            active,
            tab_stop,
            position,
            rows,
            viewport: NodeRef::new(),
            content: NodeRef::new(),
            has_focus: StoredValue::new(false),
        };
        Effect::new(move || {
            listing.track();
            // Once the rows are in the DOM.
            request_animation_frame(move || state.handle_listing());
        });
        Effect::new(move || {
            if let Some(open) = store.open_room.get() {
                active.set(Some(open));
                request_animation_frame(move || state.reveal(open));
            }
        });
        state
    }

    /// Reads the scroll position.
    pub fn measure(self) {
        let (Some(viewport), Some(content)) =
            (self.viewport.try_get_untracked().flatten(), self.content.try_get_untracked().flatten())
        else {
            return;
        };
        // The list has fewer rows than an f64 has integers.
        #[allow(clippy::cast_precision_loss)]
        let rows = self.listing.with_untracked(Listing::rows).max(1) as f64;
        let position = ScrollPosition {
            top: f64::from(viewport.scroll_top()),
            height: f64::from(viewport.client_height()),
            row_height: content.get_bounding_client_rect().height() / rows,
        };
        self.position.maybe_update(|shown| std::mem::replace(shown, position) != position);
    }

    /// Moves the keyboard focus to a room `offset` rooms below the one that has it, or above.
    pub fn move_focus(self, offset: isize) {
        let from = self.tab_stop.get_untracked();
        if let Some(room) = self.listing.with_untracked(|listing| listing.moved(from, offset)) {
            self.focus(room);
        }
    }

    /// Moves the keyboard focus to the first room.
    pub fn focus_first(self) {
        if let Some(first) = self.first() {
            self.focus(first);
        }
    }

    /// The first room.
    pub fn first(self) -> Option<RoomId> {
        self.listing.with_untracked(|listing| listing.rooms().next())
    }

    /// Returns `true` if rooms are searched for.
    pub fn has_query(self) -> bool {
        self.query.with_untracked(|query| !query.trim().is_empty())
    }

    /// Opens a room and ends the search.
    pub fn choose(self, room: RoomId) {
        self.query.set(String::new());
        self.screens.show_room(room);
    }

    /// A row has got the keyboard focus, or none of them has it any more.
    pub fn handle_focus(self, room: Option<RoomId>) {
        self.has_focus.set_value(room.is_some());
        if room.is_some() {
            self.active.set(room);
        }
    }

    fn focus(self, room: RoomId) {
        self.active.set(Some(room));
        self.reveal(room);
        focus_selected_next_frame(TAB_STOP);
    }

    /// Scrolls to the row of a room, unless it is visible.
    fn reveal(self, room: RoomId) {
        self.measure();
        let Some(viewport) = self.viewport.try_get_untracked().flatten() else { return };
        let Some(row) = self.listing.with_untracked(|listing| listing.row_of(room)) else { return };
        let ScrollPosition { top, height, row_height } = self.position.get_untracked();
        // As above.
        #[allow(clippy::cast_precision_loss)]
        let row_top = row as f64 * row_height;
        let wanted = if row_top < top {
            // With the heading that may be above it.
            row_top - row_height
        } else if row_top + row_height > top + height {
            row_top + row_height - height
        } else {
            return;
        };
        // A list is not taller than the greatest integer; and a scroll position is cut to what is possible.
        #[allow(clippy::cast_possible_truncation)]
        viewport.set_scroll_top(wanted.ceil() as i32);
        self.measure();
    }

    /// The list has changed. A row that has moved to another section is a new element, so the focus is given back to it.
    fn handle_listing(self) {
        self.measure();
        let is_lost = || document().active_element().is_none_or(|focused| focused.tag_name() == "BODY");
        if self.has_focus.try_get_value() == Some(true) && is_lost() {
            focus_selected_next_frame(TAB_STOP);
        }
    }
}
