//! Reads new messages, notices and failures out to screen readers.

use std::fmt::Write;

use super::notice::spoken;
use crate::{
    ctrl::{Announcement, use_store},
    i18n::texts,
    view::{markup::Markup, shared::announced},
};
use gloo_timers::callback::Timeout;
use leptos::prelude::*;

/// Messages received within this time are announced together.
const COLLECT_MS: u32 = 1_000;
/// The most messages that are announced one by one; of more, only the number is.
const MAX_READ_OUT: u32 = 3;

/// Two invisible live regions. One announces messages of others politely, at most once in [`COLLECT_MS`]; the other one
/// announces notices, pauses in sending, and own messages that could not be sent, each sentence once if several come
/// together. Follows `Store::received` and `Store::announcements`.
#[component]
pub fn Announcer() -> impl IntoView {
    let (store, markup) = (use_store(), expect_context::<Markup>());
    let text = RwSignal::new(String::new());
    let announced_count = StoredValue::new(store.received.get_untracked());
    let timer = StoredValue::new_local(None::<Timeout>);
    let announce = move || {
        timer.set_value(None);
        let received = store.received.get_untracked();
        let new = received.saturating_sub(announced_count.get_value());
        announced_count.set_value(received);
        if new > MAX_READ_OUT {
            let t = texts(store.locale.get_untracked());
            text.set(t.timeline_new_messages(new as usize));
            return;
        }
        let mut lines = String::new();
        for (nick, content) in store.last_received(new as usize) {
            // Writing to a string does not fail.
            let _ = writeln!(lines, "{nick}: {}", markup.line(&content));
        }
        text.set(lines);
    };
    Effect::new(move || {
        if store.received.get() != announced_count.get_value() && timer.with_value(Option::is_none) {
            timer.set_value(Some(Timeout::new(COLLECT_MS, announce)));
        }
    });
    let other = RwSignal::new(String::new());
    Effect::new(move || {
        store.announcements.track();
        let t = texts(store.locale.get_untracked());
        let announcements = store.take_announcements();
        let mut sentences = Vec::new();
        for announcement in &announcements {
            let sentence = match announcement {
                Announcement::Notice(notice) => spoken(notice, t, untrack(|| store.has_rooms())),
                Announcement::Paused(status, seconds) => t.sending_paused(*status, *seconds),
                Announcement::NotSent(status) => {
                    let count = announcements.iter().filter(|other| *other == announcement).count();
                    t.messages_not_sent(*status, count)
                }
            };
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
        if !sentences.is_empty() {
            other.set(sentences.join("\n"));
        }
    });
    view! {
        <div class="announcer" role="status" aria-live="polite">{announced(move || Some(text.get()))}</div>
        <div class="announcer other" role="status">{announced(move || Some(other.get()))}</div>
    }
}
