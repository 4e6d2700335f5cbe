//! The room: its head, what is said, the composer, and who is there.

use leptos::{ev::Event, prelude::*};

use super::{
    composer::{Composer, Draft},
    connection::ConnectionBar,
    dom::{El, el},
    drawer::Drawer,
    icon::{self, icon, mark},
    page::drawn,
    roster::Roster,
    scroll::Scroll,
    search::{Finder, can_search, search},
    timeline::TimelineView,
    words::{Word, use_words},
};
use crate::{
    ctrl::{Store, use_store},
    i18n::{grouped, time},
};

/// While a name is typed there is time for what would hold up the first message.
pub fn prepare(store: Store) {
    wasm_bindgen_futures::spawn_local(async move {
        drawn().await;
        time::prepare(store.locale().get_untracked());
    });
}

/// The page on which one talks.
#[component]
pub fn Room() -> El {
    let store = use_store();
    let drawer = Drawer::new();
    provide_context(drawer);
    let finder = Finder::new(drawer);
    provide_context(finder);
    let covered = move || drawer.is_open() || finder.covers();
    provide_context(Scroll::new(store));
    provide_context(Draft::new());
    let place = el("div.place")
        .child(mark())
        .child(el("h1").attr("dir", "auto").text_fn(move || store.title().get()));
    let exit = el("button#exit.button.quiet")
        .attr("type", "button")
        .words_attr("title", Word::Exit)
        .on("click", move |_: Event| store.exit())
        .child(icon(icon::EXIT))
        .child(el("span.label").words(Word::Exit));
    let actions = el("div.top-actions")
        .when(move || can_search(store), move || finder.toggle())
        .child(roster_toggle(drawer))
        .child(exit);
    let top = el("header.top").attr_fn("inert", covered).child(place).child(ConnectionBar()).child(actions);
    let talk = el("main.talk").attr_fn("inert", covered).child(TimelineView()).child(Composer());
    el("div#room.room")
        .class_fn("drawer-open", move || drawer.is_open())
        .class_fn("searching", move || finder.is_open())
        .child(top)
        .child(talk)
        .child(el("div.backdrop").on("click", move |_: Event| drawer.close()))
        .child(Roster())
        .when(move || finder.is_open(), search)
}

fn roster_toggle(drawer: Drawer) -> El {
    let (store, t) = (use_store(), use_words());
    let count = move || store.roster_total().get();
    drawer
        .toggle()
        .attr("aria-controls", "roster")
        .attr_fn("aria-expanded", move || if drawer.is_open() { "true" } else { "false" })
        .attr_fn("aria-label", move || {
            format!("{}: {}", t().word(Word::PeopleShow), t().count(Word::PeopleCount, count()))
        })
        .on("click", move |_: Event| drawer.open())
        .child(icon(icon::PEOPLE))
        .child(el("span").attr("aria-hidden", "true").text_fn(move || grouped(count())))
}
