//! Pieces of the page that are needed only at times, and not at once. They are in parts of the client of their own, which load them
//! in place of the components here.

use leptos::{mount::mount_to, prelude::*};

use super::{
    composer::OversizedNote,
    dialogs::load_invitation,
    rename::RenameActions,
    room::{NoRoom, RoomMenu},
    shared::{BasicServer, Loading, MountPart, PartSlot},
};
use crate::ctrl::use_store;

/// A piece of the part `side`.
#[derive(Clone, Copy, Debug)]
enum Piece {
    BasicServer,
    NoRoom,
    Oversized,
    Rename,
    RoomMenu,
}

/// The split point: `xtask/bindgen` moves all code that is reachable only from here, and from the sidebar, into the part
/// `side`.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(side, fallible, wasm_split_path = leptos::wasm_split)]
fn load(piece: Piece) -> Result<MountPart, leptos::wasm_split::SplitLoaderError> {
    Ok(mount(piece))
}

#[cfg(not(feature = "split"))]
async fn load(piece: Piece) -> Result<MountPart, ()> {
    Ok(mount(piece))
}

fn mount(piece: Piece) -> MountPart {
    match piece {
        Piece::BasicServer => |root| Box::new(mount_to(root, || view! { <BasicServer/> })),
        Piece::NoRoom => |root| Box::new(mount_to(root, || view! { <NoRoom/> })),
        Piece::Oversized => |root| Box::new(mount_to(root, || view! { <OversizedNote/> })),
        Piece::Rename => |root| Box::new(mount_to(root, || view! { <RenameActions/> })),
        Piece::RoomMenu => |root| Box::new(mount_to(root, || view! { <RoomMenu/> })),
    }
}

/// A list of what a basic server does not support.
#[component]
pub fn BasicServerSlot() -> impl IntoView {
    let load = || -> Loading { Box::pin(async { load(Piece::BasicServer).await.ok() }) };
    view! { <PartSlot load/> }
}

/// The answer to an invitation.
#[component]
pub fn InvitationSlot() -> impl IntoView {
    view! { <PartSlot load=load_invitation/> }
}

/// The reason why no room is shown.
#[component]
pub fn NoRoomSlot() -> impl IntoView {
    let load = || -> Loading { Box::pin(async { load(Piece::NoRoom).await.ok() }) };
    view! { <PartSlot load/> }
}

/// Tells that a text was not inserted into the composer.
#[component]
pub fn OversizedSlot() -> impl IntoView {
    let load = || -> Loading { Box::pin(async { load(Piece::Oversized).await.ok() }) };
    view! { <PartSlot load/> }
}

/// The choice of a user whose nick the server refuses: continue under the one that it suggests, or under another one.
/// Otherwise nothing. Follows the store's connection.
#[component]
pub fn RenameSlot() -> impl IntoView {
    let connection = use_store().connection;
    let is_refused = Memo::new(move |_| connection.with(|connection| connection.is_nick_refused()));
    let load = || -> Loading { Box::pin(async { load(Piece::Rename).await.ok() }) };
    view! {
        <Show when=move || is_refused.get()>
            <PartSlot load/>
        </Show>
    }
}

/// The menu of the open room.
#[component]
pub fn RoomMenuSlot() -> impl IntoView {
    let load = || -> Loading { Box::pin(async { load(Piece::RoomMenu).await.ok() }) };
    view! { <PartSlot load/> }
}
