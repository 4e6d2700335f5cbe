//! The user's own account, and the settings, below the room list.

use leptos::prelude::*;

use crate::{
    ctrl::{DialogKind, use_store},
    i18n::Key,
    view::{
        settings::Settings,
        shared::{Avatar, Icon, Menu, MenuItem, icon, tr},
    },
};

/// The user's nick, a menu of what can be done with the account, a button that logs out, and the settings. Follows the store's
/// identity.
#[component]
pub fn AccountBar() -> impl IntoView {
    let store = use_store();
    let nick = Memo::new(move |_| {
        store.identity.with(|identity| identity.as_ref().map(|me| me.nick.clone()).unwrap_or_default())
    });
    let dialog = move |id, text, icon, kind| MenuItem {
        id,
        text,
        icon,
        act: Box::new(move || store.open_dialog(kind)),
    };
    let items = move || {
        vec![
            dialog("change-nick", Key::RoomsChangeNick, icon::NAME, DialogKind::ChangeNick),
            dialog("link-device", Key::RoomsLinkDevice, icon::DEVICE, DialogKind::LinkDevice),
        ]
    };
    view! {
        <div class="account" role="group" aria-label=tr(Key::RoomsAccount)>
            {move || view! { <Avatar nick=nick.get()/> }}
            <bdi class="account-nick" title=move || nick.get().to_string()>{move || nick.get().to_string()}</bdi>
            <Menu id="account-menu" label=Key::RoomsAccount icon=icon::MORE items=Box::new(items)/>
            <button
                type="button" id="exit" class="button quiet" aria-label=tr(Key::RoomsLogOut)
                title=tr(Key::RoomsLogOut) on:click=move |_| store.log_out()
            >
                <Icon path=icon::LEAVE/>
            </button>
        </div>
        <Settings/>
    }
}
