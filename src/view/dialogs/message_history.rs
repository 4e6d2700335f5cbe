//! The dialog with the texts that an edited message has had.

use leptos::prelude::*;
use parlour_core::{client::MessageTarget, model::RoomId};

use super::{
    form::{Submission, sentence},
    frame::Dialog,
};
use crate::{
    ctrl::{Revision, use_store},
    i18n::{Key, time},
    view::{
        markup::MessageText,
        shared::{announced, tr, use_texts},
        timeline::use_day_name,
    },
};

/// The texts of a message, newest first, with the author and the time of each. Requests them when it is opened.
#[component]
pub fn MessageHistory(room: RoomId, message: MessageTarget) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let submission = Submission::new();
    let revisions = RwSignal::new(None::<Vec<Revision>>);
    let request =
        move || submission.start(|| store.revisions(room, message), move |found| revisions.set(Some(found)));
    request();
    let error = move || submission.refusal().map(|refusal| sentence(t(), &refusal));
    let has_failed = Memo::new(move |_| submission.refusal().is_some());
    let status = move || match revisions.with(|revisions| revisions.as_ref().map(Vec::is_empty)) {
        None if has_failed.get() => None,
        None => Some(t().text(Key::CommonLoading).to_owned()),
        Some(true) => Some(t().text(Key::MessageHistoryNone).to_owned()),
        Some(false) => None,
    };
    let items = move || {
        let revisions = revisions.get().unwrap_or_default();
        revisions.into_iter().map(|revision| view! { <RevisionItem revision/> }).collect_view()
    };
    view! {
        <Dialog id="message-history" title=Signal::derive(move || t().text(Key::MessageHistory).to_owned())>
            <div class="dialog-body" tabindex="0">
                <p class="field-hint" role="status">{announced(status)}</p>
                <p class="field-error" role="alert">{announced(error)}</p>
                <Show when=move || has_failed.get()>
                    <button
                        type="button" class="button" aria-disabled=move || submission.is_busy().then_some("true")
                        on:click=move |_| request()
                    >
                        {tr(Key::CommonRetry)}
                    </button>
                </Show>
                <ol class="revisions">{items}</ol>
            </div>
        </Dialog>
    }
}

/// A text with its author and its time. Follows the language and the current day.
#[component]
fn RevisionItem(revision: Revision) -> impl IntoView {
    let (store, day_name) = (use_store(), use_day_name());
    let Revision { nick, time: since, content } = revision;
    let when = move || format!("{} {}", day_name(since), time::clock(store.time_locale.get(), since));
    view! {
        <li>
            <p class="revision-head"><bdi>{nick}</bdi> " " <time datetime=time::machine(since)>{when}</time></p>
            <div class="revision-text" dir="auto" translate="yes"><MessageText content=content.into()/></div>
        </li>
    }
}
