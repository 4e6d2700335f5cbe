//! The member list.

mod filter;
mod part;
mod search;

use leptos::{ev::KeyboardEvent, prelude::*};
use parlour_core::model::PresenceState;

pub use self::part::preload_members;
use self::{
    filter::{Rest, filter_members},
    search::MemberSearch,
};
use super::{
    screens::{Screen, Screens},
    settings::Settings,
    shared::{Avatar, Icon, MissingPart, event, icon, nick_key, tr, use_texts},
};
use crate::{
    ctrl::{Contact, use_store},
    i18n::Key,
};

/// The most members for which the list has no filter.
const FILTER_THRESHOLD: usize = 20;

/// The frame of the member list, beside the timeline or on a screen of its own, and its content once that is loaded. Follows the
/// screens.
#[component]
pub fn MemberList() -> impl IntoView {
    let screens = expect_context::<Screens>();
    let part = part::load_content();
    let close_on_escape = move |event: KeyboardEvent| {
        // During a composition the input method handles the key.
        if event::key(&event) == "Escape" && !event.is_composing() {
            screens.close_people();
        }
    };
    view! {
        <aside
            id="roster" class="roster" aria-labelledby="roster-title" inert=move || !screens.shows(Screen::People)
            on:keydown=close_on_escape
        >
            <div class="roster-content" node_ref=part.slot></div>
            <MissingPart part/>
        </aside>
    }
}

/// The members of the open room; of the lobby those who are present. Follows the store's members.
#[component]
fn MemberListContent() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let screens = expect_context::<Screens>();
    let count = store.member_count;
    let wanted = RwSignal::new(String::new());
    let has_filter = move || count.get() > FILTER_THRESHOLD;

    let search = MemberSearch::new(store);
    Effect::watch(
        move || store.open_room.get(),
        move |_, _, _| {
            wanted.set(String::new());
            search.clear();
        },
        false,
    );

    let typed = move || if has_filter() { wanted.get().trim().to_owned() } else { String::new() };
    let filtered = Memo::new(move |_| {
        let typed = typed();
        store.members.with(|members| {
            search.found.with(|found| {
                let found = found.members_of(store.open_room.get(), &typed);
                filter_members(members, found, &nick_key(&typed), count.get())
            })
        })
    });
    let rest = move || {
        let of_more = search.found.with(|found| found.listed_of_more(store.open_room.get(), &typed()));
        let rest = filtered.with(|(listed, hidden)| Rest::new(listed.len(), *hidden, has_filter(), of_more));
        rest.map(|rest| match rest {
            Rest::NoneFound => t().text(Key::MembersNoneFound).to_owned(),
            Rest::More(hidden) => t().members_more(hidden),
            Rest::FoundMore(listed) => t().members_found_more(listed),
        })
    };
    view! {
        <div class="roster-head">
            <h2 id="roster-title">
                {tr(Key::MembersTitle)} " " <span id="roster-count">{move || t().number(count.get())}</span>
            </h2>
            <button
                type="button" id="roster-close" class="button quiet" node_ref=screens.close_people_button
                aria-label=tr(Key::CommonClose) on:click=move |_| screens.close_people()
            >
                <Icon path=icon::CLOSE/>
            </button>
        </div>
        <Show when=has_filter>
            <input
                id="roster-filter" type="search" dir="auto" maxlength="200" autocomplete="off" spellcheck="false"
                placeholder=tr(Key::MembersFilter) aria-label=tr(Key::MembersFilter)
                prop:value=move || wanted.get()
                on:input=move |event| {
                    wanted.set(event_target_value(&event));
                    wanted.with_untracked(|wanted| search.search_soon(wanted.trim()));
                }
            />
        </Show>
        // Scrolled by keys: it contains nothing else that has the focus.
        <div class="roster-list" role="group" tabindex="0" aria-labelledby="roster-title">
            <ul aria-labelledby="roster-title">
                <For
                    each=move || filtered.get().0
                    key=|member| (member.account, member.nick.clone(), member.state)
                    children=|member| view! { <MemberItem member/> }
                />
            </ul>
            <Show when=move || rest().is_some()>
                <p class="roster-more">{rest}</p>
            </Show>
        </div>
        // With rooms they are in the sidebar.
        <Show when=move || !store.has_rooms()>
            <Settings/>
        </Show>
    }
}

/// A member: avatar, nick, and whether it is the user, away or absent.
#[component]
fn MemberItem(member: Contact) -> impl IntoView {
    let store = use_store();
    let Contact { account, nick, state, .. } = member;
    let is_self = store.with_state(|state| state.me()).flatten() == Some(account);
    let (away, absent) = (state == PresenceState::Away, state == PresenceState::Left);
    view! {
        <li data-nick=nick.to_string() title=nick.to_string() class:away=away class:absent=absent>
            <Avatar nick=nick.clone()/>
            <bdi class="name">{nick.clone()}</bdi>
            {is_self.then(|| view! { <span class="tag">{tr(Key::MembersYou)}</span> })}
            {away.then(|| view! { <span class="tag">{tr(Key::MembersAway)}</span> })}
            {absent.then(|| view! { <span class="visually-hidden">{tr(Key::MembersAbsent)}</span> })}
        </li>
    }
}
