//! Loads the dialogs, which are a part of the client of their own, and mounts the open one.

use leptos::{mount::mount_to, prelude::*};
use web_sys::HtmlElement;

use super::{
    browse_rooms::BrowseRooms, change_nick::ChangeNick, create_room::CreateRoom,
    direct_message::DirectMessage, invite_people::InvitePeople, leave_room::LeaveRoom,
    link_device::LinkDevice, log_out::LogOut, room_settings::RoomSettings, unused_link::UnusedLink,
};
use crate::{
    ctrl::{DialogKind, use_store},
    i18n::Key,
    view::shared::{Loading, MountPart, Mounted, PartLoader, announced, tr, use_texts},
};

/// The split point: `xtask/bindgen` moves all code that is reachable only from here into the part `dialogs`.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(
    dialogs,
    fallible,
    wasm_split_path = leptos::wasm_split,
    preload(preload)
)]
fn load() -> Result<MountPart, leptos::wasm_split::SplitLoaderError> {
    Ok(mount_dialog)
}

#[cfg(not(feature = "split"))]
async fn load() -> Result<MountPart, ()> {
    Ok(mount_dialog)
}

fn mount_dialog(root: HtmlElement) -> Mounted {
    Box::new(mount_to(root.clone(), move || view! { <OpenDialog root/> }))
}

/// Starts the download of the dialogs, so that they open without delay.
pub fn preload_dialogs() {
    #[cfg(feature = "split")]
    leptos::task::spawn_local(async {
        crate::view::next_paint().await;
        // A failure is reported by `load`, which tries again.
        let _ = preload().await;
    });
}

/// The open dialog, or why the dialogs could not be loaded, with buttons to try again or to reload the page, and to close.
#[component]
pub fn DialogPart() -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let part = PartLoader::new(|| -> Loading { Box::pin(async { load().await.ok() }) });
    view! {
        <div class="dialog-slot" node_ref=part.slot></div>
        <div id="dialog-missing" class="note" hidden=move || part.failed().is_none()>
            <p role="alert">
                {announced(move || part.failed().map(|status| t().status(status).to_owned()))}
            </p>
            <button
                type="button" class="button" aria-disabled=move || part.is_loading().then_some("true")
                on:click=move |_| part.retry()
            >
                {move || t().text(if part.is_outdated() { Key::CommonReload } else { Key::CommonRetry })}
            </button>
            <button type="button" class="button quiet" on:click=move |_| store.close_dialog()>
                {tr(Key::CommonClose)}
            </button>
        </div>
    }
}

/// The dialog of the open kind, mounted into `root`. Follows the store's dialog.
///
/// A dialog is mounted instead of being rendered in place of the last one: for a view that may be rendered again, Leptos
/// compiles an update of every element.
#[component]
fn OpenDialog(root: HtmlElement) -> impl IntoView {
    let dialog = use_store().dialog;
    let mounted = StoredValue::new_local(None::<Mounted>);
    Effect::new(move || {
        let kind = dialog.get();
        mounted.set_value(None);
        mounted.set_value(kind.map(|kind| untrack(|| mount_kind(kind, root.clone()))));
    });
}

fn mount_kind(kind: DialogKind, root: HtmlElement) -> Mounted {
    match kind {
        DialogKind::CreateRoom => Box::new(mount_to(root, || view! { <CreateRoom/> })),
        DialogKind::BrowseRooms => Box::new(mount_to(root, || view! { <BrowseRooms/> })),
        DialogKind::DirectMessage => Box::new(mount_to(root, || view! { <DirectMessage/> })),
        DialogKind::InvitePeople(room) => Box::new(mount_to(root, move || view! { <InvitePeople room/> })),
        DialogKind::RoomSettings(room) => Box::new(mount_to(root, move || view! { <RoomSettings room/> })),
        DialogKind::LeaveRoom(room) => Box::new(mount_to(root, move || view! { <LeaveRoom room/> })),
        DialogKind::ChangeNick => Box::new(mount_to(root, || view! { <ChangeNick/> })),
        DialogKind::LinkDevice => Box::new(mount_to(root, || view! { <LinkDevice/> })),
        DialogKind::UnusedLink => Box::new(mount_to(root, || view! { <UnusedLink/> })),
        DialogKind::LogOut => Box::new(mount_to(root, || view! { <LogOut/> })),
    }
}
