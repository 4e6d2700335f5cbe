//! The connection bar: a dot and a number while all is well, words and a button when it is not.

use leptos::prelude::*;
use parlour_core::{
    model::{Connection, Dialect},
    status::Status,
};

use super::words::use_words;
use crate::ctrl::use_store;

/// What the connection is doing, and what can be done about it.
#[component]
pub fn ConnectionBar() -> impl IntoView {
    let (store, t) = (use_store(), use_words());
    let connection = store.connection();
    let state = Memo::new(move |_| connection.with(state_name));
    // A basic server's limits are told once and then put away; the bar tells them again when asked.
    let explained = RwSignal::new(false);
    let told = move || state.get() == "basic" && !explained.get();

    let sentence = move || {
        connection.with(|connection| match connection {
            Connection::Idle => t().idle,
            Connection::Connecting => t().connecting,
            Connection::Online { dialect: Dialect::Rich } => t().online,
            Connection::Online { dialect: Dialect::Basic } => t().basic,
            Connection::Reconnecting { status, .. } | Connection::Failed { status, .. } => {
                (t().status)(*status)
            }
        })
    };
    let next = move || {
        (state.get() == "reconnecting").then(|| match store.retry_in().get() {
            Some(seconds) => (t().retry_in)(seconds),
            None => t().reconnecting.to_owned(),
        })
    };
    let round_trip = move || {
        let ms = store.round_trip().get().filter(|_| state.get() == "online")?;
        Some(view! {
            <span id="round-trip" title=move || (t().round_trip)(ms)>{ms}" ms"</span>
        })
    };
    view! {
        <div
            id="connection" class="connection" class:telling=told role="group"
            data-state=move || state.get() aria-label=move || t().connection
        >
            <span class="dot" aria-hidden="true"></span>
            <p class="connection-words">
                <span role="status">{sentence}</span>
                // Outside of what is read aloud, or every second would be.
                " " <span class="connection-next">{next}</span>
            </p>
            {round_trip}
            {move || action(connection.get()).map(|action| view! { <ActionButton action/> })}
            <Show when=move || state.get() == "basic">
                <button
                    type="button" id="basic-about" class="button quiet"
                    aria-expanded=move || told().to_string() aria-controls="basic-missing"
                    on:click=move |_| explained.update(|it| *it = !*it)
                >
                    {move || if told() { t().understood } else { t().basic }}
                </button>
            </Show>
            <Show when=told>
                <div id="basic-missing" class="basic-missing">
                    <p>{move || t().basic_lead}</p>
                    <ul>
                        {move || t().basic_missing.iter().map(|line| view! { <li>{*line}</li> }).collect_view()}
                    </ul>
                </div>
            </Show>
        </div>
    }
}

/// What the button of the bar does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    RetryNow,
    ConnectAgain,
    UseHere,
    Reload,
}

#[component]
fn ActionButton(action: Action) -> impl IntoView {
    let (store, t) = (use_store(), use_words());
    let words = move || match action {
        Action::RetryNow => t().retry_now,
        Action::ConnectAgain => t().connect_again,
        Action::UseHere => t().use_here,
        Action::Reload => t().reload,
    };
    let act = move |_| match action {
        Action::Reload => {
            // A browser that won't reload leaves the page as it is.
            let _ = window().location().reload();
        }
        _ => store.retry_now(),
    };
    view! { <button type="button" id="retry-now" class="button" on:click=act>{words}</button> }
}

fn action(connection: Connection) -> Option<Action> {
    match connection {
        Connection::Reconnecting { retry_at: Some(_), .. } => Some(Action::RetryNow),
        Connection::Failed { status: Status::VersionUnsupported, .. } => Some(Action::Reload),
        Connection::Failed { status: Status::Replaced, .. } => Some(Action::UseHere),
        Connection::Failed { .. } => Some(Action::ConnectAgain),
        _ => None,
    }
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
