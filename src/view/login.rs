//! The login page: a door, a name, and where to.

use leptos::{
    ev::{Event, SubmitEvent},
    prelude::*,
};
use parlour_core::{model::Connection, status::Status};

use super::{
    connection::ConnectionBar,
    dom::{El, el, follow},
    icon::mark,
    settings::Settings,
    words::{Word, use_words},
};
use crate::ctrl::{Live, Store, use_store};

/// The page on which one logs in.
#[component]
pub fn Login() -> El {
    let (store, t) = (use_store(), use_words());
    let remembered = store.remembered();
    let nick = Live::new(remembered.nick);
    let server = Live::new(remembered.server);
    let error = store.login_error();
    let busy = move || is_busy(store);

    let nick_field = field("input#login-nick", nick, is_about_nick)
        .attr("name", "nick")
        .attr("dir", "auto")
        .attr("autocomplete", "nickname")
        .words_attr("placeholder", Word::NickHint);
    let server_field = field("input#login-server", server, is_about_server)
        .attr("name", "server")
        .attr("dir", "ltr")
        .attr("inputmode", "url")
        .attr("autocomplete", "url")
        .words_attr("placeholder", Word::ServerHint);
    let label = |name: El, field: &El| el("label.field").child(name).child(field.clone());
    let head = el("div.door-head")
        .child(mark())
        .child(el("h1#login-title").attr("dir", "auto").text_fn(move || store.title().get()))
        .child(el("p.tagline").words(Word::Tagline));
    let sentence = el("div#login-error.login-error").attr("role", "alert").fill(move |alert| {
        let Some(error) = error.get() else { return alert };
        let words = error.text.unwrap_or_else(|| t().status(error.status).to_owned());
        alert.child(el("p").attr("dir", "auto").text(&words))
    });
    let suggestion = move |name: String| {
        let log_in = name.clone();
        el("button#login-suggestion.button")
            .attr("type", "button")
            .on("click", move |_: Event| {
                nick.set(log_in.clone());
                store.log_in(&log_in, &server.get_untracked());
            })
            .text_fn(move || t().with_name(Word::LogInAs, &name))
    };
    let log_in = el("button#login-submit.button.primary")
        .attr("type", "submit")
        .attr_fn("aria-busy", move || if busy() { "true" } else { "false" })
        .text_fn(move || if busy() { t().word(Word::LoggingIn) } else { t().word(Word::LogIn) });
    let cancel = move || {
        el("button#login-cancel.button.quiet")
            .attr("type", "button")
            .on("click", move |_: Event| store.exit())
            .words(Word::Cancel)
    };
    let door = el("form#login.door")
        .attr("novalidate", "")
        .attr("aria-labelledby", "login-title")
        .on("submit", move |event: SubmitEvent| {
            event.prevent_default();
            if !untrack(busy) {
                store.log_in(&nick.get_untracked(), &server.get_untracked());
            }
        })
        .child(head)
        .child(label(el("span.field-name").words(Word::Nick), &nick_field))
        .child(label(el("span.field-name").words(Word::Server), &server_field))
        .child(sentence)
        .switch(move || error.with(|error| error.as_ref()?.suggestion.clone()), suggestion)
        .child(el("div.door-foot").child(log_in).when(busy, cancel))
        .child(ConnectionBar());

    // To the field that is to be filled in or corrected, once the page stands.
    follow(move || {
        let wrong = error.with(Option::is_some);
        let field = if is_blamed(store, is_about_server) { server_field.clone() } else { nick_field.clone() };
        queue_microtask(move || {
            field.focus();
            if wrong {
                field.select();
            }
        });
    });
    el("main.login").attr_fn("data-busy", busy).child(door).child(Settings())
}

/// A field for what is remembered in `text`, marked when the login went wrong by it.
fn field(spec: &str, text: Live<String>, is_about: fn(Status) -> bool) -> El {
    let store = use_store();
    let blamed = move || is_blamed(store, is_about);
    el(spec)
        .attr("autocapitalize", "off")
        .attr("spellcheck", "false")
        .attr("enterkeyhint", "go")
        .attr_fn("readonly", move || is_busy(store))
        .attr_fn("aria-invalid", move || blamed().then_some("true"))
        .attr_fn("aria-describedby", move || blamed().then_some("login-error"))
        .value_fn(move || text.get())
        .on("input", move |event: Event| text.set(event_target_value(&event)))
}

fn is_busy(store: Store) -> bool {
    store.connection().with(|c| matches!(c, Connection::Connecting | Connection::Reconnecting { .. }))
}

fn is_blamed(store: Store, is_about: fn(Status) -> bool) -> bool {
    store.login_error().with(|error| error.as_ref().is_some_and(|error| is_about(error.status)))
}

fn is_about_nick(status: Status) -> bool {
    use Status::{NickConfusable, NickEmpty, NickForbidden, NickTaken, NickTooLong};
    matches!(status, NickEmpty | NickTooLong | NickForbidden | NickTaken | NickConfusable)
}

fn is_about_server(status: Status) -> bool {
    matches!(status, Status::BadAddress | Status::InsecureAddress | Status::NoAnswer)
}
