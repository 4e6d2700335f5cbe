//! A row of the timeline, with the day that begins with it; and what is in one that is no message: comings and goings,
//! what the program says, what is missing.

use std::sync::Arc;

use leptos::{ev::Event, prelude::*};
use parlour_core::{
    event::GapState,
    timeline::{Notice, Row, RowKind},
};

use super::{
    dom::{El, el, follow, pixels},
    message::message,
    scroll::hand_on_focus,
    timeline::Today,
    words::{Word, use_words},
};
use crate::{
    ctrl::{Live, RcLive, context, use_store},
    i18n::time,
};

/// A row. It stays of the kind it is, so only what is inside follows its signal.
pub fn item(row: RcLive<Row>) -> El {
    let row = Live::from(row);
    let day = move || row.with(|row| row.day);
    el("div.item").attr("role", "article").attr("tabindex", "-1").switch(day, day_line).child(content(row))
}

fn day_line(at: i64) -> El {
    let (store, t) = (use_store(), use_words());
    let today = context::<Today>().0;
    let words = move || time::day(t(), store.locale().get(), at, today.get());
    el("h2.row.day").child(el("time").attr("datetime", &time::machine(at)).text_fn(words))
}

fn content(row: Live<Row>) -> El {
    let t = use_words();
    match row.with_untracked(|row| row.kind.clone()) {
        RowKind::Message { message: first, .. } => message(&first, row),
        RowKind::Gap { gap: missing, .. } => gap(missing, row),
        RowKind::Presence(_) => el("p.row.movement").fill(move |line| {
            row.with(|row| match &row.kind {
                RowKind::Presence(movement) => {
                    let sentences = t().movement(movement).into_iter();
                    sentences.fold(line, |line, parts| line.child(el("span").sentence(parts)))
                }
                _ => line,
            })
        }),
        RowKind::Notice(what) => notice(what),
    }
}

/// Something is missing here, as tall as it would be. It is loaded when it comes near, and by its button, which stays the
/// same element for as long as anything is missing: somebody may have the focus on it.
fn gap(first: GapState, row: Live<Row>) -> El {
    let (store, t) = (use_store(), use_words());
    let missing = Live::new(first);
    let gap = el("div.row.gap");
    let sized = gap.clone();
    follow(move || {
        row.with(|row| {
            if let RowKind::Gap { gap: now, height } = row.kind {
                missing.maybe_update(|was| std::mem::replace(was, now) != now);
                sized.style("height", &pixels(height));
            }
        })
    });
    let to = move || missing.with(|missing| missing.gap.to);
    let loading = move || missing.with(|missing| missing.loading);
    let words = move || {
        if missing.with(|missing| missing.gap.from == 0) {
            t().word(Word::Older)
        } else {
            t().word(Word::Gap)
        }
    };
    hand_on_focus(&gap);
    let button = el("button.button.quiet.load")
        .attr("type", "button")
        .attr_fn("aria-busy", move || loading().then_some("true"))
        .on("click", move |_: Event| store.load(untrack(to)))
        .text_fn(move || if loading() { t().word(Word::Loading) } else { t().word(Word::Load) });
    let seam = el("div.seam").child(el("span").text_fn(words)).child(button);
    gap.attr("role", "group")
        .attr_fn("aria-label", words)
        .class_fn("top", move || missing.with(|missing| missing.gap.from == 0))
        .child(seam)
}

/// What can be typed, and what it does.
const COMMANDS: [(&str, Word); 5] = [
    ("/who", Word::CommandWho),
    ("/exit", Word::CommandExit),
    ("/help", Word::CommandHelp),
    ("Enter", Word::KeyEnter),
    ("Shift+Enter", Word::KeyShiftEnter),
];

fn notice(notice: Notice) -> El {
    let t = use_words();
    let missed = || el("p.row.notice.missed");
    match notice {
        Notice::Help => {
            let commands = COMMANDS.into_iter().fold(el("dl"), |list, (typed, does)| {
                list.child(el("dt").child(el("kbd").text(typed))).child(el("dd").words(does))
            });
            el("section.row.notice.help").child(el("p.notice-title").words(Word::Help)).child(commands)
        }
        Notice::Members { nicks, more } => {
            let nicks: Arc<[Arc<str>]> = nicks.into();
            el("p.row.notice").fill(move |line| line.sentence(t().who(&nicks, more)))
        }
        Notice::MessagesMissed => missed().words(Word::Missed),
        Notice::NotPersisted => missed().words(Word::NothingKept),
        Notice::ConnectionBroke(status) => missed().text_fn(move || t().status(status)),
        Notice::UnreadableFrame => missed().words(Word::Unreadable),
        Notice::Server(text) => el("p.row.notice").attr("dir", "auto").text(&text),
    }
}
