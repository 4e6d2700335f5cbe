//! Who is there.

use leptos::{
    ev::{Event, KeyboardEvent},
    prelude::*,
};
use parlour_core::model::{Member, PresenceState};

use super::{
    avatar::avatar,
    dom::{El, el},
    drawer::Drawer,
    icon::{self, icon},
    settings::Settings,
    words::{Word, use_words},
};
use crate::{
    ctrl::{Live, context, use_store},
    i18n::grouped,
};

/// The most that are listed; the rest is counted, and the filter finds them.
const LISTED: usize = 500;
/// From so many on there is a filter.
const FILTERED_FROM: usize = 20;

/// The list of who is there, beside the room or in a drawer.
#[component]
pub fn Roster() -> El {
    let (store, t) = (use_store(), use_words());
    let drawer = context::<Drawer>();
    let total = move || store.roster_total().get();
    let filter = Live::new(String::new());
    let filtering = move || total() > FILTERED_FROM;

    // Those that are listed, and how many more there are.
    let listed = move || {
        let wanted = if filtering() { filter.with(|filter| filter.trim().to_owned()) } else { String::new() };
        store.roster().with(|members| list(members, &wanted, total()))
    };
    let more = move || match listed() {
        (listed, 0) if listed.is_empty() && filtering() => Some(t().word(Word::PeopleNone).to_owned()),
        (_, 0) => None,
        (_, more) => Some(t().count(Word::PeopleMore, more)),
    };
    let head = el("div.roster-head")
        .child(
            el("h2#roster-title")
                .words(Word::People)
                .text(" ")
                .child(el("span#roster-count").text_fn(move || grouped(total()))),
        )
        .child(
            drawer
                .hide()
                .words_attr("aria-label", Word::PeopleHide)
                .on("click", move |_: Event| drawer.close())
                .child(icon(icon::CLOSE)),
        );
    let field = move || {
        el("input#roster-filter")
            .attr("type", "search")
            .attr("dir", "auto")
            .attr("autocomplete", "off")
            .attr("spellcheck", "false")
            .words_attr("placeholder", Word::PeopleFilter)
            .words_attr("aria-label", Word::PeopleFilter)
            .value_fn(move || filter.get())
            .on("input", move |event: Event| filter.set(event_target_value(&event)))
    };
    let members = el("ul").attr("aria-labelledby", "roster-title").each(
        move || listed().0,
        |member| (member.nick.clone(), member.state),
        member,
    );
    el("aside#roster.roster")
        .attr("aria-labelledby", "roster-title")
        .attr_fn("inert", move || drawer.is_shut())
        .on("keydown", move |event: KeyboardEvent| {
            if event.key() == "Escape" {
                drawer.close();
            }
        })
        .child(head)
        .when(filtering, field)
        .child(el("div.roster-list").child(members).switch(more, |words| el("p.roster-more").text(&words)))
        .child(Settings())
}

/// Those that a filter lets through, as many as are listed, and how many more there are.
fn list(members: &[Member], wanted: &str, total: usize) -> (Vec<Member>, usize) {
    let mut listed = Vec::new();
    let mut found = 0;
    for member in members {
        if wanted.is_empty() || holds(&member.nick, wanted) {
            found += 1;
            if listed.len() < LISTED {
                listed.push(member.clone());
            }
        }
    }
    let found = if wanted.is_empty() { total } else { found };
    let more = found.saturating_sub(listed.len());
    (listed, more)
}

/// Without regard to the case of ASCII letters.
fn holds(nick: &str, wanted: &str) -> bool {
    nick.as_bytes().windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted.as_bytes()))
}

fn member(member: Member) -> El {
    let store = use_store();
    let nick = member.nick.clone();
    let own = move || store.identity().with(|me| me.as_ref().is_some_and(|me| me.nick == nick));
    let item = el("li")
        .attr("data-nick", &member.nick)
        .attr("title", &member.nick)
        .child(avatar(&member.nick))
        .child(el("bdi.name").text(&member.nick))
        .when(own, || el("span.tag").words(Word::You));
    if member.state == PresenceState::Away {
        item.class("away", true).child(el("span.tag").words(Word::Away))
    } else {
        item
    }
}
