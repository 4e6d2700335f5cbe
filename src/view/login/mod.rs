//! The login page.

mod field;
mod link;

use leptos::{ev::SubmitEvent, html, prelude::*};
use parlour_core::{model::Connection, status::Status};

use self::{
    field::Field,
    link::{DeviceLink, LinkText, follow_link, sentence},
};
use super::{
    settings::Settings,
    shared::{ConnectionBar, Mark, announced, focus_selected_next_frame, reload_page, tr, use_texts},
};
use crate::{
    ctrl::{Store, use_store},
    i18n::Key,
};

/// The login page: a card with the form, and the settings. Follows the store's connection, login error and title.
#[component]
pub fn LoginPage() -> impl IntoView {
    let store = use_store();
    let remembered = store.remembered();
    let nick = RwSignal::new(remembered.nick);
    let server = RwSignal::new(remembered.server);
    let (nick_field, server_field) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());
    let link = follow_link();

    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if untrack(move || is_logging_in(store)) {
            return;
        }
        match link.get_untracked() {
            Some(DeviceLink { code, server }) => store.log_in_with_link(&code, &server),
            None => store.log_in(&nick.get_untracked(), &server.get_untracked()),
        }
    };
    // Focuses the field that is to be filled in, or the one that caused the error; without fields the button.
    Effect::new(move || {
        if link.with(Option::is_some) {
            return focus_selected_next_frame("#login-submit");
        }
        let failed = store.login_error.with(Option::is_some);
        let field = if has_error(store, is_about_server) { server_field } else { nick_field };
        if let Some(field) = field.get() {
            // If focusing fails, the form can still be used.
            let _ = field.focus();
            if failed {
                field.select();
            }
        }
    });
    view! {
        <main class="login" data-busy=move || is_logging_in(store)>
            <form id="login" class="login-card" novalidate aria-labelledby="login-title" on:submit=submit>
                <div class="login-head">
                    <Mark/>
                    <h1 id="login-title" dir="auto">{move || store.title.get()}</h1>
                    <p class="tagline">{tr(Key::LoginTagline)}</p>
                </div>
                <Show when=move || link.with(Option::is_some)>
                    <LinkText link/>
                </Show>
                <div class="login-fields" hidden=move || link.with(Option::is_some)>
                    <Field
                        id="login-nick" name="nick" dir="auto" autocomplete="nickname" label=Key::LoginNick
                        placeholder=Key::LoginNickHint text=nick is_cause=Status::is_about_nick node_ref=nick_field
                    />
                    <Field
                        id="login-server" name="server" dir="ltr" autocomplete="url" inputmode="url"
                        label=Key::LoginServer placeholder=Key::LoginServerHint text=server is_cause=is_about_server
                        node_ref=server_field
                    />
                </div>
                <ErrorMessage link/>
                <Suggestion nick server/>
                <Reload/>
                <Buttons/>
                <ConnectionBar/>
            </form>
            <Settings/>
        </main>
    }
}

/// The reason of the last failure, as an alert. Follows the store's login error.
#[component]
fn ErrorMessage(link: RwSignal<Option<DeviceLink>>) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let sentence =
        move || store.login_error.get().map(|error| sentence(t(), error, link.with(Option::is_some)));
    view! {
        <div id="login-error" class="login-error" role="alert" dir="auto">{announced(sentence)}</div>
    }
}

/// A button that logs in with the nick that the server suggests, if there is one. Follows the store's login error.
#[component]
fn Suggestion(nick: RwSignal<String>, server: RwSignal<String>) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let suggestion =
        move || store.login_error.with(|error| error.as_ref().and_then(|error| error.suggestion.clone()));
    let log_in = move |_| {
        if let Some(suggestion) = untrack(suggestion) {
            nick.set(suggestion.clone());
            store.log_in(&suggestion, &server.get_untracked());
        }
    };
    view! {
        <Show when=move || suggestion().is_some()>
            <button type="button" id="login-suggestion" class="button" on:click=log_in>
                {move || suggestion().map(|nick| t().login_submit_as(&nick))}
            </button>
        </Show>
    }
}

/// A button that reloads the page, if the host has a newer version or the server needs one. Follows the store's login error.
#[component]
fn Reload() -> impl IntoView {
    let store = use_store();
    view! {
        <Show when=move || has_error(store, is_about_page)>
            <button type="button" id="login-reload" class="button" on:click=move |_| reload_page()>
                {tr(Key::CommonReload)}
            </button>
        </Show>
    }
}

/// The buttons that log in and cancel. Follows the store's connection.
#[component]
fn Buttons() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let busy = move || is_logging_in(store);
    view! {
        <div class="login-buttons">
            <button
                type="submit" id="login-submit" class="button primary" aria-busy=move || busy().to_string()
            >
                {move || t().text(if busy() { Key::LoginSubmitting } else { Key::LoginSubmit })}
            </button>
            <Show when=busy>
                <button
                    type="button" id="login-cancel" class="button quiet" on:click=move |_| store.leave()
                >
                    {tr(Key::LoginCancel)}
                </button>
            </Show>
        </div>
    }
}

/// Returns `true` if a login is in progress. Reactive.
fn is_logging_in(store: Store) -> bool {
    store.connection.with(|c| matches!(c, Connection::Connecting | Connection::Reconnecting { .. }))
}

/// Returns `true` if the last login failed with a status for which `is_cause` is true. Reactive.
fn has_error(store: Store, is_cause: fn(Status) -> bool) -> bool {
    store.login_error.with(|error| error.as_ref().is_some_and(|error| is_cause(error.status)))
}

fn is_about_page(status: Status) -> bool {
    matches!(status, Status::PageOutdated | Status::VersionUnsupported)
}

fn is_about_server(status: Status) -> bool {
    use Status::{BadAddress, HostNotServed, InsecureAddress, NoAnswer, PageNotAllowed, PortRemoved};
    matches!(status, BadAddress | InsecureAddress | NoAnswer | PageNotAllowed | PortRemoved | HostNotServed)
}
