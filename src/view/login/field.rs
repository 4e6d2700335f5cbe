//! A text field of the login form.

use leptos::{html, prelude::*};
use parlour_core::status::Status;

use super::{has_error, is_logging_in, tr};
use crate::{config, ctrl::use_store, i18n::Key};

/// A longer text is cut off: it is no name and no address, and a browser takes long for a million characters.
const MAX_LENGTH: &str = "2048";

/// A labelled text field. It is read-only during a login, and marked as invalid if it caused the last failure. Follows
/// the store's connection and login error.
#[component]
pub fn Field(
    id: &'static str,
    /// The name under which the browser keeps what is typed.
    name: &'static str,
    label: Key,
    placeholder: Key,
    dir: &'static str,
    autocomplete: &'static str,
    /// The kind of on-screen keyboard.
    #[prop(optional)]
    inputmode: Option<&'static str>,
    /// The field's content.
    text: RwSignal<String>,
    /// Returns `true` for a failed login that this field has caused.
    is_cause: fn(Status) -> bool,
    node_ref: NodeRef<html::Input>,
) -> impl IntoView {
    let store = use_store();
    let invalid = move || has_error(store, is_cause);
    let input = move |event| {
        let typed = event_target_value(&event);
        config::keep_typed(name, &typed);
        text.set(typed);
    };
    view! {
        <label class="field">
            <span class="field-name">{tr(label)}</span>
            <input
                id=id name=name maxlength=MAX_LENGTH node_ref=node_ref dir=dir autocomplete=autocomplete inputmode=inputmode
                autocapitalize="off" spellcheck="false" enterkeyhint="go" placeholder=tr(placeholder)
                readonly=move || is_logging_in(store)
                aria-invalid=move || invalid().then_some("true")
                aria-describedby=move || invalid().then_some("login-error")
                prop:value=move || text.get() on:input=input
            />
        </label>
    }
}
