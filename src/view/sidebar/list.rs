//! The room list.

use leptos::{
    either::Either,
    ev::{self, KeyboardEvent},
    prelude::*,
};
use parlour_core::client::account::Section;

use super::{
    item::RoomItem,
    list_state::ListState,
    listing::{Listing, SECTIONS},
};
use crate::{
    ctrl::{DialogKind, use_store},
    i18n::Key,
    view::shared::{Icon, announced, event, icon, tr, use_texts},
};

/// The number of rooms that Page Up and Page Down move the focus by.
const PAGE_ROOMS: isize = 10;

/// The rooms by section, or the result of a search. Of a long list, only the visible rows are in the DOM. Follows the list and
/// its scroll position.
#[component]
pub fn RoomList() -> impl IntoView {
    let list = expect_context::<ListState>();
    let resized = window_event_listener(ev::resize, move |_| list.measure());
    on_cleanup(move || resized.remove());
    let keydown = move |event: KeyboardEvent| {
        let modified = event.ctrl_key() || event.alt_key() || event.meta_key() || event.shift_key();
        let offset = match &*event::key(&event) {
            _ if modified => return,
            "ArrowDown" => 1,
            "ArrowUp" => -1,
            "PageDown" => PAGE_ROOMS,
            "PageUp" => -PAGE_ROOMS,
            "Home" => isize::MIN,
            "End" => isize::MAX,
            _ => return,
        };
        event.prevent_default();
        list.move_focus(offset);
    };
    let sections = SECTIONS.map(|(section, heading)| view! { <ListSection section heading/> });
    view! {
        <div
            id="room-list" class="room-list" node_ref=list.viewport on:scroll=move |_| list.measure() on:keydown=keydown
        >
            <div node_ref=list.content>
                {sections.into_iter().collect_view()}
                <FoundRooms/>
            </div>
            <ListNote/>
        </div>
    }
}

/// A section with its heading, unless it is empty. The heading of the archived rooms opens and closes their section.
#[component]
fn ListSection(section: Section, heading: Key) -> impl IntoView {
    let list = expect_context::<ListState>();
    let id = format!("rooms-{}", section as u8);
    let count = Memo::new(move |_| list.listing.with(|listing| listing.part(Some(section)).count));
    let heading = move || match section {
        Section::Archived => Either::Left(view! { <ArchivedToggle count/> }),
        _ => Either::Right(tr(heading)),
    };
    view! {
        <Show when=move || { count.get() > 0 }>
            <section aria-labelledby=id.clone()>
                <h2 id=id.clone() class="room-section">{heading()}</h2>
                <Rows section=Some(section)/>
            </section>
        </Show>
    }
}

/// The button that shows and hides the archived rooms, with their number.
#[component]
fn ArchivedToggle(count: Memo<usize>) -> impl IntoView {
    let t = use_texts();
    let shown = expect_context::<ListState>().shows_archived;
    view! {
        <button
            type="button" id="rooms-archived" class="room-section-toggle"
            aria-expanded=move || shown.get().to_string() on:click=move |_| shown.update(|shown| *shown = !*shown)
        >
            <Icon path=icon::OPEN/>
            {tr(Key::RoomsSectionArchived)}
            " "
            <span class="room-section-count">{move || t().number(count.get())}</span>
        </button>
    }
}

/// The result of a search.
#[component]
fn FoundRooms() -> impl IntoView {
    let list = expect_context::<ListState>();
    let is_shown = Memo::new(move |_| list.listing.with(|listing| !listing.part(None).rooms.is_empty()));
    view! {
        <Show when=move || is_shown.get()>
            <Rows section=None/>
        </Show>
    }
}

/// The rows of a section that are in the DOM, each at its place.
#[component]
fn Rows(section: Option<Section>) -> impl IntoView {
    let list = expect_context::<ListState>();
    let part = Memo::new(move |_| list.listing.with(|listing| listing.part(section)));
    let count = Memo::new(move |_| part.with(|part| part.rooms.len()));
    let mounted = move || part.with(|part| list.rows.with(|rows| part.mounted(rows, list.tab_stop.get())));
    view! {
        <ul
            class="room-rows" hidden=move || { count.get() == 0 }
            style:height=move || format!("calc(var(--room-row) * {})", count.get())
        >
            <For each=mounted key=|room| *room children=move |room| view! { <RoomItem room section/> }/>
        </ul>
    }
}

/// What is said of a list that is being loaded, has only the lobby, or of a search: the number of rooms found, for screen
/// readers, or that there is none.
#[component]
fn ListNote() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let list = expect_context::<ListState>();
    let count = Memo::new(move |_| list.listing.with(Listing::count));
    let is_search = Memo::new(move |_| !list.query.with(|query| query.trim().is_empty()));
    let is_loading = Memo::new(move |_| !store.has_complete_list());
    let note = Memo::new(move |_| match (is_search.get(), count.get()) {
        (true, 0) => Some(Key::RoomsNoneFound),
        (false, 0 | 1) if is_loading.get() => Some(Key::CommonLoading),
        (false, 0 | 1) => Some(Key::RoomsOnlyLobby),
        _ => None,
    });
    // Only the number is hidden: a search that finds nothing is announced by what everybody sees.
    let found = move || (is_search.get() && count.get() > 0).then(|| t().rooms_found(count.get()));
    view! {
        <p class="room-note" role="status">{announced(move || note.get().map(|key| t().text(key).to_owned()))}</p>
        <p class="visually-hidden" role="status">{announced(found)}</p>
        <Show when=move || note.get() == Some(Key::RoomsOnlyLobby)>
            <button
                type="button" id="rooms-browse" class="button room-note-action"
                on:click=move |_| store.open_dialog(DialogKind::BrowseRooms)
            >
                {tr(Key::RoomsBrowse)}
            </button>
        </Show>
    }
}
