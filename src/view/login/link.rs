//! Logging in with a link that another device has shown.

use leptos::{ev, prelude::*};
use parlour_core::{address, status::Status};

use super::tr;
use crate::{
    config::{self, HistoryChange},
    ctrl::{LoginError, Route},
    i18n::{Key, Texts},
    view::shared::use_texts,
};

/// A link of another device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLink {
    /// The code, which logs in once.
    pub code: String,
    /// The address of the server.
    pub server: String,
}

/// The link in the URL of the page. Follows the URL. The user has to confirm it: otherwise the link of somebody else would
/// log the user in to that person's account.
pub fn follow_link() -> RwSignal<Option<DeviceLink>> {
    let read = move || match Route::parse(&config::fragment())? {
        Route::Link { code, server } => {
            // Not the server of the last login: it would get a code of another one.
            let server = server.unwrap_or_else(|| address::suggested(&config::page_address()));
            Some(DeviceLink { code, server })
        }
        _ => None,
    };
    let link = RwSignal::new(read());
    let listener = window_event_listener(ev::hashchange, move |_| link.set(read()));
    on_cleanup(move || listener.remove());
    link
}

/// What the link does, and a button to log in with a name instead. Follows the link.
#[component]
pub fn LinkText(link: RwSignal<Option<DeviceLink>>) -> impl IntoView {
    let t = use_texts();
    let leave = move |_| {
        link.set(None);
        // Out of the browser's history too.
        config::set_fragment("", HistoryChange::Replace, false);
    };
    let server = move || link.get().map(|link| t().link_login_server(&link.server));
    view! {
        <div class="login-link">
            <p>{tr(Key::LinkLoginText)}</p>
            <p class="tagline" dir="auto">{server}</p>
            <button type="button" id="login-other" class="button quiet" on:click=leave>
                {tr(Key::LinkLoginOther)}
            </button>
        </div>
    }
}

/// The sentence about a failed login.
pub fn sentence(t: &Texts, error: LoginError, has_link: bool) -> String {
    match error {
        LoginError { status: Status::LoginRefused, .. } if has_link => {
            t.text(Key::LinkLoginRefused).to_owned()
        }
        LoginError { text: Some(text), .. } => text,
        LoginError { status, .. } => t.status(status).to_owned(),
    }
}
