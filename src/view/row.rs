//! A row of the timeline that is no message: a day, comings and goings, what the program says.

use std::sync::Arc;

use leptos::{ev::Event, prelude::*};
use parlour_core::{
    event::Missing,
    timeline::{Notice, RowKind},
};

use super::{
    dom::{El, el},
    message::message,
    timeline::Today,
    words::use_words,
};
use crate::{
    ctrl::{RowItem, use_store},
    i18n::time,
};

/// Whatever a row shows. It stays of the kind it is, so only what is inside follows its signal.
pub fn row(row: RowItem) -> El {
    let (store, t) = (use_store(), use_words());
    match row.kind.get_untracked() {
        RowKind::Message { message: first, .. } => message(&first, row.kind),
        RowKind::Day(at) => {
            let today = expect_context::<Today>().0;
            let words = move || time::day(t(), store.locale().get(), at, today.get());
            el("h2.row.day").child(el("time").attr("datetime", &time::machine(at)).text_fn(words))
        }
        RowKind::Gap(_) => el("div.row.gap").fill(move |line| row.kind.with(|kind| gap(line, kind))),
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

/// Something is missing here.
fn gap(line: El, kind: &RowKind) -> El {
    let (store, t) = (use_store(), use_words());
    let RowKind::Gap(Missing { gap, loading }) = *kind else { return line };
    let words = if gap.from == 0 { t().older } else { t().gap };
    let button = el("button.button.quiet.load")
        .attr("type", "button")
        .on("click", move |_: Event| store.load(gap.to))
        .text(if loading { t().loading } else { t().load });
    if loading {
        button.set("disabled", Some(""));
    }
    line.child(el("span").text(words)).text(" ").child(button)
}

fn notice(notice: Notice) -> El {
    let t = use_words();
    let missed = || el("p.row.notice.missed");
    match notice {
        Notice::Help => {
            let commands = el("dl").fill(move |list| {
                t().commands.iter().fold(list, |list, (typed, does)| {
                    list.child(el("dt").child(el("kbd").text(typed))).child(el("dd").text(does))
                })
            });
            el("section.row.notice.help").child(el("p.notice-title").words(|t| t.help)).child(commands)
        }
        Notice::Who { nicks, more } => {
            let nicks: Arc<[Arc<str>]> = nicks.into();
            el("p.row.notice").fill(move |line| line.sentence((t().who)(&nicks, more)))
        }
        Notice::Missed => missed().words(|t| t.missed),
        Notice::NothingKept => missed().words(|t| t.nothing_kept),
        Notice::Broke(status) => missed().text_fn(move || (t().status)(status)),
        Notice::Unreadable => missed().words(|t| t.unreadable),
        Notice::Server(text) => el("p.row.notice").attr("dir", "auto").text(&text),
    }
}
