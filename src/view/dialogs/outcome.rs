//! The note about what was done or refused.

use gloo_timers::callback::Timeout;
use leptos::prelude::*;

use super::form::sentence;
use crate::{
    ctrl::{Outcome, use_store},
    i18n::{Part, Texts},
    view::shared::{Sentence, use_texts},
};

/// The time for which the note is shown, in ms.
const SHOWN_MS: u32 = 6_000;

/// A sentence about what was done or refused, for a short time. Follows the store's outcome.
#[component]
pub fn OutcomeNote() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let outcome = store.outcome;
    let timer = StoredValue::new_local(None::<Timeout>);
    Effect::new(move || {
        let is_shown = outcome.with(Option::is_some);
        timer.set_value(is_shown.then(|| Timeout::new(SHOWN_MS, move || store.clear_outcome())));
    });
    let note = move || {
        outcome.get().map(|outcome| {
            let parts = parts(t(), &outcome);
            view! { <p class="note"><Sentence parts/></p> }
        })
    };
    view! { <div id="outcome" class="outcome" role="status">{note}</div> }
}

fn parts(t: &Texts, outcome: &Outcome) -> Vec<Part> {
    match outcome {
        Outcome::NickChanged(nick) => vec![Part::Text(t.outcome_nick_changed(nick))],
        Outcome::Invited(nicks) => {
            let names: Vec<_> = nicks.iter().cloned().map(Part::Name).collect();
            t.outcome_invited(names.len(), &names)
        }
        Outcome::LeftRoom(name) => vec![Part::Text(t.outcome_left_room(name))],
        Outcome::Refused(refusal) => vec![Part::Text(sentence(t, refusal))],
    }
}
