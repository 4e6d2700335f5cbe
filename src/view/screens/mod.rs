//! The screens: room list, room and people. They are beside each other in a wide viewport, and one at a time in a narrow
//! one. The fragment of the URL names the screen, so that links, back and forward work.

mod cover;
mod history;

use leptos::{
    ev,
    html::{Button, H1},
    prelude::*,
};
use parlour_core::model::RoomId;

use self::{
    cover::{Cover, Waiting},
    history::{Step, is_same_screen, parent, step},
};
use super::shared::{focus_next_frame, focus_selected_next_frame, media_query};
use crate::{
    config::{self, HistoryChange},
    ctrl::{DialogKind, Route, Store},
};

/// Viewports up to this width show one screen at a time. The stylesheets use the same width.
const NARROW_VIEWPORT: &str = "(max-width: 52rem)";

/// From this width on, the people of a room are shown beside it unless the user hides them.
const ROOMY_VIEWPORT: &str = "(min-width: 70rem)";

/// A device on which a focused text field opens a keyboard on the screen.
const TOUCH_SCREEN: &str = "(pointer: coarse)";

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// The room list.
    Rooms,
    /// A room.
    Conversation,
    /// The people of a room.
    People,
}

impl Screen {
    /// The value of `data-screen`, which the stylesheet selects by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rooms => "rooms",
            Self::Conversation => "conversation",
            Self::People => "people",
        }
    }
}

/// The screens, which follow the URL, and the URL, which follows the open room. A context of the room.
#[derive(Clone, Copy)]
pub struct Screens {
    store: Store,
    narrow: Signal<bool>,
    roomy: Signal<bool>,
    touch_screen: Signal<bool>,
    route: RwSignal<Route>,
    /// The user has shown or hidden the people beside a room.
    people_chosen: RwSignal<Option<bool>>,
    cover: Cover,
    /// The heading, which gets the focus when a room is opened in a narrow viewport.
    pub title: NodeRef<H1>,
    /// The button that shows and hides the people.
    pub people_button: NodeRef<Button>,
    /// The button that closes the people's screen.
    pub close_people_button: NodeRef<Button>,
}

impl Screens {
    /// Shows the screen of the URL, and follows the URL and the store's open room until the current owner is disposed of.
    /// Then the URL has no fragment any more.
    pub fn new(store: Store) -> Self {
        let open = store.open_room.get_untracked().unwrap_or(RoomId::LOBBY);
        let screens = Self {
            store,
            narrow: media_query(NARROW_VIEWPORT),
            roomy: media_query(ROOMY_VIEWPORT),
            touch_screen: media_query(TOUCH_SCREEN),
            route: RwSignal::new(Route::to_room(open)),
            people_chosen: RwSignal::new(None),
            cover: Cover::new(),
            title: NodeRef::new(),
            people_button: NodeRef::new(),
            close_people_button: NodeRef::new(),
        };
        screens.start();
        screens
    }

    // ---- reading; all of this is reactive

    /// Returns `true` if the viewport is narrow.
    pub fn is_narrow(self) -> bool {
        self.narrow.get()
    }

    /// The screen that a narrow viewport shows.
    pub fn screen(self) -> Screen {
        self.route.with(|route| match route {
            Route::People { .. } => Screen::People,
            Route::Rooms if self.store.has_rooms() => Screen::Rooms,
            _ => Screen::Conversation,
        })
    }

    /// Returns `true` if a screen is visible: alone, or beside others.
    pub fn shows(self, screen: Screen) -> bool {
        if self.narrow.get() {
            self.screen() == screen
        } else {
            screen != Screen::People
                || !self.store.has_rooms()
                || self.people_chosen.get().unwrap_or_else(|| self.roomy.get())
        }
    }

    /// Returns `true` if the people cover the room.
    pub fn people_cover_room(self) -> bool {
        self.narrow.get() && self.screen() == Screen::People
    }

    /// The room of the screen, which may be one that the user is not in.
    pub fn room(self) -> Option<RoomId> {
        self.route.with(Route::room)
    }

    // ---- changing the screen

    /// Shows a screen and adds it to the browser's history, or goes back to it.
    pub fn show(self, route: Route) {
        let from = self.route.get_untracked();
        if !is_same_screen(&from, &route) {
            if self.cover.leave_before(Waiting::Show(route.clone())) {
                return;
            }
            let above_parent = config::is_above_parent();
            let (change, above_parent) = match step(&from, &route, self.narrow.get_untracked(), above_parent)
            {
                // The event of the history follows.
                Step::Back => return config::go_back(),
                Step::Push { above_parent } => (HistoryChange::Push, above_parent),
                Step::Replace { above_parent } => (HistoryChange::Replace, above_parent),
            };
            config::set_fragment(&route.to_string(), change, above_parent);
        }
        self.enter(route);
    }

    /// Shows a room.
    pub fn show_room(self, room: RoomId) {
        self.show(Route::to_room(room));
    }

    /// Shows the people of the room, or hides them.
    pub fn toggle_people(self) {
        let is_shown = untrack(|| self.shows(Screen::People));
        match self.route.get_untracked().room() {
            _ if !self.narrow.get_untracked() => self.people_chosen.set(Some(!is_shown)),
            Some(room) if !is_shown => self.show(Route::People { room }),
            _ => self.close_people(),
        }
    }

    /// Closes the people's screen if it covers the room.
    pub fn close_people(self) {
        if let Route::People { room } = self.route.get_untracked() {
            self.show_room(room);
        }
    }

    fn start(self) {
        let first = self.requested().unwrap_or_else(|| self.route.get_untracked());
        let is_visited = config::is_visited();
        // The signal is set later.
        let is_narrow =
            window().match_media(NARROW_VIEWPORT).ok().flatten().is_some_and(|list| list.matches());
        if self.cover.leave_stale() {
            // The entry below is that of the screen.
        } else if is_narrow && !config::is_above_parent() {
            self.put_parents_below(&first);
        } else {
            config::set_fragment(&first.to_string(), HistoryChange::Replace, config::is_above_parent());
        }
        // After a reload the room is shown where it was, not at the message that the link has led to.
        let first = if is_visited { first.without_message() } else { first };
        self.route.set(first.clone());
        self.open_room_of(&first);

        let store = self.store;
        let listener = window_event_listener(ev::popstate, move |_| self.handle_history());
        on_cleanup(move || {
            listener.remove();
            config::set_fragment("", HistoryChange::Replace, false);
        });
        Effect::watch(move || store.open_room.get(), move |room, _, _| self.handle_open_room(*room), false);
        // A room that is not in the list yet: the list is being loaded, or the user joins the room.
        let is_known = Memo::new(move |_| self.room().is_some_and(|room| is_known(store, room)));
        Effect::watch(
            move || is_known.get(),
            move |is_known, _, _| {
                let route = self.route.get_untracked();
                if *is_known && store.open_room.get_untracked() != route.room() {
                    self.open_room_of(&route);
                }
            },
            false,
        );
        // The room that the user is not in, although the screen is its.
        let outside = Memo::new(move |_| self.room().filter(|room| is_outside(store, *room)));
        Effect::watch(
            move || outside.get(),
            move |now, before, _| {
                let entered = before.copied().flatten().filter(|_| now.is_none());
                if entered.is_some() && entered == self.route.get_untracked().room() {
                    self.return_focus();
                }
            },
            false,
        );
    }

    /// Adds the first screen to the history, above those that it belongs to: going back leads there, instead of out of the
    /// page.
    fn put_parents_below(self, first: &Route) {
        let parents = std::iter::successors(parent(first), parent);
        let mut screens: Vec<_> = std::iter::once(first.clone()).chain(parents).collect();
        screens.retain(|route| *route != Route::Rooms || self.store.has_rooms());
        let mut change = (HistoryChange::Replace, false);
        for route in screens.into_iter().rev() {
            config::set_fragment(&route.to_string(), change.0, change.1);
            change = (HistoryChange::Push, true);
        }
    }

    /// The user has gone back or forward, or has changed the fragment of the URL.
    fn handle_history(self) {
        let of_cover = self.cover.handle_history();
        let is_of_cover = of_cover.is_ok();
        if let Ok(waiting) = of_cover {
            let has_waited = waiting.is_some();
            match waiting {
                Some(Waiting::Show(route)) => self.show(route),
                Some(Waiting::OpenRoom) => self.handle_open_room(self.store.open_room.get_untracked()),
                None => {}
            }
            untrack(|| self.cover.follow());
            if has_waited {
                return;
            }
        }
        match self.requested() {
            // Only the entry of a cover was left, or a link to what is shown was followed. One to a message leads to it again.
            Some(route) if route == self.route.get_untracked() && (is_of_cover || !has_message(&route)) => {}
            Some(route) => self.enter(route),
            None => {
                let shown = self.route.get_untracked().to_string();
                config::set_fragment(&shown, HistoryChange::Replace, false);
            }
        }
    }

    /// The store has opened another room: at the command of a dialog, or because the user is not in the room any more.
    fn handle_open_room(self, room: Option<RoomId>) {
        let shown = self.route.get_untracked().room();
        match room {
            Some(room) if shown == Some(room) => {}
            _ if self.cover.leave_before(Waiting::OpenRoom) => {}
            // The user has left the room: going back must not lead to it.
            Some(room) if shown.is_some_and(|shown| untrack(|| !is_known(self.store, shown))) => {
                let above_parent =
                    config::is_above_parent() && untrack(|| self.screen()) == Screen::Conversation;
                let route = Route::to_room(room);
                config::set_fragment(&route.to_string(), HistoryChange::Replace, above_parent);
                self.enter(route);
            }
            Some(room) => self.show_room(room),
            None if shown.is_some_and(|shown| untrack(|| is_known(self.store, shown))) => {
                self.show(Route::Rooms)
            }
            // The room that is missing stays on the screen.
            None => {}
        }
    }

    /// Shows the screen that the URL names.
    fn enter(self, route: Route) {
        let before = self.route.get_untracked();
        self.open_room_of(&route);
        self.route.set(route.clone());
        if !is_same_screen(&before, &route) {
            self.move_focus(&before, &route);
        }
    }

    fn open_room_of(self, route: &Route) {
        let open = self.store.open_room.get_untracked();
        let at = if let Route::Room { at, .. } = route { *at } else { None };
        let room = route.room().filter(|room| untrack(|| is_known(self.store, *room)));
        if open != room || at.is_some() {
            self.store.open(room, at);
        }
    }

    fn move_focus(self, from: &Route, to: &Route) {
        if !self.narrow.get_untracked() {
            if !self.touch_screen.get_untracked() && to.room() != from.room() {
                focus_selected_next_frame("#composer-text");
            }
            return;
        }
        match (from, to) {
            (_, Route::People { .. }) => focus_next_frame(self.close_people_button),
            (Route::People { .. }, Route::Room { .. }) => focus_next_frame(self.people_button),
            (_, Route::Room { .. }) => focus_next_frame(self.title),
            _ => focus_selected_next_frame("#room-list a[tabindex='0']"),
        }
    }

    /// Moves the focus into the room that the user has just entered, if the button that did it has taken the focus with it.
    fn return_focus(self) {
        // The button is removed by then.
        request_animation_frame(move || {
            let is_lost = document().active_element().is_none_or(|focused| focused.tag_name() == "BODY");
            if !is_lost {
            } else if self.narrow.get_untracked() || self.touch_screen.get_untracked() {
                focus_next_frame(self.title);
            } else {
                focus_selected_next_frame("#composer-text");
            }
        });
    }

    /// The screen that the URL names, if the server has it. A link of another device is for users who are not logged in; the
    /// caller removes it from the URL.
    fn requested(self) -> Option<Route> {
        let route = Route::parse(&config::fragment())?;
        if matches!(route, Route::Link { .. }) {
            self.store.open_dialog(DialogKind::UnusedLink);
        }
        Some(route).filter(|route| self.is_allowed(route))
    }

    /// Returns `true` if the server has a screen.
    fn is_allowed(self, route: &Route) -> bool {
        match route {
            Route::Link { .. } => false,
            Route::Rooms => untrack(|| self.store.has_rooms()),
            Route::Room { room, .. } | Route::People { room } => {
                *room == RoomId::LOBBY || untrack(|| self.store.has_rooms())
            }
        }
    }
}

/// Returns `true` if a route leads to a message.
fn has_message(route: &Route) -> bool {
    matches!(route, Route::Room { at: Some(_), .. })
}

/// Returns `true` if the user is not a member of a room, as far as the list is known. Reactive.
fn is_outside(store: Store, room: RoomId) -> bool {
    let is_member = room == RoomId::LOBBY || store.room(room).is_some_and(|room| room.role.is_member());
    !is_member && store.has_complete_list()
}

/// Returns `true` if a room is in the user's list. The lobby is everybody's. Reactive.
fn is_known(store: Store, room: RoomId) -> bool {
    room == RoomId::LOBBY || store.room(room).is_some()
}
