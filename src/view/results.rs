//! What a search has found.

use leptos::{ev::Event, prelude::*};
use parlour_core::model::{Message, SeekTarget};

use super::{
    avatar::avatar,
    dom::{El, el},
    marks::excerpt,
    words::{Word, use_words},
};
use crate::{
    ctrl::{Live, Searched, context, use_store},
    i18n::time,
};

/// The message that was opened last: its sequence number.
#[derive(Clone, Copy)]
pub struct Opened(pub Live<u64>);

/// How a search stands, and the messages, the newest first.
pub fn results() -> El {
    let (store, t) = (use_store(), use_words());
    provide_context(Opened(Live::new(0)));
    let search = store.search();
    let state = move || search.with(|search| search.state);
    let count = move || search.with(|search| (search.messages.len(), search.more));
    let told = move || match (state(), count()) {
        (Searched::No, _) => t().word(Word::SearchHint).to_owned(),
        (Searched::Under, _) => t().word(Word::Searching).to_owned(),
        (Searched::Found, (0, _)) => t().word(Word::SearchNone).to_owned(),
        (Searched::Found, (n, more)) => t().count(if more { Word::FoundMore } else { Word::Found }, n),
        (Searched::Failed(status), _) => t().status(status).to_owned(),
    };
    let failed = move || matches!(state(), Searched::Failed(_));
    // One button, and hidden rather than gone: who goes on by keyboard stays there.
    let button = el("button.button.search-more")
        .attr("type", "button")
        .attr_fn("hidden", move || !failed() && !count().1)
        .text_fn(move || t().word(if failed() { Word::Retry } else { Word::SearchMore }))
        .on("click", move |_: Event| store.search_more());
    // Made anew for other words, of which another part of each message is marked, and when there are more.
    let shown = move || {
        search.with(|search| {
            let len = search.messages.len();
            (len > 0).then(|| (search.of.clone(), len))
        })
    };
    let list = move |_| {
        let list = el("ul.results").words_attr("aria-label", Word::Search);
        search.with(|search| search.messages.clone()).into_iter().map(result).fold(list, El::child)
    };
    el("div.search-found")
        .child(el("p#search-state.search-state").attr("role", "status").text_fn(told))
        .switch(shown, list)
        .child(button)
}

fn result(message: Message) -> El {
    let (store, t) = (use_store(), use_words());
    let Opened(opened) = context::<Opened>();
    let (seq, at) = (message.seq, message.time);
    let when = move || {
        let locale = store.locale().get();
        [time::day(t(), locale, at, time::today()), time::clock(locale, at)].join(" ")
    };
    let head = el("span.result-head")
        .child(el("bdi.nick").text(&message.nick))
        .text(" ")
        .child(el("time").attr("datetime", &time::machine(at)).text_fn(when));
    let words = store.search().with(|search| search.of.clone());
    // Words as text and nothing else, whatever was said.
    let text = excerpt(&message.content, &words).into_iter().fold(
        el("span.result-text").attr("dir", "auto"),
        |into, (piece, marked)| {
            if marked { into.child(el("mark").text(&piece)) } else { into.text(&piece) }
        },
    );
    let open = move |_: Event| {
        opened.set(seq);
        store.seek(SeekTarget::Seq(seq));
    };
    let button = el("button.result")
        .attr("type", "button")
        .attr_fn("aria-current", move || (opened.get() == seq).then_some("true"))
        .on("click", open)
        .child(avatar(&message.nick))
        .child(head)
        .child(text);
    el("li").child(button)
}
