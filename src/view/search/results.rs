//! The results of a search.

use leptos::{either::Either, prelude::*};
use parlour_core::model::{Message, SeekTarget};

use super::excerpt::excerpt;
use crate::{
    ctrl::{SearchState, use_store},
    i18n::{Key, time},
    view::{
        markup::Markup,
        shared::{Avatar, announced, tr, use_texts},
        timeline::use_day_name,
    },
};

/// The state of the search, the messages found, newest first, and a button for more. Follows the store's search.
#[component]
pub fn Results() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let search = store.search;
    // The ord of the result opened last.
    let opened = RwSignal::new(0_u64);
    let state = move || search.with(|search| search.state);
    let found = move || search.with(|search| (search.messages.len(), search.has_more));
    let partial = move || search.with(|search| search.partial.is_some());
    let status_text = move || match (state(), found()) {
        (SearchState::Idle, _) => t().text(Key::SearchHint).to_owned(),
        (SearchState::InProgress, _) => t().text(Key::SearchSearching).to_owned(),
        (SearchState::Done, (0, _)) if partial() => t().text(Key::SearchNoneFoundYet).to_owned(),
        (SearchState::Done, (n, _)) if partial() => t().search_found_so_far(n),
        (SearchState::Done, (0, _)) => t().text(Key::SearchNoneFound).to_owned(),
        (SearchState::Done, (n, true)) => t().search_found_more(n),
        (SearchState::Done, (n, false)) => t().search_found(n),
        (SearchState::Failed(status), _) => t().status(status).to_owned(),
    };
    // A memo, because the search changes with each key, and a state that lasts is not to be announced again.
    let answered = Memo::new(move |_| (status_text(), search.with(|search| search.answers)));
    let status = move || Some(answered.get().0);
    let can_retry = move || matches!(state(), SearchState::Failed(status) if !status.is_terminal());
    let messages = move || {
        search.with(|search| {
            let with_words = |message: &Message| (search.result_words.clone(), message.clone());
            search.messages.iter().map(with_words).collect::<Vec<_>>()
        })
    };
    view! {
        <div class="search-found">
            <p id="search-state" class="search-state" role="status">{announced(status)}</p>
            <Show when=move || { found().0 > 0 }>
                <ul class="results" aria-label=tr(Key::SearchTitle)>
                    <For
                        each=messages
                        // The key includes the words, because they determine which parts of a message are highlighted.
                        key=|(words, message)| (words.clone(), message.ord)
                        children=move |(words, message)| view! { <ResultItem message words opened/> }
                    />
                </ul>
            </Show>
            // Hidden rather than removed, so that it does not lose the focus.
            <button
                type="button" class="button search-more" hidden=move || !can_retry() && !found().1
                on:click=move |_| store.search_more()
            >
                {move || t().text(if can_retry() { Key::CommonRetry } else { Key::SearchShowOlder })}
            </button>
        </div>
    }
}

/// A message found; a click jumps to it in the timeline.
#[component]
fn ResultItem(
    message: Message,
    /// The words to highlight.
    words: String,
    opened: RwSignal<u64>,
) -> impl IntoView {
    let (store, day_name, markup) = (use_store(), use_day_name(), expect_context::<Markup>());
    let Message { ord, time: sent, nick, content, .. } = message;
    let when = move || format!("{} {}", day_name(sent), time::clock(store.time_locale.get(), sent));
    let open = move |_| {
        opened.set(ord);
        store.seek(SeekTarget::Ord(ord));
    };
    // Text nodes only: content of users never becomes HTML.
    let pieces = excerpt(&markup.line(&content), &words).into_iter().map(|(piece, highlighted)| {
        if highlighted { Either::Left(view! { <mark>{piece}</mark> }) } else { Either::Right(piece) }
    });
    view! {
        <li>
            <button
                type="button" class="result" aria-current=move || (opened.get() == ord).then_some("true")
                on:click=open
            >
                <Avatar nick=nick.clone()/>
                <span class="result-head">
                    <bdi class="nick">{nick}</bdi> " " <time datetime=time::machine(sent)>{when}</time>
                </span>
                <span class="result-text" dir="auto">{pieces.collect_view()}</span>
            </button>
        </li>
    }
}
