//! Choosing another nick, when the server has given the user's to somebody else.

use leptos::{ev::SubmitEvent, html, prelude::*};
use parlour_core::status::Status;

use super::shared::{announced, tr, use_texts};
use crate::{ctrl::use_store, i18n::Key};

/// The button for the suggested nick, and the form for another one. Follows the store's connection.
#[component]
pub fn RenameActions() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let connection = store.connection;
    let suggestion =
        Memo::new(move |_| connection.with(|connection| connection.suggestion().map(str::to_owned)));
    let error = RwSignal::new(None::<Status>);
    let field = NodeRef::<html::Input>::new();
    let rename = move |nick: &str| error.set(store.rename(nick).err());
    let accept = move |_| {
        if let Some(nick) = suggestion.get_untracked() {
            rename(&nick);
        }
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if let Some(field) = field.get_untracked() {
            rename(&field.value());
        }
    };
    let is_invalid = move || error.with(Option::is_some);
    view! {
        <div class="rename">
            <Show when=move || suggestion.with(Option::is_some)>
                <button type="button" id="rename-suggestion" class="button" on:click=accept>
                    {move || suggestion.get().map(|nick| t().rename_accept(&nick))}
                </button>
            </Show>
            <form id="rename" novalidate on:submit=submit>
                <input
                    id="rename-nick" maxlength="200" node_ref=field dir="auto" autocomplete="nickname" autocapitalize="off"
                    spellcheck="false" enterkeyhint="go" placeholder=tr(Key::RenameNick) aria-label=tr(Key::RenameNick)
                    aria-invalid=move || is_invalid().then_some("true")
                    aria-describedby=move || is_invalid().then_some("rename-error")
                />
                <button type="submit" class="button quiet">{tr(Key::RenameSubmit)}</button>
            </form>
            <p id="rename-error" class="rename-error" role="alert">
                {announced(move || error.get().map(|status| t().status(status).to_owned()))}
            </p>
        </div>
    }
}
