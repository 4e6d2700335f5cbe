//! The login page and the room, of which one is shown. The login page is part of the first download; the room and the
//! service are a module of their own that is loaded later.

use std::{cell::Cell, pin::Pin};

use leptos::prelude::*;

use crate::{
    ctrl::{Store, use_store},
    view::{LoginPage, Room, prepare_room, sync_document},
};

/// Makes the room's view. A function pointer, so that nothing in the first download refers to the view itself.
type MakeRoom = fn() -> AnyView;

thread_local! {
    /// `None` until the room module is loaded.
    static MAKE_ROOM: Cell<Option<MakeRoom>> = const { Cell::new(None) };
}

/// The login page, or the room while logged in. Follows the store's identity.
#[component]
pub fn App() -> impl IntoView {
    sync_document();
    let store = use_store();
    view! {
        <Show when=move || !store.is_at_login() fallback=|| view! { <LoginPage/> }>
            // Loaded by now: only the service, which is in the same module, logs in.
            {MAKE_ROOM.get().map(|make_room| make_room())}
        </Show>
    }
}

/// Loads the room module, unless it is loaded, and starts the service. A failure is logged by the browser.
pub fn load_room(store: Store) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        if let Ok(make_room) = load(store).await {
            MAKE_ROOM.set(Some(make_room));
        }
    })
}

/// Starts the download of the room module.
pub fn preload_room() {
    #[cfg(feature = "split")]
    wasm_bindgen_futures::spawn_local(async {
        // A failure is reported by `load`, which tries again.
        let _ = preload().await;
    });
}

/// Everything that is reachable only from here becomes a module of its own, which `xtask/bindgen` splits off the linker's.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(room, fallible, wasm_split_path = leptos::wasm_split, preload(preload))]
fn load(store: Store) -> Result<MakeRoom, leptos::wasm_split::SplitLoaderError> {
    Ok(start_room(store))
}

#[cfg(not(feature = "split"))]
async fn load(store: Store) -> Result<MakeRoom, ()> {
    Ok(start_room(store))
}

fn start_room(store: Store) -> MakeRoom {
    store.start_service();
    prepare_room(store);
    || view! { <Room/> }.into_any()
}
