//! The question before the user logs out with messages that are not sent.

use leptos::{ev::SubmitEvent, prelude::*};

use super::{
    form::{Actions, Submission},
    frame::Dialog,
};
use crate::{ctrl::use_store, i18n::Key, view::shared::use_texts};

/// Says how many messages would be lost, and logs out.
#[component]
pub fn LogOut() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        store.leave();
    };
    let unsent = move || {
        // A message may be sent while the dialog is open.
        store.timeline_version.track();
        store.connection.track();
        t().log_out_unsent(store.unsent())
    };
    view! {
        <Dialog id="log-out-dialog" compact=true title=Signal::derive(move || t().text(Key::LogOutTitle).to_owned())>
            <form class="dialog-form" on:submit=submit>
                <div class="dialog-body">
                    <p>{unsent}</p>
                </div>
                <Actions submission=Submission::new() submit=Key::LogOutSubmit cancel=Key::LogOutStay dangerous=true/>
            </form>
        </Dialog>
    }
}
