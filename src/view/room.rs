//! The room: its head, what is said, the composer, and who is there.

use leptos::prelude::*;

use super::{
    composer::Composer,
    connection::ConnectionBar,
    drawer::Drawer,
    icon::{self, icon, mark},
    roster::Roster,
    scroll::Scroll,
    timeline::TimelineView,
    words::use_words,
};
use crate::{ctrl::use_store, i18n::grouped};

/// The page on which one talks.
#[component]
pub fn Room() -> impl IntoView {
    let (store, t) = (use_store(), use_words());
    provide_context(Scroll::new());
    let drawer = Drawer::new();
    let count = move || store.roster_total().get();
    view! {
        <div id="room" class="room" class:drawer-open=move || drawer.is_open()>
            <header class="top" inert=move || drawer.is_open()>
                <div class="place">
                    {mark()}
                    <h1 dir="auto">{move || store.title().get()}</h1>
                </div>
                <ConnectionBar/>
                <div class="top-actions">
                    <button
                        type="button" id="roster-toggle" class="button quiet" node_ref=drawer.toggle
                        aria-controls="roster" aria-expanded=move || drawer.is_open().to_string()
                        aria-label=move || format!("{}: {}", t().people_show, (t().people_count)(count()))
                        on:click=move |_| drawer.open()
                    >
                        {icon(icon::PEOPLE)}
                        <span aria-hidden="true">{move || grouped(count())}</span>
                    </button>
                    <button
                        type="button" id="exit" class="button quiet" title=move || t().exit
                        on:click=move |_| store.exit()
                    >
                        {icon(icon::EXIT)}
                        <span class="label">{move || t().exit}</span>
                    </button>
                </div>
            </header>
            <main class="talk" inert=move || drawer.is_open()>
                <TimelineView/>
                <Composer/>
            </main>
            <div class="backdrop" on:click=move |_| drawer.close()></div>
            <Roster drawer/>
        </div>
    }
}
