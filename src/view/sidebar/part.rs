//! Loads the content of the sidebar, which is in a part of the client of its own, and mounts it.

use leptos::{mount::mount_to, prelude::*};
use web_sys::HtmlElement;

use super::SidebarContent;
use crate::view::{
    shared::{Loading, MountPart, Mounted, PartLoader},
    switcher::SwitcherHost,
};

/// The split point: `xtask/bindgen` moves all code that is reachable only from here, and from the pieces of a room, into the
/// part `side`.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(side, fallible, wasm_split_path = leptos::wasm_split, preload(preload))]
fn load_sidebar() -> Result<MountPart, leptos::wasm_split::SplitLoaderError> {
    Ok(mount_content)
}

#[cfg(not(feature = "split"))]
async fn load_sidebar() -> Result<MountPart, ()> {
    Ok(mount_content)
}

/// Mounts the content into the sidebar, and the switcher, whose dialog cannot be in an element that may be hidden, beside it.
fn mount_content(sidebar: HtmlElement) -> Mounted {
    use wasm_bindgen::JsCast;
    let room = sidebar.parent_element().and_then(|room| room.dyn_into::<HtmlElement>().ok());
    let switcher = room.map(|room| mount_to(room, || view! { <SwitcherHost/> }));
    Box::new((mount_to(sidebar, || view! { <SidebarContent/> }), switcher))
}

/// Starts the download of the part, so that the room is shown with it.
pub fn preload_side() {
    #[cfg(feature = "split")]
    wasm_bindgen_futures::spawn_local(async {
        // A failure is reported by `load_sidebar`, which tries again.
        let _ = preload().await;
    });
}

/// Starts to load the content.
pub fn load_content() -> PartLoader {
    PartLoader::new(|| -> Loading { Box::pin(async { load_sidebar().await.ok() }) })
}
