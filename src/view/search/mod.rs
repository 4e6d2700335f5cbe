//! The search panel, which replaces the member list while it is open and covers the room in a narrow viewport. Its content
//! is in a part of the client that is loaded later.

mod excerpt;
mod form;
mod keyboard;
mod panel_state;
mod part;
mod results;

use leptos::{ev::KeyboardEvent, prelude::*};

use self::{
    form::{DateField, WordsField},
    keyboard::move_focus,
    part::Content,
    results::Results,
};
pub use self::{
    panel_state::{PanelState, can_search},
    part::preload_content,
};
use super::shared::{Icon, event, focus_next_frame, icon, tr, use_texts};
use crate::{ctrl::use_store, i18n::Key};

/// The button that opens and closes the panel.
#[component]
pub fn SearchToggle() -> impl IntoView {
    let t = use_texts();
    let panel = expect_context::<PanelState>();
    view! {
        <button
            type="button" id="search-toggle" class="button quiet" node_ref=panel.toggle aria-controls="search"
            aria-keyshortcuts="Control+Shift+F Meta+Shift+F" aria-label=tr(Key::SearchTitle)
            title=move || format!("{} (Ctrl+Shift+F)", t().text(Key::SearchTitle))
            aria-expanded=move || panel.is_open().to_string() on:click=move |_| panel.toggle()
        >
            <Icon path=icon::SEARCH/>
        </button>
    }
}

/// The frame of the panel, and its content once that is loaded. Follows the store's seek result.
#[component]
pub fn SearchPanel() -> impl IntoView {
    let panel = expect_context::<PanelState>();
    close_after_seek(panel);
    let keydown = move |event: KeyboardEvent| match &*event::key(&event) {
        // The input method handles the keys, for example to choose a candidate.
        _ if event.is_composing() => {}
        "Escape" => {
            event.prevent_default();
            panel.close();
        }
        "ArrowDown" => move_focus(&event, true),
        "ArrowUp" => move_focus(&event, false),
        _ => {}
    };
    view! {
        <section id="search" class="search" aria-labelledby="search-title" on:keydown=keydown>
            <div class="search-head">
                <h2 id="search-title">{tr(Key::SearchTitle)}</h2>
                <button
                    type="button" id="search-close" class="button quiet" aria-label=tr(Key::CommonClose)
                    on:click=move |_| panel.close()
                >
                    <Icon path=icon::CLOSE/>
                </button>
            </div>
            <Content/>
        </section>
    }
}

/// The content of the panel: a field for words, one for a date, and the results. Moves the focus to the first field.
#[component]
fn PanelContent() -> impl IntoView {
    focus_next_frame(expect_context::<PanelState>().field);
    view! {
        <WordsField/>
        <DateField/>
        <Results/>
    }
}

/// Closes the panel when a seek that was started from it has succeeded, if the panel covers the message found.
fn close_after_seek(panel: PanelState) {
    let (store, before) = (use_store(), seek_number());
    Effect::new(move || {
        let succeeded =
            store.seek_result.get().is_some_and(|result| result.number != before && result.ord.is_some());
        if succeeded && untrack(move || panel.covers_room()) {
            panel.close();
        }
    });
}

/// The number of the last seek, to recognise later ones.
fn seek_number() -> u32 {
    use_store().seek_result.get_untracked().map_or(0, |result| result.number)
}
