//! The sidebar: the rooms and conversations of the account.
//!
//! | module | contents |
//! | --- | --- |
//! | this one | the frame: title, search field, list, account |
//! | `listing` | the order of the rows, and which of a long list are in the DOM |
//! | `list_state` | search, keyboard focus and scroll position |
//! | `list`, `item` | the components for the list and for a room in it |
//! | `part` | loading the content, which is in a part of the client of its own |
//! | `account` | the user's own account, and the settings |

mod account;
mod item;
mod list;
mod list_state;
mod listing;
mod part;

use leptos::{ev::KeyboardEvent, html, prelude::*};

use self::{account::AccountBar, list::RoomList, list_state::ListState};
pub use self::{item::RoomMark, listing::find_rooms, part::preload_side};
use super::{
    screens::{Screen, Screens},
    shared::{Icon, Mark, Menu, MenuItem, MissingPart, event, icon, tr},
};
use crate::{
    ctrl::{DialogKind, use_store},
    i18n::Key,
};

/// The frame of the sidebar, and its content once that is loaded. In a narrow viewport a screen of its own. Follows the screens.
#[component]
pub fn Sidebar() -> impl IntoView {
    let (store, screens) = (use_store(), expect_context::<Screens>());
    let part = part::load_content();
    // The screen's main part, while the room, which is it otherwise, is hidden.
    let is_main = move || screens.is_narrow() && screens.screen() == Screen::Rooms;
    view! {
        <div
            id="sidebar" class="sidebar" node_ref=part.slot role=move || if is_main() { "main" } else { "region" }
            aria-label=move || store.title.get() inert=move || !screens.shows(Screen::Rooms)
        >
            <MissingPart part/>
        </div>
    }
}

/// The name of the server, which a narrow viewport does not show, a menu for new rooms, a search field, the room list and the
/// account.
#[component]
fn SidebarContent() -> impl IntoView {
    let store = use_store();
    provide_context(ListState::new(store, expect_context::<Screens>()));
    view! {
        <div class="side-head">
            <div class="side-title">
                <Mark/>
                <p dir="auto">{move || store.title.get()}</p>
            </div>
            <RoomsMenu/>
            <SearchField/>
        </div>
        <nav id="rooms" class="rooms" aria-label=tr(Key::RoomsTitle)>
            <RoomList/>
        </nav>
        <div class="side-foot">
            <AccountBar/>
        </div>
    }
}

/// The menu for new rooms and conversations, and for all rooms.
#[component]
fn RoomsMenu() -> impl IntoView {
    let store = use_store();
    let dialog = move |id, text, icon, kind| MenuItem {
        id,
        text,
        icon,
        act: Box::new(move || store.open_dialog(kind)),
    };
    let items = move || {
        let mut items = vec![
            dialog("create-room", Key::RoomsCreate, icon::PLUS, DialogKind::CreateRoom),
            dialog("browse-rooms", Key::RoomsBrowse, icon::PUBLIC, DialogKind::BrowseRooms),
            dialog("direct-message", Key::RoomsDirect, icon::CONVERSATION, DialogKind::DirectMessage),
        ];
        if store.totals().rooms > 0 {
            let act = Box::new(move || store.mark_all_read());
            items.push(MenuItem { id: "mark-all-read", text: Key::RoomsMarkAllRead, icon: icon::READ, act });
        }
        items
    };
    view! { <Menu id="rooms-menu" label=Key::RoomsAdd icon=icon::PLUS items=Box::new(items)/> }
}

/// The field that searches the list. Does not search for text that an input method is still composing.
#[component]
fn SearchField() -> impl IntoView {
    let list = expect_context::<ListState>();
    let field = NodeRef::<html::Input>::new();
    let composing = StoredValue::new(false);
    let search = move || {
        if let Some(field) = field.get_untracked().filter(|_| !composing.get_value()) {
            list.query.set(field.value());
        }
    };
    let keydown = move |event: KeyboardEvent| {
        match &*event::key(&event) {
            // The input method handles the keys, for example to choose a candidate.
            _ if event::is_composing(&event) => return,
            "ArrowDown" => list.focus_first(),
            "Enter" => {
                // Without a text there is nothing to choose.
                if let Some(room) = list.first().filter(|_| list.has_query()) {
                    list.choose(room);
                }
            }
            "Escape" if !list.query.with_untracked(String::is_empty) => list.query.set(String::new()),
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <div class="side-search" role="search">
            <Icon path=icon::SEARCH/>
            <input
                id="room-search" node_ref=field type="search" dir="auto" maxlength="200" enterkeyhint="go"
                autocomplete="off" spellcheck="false" placeholder=tr(Key::RoomsSearch) aria-label=tr(Key::RoomsSearch)
                aria-controls="room-list" prop:value=move || list.query.get()
                on:compositionstart=move |_| composing.set_value(true)
                on:compositionend=move |_| {
                    composing.set_value(false);
                    search();
                }
                on:input=move |_| search() on:keydown=keydown
            />
        </div>
    }
}
