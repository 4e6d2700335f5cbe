//! The header above the room.

use leptos::{ev::MouseEvent, prelude::*};

use super::open_room_name;
use crate::{
    ctrl::{Route, use_store},
    i18n::Key,
    view::{
        pieces::{RenameSlot, RoomMenuSlot},
        screens::{Screen, Screens},
        search::{PanelState, SearchToggle, can_search},
        shared::{ConnectionBar, Icon, Mark, icon, tr, use_texts},
        sidebar::RoomMark,
    },
};

/// The name and the topic of the room, the connection bar, and the buttons for search, people and more. Above the room list of
/// a narrow viewport: the name of the server. Follows the open room and the screens.
#[component]
pub fn RoomHeader() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let screens = expect_context::<Screens>();
    let panel = expect_context::<PanelState>();
    let covered = move || screens.people_cover_room() || panel.covers_room();
    let is_above_list = move || screens.is_narrow() && screens.screen() == Screen::Rooms;
    let room = Memo::new(move |_| {
        let shown = store.has_rooms() && !is_above_list();
        store.open_room.get().filter(|_| shown).and_then(|room| store.room(room))
    });
    let has_room = move || room.with(Option::is_some);
    // Whoever is only invited can neither read the room nor see its people.
    let is_member = move || {
        !store.has_rooms() || room.with(|room| room.as_ref().is_some_and(|room| room.role.is_member()))
    };
    let title = move || match open_room_name(store, t()) {
        Some(name) if has_room() => name.to_string(),
        _ => store.title.get(),
    };
    let topic = Memo::new(move |_| {
        store.room_version.track();
        let room = store.open_room.get().filter(|_| has_room())?;
        store.with_state(|state| state.room(room).map(|room| room.topic().clone())).flatten()
    });
    let has_topic = move || topic.with(|topic| topic.as_ref().is_some_and(|topic| !topic.is_empty()));
    let topic = move || topic.get().unwrap_or_default().to_string();
    view! {
        <header class="top" inert=covered>
            <Show when=move || store.has_rooms() && screens.is_narrow() && !is_above_list()>
                <BackButton/>
            </Show>
            <div class="room-title">
                {move || match room.get() {
                    Some(room) => leptos::either::Either::Left(view! { <RoomMark room/> }),
                    None => leptos::either::Either::Right(view! { <Mark/> }),
                }}
                <div class="room-heading">
                    <h1 id="room-name" dir="auto" tabindex="-1" title=title node_ref=screens.title>{title}</h1>
                    <Show when=has_topic>
                        <p id="room-topic" class="topic" dir="auto" title=topic>{topic}</p>
                    </Show>
                </div>
            </div>
            <ConnectionBar/>
            <RenameSlot/>
            <div class="top-actions">
                <Show when=move || can_search(store) && is_member()>
                    <SearchToggle/>
                </Show>
                <Show when=is_member>
                    <PeopleToggle/>
                </Show>
                <Show when=move || has_room() && is_member()>
                    <RoomMenuSlot/>
                </Show>
                <Show when=move || !store.has_rooms()>
                    <button
                        type="button" id="exit" class="button quiet" title=tr(Key::RoomLeave)
                        on:click=move |_| store.log_out()
                    >
                        <Icon path=icon::LEAVE/>
                        <span class="label">{tr(Key::RoomLeave)}</span>
                    </button>
                </Show>
            </div>
        </header>
    }
}

/// The link back to the room list, with the number of rooms that have something new.
#[component]
fn BackButton() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let screens = expect_context::<Screens>();
    let rooms = Memo::new(move |_| store.totals().rooms);
    let label = move || match rooms.get() {
        0 => t().text(Key::RoomBack).to_owned(),
        rooms => t().common_detail(t().text(Key::RoomBack), &t().rooms_with_unread(rooms)),
    };
    let go = move |event: MouseEvent| {
        event.prevent_default();
        screens.show(Route::Rooms);
    };
    view! {
        <a id="rooms-back" class="button quiet" href=Route::Rooms.to_string() aria-label=label on:click=go>
            <Icon path=icon::BACK/>
            <Show when=move || { rooms.get() > 0 }>
                <span class="badge" aria-hidden="true">{move || t().number(rooms.get())}</span>
            </Show>
        </a>
    }
}

/// The button that shows and hides the people of the room, with their number.
#[component]
fn PeopleToggle() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let screens = expect_context::<Screens>();
    let count = store.member_count;
    view! {
        <button
            type="button" id="roster-toggle" class="button quiet" node_ref=screens.people_button aria-controls="roster"
            aria-expanded=move || screens.shows(Screen::People).to_string()
            aria-label=move || {
                t().common_detail(t().text(Key::MembersShow), &t().members_count(count.get()))
            }
            on:click=move |_| screens.toggle_people()
        >
            <Icon path=icon::PEOPLE/>
            <span aria-hidden="true">{move || t().number(count.get())}</span>
        </button>
    }
}
