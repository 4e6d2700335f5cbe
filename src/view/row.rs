//! A row of the timeline that is no message: a day, comings and goings, what the program says.

use std::sync::Arc;

use leptos::{ev::Event, prelude::*};
use parlour_core::{
    event::Missing,
    model::Connection,
    timeline::{Notice, RowKind},
};

use super::{
    dom::{El, el, follow},
    message::message,
    scroll::{Scroll, hand_on_focus},
    timeline::Today,
    words::{Word, use_words},
};
use crate::{
    ctrl::{Live, RcLive, RowItem, context, use_store},
    i18n::time,
};

/// Whatever a row shows. It stays of the kind it is, so only what is inside follows its signal.
pub fn row(row: RowItem) -> El {
    let (store, t) = (use_store(), use_words());
    match row.kind.with_untracked(RowKind::clone) {
        RowKind::Message { message: first, .. } => message(&first, row.kind),
        RowKind::Day(at) => {
            let today = context::<Today>().0;
            let words = move || time::day(t(), store.locale().get(), at, today.get());
            el("h2.row.day").child(el("time").attr("datetime", &time::machine(at)).text_fn(words))
        }
        RowKind::Gap(first) => gap(first, row.kind),
        RowKind::Movement(_) => el("p.row.movement").fill(move |line| {
            row.kind.with(|kind| match kind {
                RowKind::Movement(movement) => {
                    let sentences = t().movement(movement).into_iter();
                    sentences.fold(line, |line, parts| line.child(el("span").sentence(parts)))
                }
                _ => line,
            })
        }),
        RowKind::Notice(what) => notice(what),
    }
}

/// Something is missing here. It is loaded when it comes into view, and by its button, which stays the same element for
/// as long as anything is missing: somebody may have the focus on it.
fn gap(first: Missing, kind: RcLive<RowKind>) -> El {
    let (store, t, scroll) = (use_store(), use_words(), context::<Scroll>());
    let missing = Live::new(first);
    follow(move || {
        kind.with(|kind| {
            if let RowKind::Gap(now) = kind {
                missing.set(*now);
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
    let row = el("div.row.gap").attr("role", "group").attr_fn("aria-label", words);
    hand_on_focus(&row);
    let seen = Live::new(false);
    let look = scroll.sees(&row, seen);
    let (mut looked, mut asked) = (0, false);
    follow(move || {
        let (to, online) = (to(), store.connection().with(|c| matches!(c, Connection::Online { .. })));
        let ask = online && seen.get();
        if to != looked {
            // What was put in under it has moved it, most likely out of sight.
            looked = to;
            asked = false;
            seen.set(false);
            look();
        } else if ask != asked {
            // Once: one that could not be loaded is left to the button, or to another look.
            asked = ask;
            if ask {
                store.load(to);
            }
        }
    });
    let button = el("button.button.quiet.load")
        .attr("type", "button")
        .attr_fn("aria-busy", move || loading().then_some("true"))
        .on("click", move |_: Event| store.load(untrack(to)))
        .text_fn(move || if loading() { t().word(Word::Loading) } else { t().word(Word::Load) });
    row.class_fn("top", move || missing.with(|missing| missing.gap.from == 0))
        .child(el("span").text_fn(words))
        .child(button)
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
        Notice::Who { nicks, more } => {
            let nicks: Arc<[Arc<str>]> = nicks.into();
            el("p.row.notice").fill(move |line| line.sentence(t().who(&nicks, more)))
        }
        Notice::Missed => missed().words(Word::Missed),
        Notice::NothingKept => missed().words(Word::NothingKept),
        Notice::Broke(status) => missed().text_fn(move || t().status(status)),
        Notice::Unreadable => missed().words(Word::Unreadable),
        Notice::Server(text) => el("p.row.notice").attr("dir", "auto").text(&text),
    }
}
