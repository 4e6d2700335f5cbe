//! A row of the timeline that is no message: a day, comings and goings, what the program says.

use std::sync::Arc;

use leptos::prelude::*;
use parlour_core::timeline::{Notice, RowKind};

use super::{
    message::MessageView,
    timeline::Today,
    words::{sentence, use_words},
};
use crate::{
    ctrl::{RowItem, use_store},
    i18n::time,
};

/// Whatever a row shows. It stays of the kind it is, so only what is inside follows its signal.
#[component]
pub fn RowView(row: RowItem) -> impl IntoView {
    let (store, t) = (use_store(), use_words());
    let kind = row.kind;
    match kind.get_untracked() {
        RowKind::Message { message, .. } => view! { <MessageView first=message kind/> }.into_any(),
        RowKind::Day(at) => {
            let today = expect_context::<Today>().0;
            let words = move || time::day(t(), store.locale().get(), at, today.get());
            view! { <h2 class="row day"><time datetime=time::machine(at)>{words}</time></h2> }.into_any()
        }
        RowKind::Movement(_) => {
            let words = move || {
                kind.with(|kind| match kind {
                    RowKind::Movement(movement) => t()
                        .movement(movement)
                        .into_iter()
                        .map(|parts| view! { <span>{sentence(parts)}</span> })
                        .collect_view(),
                    _ => Vec::new(),
                })
            };
            view! { <p class="row movement">{words}</p> }.into_any()
        }
        RowKind::Notice(notice) => view! { <NoticeView notice/> }.into_any(),
    }
}

#[component]
fn NoticeView(notice: Notice) -> impl IntoView {
    let t = use_words();
    match notice {
        Notice::Help => {
            let commands = move || {
                t().commands
                    .iter()
                    .map(|(typed, does)| view! { <dt><kbd>{*typed}</kbd></dt><dd>{*does}</dd> })
                    .collect_view()
            };
            view! {
                <section class="row notice help">
                    <p class="notice-title">{move || t().help}</p>
                    <dl>{commands}</dl>
                </section>
            }
            .into_any()
        }
        Notice::Who { nicks, more } => {
            let nicks: Arc<[Arc<str>]> = nicks.into();
            let words = move || sentence((t().who)(&nicks, more));
            view! { <p class="row notice">{words}</p> }.into_any()
        }
        Notice::Missed => view! { <p class="row notice missed">{move || t().missed}</p> }.into_any(),
        Notice::Broke(status) => {
            view! { <p class="row notice missed">{move || (t().status)(status)}</p> }.into_any()
        }
        Notice::Unreadable => view! { <p class="row notice missed">{move || t().unreadable}</p> }.into_any(),
        Notice::Server(text) => view! { <p class="row notice" dir="auto">{text}</p> }.into_any(),
    }
}
