//! A message.

use leptos::ev::Event;
use parlour_core::{
    model::{Delivery, Message, MessageId},
    status::Status,
    timeline::{Row, RowKind},
};

use super::{
    avatar::avatar,
    composer::Draft,
    dom::{El, el, follow},
    icon::{self, icon},
    scroll::hand_on_focus,
    words::{Word, use_words},
};
use crate::{
    ctrl::{Live, context, use_store},
    i18n::time,
};

/// A message: who, when, what, and for an own one how far it has come. What a message says never changes, so only
/// the rest follows the signal.
pub fn message(first: &Message, of: Live<Row>) -> El {
    let store = use_store();
    let when = el("time");
    let head = el("p.head").child(el("bdi.nick").text(&first.nick)).text(" ").child(when.clone());
    let content = el("div.content").attr("dir", "auto").text(&first.content);
    let row = el("div.row.message").class("own", first.own).attr("data-id", &format!("{:?}", first.id));
    let row = if first.own {
        let (id, delivery) = (first.id, move || of.with(delivery));
        let failed = move || match delivery() {
            Some(Delivery::Failed(status)) => Some(status),
            _ => None,
        };
        let waits = move || match delivery() {
            Some(Delivery::Queued) => Some(true),
            Some(Delivery::Pending) => Some(false),
            _ => None,
        };
        row.child(head.switch(waits, pending))
            .child(content)
            .switch(failed, move |status| failure(id, status))
    } else {
        row.child(avatar(&first.nick)).child(head).child(content)
    };
    let changing = row.clone();
    follow(move || {
        let locale = store.locale().get();
        of.with(|of| {
            let RowKind::Message { message, continued } = &of.kind else { return };
            changing.set_class("continued", *continued);
            let state = match message.delivery {
                Delivery::Queued => "queued",
                Delivery::Pending => "pending",
                Delivery::Sent => "sent",
                Delivery::Failed(_) => "failed",
            };
            changing.set("data-delivery", Some(state));
            when.set("datetime", Some(&time::machine(message.time)));
            when.set("title", Some(&time::full(locale, message.time)));
            when.set_text(&time::clock(locale, message.time));
        });
    });
    row
}

fn delivery(row: &Row) -> Option<Delivery> {
    match &row.kind {
        RowKind::Message { message, .. } => Some(message.delivery),
        _ => None,
    }
}

/// It waits for something, or is on its way.
fn pending(queued: bool) -> El {
    let word: Word = if queued { Word::Queued } else { Word::Pending };
    let label = el("span.label").words(word);
    el("span.pending").words_attr("title", word).child(icon(icon::CLOCK)).child(label)
}

/// Why it was not sent, and what can be done.
fn failure(id: MessageId, status: Status) -> El {
    let (store, t) = (use_store(), use_words());
    // Of one that was not confirmed nobody knows that it was not sent.
    let prefix = move || if status == Status::Unconfirmed { "" } else { t().word(Word::NotSent) };
    let button = |spec, word: Word, act: Box<dyn Fn()>| {
        el(spec).attr("type", "button").on("click", move |_: Event| act()).words(word)
    };
    let draft = context::<Draft>();
    let edit = move || {
        if let Some(text) = store.discard(id) {
            draft.put(store, &text);
        }
    };
    let discard = move || {
        store.discard(id);
    };
    let failure = el("div.failure");
    hand_on_focus(&failure);
    failure
        .attr("role", "group")
        .words_attr("aria-label", Word::NotSent)
        .child(icon(icon::ALERT))
        .child(el("span.reason").text_fn(prefix).text(" ").text_fn(move || t().status(status)))
        .child(button("button.button.retry", Word::Retry, Box::new(move || store.retry(id))))
        .child(button("button.button.quiet.edit", Word::Edit, Box::new(edit)))
        .child(button("button.button.quiet.discard", Word::Discard, Box::new(discard)))
}
