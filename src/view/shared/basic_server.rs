//! A list of what a basic server does not support.

use leptos::prelude::*;

use super::{tr, use_texts};
use crate::{ctrl::use_store, i18n::Key};

/// `true` while the limits of a basic server are shown, until the user dismisses them. A context of the connection bar.
#[derive(Clone, Copy)]
pub struct BasicLimits {
    dismissed: RwSignal<bool>,
}

impl BasicLimits {
    /// Shows the limits.
    pub fn new() -> Self {
        Self { dismissed: RwSignal::new(false) }
    }

    /// Returns `true` unless they were dismissed. Reactive.
    pub fn are_shown(self) -> bool {
        !self.dismissed.get()
    }
}

/// The limits, and the button that dismisses and shows them.
#[component]
pub fn BasicServer() -> impl IntoView {
    let t = use_texts();
    let limits = expect_context::<BasicLimits>();
    view! {
        <button
            type="button" id="basic-toggle" class="button quiet"
            aria-controls="basic-limits" aria-expanded=move || limits.are_shown().to_string()
            on:click=move |_| limits.dismissed.update(|dismissed| *dismissed = !*dismissed)
        >
            {move || t().text(if limits.are_shown() { Key::BasicServerDismiss } else { Key::BasicServerTitle })}
        </button>
        <Show when=move || limits.are_shown()>
            <BasicServerLimits/>
        </Show>
    }
}

/// The list of what a basic server does not support. Follows the store's identity.
#[component]
fn BasicServerLimits() -> impl IntoView {
    let identity = use_store().identity;
    let echoes_text =
        move || identity.with(|identity| identity.as_ref().is_some_and(|identity| identity.echoes_text));
    view! {
        <div id="basic-limits" class="basic-limits">
            <p>{tr(Key::BasicServerIntro)}</p>
            <ul>
                <li>{tr(Key::BasicServerNoAcknowledgements)}</li>
                <li>{tr(Key::BasicServerShortMessages)}</li>
                <Show when=echoes_text>
                    <li>{tr(Key::BasicServerParts)}</li>
                </Show>
                <li>{tr(Key::BasicServerNoHistory)}</li>
                <li>{tr(Key::BasicServerSameNames)}</li>
            </ul>
        </div>
    }
}
