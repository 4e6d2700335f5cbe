//! The connection bar: a dot and the round-trip time while online, a sentence and a button otherwise.

use leptos::prelude::*;
use parlour_core::{
    model::{Connection, Dialect, Refusal},
    status::Status,
};

use super::{BasicLimits, announced, tr, use_texts};
use crate::{ctrl::use_store, i18n::Key, view::pieces::BasicServerSlot};

/// The state of the connection and the action available in it, or how long this is unknown. Follows the store's connection,
/// round-trip time, retry countdown, `outdated_seconds` and `from_device`.
#[component]
pub fn ConnectionBar() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let (connection, from_device) = (store.connection, store.from_device);
    // The first attempt of a page that already shows persisted messages is not an outage.
    let state = move || match connection.with(state_name) {
        _ if store.outdated_seconds.get().is_some() => "outdated",
        "reconnecting" if from_device.get() && connection.with(is_first_attempt) => "resuming",
        state => state,
    };
    // The limits of a basic server are shown until dismissed; the button shows them again.
    let limits = BasicLimits::new();
    provide_context(limits);
    let limits_shown = move || state() == "basic" && limits.are_shown();

    // A memo, because each attempt changes the connection, and the same sentence is to be announced again only after an
    // attempt of the user.
    let sentence = Memo::new(move |_| {
        connection.with(|connection| {
            match connection {
                _ if state() == "outdated" => t().text(Key::ConnectionOutdated),
                Connection::Idle => t().text(Key::ConnectionIdle),
                Connection::Connecting => t().text(Key::ConnectionConnecting),
                Connection::Reconnecting { .. } if state() == "resuming" => {
                    t().text(Key::ConnectionConnecting)
                }
                Connection::Reconnecting { .. } if from_device.get() => t().text(Key::ConnectionOffline),
                Connection::Online { dialect: Dialect::Rich } => t().text(Key::ConnectionOnline),
                Connection::Online { dialect: Dialect::Basic } => t().text(Key::BasicServerTitle),
                Connection::Failed { status, refusal } => {
                    let reason = refusal.as_ref().and_then(Refusal::unknown_reason);
                    return reason.unwrap_or_else(|| t().status(*status)).to_owned();
                }
                Connection::Reconnecting { status, .. } => t().status(*status),
            }
            .to_owned()
        })
    });
    let news = move || {
        store.attempts.track();
        Some(sentence.get())
    };
    let countdown = move || match store.retry_in_seconds.get() {
        _ if state() == "outdated" => {
            t().connection_outdated_since(store.outdated_seconds.get().unwrap_or(0) as usize)
        }
        _ if state() != "reconnecting" => String::new(),
        Some(seconds) => t().connection_retry_in(seconds as usize),
        None => t().text(Key::ConnectionReconnecting).to_owned(),
    };
    let round_trip = move || store.round_trip_ms.get().filter(|_| state() == "online");
    view! {
        <div
            id="connection" class="connection" class:shows-limits=limits_shown role="group"
            data-state=state aria-label=tr(Key::ConnectionLabel)
        >
            <span class="dot" aria-hidden="true"></span>
            <p class="connection-text">
                <span role="status">{announced(news)}</span>
                // Outside of the live region, or a screen reader would announce every second.
                " " <span class="retry-countdown">{countdown}</span>
            </p>
            <Show when=move || round_trip().is_some()>
                <span
                    id="round-trip"
                    title=move || round_trip().map(|ms| t().connection_round_trip(ms as usize))
                >
                    {move || round_trip().map(|ms| format!("{ms} ms"))}
                </span>
            </Show>
            <ActionButton/>
            <Show when=move || state() == "basic">
                <BasicServerSlot/>
            </Show>
        </div>
    }
}

/// The button for the action that the connection's state allows, if any.
#[component]
fn ActionButton() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let is_outdated = move || store.outdated_seconds.with(Option::is_some);
    let action = Memo::new(move |_| store.connection.with(action).filter(|_| !is_outdated()));
    let label = move || {
        action.get().map(|action| {
            t().text(match action {
                Action::RetryNow => Key::ConnectionRetryNow,
                Action::ConnectAgain => Key::ConnectionConnectAgain,
                Action::UseHere => Key::ConnectionUseHere,
                Action::Reload => Key::CommonReload,
            })
        })
    };
    // The button stays during an attempt: it keeps the focus, and the bar keeps its height.
    let is_trying = move || store.connection.with(is_trying);
    let act = move |_| match action.get_untracked() {
        Some(_) if store.connection.with_untracked(self::is_trying) => {}
        Some(Action::Reload) => {
            // A browser that refuses to reload leaves the page as it is.
            let _ = window().location().reload();
        }
        Some(_) => store.retry_now(),
        None => {}
    };
    view! {
        <Show when=move || action.get().is_some()>
            <button
                type="button" id="retry-now" class="button" aria-disabled=move || is_trying().then_some("true")
                on:click=act
            >
                {label}
            </button>
        </Show>
    }
}

/// The action of the bar's button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    RetryNow,
    ConnectAgain,
    UseHere,
    Reload,
}

fn action(connection: &Connection) -> Option<Action> {
    match connection {
        Connection::Reconnecting { .. } if !is_first_attempt(connection) => Some(Action::RetryNow),
        Connection::Failed { status: Status::VersionUnsupported, .. } => Some(Action::Reload),
        Connection::Failed { status: Status::Replaced, .. } => Some(Action::UseHere),
        Connection::Failed { .. } => Some(Action::ConnectAgain),
        _ => None,
    }
}

/// Returns `true` if the first connection attempt after a page load is in progress.
pub fn is_first_attempt(connection: &Connection) -> bool {
    matches!(connection, Connection::Reconnecting { retry_at: None, attempt: 0, .. })
}

/// Returns `true` while an attempt to reconnect is in progress.
fn is_trying(connection: &Connection) -> bool {
    matches!(connection, Connection::Reconnecting { retry_at: None, .. })
}

/// The value of `data-state`, which the stylesheet selects by.
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
