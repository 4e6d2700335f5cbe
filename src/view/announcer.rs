//! Says to a screen reader what is new: politely, a second's worth at once, and of much only how much it is.

use std::fmt::Write;

use gloo_timers::callback::Timeout;
use leptos::prelude::*;

use super::{
    dom::{El, el, follow},
    words::{Word, use_words},
};
use crate::ctrl::{Live, use_store};

/// What comes within this time is said together, in ms.
const TOGETHER: u32 = 1_000;
/// So many messages are read out; more are counted.
const READ_OUT: u32 = 3;

/// The element that is read out whenever it changes; it is not seen.
pub fn announcer() -> El {
    let (store, t) = (use_store(), use_words());
    let said = Live::new(String::new());
    let (told, timer) = (Live::new(store.heard().get_untracked()), Live::new(None::<Timeout>));
    let say = move || {
        timer.set_untracked(None);
        let heard = store.heard().get_untracked();
        let new = heard.saturating_sub(told.get_untracked());
        told.set_untracked(heard);
        if new > READ_OUT {
            said.set(t().count(Word::NewMessages, new as usize));
            return;
        }
        let mut words = String::new();
        for (nick, content) in store.heard_last(new as usize) {
            // Writing to a string does not fail.
            let _ = writeln!(words, "{nick}: {content}");
        }
        said.set(words);
    };
    follow(move || {
        if store.heard().get() != told.get_untracked() && timer.with_untracked(Option::is_none) {
            timer.set_untracked(Some(Timeout::new(TOGETHER, move || untrack(say))));
        }
    });
    el("div.announcer").attr("role", "status").attr("aria-live", "polite").text_fn(move || said.get())
}
