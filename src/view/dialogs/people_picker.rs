//! Choosing people: a field for the beginning of a nick, the people found, and those who are chosen.

use std::sync::Arc;

use futures_util::future::join;
use gloo_timers::callback::Timeout;
use leptos::{ev::KeyboardEvent, html, prelude::*, task::spawn_local};
use parlour_core::{
    model::{PresenceState, Refusal, Role, RoomId, UserId},
    status::Status,
};
use web_sys::{ScrollIntoViewOptions, ScrollLogicalPosition};

use super::{form::sentence, room_settings::role_name};
use crate::{
    ctrl::{Contact, Page, Store, use_store},
    i18n::Key,
    view::shared::{Avatar, Icon, announced, event, icon, tr, use_texts},
};

/// The time between typing and searching, in ms.
pub const SEARCH_DELAY_MS: u32 = 200;
/// The time after which a search that was refused as too fast is repeated, in ms.
const REPEAT_MS: u32 = 1_000;

/// The people found for a beginning of a nick.
#[derive(Clone, Debug)]
enum Found {
    /// Nothing was found yet.
    Loading,
    People(Page<Contact>),
    Failed(Refusal),
}

/// The state of a picker.
#[derive(Clone, Copy)]
struct Picker {
    store: Store,
    /// The text in the field.
    text: RwSignal<String>,
    found: RwSignal<Found>,
    chosen: RwSignal<Vec<Contact>>,
    /// The maximum number of chosen people.
    max: usize,
    /// The person that Enter chooses.
    active: RwSignal<Option<UserId>>,
    /// The room whose members can't be chosen.
    room: Option<RoomId>,
    /// The number of the last search.
    search: StoredValue<u32>,
    timer: StoredValue<Option<Timeout>, LocalStorage>,
    field: NodeRef<html::Input>,
}

impl Picker {
    fn is_chosen(self, account: UserId) -> bool {
        self.chosen.with(|chosen| chosen.iter().any(|person| person.account == account))
    }

    /// Chooses a person, or the contrary. The next one can be typed.
    fn toggle(self, person: &Contact) {
        let is_chosen = untrack(|| self.is_chosen(person.account));
        if is_chosen {
            self.chosen.update(|chosen| chosen.retain(|other| other.account != person.account));
        } else if person.role == Role::None && self.chosen.with_untracked(Vec::len) < self.max {
            self.chosen.update(|chosen| chosen.push(person.clone()));
        } else {
            return;
        }
        if !self.text.with_untracked(String::is_empty) {
            self.text.set(String::new());
            self.search();
        }
    }

    /// Drops what was found for another text: Enter must not choose one of these people.
    fn handle_input(self, text: String) {
        self.text.set(text);
        self.active.set(None);
        self.search.update_value(|number| *number = number.wrapping_add(1));
    }

    fn search_soon(self, delay_ms: u32) {
        self.timer.set_value(Some(Timeout::new(delay_ms, move || self.search())));
    }

    /// Searches for the text in the field. The results of earlier searches are dropped.
    fn search(self) {
        let Some(number) = self.search.try_update_value(|number| {
            *number = number.wrapping_add(1);
            *number
        }) else {
            return;
        };
        let prefix = self.text.with_untracked(|text| text.trim().to_owned());
        let people = self.store.find_people(prefix.clone());
        let (store, room) = (self.store, self.room);
        let members = async move {
            match room {
                Some(room) => store.list_members(room, prefix, String::new()).await,
                None => Ok(Page::default()),
            }
        };
        spawn_local(async move {
            let (people, members) = join(people, members).await;
            if self.search.try_get_value() != Some(number) {
                return;
            }
            let found = match (people, members) {
                (Ok(people), members) => Found::People(with_roles(people, &members.unwrap_or_default())),
                (Err(refusal), _) => {
                    if refusal.status == Status::RateLimited {
                        self.search_soon(refusal.retry_after.max(REPEAT_MS));
                    }
                    Found::Failed(refusal)
                }
            };
            let has_text = self.text.with_untracked(|text| !text.trim().is_empty());
            let first = match &found {
                Found::People(page) => page.entries.iter().find(|person| person.role == Role::None),
                _ => None,
            };
            self.active.set(first.map(|person| person.account).filter(|_| has_text));
            self.found.set(found);
        });
    }

    /// The people found. Reactive.
    fn people(self) -> Vec<Contact> {
        self.found.with(|found| match found {
            Found::People(page) => page.entries.clone(),
            _ => Vec::new(),
        })
    }

    fn keydown(self, event: &KeyboardEvent, option_id: impl Fn(UserId) -> String) {
        // The input method handles the keys, for example to choose a candidate.
        if event.is_composing() || event.key_code() == 229 {
            return;
        }
        let people = untrack(|| self.people());
        match &*event::key(event) {
            key @ ("ArrowDown" | "ArrowUp") => {
                event.prevent_default();
                let accounts: Vec<_> = people.iter().map(|person| person.account).collect();
                let next = step(&accounts, self.active.get_untracked(), key == "ArrowDown");
                self.active.set(next);
                if let Some(option) = next.and_then(|next| document().get_element_by_id(&option_id(next))) {
                    let options = ScrollIntoViewOptions::new();
                    options.set_block(ScrollLogicalPosition::Nearest);
                    option.scroll_into_view_with_scroll_into_view_options(&options);
                }
            }
            "Enter" => {
                let active = self.active.get_untracked();
                if let Some(person) = people.iter().find(|person| Some(person.account) == active) {
                    event.prevent_default();
                    self.toggle(person);
                } else if !self.text.with_untracked(|text| text.trim().is_empty()) {
                    // Somebody is being looked for, so the form is not complete.
                    event.prevent_default();
                }
            }
            "Backspace" if self.text.with_untracked(String::is_empty) => {
                self.chosen.update(|chosen| drop(chosen.pop()));
            }
            _ => {}
        }
    }
}

/// The next person in the list, or the previous one; beyond the ends, none, and then from the other end.
fn step(people: &[UserId], active: Option<UserId>, down: bool) -> Option<UserId> {
    let at = active.and_then(|active| people.iter().position(|person| *person == active));
    match (at, down) {
        (None, true) => people.first(),
        (None, false) => people.last(),
        (Some(at), true) => people.get(at + 1),
        (Some(at), false) => at.checked_sub(1).and_then(|at| people.get(at)),
    }
    .copied()
}

/// People with their roles in a room.
fn with_roles(mut people: Page<Contact>, members: &Page<Contact>) -> Page<Contact> {
    for person in &mut people.entries {
        let member = members.entries.iter().find(|member| member.account == person.account);
        person.role = member.map_or(Role::None, |member| member.role);
    }
    people
}

/// A combobox for the beginning of a nick, with the people found in a list that is always visible, and the chosen ones
/// above it.
#[component]
pub fn PeoplePicker(
    id: &'static str,
    label: Key,
    /// The chosen people.
    chosen: RwSignal<Vec<Contact>>,
    /// The maximum number of chosen people.
    max: usize,
    /// The room whose members can't be chosen.
    #[prop(optional)]
    room: Option<RoomId>,
    /// Why the chosen people were refused.
    #[prop(into)]
    error: Signal<Option<String>>,
    #[prop(optional)] autofocus: bool,
) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let picker = Picker {
        store,
        text: RwSignal::new(String::new()),
        found: RwSignal::new(Found::Loading),
        chosen,
        max,
        active: RwSignal::new(None),
        room,
        search: StoredValue::new(0),
        timer: StoredValue::new_local(None),
        field: NodeRef::new(),
    };
    picker.search();
    let composing = StoredValue::new(false);
    let input = move |event| {
        picker.handle_input(event_target_value(&event));
        if !composing.get_value() {
            picker.search_soon(SEARCH_DELAY_MS);
        }
    };
    let option_id = move |account: UserId| format!("{id}-{account:?}");
    let (list_id, error_id, state_id) = (format!("{id}-list"), format!("{id}-error"), format!("{id}-state"));
    let state = move || {
        if chosen.with(Vec::len) >= max {
            return Some(t().people_full(max));
        }
        let is_all = picker.text.with(|text| text.trim().is_empty());
        Some(picker.found.with(|found| match found {
            Found::Loading => t().text(Key::CommonLoading).to_owned(),
            Found::Failed(refusal) => sentence(t(), refusal),
            Found::People(page) if page.entries.is_empty() => {
                t().text(if is_all { Key::PeopleNone } else { Key::PeopleNoneFound }).to_owned()
            }
            Found::People(page) => t().people_found(page.entries.len()),
        }))
    };
    let state = Memo::new(move |_| state());
    let described_by = {
        let (state_id, error_id) = (state_id.clone(), error_id.clone());
        move || match error.with(Option::is_some) {
            true => format!("{error_id} {state_id}"),
            false => state_id.clone(),
        }
    };
    view! {
        <div class="field picker">
            <label class="field-name" for=id>{tr(label)}</label>
            <Chips picker/>
            <input
                id=id node_ref=picker.field type="text" role="combobox" dir="auto" maxlength="200" autocomplete="off"
                autocapitalize="off" spellcheck="false" autofocus=autofocus aria-autocomplete="list"
                aria-expanded="true" aria-controls=list_id.clone() aria-describedby=described_by
                aria-invalid=move || error.with(Option::is_some).then_some("true")
                aria-activedescendant=move || picker.active.get().map(option_id)
                placeholder=tr(Key::PeoplePlaceholder) prop:value=move || picker.text.get() on:input=input
                on:keydown=move |event| picker.keydown(&event, option_id)
                on:compositionstart=move |_| composing.set_value(true)
                on:compositionend=move |_| {
                    composing.set_value(false);
                    picker.search_soon(SEARCH_DELAY_MS);
                }
            />
            <p id=error_id class="field-error" role="alert">{announced(move || error.get())}</p>
            <p id=state_id class="field-hint" role="status">{announced(move || state.get())}</p>
            <ul id=list_id class="picker-list" role="listbox" aria-multiselectable="true" aria-label=tr(label)>
                <For
                    each=move || picker.people()
                    key=|person| (person.account, person.nick.clone(), person.state, person.role)
                    children=move |person| view! { <Candidate picker person option_id/> }
                />
            </ul>
        </div>
    }
}

/// A person who can be chosen. Follows the chosen people and the active one.
#[component]
fn Candidate(
    picker: Picker,
    person: Contact,
    option_id: impl Fn(UserId) -> String + 'static,
) -> impl IntoView {
    let Contact { account, nick, state, role } = person.clone();
    let is_member = role != Role::None;
    let is_online = !is_member && state != PresenceState::Left;
    view! {
        <li
            id=option_id(account) class="person" role="option" data-nick=nick.to_string() title=nick.to_string()
            class:active=move || picker.active.get() == Some(account)
            aria-selected=move || picker.is_chosen(account).to_string()
            aria-disabled=is_member.then_some("true")
            // The field keeps the focus.
            on:mousedown=|event| event.prevent_default() on:click=move |_| picker.toggle(&person)
        >
            <Avatar nick=nick.clone()/>
            <bdi class="name">{nick.clone()}</bdi>
            {is_member.then(|| view! { <span class="tag">{tr(role_name(role))}</span> })}
            {is_online.then(|| view! { <span class="tag">{tr(Key::PeopleOnline)}</span> })}
            <span class="check" aria-hidden="true"><Icon path=icon::CHECK/></span>
        </li>
    }
}

/// The chosen people, each with a button that removes it. Follows them.
#[component]
fn Chips(picker: Picker) -> impl IntoView {
    let t = use_texts();
    let chip = move |person: Contact| {
        let (account, nick) = (person.account, person.nick);
        let label: Arc<str> = nick.clone();
        let remove = move |_| {
            picker.chosen.update(|chosen| chosen.retain(|person| person.account != account));
            if let Some(field) = picker.field.get_untracked() {
                // The button, which has the focus, is removed.
                let _ = field.focus();
            }
        };
        view! {
            <li class="chip" data-nick=nick.to_string()>
                <bdi class="name">{nick.clone()}</bdi>
                <button
                    type="button" class="button quiet" aria-label=move || t().people_remove(&label) on:click=remove
                >
                    <Icon path=icon::CLOSE/>
                </button>
            </li>
        }
    };
    view! {
        <Show when=move || picker.chosen.with(|chosen| !chosen.is_empty())>
            <ul class="chips" aria-label=tr(Key::PeopleChosen)>
                <For each=move || picker.chosen.get() key=|person| person.account children=chip/>
            </ul>
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_move_through_the_list_and_leave_it_at_its_ends() {
        let people = [1, 2, 3].map(|n| UserId([n; 16]));
        let at = |n: usize| Some(people[n]);
        assert_eq!(step(&people, None, true), at(0));
        assert_eq!(step(&people, None, false), at(2));
        assert_eq!(step(&people, at(0), true), at(1));
        assert_eq!(step(&people, at(2), true), None);
        assert_eq!(step(&people, at(0), false), None);
        assert_eq!(step(&people, Some(UserId([9; 16])), true), at(0), "not in the list any more");
        assert_eq!(step(&[], None, true), None);
    }

    #[test]
    fn members_of_the_room_are_marked() {
        let contact = |n: u8, role| Contact {
            account: UserId([n; 16]),
            nick: "nick".into(),
            state: PresenceState::Online,
            role,
        };
        let page = |entries| Page { entries, more: true, ..Page::default() };
        let people = page(vec![contact(1, Role::None), contact(2, Role::None), contact(3, Role::None)]);
        let members =
            page(vec![contact(2, Role::Owner), contact(3, Role::Invited), contact(4, Role::Member)]);
        let roles = with_roles(people, &members).entries.iter().map(|person| person.role).collect::<Vec<_>>();
        assert_eq!(roles, [Role::None, Role::Owner, Role::Invited]);
    }
}
