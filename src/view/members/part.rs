//! Loads the content of the member list, which is in a part of the client of its own, and mounts it.

use leptos::{mount::mount_to, prelude::*};
use web_sys::HtmlElement;

use super::MemberListContent;
use crate::view::shared::{Loading, MountPart, Mounted, PartLoader};

/// The split point: `xtask/bindgen` moves all code that is reachable only from here into the part `members`.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(members, fallible, wasm_split_path = leptos::wasm_split, preload(preload))]
fn load_members() -> Result<MountPart, leptos::wasm_split::SplitLoaderError> {
    Ok(mount_content)
}

#[cfg(not(feature = "split"))]
async fn load_members() -> Result<MountPart, ()> {
    Ok(mount_content)
}

fn mount_content(root: HtmlElement) -> Mounted {
    Box::new(mount_to(root, || view! { <MemberListContent/> }))
}

/// Starts the download of the part, so that the room is shown with it.
pub fn preload_members() {
    #[cfg(feature = "split")]
    wasm_bindgen_futures::spawn_local(async {
        // A failure is reported by `load_members`, which tries again.
        let _ = preload().await;
    });
}

/// Starts to load the content.
pub fn load_content() -> PartLoader {
    PartLoader::new(|| -> Loading { Box::pin(async { load_members().await.ok() }) })
}
