//! The login page: a door, a name, and where to.

use leptos::{ev::SubmitEvent, html, prelude::*};
use parlour_core::{model::Connection, status::Status};

use super::{connection::ConnectionBar, icon::mark, settings::Settings, words::use_words};
use crate::ctrl::{LoginError, use_store};

/// The page on which one logs in.
#[component]
pub fn Login() -> impl IntoView {
    let (store, t) = (use_store(), use_words());
    let remembered = store.remembered();
    let nick = RwSignal::new(remembered.nick);
    let server = RwSignal::new(remembered.server);
    let (nick_field, server_field) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());

    let busy = Memo::new(move |_| {
        store.connection().with(|c| matches!(c, Connection::Connecting | Connection::Reconnecting { .. }))
    });
    let error = store.login_error();
    let at_server = move || error.with(|error| error.as_ref().is_some_and(|e| is_about_server(e.status)));
    let at_nick = move || error.with(|error| error.as_ref().is_some_and(|e| is_about_nick(e.status)));

    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if !busy.get_untracked() {
            store.log_in(&nick.get_untracked(), &server.get_untracked());
        }
    };
    // To the field that is to be filled in or corrected.
    Effect::new(move || {
        let field = if at_server() { server_field } else { nick_field };
        if let Some(field) = field.get() {
            // A field that can't have the focus keeps the page usable all the same.
            let _ = field.focus();
            if error.with(Option::is_some) {
                field.select();
            }
        }
    });

    view! {
        <main class="login" data-busy=move || busy.get().then_some("")>
            <form id="login" class="door" novalidate aria-labelledby="login-title" on:submit=submit>
                <div class="door-head">
                    {mark()}
                    <h1 id="login-title" dir="auto">{move || store.title().get()}</h1>
                    <p class="tagline">{move || t().tagline}</p>
                </div>
                <label class="field">
                    <span class="field-name">{move || t().nick}</span>
                    <input
                        id="login-nick" name="nick" node_ref=nick_field dir="auto" autocomplete="nickname"
                        autocapitalize="off" spellcheck="false" enterkeyhint="go"
                        placeholder=move || t().nick_hint
                        readonly=move || busy.get() aria-invalid=move || at_nick().then_some("true")
                        aria-describedby=move || at_nick().then_some("login-error")
                        prop:value=move || nick.get() on:input=move |e| nick.set(event_target_value(&e))
                    />
                </label>
                <label class="field">
                    <span class="field-name">{move || t().server}</span>
                    <input
                        id="login-server" name="server" node_ref=server_field dir="ltr" inputmode="url"
                        autocomplete="url" autocapitalize="off" spellcheck="false" enterkeyhint="go"
                        placeholder=move || t().server_hint
                        readonly=move || busy.get() aria-invalid=move || at_server().then_some("true")
                        aria-describedby=move || at_server().then_some("login-error")
                        prop:value=move || server.get() on:input=move |e| server.set(event_target_value(&e))
                    />
                </label>
                <div id="login-error" class="login-error" role="alert">
                    {move || error.get().map(|error| view! { <p dir="auto">{error_words(&error, t())}</p> })}
                </div>
                {move || {
                    let name = error.get()?.suggestion?;
                    let words = (t().log_in_as)(&name);
                    let log_in = move |_| {
                        nick.set(name.clone());
                        store.log_in(&name, &server.get_untracked());
                    };
                    Some(view! {
                        <button type="button" id="login-suggestion" class="button" on:click=log_in>{words}</button>
                    })
                }}
                <div class="door-foot">
                    <button
                        type="submit" id="login-submit" class="button primary" aria-busy=move || busy.get().to_string()
                    >
                        {move || if busy.get() { t().logging_in } else { t().log_in }}
                    </button>
                    <Show when=move || busy.get()>
                        <button
                            type="button" id="login-cancel" class="button quiet" on:click=move |_| store.exit()
                        >
                            {move || t().cancel}
                        </button>
                    </Show>
                </div>
                <ConnectionBar/>
            </form>
            <Settings/>
        </main>
    }
}

fn error_words(error: &LoginError, t: &crate::i18n::Texts) -> String {
    error.text.clone().unwrap_or_else(|| (t.status)(error.status).to_owned())
}

fn is_about_nick(status: Status) -> bool {
    use Status::{NickConfusable, NickEmpty, NickForbidden, NickTaken, NickTooLong};
    matches!(status, NickEmpty | NickTooLong | NickForbidden | NickTaken | NickConfusable)
}

fn is_about_server(status: Status) -> bool {
    matches!(status, Status::BadAddress | Status::InsecureAddress | Status::NoAnswer)
}
