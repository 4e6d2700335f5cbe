//! What was said in the room, from the oldest that is held to the newest.

use gloo_timers::callback::Interval;
use leptos::{
    ev::{Event, KeyboardEvent},
    prelude::*,
};

use super::{
    announcer::announcer,
    dom::{El, el, follow},
    icon::{self, icon, mark},
    scroll::Scroll,
    words::{Word, use_words},
};
use crate::{
    ctrl::{Live, Sought, context, use_store},
    i18n::time,
};

/// Today's number, for rows that name their day by how long ago it was.
#[derive(Clone, Copy)]
pub struct Today(pub Live<i64>);

/// The rows, and the way back to the end.
#[component]
pub fn TimelineView() -> El {
    let store = use_store();
    let scroll = context::<Scroll>();

    let today = Live::new(time::today());
    provide_context(Today(today));
    let new_day = move || {
        let now = time::today();
        if today.get_untracked() != now {
            today.set(now);
        }
    };
    // Ends with the view.
    StoredValue::new_local(Interval::new(60_000, new_day));

    let empty = move || !store.has_messages().get();
    let dropped = move || store.dropped().get();
    let begins = move || !empty() && store.from_start().get() == Some(true);
    let list = scroll.window.list().attr_fn("role", move || (!empty()).then_some("feed"));
    let content = scroll
        .content()
        .when(dropped, || el("p.row.dropped").words(Word::Dropped))
        .when(begins, || el("p.row.dropped.beginning").words(Word::Beginning))
        .when(empty, || {
            el("div.empty")
                .child(mark())
                .child(el("h2").words(Word::EmptyTitle))
                .child(el("p").words(Word::EmptyText))
        })
        .child(list);
    let frame = scroll
        .frame()
        .attr("role", "log")
        // What is drawn is not what is new: that is said by the announcer.
        .attr("aria-live", "off")
        .attr("tabindex", "0")
        .words_attr("aria-label", Word::Timeline)
        .on("scroll", move |_: Event| scroll.moved())
        // A browser goes there in many steps, and to where that was when it began.
        .on("keydown", move |event: KeyboardEvent| {
            let modified = event.ctrl_key() || event.alt_key() || event.meta_key() || event.shift_key();
            match event.key().as_str() {
                "End" if !modified => scroll.to_end(),
                "Home" if !modified => scroll.to_start(),
                _ => return,
            }
            event.prevent_default();
        })
        .child(content);
    follow(move || {
        if let Some(Sought { seq: Some(seq), .. }) = store.sought().get() {
            untrack(|| scroll.to(seq));
        }
    });
    el("div.timeline-frame")
        .child(frame)
        .when(move || scroll.day().is_some(), move || day_of_screen(scroll, today))
        .when(move || !scroll.at_end(), move || jump_to_end(scroll))
        .child(announcer())
}

/// The day of what is on the screen, over it, as its line is most often above.
fn day_of_screen(scroll: Scroll, today: Live<i64>) -> El {
    let (store, t) = (use_store(), use_words());
    let words = move || Some(time::day(t(), store.locale().get(), scroll.day()?, today.get()));
    el("p.day-of-screen").attr("aria-hidden", "true").text_fn(words)
}

fn jump_to_end(scroll: Scroll) -> El {
    let t = use_words();
    let unseen = move || scroll.unseen();
    el("button#jump-to-end.button.jump")
        .attr("type", "button")
        .attr_fn("data-new", move || unseen().to_string())
        .on("click", move |_: Event| scroll.to_end())
        .child(icon(icon::DOWN))
        .text_fn(move || t().jump(unseen()))
}
