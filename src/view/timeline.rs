//! What was said in the room, from the oldest that is held to the newest.

use gloo_timers::callback::Interval;
use leptos::{ev::Event, prelude::*};
use parlour_core::timeline::RowKind;

use super::{
    dom::{El, el},
    icon::{self, icon, mark},
    row::row,
    scroll::Scroll,
    words::{Word, use_words},
};
use crate::{
    ctrl::{Live, context, use_store},
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

    let empty = move || store.rows().with(|rows| !rows.iter().any(|row| row.kind.with_untracked(is_said)));
    let dropped = move || store.rows_dropped().get() > 0 && store.from_start().get().is_none();
    let begins = move || !empty() && store.from_start().get() == Some(true);
    let rows = scroll
        .content()
        .when(dropped, || el("p.row.dropped").words(Word::Dropped))
        .when(begins, || el("p.row.dropped.beginning").words(Word::Beginning))
        .when(empty, || {
            el("div.empty")
                .child(mark())
                .child(el("h2").words(Word::EmptyTitle))
                .child(el("p").words(Word::EmptyText))
        })
        .each(move || scroll.held(store.rows().get()), |row| row.key, row);
    let frame = scroll
        .frame()
        .attr("role", "log")
        .attr("aria-live", "polite")
        .attr("tabindex", "0")
        .words_attr("aria-label", Word::Timeline)
        .on("scroll", move |_: Event| scroll.moved())
        .child(rows);
    el("div.timeline-frame").child(frame).when(move || !scroll.at_end(), move || jump_to_end(scroll))
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

/// What was said, or can be had.
fn is_said(kind: &RowKind) -> bool {
    matches!(kind, RowKind::Message { .. } | RowKind::Gap(_))
}
