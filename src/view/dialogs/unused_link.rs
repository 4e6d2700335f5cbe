//! The answer to a user who opens the link of another device while they are logged in.

use leptos::prelude::*;

use super::frame::Dialog;
use crate::{
    ctrl::use_store,
    i18n::Key,
    view::shared::{tr, use_texts},
};

/// Says who is logged in, and how the link can be used. Follows the store's identity.
#[component]
pub fn UnusedLink() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let text = move || {
        store
            .identity
            .with(|identity| identity.as_ref().map(|identity| t().link_login_unused(&identity.nick)))
    };
    view! {
        <Dialog id="unused-link-dialog" compact=true title=Signal::derive(move || t().text(Key::LinkLoginUnusedTitle).to_owned())>
            <div class="dialog-body">
                <p dir="auto">{text}</p>
            </div>
            <div class="dialog-actions">
                <button type="button" class="button primary" on:click=move |_| store.close_dialog()>
                    {tr(Key::CommonClose)}
                </button>
            </div>
        </Dialog>
    }
}
