//! Who is there.

use leptos::{ev::KeyboardEvent, prelude::*};
use parlour_core::{
    model::{Member, PresenceState},
    validate::nick_key,
};

use super::{
    avatar::Avatar,
    drawer::Drawer,
    icon::{self, icon},
    settings::Settings,
    words::use_words,
};
use crate::{ctrl::use_store, i18n::grouped};

/// The most that are listed; the rest is counted, and the filter finds them.
const LISTED: usize = 500;
/// From so many on there is a filter.
const FILTERED_FROM: usize = 20;

/// The list of who is there, beside the room or in a drawer.
#[component]
pub fn Roster(drawer: Drawer) -> impl IntoView {
    let (store, t) = (use_store(), use_words());
    let (roster, total) = (store.roster(), store.roster_total());
    let filter = RwSignal::new(String::new());
    let filtering = Memo::new(move |_| total.get() > FILTERED_FROM);

    // Those that are listed, and how many more there are.
    let listed = Memo::new(move |_| {
        let wanted = if filtering.get() { nick_key(filter.get().trim()) } else { String::new() };
        roster.with(|members| {
            let mut found =
                members.iter().filter(|m| wanted.is_empty() || nick_key(&m.nick).contains(&wanted));
            let listed: Vec<Member> = found.by_ref().take(LISTED).cloned().collect();
            let more =
                if wanted.is_empty() { total.get() - listed.len().min(total.get()) } else { found.count() };
            (listed, more)
        })
    });
    let close_on_escape = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            drawer.close();
        }
    };
    view! {
        <aside
            id="roster" class="roster" aria-labelledby="roster-title" inert=move || drawer.is_shut()
            on:keydown=close_on_escape
        >
            <div class="roster-head">
                <h2 id="roster-title">
                    {move || t().people} " " <span id="roster-count">{move || grouped(total.get())}</span>
                </h2>
                <button
                    type="button" id="roster-close" class="button quiet" node_ref=drawer.hide
                    aria-label=move || t().people_hide on:click=move |_| drawer.close()
                >
                    {icon(icon::CLOSE)}
                </button>
            </div>
            <Show when=move || filtering.get()>
                <input
                    id="roster-filter" type="search" dir="auto" autocomplete="off" spellcheck="false"
                    placeholder=move || t().people_filter aria-label=move || t().people_filter
                    prop:value=move || filter.get() on:input=move |e| filter.set(event_target_value(&e))
                />
            </Show>
            <div class="roster-list">
                <ul aria-labelledby="roster-title">
                    <For
                        each=move || listed.get().0
                        key=|member| (member.nick.clone(), member.state)
                        children=|member| view! { <MemberView member/> }
                    />
                </ul>
                {move || match listed.with(|(listed, more)| (listed.len(), *more)) {
                    (0, 0) if filtering.get() => Some(t().people_none.to_owned()),
                    (_, 0) => None,
                    (_, more) => Some((t().people_more)(more)),
                }.map(|words| view! { <p class="roster-more">{words}</p> })}
            </div>
            <Settings/>
        </aside>
    }
}

#[component]
fn MemberView(member: Member) -> impl IntoView {
    let (store, t) = (use_store(), use_words());
    let nick = member.nick.to_string();
    let away = member.state == PresenceState::Away;
    let own = {
        let key = nick_key(&nick);
        Memo::new(move |_| {
            store.identity().with(|me| me.as_ref().is_some_and(|me| nick_key(&me.nick) == key))
        })
    };
    view! {
        <li data-nick=nick.clone() class:away=away title=nick.clone()>
            <Avatar nick=nick.clone()/>
            <bdi class="name">{nick.clone()}</bdi>
            {move || own.get().then(|| view! { <span class="tag">{t().you}</span> })}
            {move || away.then(|| view! { <span class="tag">{t().away}</span> })}
        </li>
    }
}
