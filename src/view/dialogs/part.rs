//! Loads the dialogs, which are three parts of the client of their own, and mounts the open one.

use leptos::{mount::mount_to, prelude::*};
use web_sys::HtmlElement;

use super::{
    browse_rooms::BrowseRooms, change_nick::ChangeNick, create_room::CreateRoom,
    direct_message::DirectMessage, invitation::OpenInvitation, invite_people::InvitePeople,
    leave_room::LeaveRoom, link_device::LinkDevice, log_out::LogOut, message_history::MessageHistory,
    room_settings::RoomSettings, unused_link::UnusedLink,
};
use crate::{
    ctrl::{DialogKind, use_store},
    i18n::Key,
    view::shared::{Loading, MountPart, Mounted, PartLoader, announced, tr, use_texts},
};

/// A split point: `xtask/bindgen` moves all code that is reachable only from here into the part `dialogs`.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(
    dialogs,
    fallible,
    wasm_split_path = leptos::wasm_split,
    preload(preload_dialogs_part)
)]
fn load_dialogs() -> Result<MountPart, leptos::wasm_split::SplitLoaderError> {
    Ok(mount_dialogs)
}

#[cfg(not(feature = "split"))]
async fn load_dialogs() -> Result<MountPart, ()> {
    Ok(mount_dialogs)
}

fn mount_dialogs(root: HtmlElement) -> Mounted {
    Box::new(mount_to(root.clone(), move || view! { <OpenDialog root mount=mount_dialog/> }))
}

/// The split point of the bar that answers an invitation, which is in the part `dialogs` too.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(dialogs, fallible, wasm_split_path = leptos::wasm_split)]
fn load_invitation_bar() -> Result<MountPart, leptos::wasm_split::SplitLoaderError> {
    Ok(mount_invitation)
}

#[cfg(not(feature = "split"))]
async fn load_invitation_bar() -> Result<MountPart, ()> {
    Ok(mount_invitation)
}

fn mount_invitation(root: HtmlElement) -> Mounted {
    Box::new(mount_to(root, || view! { <OpenInvitation/> }))
}

/// Loads the bar that answers an invitation.
pub fn load_invitation() -> Loading {
    Box::pin(async { load_invitation_bar().await.ok() })
}

/// The split point of the dialogs about a room that the user is in.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(
    settings,
    fallible,
    wasm_split_path = leptos::wasm_split,
    preload(preload_settings_part)
)]
fn load_settings() -> Result<MountPart, leptos::wasm_split::SplitLoaderError> {
    Ok(mount_settings)
}

#[cfg(not(feature = "split"))]
async fn load_settings() -> Result<MountPart, ()> {
    Ok(mount_settings)
}

fn mount_settings(root: HtmlElement) -> Mounted {
    Box::new(mount_to(root.clone(), move || view! { <OpenDialog root mount=mount_setting/> }))
}

/// The split point of the dialogs about the account.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(
    account,
    fallible,
    wasm_split_path = leptos::wasm_split,
    preload(preload_account_part)
)]
fn load_account() -> Result<MountPart, leptos::wasm_split::SplitLoaderError> {
    Ok(mount_account)
}

#[cfg(not(feature = "split"))]
async fn load_account() -> Result<MountPart, ()> {
    Ok(mount_account)
}

fn mount_account(root: HtmlElement) -> Mounted {
    Box::new(mount_to(root.clone(), move || view! { <OpenDialog root mount=mount_account_dialog/> }))
}

/// A part with dialogs. There are three, because all dialogs together would be a large one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The dialogs about other rooms and people.
    Dialogs,
    /// The dialogs about a room that the user is in.
    Settings,
    /// The dialogs about the account.
    Account,
}

fn part_of(kind: DialogKind) -> Part {
    match kind {
        DialogKind::CreateRoom
        | DialogKind::BrowseRooms
        | DialogKind::DirectMessage
        | DialogKind::InvitePeople(_) => Part::Dialogs,
        DialogKind::RoomSettings(_) | DialogKind::LeaveRoom(_) | DialogKind::MessageHistory(..) => {
            Part::Settings
        }
        DialogKind::ChangeNick | DialogKind::LinkDevice | DialogKind::UnusedLink | DialogKind::LogOut => {
            Part::Account
        }
    }
}

/// Starts the download of the dialogs, so that they open without delay.
pub fn preload_dialogs() {
    #[cfg(feature = "split")]
    leptos::task::spawn_local(async {
        crate::view::next_paint().await;
        // A failure is reported by `load`, which tries again.
        let _ = preload_dialogs_part().await;
        let _ = preload_settings_part().await;
        let _ = preload_account_part().await;
    });
}

/// The open dialog. Follows the store's dialog.
#[component]
pub fn DialogParts() -> impl IntoView {
    let dialog = use_store().dialog;
    let is_open = move |part: Part| dialog.with(|dialog| dialog.is_some_and(|kind| part_of(kind) == part));
    let dialogs = || -> Loading { Box::pin(async { load_dialogs().await.ok() }) };
    let settings = || -> Loading { Box::pin(async { load_settings().await.ok() }) };
    let account = || -> Loading { Box::pin(async { load_account().await.ok() }) };
    view! {
        <Show when=move || is_open(Part::Dialogs)>
            <DialogPart load=dialogs/>
        </Show>
        <Show when=move || is_open(Part::Settings)>
            <DialogPart load=settings/>
        </Show>
        <Show when=move || is_open(Part::Account)>
            <DialogPart load=account/>
        </Show>
    }
}

/// The open dialog of a part, or why the part could not be loaded, with buttons to try again or to reload the page, and to close.
#[component]
fn DialogPart(load: fn() -> Loading) -> impl IntoView {
    let (store, t) = (use_store(), use_texts());
    let part = PartLoader::new(load);
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

/// The dialog of the open kind, mounted into `root`; nothing for a dialog of another part. Follows the store's dialog.
///
/// A dialog is mounted instead of being rendered in place of the last one: for a view that may be rendered again, Leptos
/// compiles an update of every element.
#[component]
fn OpenDialog(root: HtmlElement, mount: fn(DialogKind, HtmlElement) -> Option<Mounted>) -> impl IntoView {
    let dialog = use_store().dialog;
    let mounted = StoredValue::new_local(None::<Mounted>);
    Effect::new(move || {
        let kind = dialog.get();
        mounted.set_value(None);
        mounted.set_value(kind.and_then(|kind| untrack(|| mount(kind, root.clone()))));
    });
}

fn mount_dialog(kind: DialogKind, root: HtmlElement) -> Option<Mounted> {
    Some(match kind {
        DialogKind::CreateRoom => Box::new(mount_to(root, || view! { <CreateRoom/> })),
        DialogKind::BrowseRooms => Box::new(mount_to(root, || view! { <BrowseRooms/> })),
        DialogKind::DirectMessage => Box::new(mount_to(root, || view! { <DirectMessage/> })),
        DialogKind::InvitePeople(room) => Box::new(mount_to(root, move || view! { <InvitePeople room/> })),
        _ => return None,
    })
}

fn mount_setting(kind: DialogKind, root: HtmlElement) -> Option<Mounted> {
    Some(match kind {
        DialogKind::RoomSettings(room) => Box::new(mount_to(root, move || view! { <RoomSettings room/> })),
        DialogKind::LeaveRoom(room) => Box::new(mount_to(root, move || view! { <LeaveRoom room/> })),
        DialogKind::MessageHistory(room, message) => {
            Box::new(mount_to(root, move || view! { <MessageHistory room message/> }))
        }
        _ => return None,
    })
}

fn mount_account_dialog(kind: DialogKind, root: HtmlElement) -> Option<Mounted> {
    Some(match kind {
        DialogKind::ChangeNick => Box::new(mount_to(root, || view! { <ChangeNick/> })),
        DialogKind::LinkDevice => Box::new(mount_to(root, || view! { <LinkDevice/> })),
        DialogKind::UnusedLink => Box::new(mount_to(root, || view! { <UnusedLink/> })),
        DialogKind::LogOut => Box::new(mount_to(root, || view! { <LogOut/> })),
        _ => return None,
    })
}
