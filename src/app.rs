//! The two pages, and which of them is shown. The login page is loaded first; the room comes with all that only those
//! need who have logged in.

use std::{cell::Cell, pin::Pin};

use leptos::prelude::*;

use crate::{
    ctrl::{Store, use_store},
    view::{self, Login, Room, dom::El},
};

/// What makes the room's page.
type MakeRoom = fn() -> El;

thread_local! {
    /// Empty until it is loaded.
    static ROOM: Cell<Option<MakeRoom>> = const { Cell::new(None) };
}

/// The whole page, inside of `root`: the login, or the room once somebody has logged in.
#[component]
pub fn App(root: El) -> impl IntoView {
    view::follow_page();
    let store = use_store();
    root.switch(
        move || Some(store.at_login()),
        |at_login| match ROOM.get() {
            Some(room) if !at_login => room(),
            _ => Login(),
        },
    );
}

/// Loads the room and the service, unless they are there; when that fails, the console tells why.
pub fn bring(store: Store) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        if let Ok(room) = load(store).await {
            ROOM.set(Some(room));
        }
    })
}

/// Has the browser fetch them, before there is a store.
pub fn fetch() {
    #[cfg(feature = "split")]
    wasm_bindgen_futures::spawn_local(async {
        // Where they are needed it is tried anew, and told.
        let _ = preload().await;
    });
}

/// All that is reached from here alone becomes a module of its own, which `xtask/bindgen` cuts out of the linker's.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(room, fallible, wasm_split_path = leptos::wasm_split, preload(preload))]
fn load(store: Store) -> Result<MakeRoom, leptos::wasm_split::SplitLoaderError> {
    Ok(begin(store))
}

#[cfg(not(feature = "split"))]
async fn load(store: Store) -> Result<MakeRoom, ()> {
    Ok(begin(store))
}

fn begin(store: Store) -> MakeRoom {
    store.begin();
    view::prepare(store);
    || Room()
}
