//! The room.

use leptos::prelude::*;

use super::{
    composer::{Composer, Draft},
    members::MemberList,
    rename::Rename,
    search::{PanelState, SearchPanel, SearchToggle, can_search, preload_content},
    shared::{ConnectionBar, Drawer, Icon, Mark, icon, next_paint, tr, use_texts},
    timeline::{Scroller, Timeline, provide_today},
};
use crate::{
    ctrl::{Store, use_store},
    i18n::{Key, time},
};

/// Creates the date formatters while the user types a nick. Created later, they would delay the first message.
pub fn prepare_room(store: Store) {
    wasm_bindgen_futures::spawn_local(async move {
        next_paint().await;
        time::prepare(store.locale.get_untracked());
    });
}

/// The room: header, timeline, composer, member list and search panel. Follows the drawer and the search panel.
#[component]
pub fn Room() -> impl IntoView {
    let store = use_store();
    let drawer = Drawer::new();
    let panel = PanelState::new(drawer);
    provide_context(drawer);
    provide_context(panel);
    provide_context(Scroller::new(store));
    provide_context(Draft::new());
    provide_today();
    preload_content();
    let covered = move || drawer.is_open() || panel.covers_room();
    view! {
        <div
            id="room" class="room" class:drawer-open=move || drawer.is_open()
            class:searching=move || panel.is_open()
        >
            <header class="top" inert=covered>
                <div class="room-title">
                    <Mark/>
                    <h1 dir="auto">{move || store.title.get()}</h1>
                </div>
                <ConnectionBar/>
                <Rename/>
                <div class="top-actions">
                    <Show when=move || can_search(store)>
                        <SearchToggle/>
                    </Show>
                    <MembersToggle/>
                    <button
                        type="button" id="exit" class="button quiet" title=tr(Key::RoomLeave)
                        on:click=move |_| store.leave()
                    >
                        <Icon path=icon::LEAVE/>
                        <span class="label">{tr(Key::RoomLeave)}</span>
                    </button>
                </div>
            </header>
            <main class="room-main" inert=covered>
                <Timeline/>
                <Composer/>
            </main>
            <div class="backdrop" on:click=move |_| drawer.close()></div>
            <MemberList/>
            <Show when=move || panel.is_open()>
                <SearchPanel/>
            </Show>
        </div>
    }
}

/// The button that opens the member list in a narrow viewport, with the number of members.
#[component]
fn MembersToggle() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let drawer = expect_context::<Drawer>();
    let count = store.member_count;
    view! {
        <button
            type="button" id="roster-toggle" class="button quiet" node_ref=drawer.open_button aria-controls="roster"
            aria-expanded=move || drawer.is_open().to_string()
            aria-label=move || {
                format!("{}: {}", t().text(Key::MembersShow), t().members_count(count.get()))
            }
            on:click=move |_| drawer.open()
        >
            <Icon path=icon::PEOPLE/>
            <span aria-hidden="true">{move || t().number(count.get())}</span>
        </button>
    }
}
