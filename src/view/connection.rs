//! The connection bar: a dot and a number while all is well, words and a button when it is not.

use leptos::{ev::Event, prelude::*};
use parlour_core::{
    model::{Connection, Dialect},
    status::Status,
};

use super::{
    dom::{El, el},
    words::{Word, use_words},
};
use crate::ctrl::{Live, use_store};

/// What the connection is doing, and what can be done about it.
#[component]
pub fn ConnectionBar() -> El {
    let (store, t) = (use_store(), use_words());
    let connection = store.connection();
    // The first attempt of a page that has something to show already is nothing to tell of.
    let from_device = store.from_device();
    let state = move || match connection.with(state_name) {
        "reconnecting" if from_device.get() && connection.with(is_first) => "resuming",
        state => state,
    };
    // A basic server's limits are told once and then put away; the bar tells them again when asked.
    let explained = Live::new(false);
    let told = move || state() == "basic" && !explained.get();

    let sentence = move || {
        connection.with(|connection| match connection {
            Connection::Idle => t().word(Word::Idle),
            Connection::Connecting => t().word(Word::Connecting),
            Connection::Reconnecting { .. } if state() == "resuming" => t().word(Word::Connecting),
            Connection::Reconnecting { .. } if from_device.get() => t().word(Word::FromDevice),
            Connection::Online { dialect: Dialect::Rich } => t().word(Word::Online),
            Connection::Online { dialect: Dialect::Basic } => t().word(Word::Basic),
            Connection::Reconnecting { status, .. } | Connection::Failed { status, .. } => {
                t().status(*status)
            }
        })
    };
    let next = move || match store.retry_in().get() {
        _ if state() != "reconnecting" => String::new(),
        Some(seconds) => t().count(Word::RetryIn, seconds as usize),
        None => t().word(Word::Reconnecting).to_owned(),
    };
    let round_trip = move || store.round_trip().get().filter(|_| state() == "online");
    let words = el("p.connection-words")
        .child(el("span").attr("role", "status").text_fn(sentence))
        // Outside of what is read aloud, or every second would be.
        .text(" ")
        .child(el("span.connection-next").text_fn(next));
    let about = move || {
        el("button#basic-about.button.quiet")
            .attr("type", "button")
            .attr("aria-controls", "basic-missing")
            .attr_fn("aria-expanded", move || if told() { "true" } else { "false" })
            .on("click", move |_: Event| explained.update(|it| *it = !*it))
            .text_fn(move || if told() { t().word(Word::Understood) } else { t().word(Word::Basic) })
    };
    el("div#connection.connection")
        .class_fn("telling", told)
        .attr("role", "group")
        .attr_fn("data-state", state)
        .words_attr("aria-label", Word::Connection)
        .child(el("span.dot").attr("aria-hidden", "true"))
        .child(words)
        .switch(round_trip, move |ms| {
            el("span#round-trip")
                .text(&format!("{ms} ms"))
                .attr_fn("title", move || t().count(Word::RoundTrip, ms as usize))
        })
        .switch(move || connection.with(action), action_button)
        .when(move || state() == "basic", about)
        .when(told, basic_missing)
}

/// What a basic server can't do.
fn basic_missing() -> El {
    let missing = [Word::BasicNoAcks, Word::BasicShort, Word::BasicNoHistory, Word::BasicSameName];
    let list = missing.into_iter().fold(el("ul"), |list, line| list.child(el("li").words(line)));
    el("div#basic-missing.basic-missing").child(el("p").words(Word::BasicLead)).child(list)
}

/// What the button of the bar does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    RetryNow,
    ConnectAgain,
    UseHere,
    Reload,
}

fn action_button(action: Action) -> El {
    let store = use_store();
    let act = move |_: Event| match action {
        Action::Reload => {
            // A browser that won't reload leaves the page as it is.
            let _ = window().location().reload();
        }
        _ => store.retry_now(),
    };
    el("button#retry-now.button").attr("type", "button").on("click", act).words(match action {
        Action::RetryNow => Word::RetryNow,
        Action::ConnectAgain => Word::ConnectAgain,
        Action::UseHere => Word::UseHere,
        Action::Reload => Word::Reload,
    })
}

fn action(connection: &Connection) -> Option<Action> {
    match connection {
        Connection::Reconnecting { retry_at: Some(_), .. } => Some(Action::RetryNow),
        Connection::Failed { status: Status::VersionUnsupported, .. } => Some(Action::Reload),
        Connection::Failed { status: Status::Replaced, .. } => Some(Action::UseHere),
        Connection::Failed { .. } => Some(Action::ConnectAgain),
        _ => None,
    }
}

/// Under way for the first time.
pub fn is_first(connection: &Connection) -> bool {
    matches!(connection, Connection::Reconnecting { retry_at: None, attempt: 0, .. })
}

fn state_name(connection: &Connection) -> &'static str {
    match connection {
        Connection::Idle => "idle",
        Connection::Connecting => "connecting",
        Connection::Online { dialect: Dialect::Rich } => "online",
        Connection::Online { dialect: Dialect::Basic } => "basic",
        Connection::Reconnecting { .. } => "reconnecting",
        Connection::Failed { .. } => "failed",
    }
}
