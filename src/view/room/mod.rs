//! The room's page: sidebar, header, conversation and people.
//!
//! | module | contents |
//! | --- | --- |
//! | this one | the layout |
//! | `header` | the name of the room, its topic, and the buttons |
//! | `room_menu` | what can be done with the room |
//! | `conversation` | the messages and the composer, or why there are none |
//! | `no_room` | why there is no room, and the button that joins it |

mod conversation;
mod header;
mod no_room;
mod room_menu;

use leptos::prelude::*;
use parlour_core::model::RoomId;

use self::{conversation::Conversation, header::RoomHeader};
pub use self::{no_room::NoRoom, room_menu::RoomMenu};
use super::{
    composer::Draft,
    dialogs::DialogHost,
    markup::{Markup, preload_markup},
    members::{MemberList, preload_members},
    message_part::preload_message_part,
    screens::{Screen, Screens},
    search::{PanelState, SearchPanel, preload_content},
    shared::{OpenMenu, announced, next_paint, room_name, use_texts},
    sidebar::{Sidebar, preload_side},
    switcher::SwitcherState,
    timeline::{Scroller, provide_today},
};
use crate::{
    ctrl::{Store, use_store},
    i18n::time,
};

/// Creates the date formatters while the user types a nick, and loads what is beside a room. Created later, the formatters would
/// delay the first message.
pub fn prepare_room(store: Store) {
    wasm_bindgen_futures::spawn_local(async move {
        next_paint().await;
        preload_side();
        preload_members();
        preload_message_part();
        preload_markup();
        time::prepare(store.locale.get_untracked());
    });
}

/// The columns of the page: sidebar, room, and people or the search panel. In a narrow viewport one of them at a time. Follows
/// the screens and the search panel.
#[component]
pub fn Room() -> impl IntoView {
    let store = use_store();
    let screens = Screens::new(store);
    let panel = PanelState::new(screens);
    let switcher = SwitcherState::new();
    let menu = OpenMenu::new();
    provide_context(screens);
    provide_context(panel);
    provide_context(switcher);
    provide_context(menu);
    let covered = Signal::derive(move || screens.people_cover_room() || panel.covers_room());
    provide_context(Scroller::new(store, covered));
    provide_context(Draft::new());
    provide_context(Markup::new());
    provide_today();
    preload_content();
    screens.follow_cover(
        move || menu.is_open() || store.dialog.with(Option::is_some) || switcher.is_open() || panel.is_open(),
        move || {
            if menu.is_open_untracked() {
                menu.close();
            } else if store.dialog.with_untracked(Option::is_some) {
                store.close_dialog();
            } else if switcher.is_open_untracked() {
                switcher.close();
            } else {
                panel.close();
            }
        },
    );
    let has_rooms = Memo::new(move |_| store.has_rooms());
    // An account that is only invited does not see the people.
    let has_people = move || {
        store.open_room.get().is_some_and(|room| store.room(room).is_none_or(|room| room.role.is_member()))
    };
    view! {
        <div
            id="room" class="room" class:with-rooms=move || has_rooms.get()
            class:with-people=move || screens.shows(Screen::People) && has_people() class:searching=move || panel.is_open()
            data-screen=move || screens.screen().name()
        >
            <Show when=move || has_rooms.get()>
                <Sidebar/>
            </Show>
            <RoomHeader/>
            <Conversation/>
            <MemberList/>
            <Show when=move || panel.is_open()>
                <SearchPanel/>
            </Show>
            <RoomAnnouncer/>
            <DialogHost/>
        </div>
    }
}

/// Announces the name of the room when another one is opened beside the list. In a narrow viewport the heading gets the focus
/// then.
#[component]
fn RoomAnnouncer() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let screens = expect_context::<Screens>();
    let name = Memo::new(move |_| open_room_name(store, t()).filter(|_| !screens.is_narrow()));
    // Not the room with which the page has begun.
    let first = StoredValue::new(None::<RoomId>);
    let news = move || {
        let room = store.open_room.get();
        let is_first = first.get_value().is_none_or(|first| Some(first) == room);
        first.update_value(|first| *first = first.or(room).filter(|first| Some(*first) == room || !is_first));
        name.get().filter(|_| !is_first).map(|name| name.to_string())
    };
    view! { <p id="room-announcer" class="visually-hidden" role="status">{announced(news)}</p> }
}

/// The name of the open room, if there is one in the list. Reactive.
fn open_room_name(store: Store, t: &crate::i18n::Texts) -> Option<std::sync::Arc<str>> {
    let room = store.room(store.open_room.get()?)?;
    Some(room_name(&room, t))
}
