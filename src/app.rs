//! Shows the login page or the room. The login page is part of the first download; the room and the service are in a
//! separate module that is loaded later.

use std::{any::Any, cell::Cell, pin::Pin};

use leptos::{mount::mount_to, prelude::*};
use web_sys::HtmlElement;

use crate::{
    ctrl::{Store, use_store},
    view::{LoginPage, Room, prepare_room, sync_document},
};

/// A mounted page; dropping it unmounts the page.
type Mounted = Box<dyn Any>;

/// Mounts the room. A function pointer, so that nothing in the first download refers to the room itself.
type MountRoom = fn(HtmlElement) -> Mounted;

thread_local! {
    /// `None` until the room module is loaded.
    static MOUNT_ROOM: Cell<Option<MountRoom>> = const { Cell::new(None) };
}

/// The login page or, while logged in, the room. Follows the store's identity.
///
/// The page is mounted into `root` instead of being switched by `<Show>`: for a view that may be rendered again, Leptos
/// compiles an update of every element, which for these two pages is 12 KB of brotli.
#[component]
pub fn App(root: HtmlElement) -> impl IntoView {
    sync_document();
    let store = use_store();
    let is_at_login = Memo::new(move |_| store.is_at_login());
    let page = StoredValue::new_local(None::<Mounted>);
    Effect::new(move || {
        let is_at_login = is_at_login.get();
        // Before the next one is mounted, because some elements of the pages have the same id.
        page.set_value(None);
        let root = root.clone();
        page.set_value(Some(untrack(move || match MOUNT_ROOM.get() {
            // The module is loaded: the service, which logs in, is part of it.
            Some(mount_room) if !is_at_login => mount_room(root),
            _ => Box::new(mount_to(root, || view! { <LoginPage/> })),
        })));
    });
}

/// Loads the room module, unless it is loaded, and starts the service. A failure is logged by the browser.
pub fn load_room(store: Store) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        if let Ok(mount_room) = load(store).await {
            MOUNT_ROOM.set(Some(mount_room));
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

/// The split point: `xtask/bindgen` moves all code that is reachable only from here into the room module.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(room, fallible, wasm_split_path = leptos::wasm_split, preload(preload))]
fn load(store: Store) -> Result<MountRoom, leptos::wasm_split::SplitLoaderError> {
    Ok(start_room(store))
}

#[cfg(not(feature = "split"))]
async fn load(store: Store) -> Result<MountRoom, ()> {
    Ok(start_room(store))
}

fn start_room(store: Store) -> MountRoom {
    store.start_service();
    prepare_room(store);
    |root| Box::new(mount_to(root, || view! { <Room/> }))
}
