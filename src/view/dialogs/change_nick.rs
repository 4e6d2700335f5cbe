//! The dialog that changes the nick.

use std::sync::Arc;

use leptos::{ev::SubmitEvent, prelude::*};
use parlour_core::client::Command;

use super::{
    form::{Actions, Field, Submission, TextField},
    frame::Dialog,
};
use crate::{
    ctrl::{Outcome, use_store},
    i18n::Key,
    view::shared::use_texts,
};

/// A form with the new nick, and a button for the one that the server suggests.
#[component]
pub fn ChangeNick() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let own = store.identity.with_untracked(|me| me.as_ref().map(|me| me.nick.to_string()));
    let nick = RwSignal::new(own.unwrap_or_default());
    let submission = Submission::new();
    let change = move || {
        // The field may be edited until the answer arrives.
        let wanted: Arc<str> = nick.with_untracked(|nick| nick.trim().into());
        let make = |id| Command::ChangeNick { id, nick: wanted.to_string() };
        let changed = Outcome::NickChanged(wanted.clone());
        submission.start(
            || store.request(submission.command(store, make)),
            move |_| {
                store.close_dialog();
                store.report(changed);
            },
        );
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        change();
    };
    let suggestion = move || submission.refusal().and_then(|refusal| refusal.suggestion);
    let accept = move |_| {
        if let Some(suggested) = untrack(suggestion) {
            nick.set(suggested);
            change();
        }
    };
    view! {
        <Dialog id="change-nick-dialog" compact=true title=Signal::derive(move || t().text(Key::ChangeNickTitle).to_owned())>
            <form class="dialog-form" novalidate on:submit=submit>
                <div class="dialog-body">
                    <TextField
                        id="change-nick-nick" label=Key::LoginNick hint=Key::ChangeNickHint text=nick
                        error=submission.error(Field::Name) autofocus=true autocomplete="nickname"
                    />
                    <Show when=move || suggestion().is_some()>
                        <button type="button" id="change-nick-suggestion" class="button" on:click=accept>
                            {move || suggestion().map(|nick| t().change_nick_accept(&nick))}
                        </button>
                    </Show>
                </div>
                <Actions submission submit=Key::ChangeNickSubmit/>
            </form>
        </Dialog>
    }
}
