//! A message.

use leptos::prelude::*;
use parlour_core::{
    model::{Delivery, Message, MessageId},
    status::Status,
    timeline::RowKind,
};

use super::{
    avatar::Avatar,
    icon::{self, icon},
    words::use_words,
};
use crate::{ctrl::use_store, i18n::time};

/// A message: who, when, what, and for an own one how far it has come. What a message says never changes, so only
/// the rest follows the signal.
#[component]
pub fn MessageView(first: Message, kind: ArcRwSignal<RowKind>) -> impl IntoView {
    let (store, t) = (use_store(), use_words());
    let Message { id, nick, content, own, .. } = first;
    let shown = Memo::new(move |last: Option<&Shown>| {
        kind.with(Shown::of).or(last.copied()).unwrap_or(Shown::default())
    });
    let at = move || shown.get().time;
    let state = move || match shown.get().delivery {
        Delivery::Pending => "pending",
        Delivery::Sent => "sent",
        Delivery::Failed(_) => "failed",
    };
    let failure = Memo::new(move |_| match shown.get().delivery {
        Delivery::Failed(status) => Some(status),
        _ => None,
    });
    view! {
        <div
            class="row message" class:own=own class:continued=move || shown.get().continued
            data-id=format!("{id:?}") data-delivery=state
        >
            {(!own).then(|| view! { <Avatar nick=nick.to_string()/> })}
            <p class="head">
                <bdi class="nick">{nick.to_string()}</bdi>
                " "
                <time datetime=move || time::machine(at()) title=move || time::full(store.locale().get(), at())>
                    {move || time::clock(store.locale().get(), at())}
                </time>
                {own.then(|| view! {
                    <Show when=move || state() == "pending">
                        <span class="pending">{icon(icon::CLOCK)}<span class="label">{move || t().pending}</span></span>
                    </Show>
                })}
            </p>
            <div class="content" dir="auto">{content.to_string()}</div>
            {own.then_some(move || failure.get().map(|status| view! { <Failure id status/> }))}
        </div>
    }
}

/// Why it was not sent, and what can be done.
#[component]
fn Failure(id: MessageId, status: Status) -> impl IntoView {
    let (store, t) = (use_store(), use_words());
    // Of one that was not confirmed nobody knows that it was not sent.
    let prefix = move || if status == Status::Unconfirmed { "" } else { t().not_sent };
    view! {
        <div class="failure" role="group" aria-label=move || t().not_sent>
            {icon(icon::ALERT)}
            <span class="reason">{prefix} " " {move || (t().status)(status)}</span>
            <button type="button" class="button retry" on:click=move |_| store.retry(id)>{move || t().retry}</button>
            <button type="button" class="button quiet discard" on:click=move |_| store.discard(id)>
                {move || t().discard}
            </button>
        </div>
    }
}

/// What of a message may change.
#[derive(Clone, Copy, PartialEq)]
struct Shown {
    continued: bool,
    time: i64,
    delivery: Delivery,
}

impl Default for Shown {
    fn default() -> Self {
        Self { continued: false, time: 0, delivery: Delivery::Sent }
    }
}

impl Shown {
    fn of(kind: &RowKind) -> Option<Self> {
        match kind {
            RowKind::Message { message, continued } => {
                Some(Self { continued: *continued, time: message.time, delivery: message.delivery })
            }
            _ => None,
        }
    }
}
