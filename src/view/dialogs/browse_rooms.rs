//! The dialog that lists public rooms.

use gloo_timers::callback::Timeout;
use leptos::{ev::SubmitEvent, html, prelude::*, task::spawn_local};
use parlour_core::model::{Refusal, RoomId};

use super::{
    form::{Submission, sentence},
    frame::Dialog,
    people_picker::SEARCH_DELAY_MS,
};
use crate::{
    ctrl::{DialogKind, PublicRoom, Store, use_store},
    i18n::Key,
    view::shared::{Icon, announced, icon, tr, use_texts},
};

/// The rooms found, and the state of the search.
#[derive(Clone, Copy)]
struct Browser {
    store: Store,
    query: RwSignal<String>,
    rooms: RwSignal<Vec<PublicRoom>>,
    /// The list continues.
    more: RwSignal<bool>,
    /// The name after which it continues.
    last: StoredValue<String>,
    is_loading: RwSignal<bool>,
    refusal: RwSignal<Option<Refusal>>,
    /// The number of the last search.
    search: StoredValue<u32>,
    timer: StoredValue<Option<Timeout>, LocalStorage>,
}

impl Browser {
    fn new(store: Store) -> Self {
        Self {
            store,
            query: RwSignal::new(String::new()),
            rooms: RwSignal::new(Vec::new()),
            more: RwSignal::new(false),
            last: StoredValue::new(String::new()),
            is_loading: RwSignal::new(true),
            refusal: RwSignal::new(None),
            search: StoredValue::new(0),
            timer: StoredValue::new_local(None),
        }
    }

    /// Searches when nothing was typed for a moment.
    fn search_soon(self) {
        self.timer.set_value(Some(Timeout::new(SEARCH_DELAY_MS, move || self.load(false))));
    }

    /// Loads the first page, or the next one. The results of earlier searches are dropped.
    fn load(self, next: bool) {
        let Some(number) = self.search.try_update_value(|number| {
            *number = number.wrapping_add(1);
            *number
        }) else {
            return;
        };
        self.is_loading.set(true);
        let query = self.query.with_untracked(|query| query.trim().to_owned());
        let last = if next { self.last.get_value() } else { String::new() };
        let page = self.store.browse_rooms(query, last);
        spawn_local(async move {
            let page = page.await;
            if self.search.try_get_value() != Some(number) {
                return;
            }
            self.is_loading.set(false);
            self.refusal.set(page.as_ref().err().cloned());
            if let Ok(page) = page {
                self.more.set(page.more);
                self.last.set_value(page.next);
                self.rooms.update(|rooms| {
                    if !next {
                        rooms.clear();
                    }
                    rooms.extend(page.entries);
                });
            }
        });
    }
}

/// A field for a part of the name, the rooms found by name, each with a button that joins or opens it, and a button for more.
#[component]
pub fn BrowseRooms() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let browser = Browser::new(store);
    let field = NodeRef::<html::Input>::new();
    let composing = StoredValue::new(false);
    browser.load(false);
    let state = Memo::new(move |_| {
        let count = browser.rooms.with(Vec::len);
        if let Some(refusal) = browser.refusal.get() {
            return sentence(t(), &refusal);
        }
        match (count, browser.is_loading.get(), browser.more.get()) {
            (0, true, _) => t().text(Key::CommonLoading).to_owned(),
            (0, false, _) if browser.query.with(|query| query.trim().is_empty()) => {
                t().text(Key::BrowseNone).to_owned()
            }
            (0, false, _) => t().text(Key::BrowseNoneFound).to_owned(),
            (count, _, true) => t().browse_found_more(count),
            (count, _, false) => t().browse_found(count),
        }
    });
    let input = move |event| {
        browser.query.set(event_target_value(&event));
        if !composing.get_value() {
            browser.search_soon();
        }
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        browser.load(false);
    };
    let has_more = move || browser.more.get() || browser.refusal.with(Option::is_some);
    view! {
        <Dialog id="browse-rooms-dialog" title=Signal::derive(move || t().text(Key::BrowseTitle).to_owned())>
            <form class="dialog-search" role="search" aria-label=tr(Key::BrowseQuery) on:submit=submit>
                <Icon path=icon::SEARCH/>
                <input
                    id="browse-rooms-query" node_ref=field type="search" dir="auto" maxlength="200" autocomplete="off"
                    spellcheck="false" enterkeyhint="search" autofocus=true placeholder=tr(Key::BrowseQuery)
                    aria-label=tr(Key::BrowseQuery) aria-describedby="browse-rooms-state"
                    prop:value=move || browser.query.get() on:input=input
                    on:compositionstart=move |_| composing.set_value(true)
                    on:compositionend=move |_| {
                        composing.set_value(false);
                        browser.search_soon();
                    }
                />
            </form>
            <div class="dialog-body dialog-list" aria-busy=move || browser.is_loading.get().to_string()>
                <p id="browse-rooms-state" class="field-hint" role="status">
                    {announced(move || Some(state.get()))}
                </p>
                <ul class="public-rooms" aria-label=tr(Key::BrowseTitle)>
                    <For
                        each=move || browser.rooms.get()
                        key=|room| (room.room, room.name.clone(), room.members, room.joined)
                        children=move |room| view! { <RoomItem room/> }
                    />
                </ul>
                // Hidden rather than removed, so that it does not lose the focus.
                <button
                    type="button" id="browse-rooms-more" class="button" hidden=move || !has_more()
                    aria-disabled=move || browser.is_loading.get().then_some("true")
                    on:click=move |_| {
                        if !browser.is_loading.get_untracked() {
                            browser.load(browser.more.get_untracked());
                        }
                    }
                >
                    {move || {
                        let is_refused = browser.refusal.with(Option::is_some);
                        t().text(if is_refused { Key::CommonRetry } else { Key::CommonShowMore })
                    }}
                </button>
            </div>
            <div class="dialog-actions">
                <button
                    type="button" id="browse-rooms-create" class="button"
                    on:click=move |_| store.open_dialog(DialogKind::CreateRoom)
                >
                    {tr(Key::CreateRoomTitle)}
                </button>
            </div>
        </Dialog>
    }
}

/// A public room: name, topic, number of members, and a button that joins or opens it.
#[component]
fn RoomItem(room: PublicRoom) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let PublicRoom { room, name, topic, members, joined, archived } = room;
    let submission = Submission::new();
    // Joined in another tab meanwhile, or left.
    let is_member = Memo::new(move |_| store.room(room).map_or(joined, |room| room.role.is_member()));
    let open = move |_| {
        if is_member.get_untracked() {
            return open_room(store, room);
        }
        submission.start(|| store.join_room(room), move |()| store.close_dialog());
    };
    let label = {
        let name = name.clone();
        move || if is_member.get() { t().browse_open_room(&name) } else { t().browse_join_room(&name) }
    };
    let error = move || submission.refusal().map(|refusal| sentence(t(), &refusal));
    let can_enter = move || is_member.get() || !archived;
    view! {
        <li class="public-room" data-name=name.to_string()>
            <div class="public-room-text">
                <p class="name" dir="auto">{name.clone()}</p>
                {(!topic.is_empty()).then(|| view! { <p class="topic" dir="auto">{topic}</p> })}
                <p class="field-hint">
                    {move || t().browse_members(members)}
                    {archived.then(|| view! { <span class="tag">{tr(Key::BrowseArchived)}</span> })}
                </p>
                <p class="field-error" role="alert">{announced(error)}</p>
            </div>
            <Show when=can_enter>
                <button
                    type="button" class=move || if is_member.get() { "button" } else { "button primary" }
                    aria-label=label.clone() aria-busy=move || submission.is_busy().to_string()
                    aria-disabled=move || submission.is_busy().then_some("true") on:click=open
                >
                    {move || t().text(if is_member.get() { Key::BrowseOpen } else { Key::BrowseJoin })}
                </button>
            </Show>
        </li>
    }
}

fn open_room(store: Store, room: RoomId) {
    store.close_dialog();
    store.open(Some(room), None);
}
