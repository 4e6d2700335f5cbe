//! The fields of the search panel.

use leptos::{
    ev::{Event, SubmitEvent},
    prelude::*,
};
use parlour_core::model::SeekTarget;

use super::{PanelState, seek_number};
use crate::{
    ctrl::use_store,
    i18n::{Key, time},
    view::shared::{Icon, announced, icon, tr, use_texts},
};

/// The field for words, which is cleared when another room is opened. Searches while typing, but not for text that an input method
/// is still composing.
#[component]
pub fn WordsField() -> impl IntoView {
    let store = use_store();
    let field = expect_context::<PanelState>().field;
    let composing = StoredValue::new(false);
    Effect::watch(
        move || store.open_room.get(),
        move |_, _, _| {
            if let Some(field) = field.get_untracked() {
                field.set_value("");
            }
        },
        false,
    );
    let search = move |immediately| {
        if let Some(field) = field.get_untracked().filter(|_| !composing.get_value()) {
            store.search_for(&field.value(), immediately);
        }
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        search(true);
    };
    view! {
        <form class="search-words" role="search" aria-label=tr(Key::SearchQuery) on:submit=submit>
            <Icon path=icon::SEARCH/>
            <input
                id="search-words" node_ref=field type="search" dir="auto" maxlength="200" enterkeyhint="search"
                autocomplete="off" spellcheck="false" placeholder=tr(Key::SearchQuery)
                aria-label=tr(Key::SearchQuery) aria-describedby="search-state"
                prop:value=store.search.with_untracked(|search| search.words.clone())
                on:compositionstart=move |_| composing.set_value(true)
                on:compositionend=move |_| {
                    composing.set_value(false);
                    search(false);
                }
                on:input=move |_| search(false)
            />
        </form>
    }
}

/// The field for a date to jump to, and a note about the jump. Follows the store's seek state and result.
#[component]
pub fn DateField() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let seek = move |event: Event| {
        if let Some(midnight) = time::midnight(&event_target_value(&event)) {
            store.seek(SeekTarget::Time(midnight));
        }
    };
    let before = seek_number();
    let note = move || {
        let failed =
            store.seek_result.get().is_some_and(|result| result.number != before && result.ord.is_none());
        let text = if store.seeking.get() {
            Some(Key::CommonLoading)
        } else {
            failed.then_some(Key::SearchSeekFailed)
        };
        text.map(|key| t().text(key).to_owned())
    };
    view! {
        <div class="search-date">
            <label for="search-date">{tr(Key::SearchGoToDate)}</label>
            <input id="search-date" type="date" on:change=seek/>
            <p id="search-note" role="status">{announced(note)}</p>
        </div>
    }
}
