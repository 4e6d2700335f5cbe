//! The tools beside a message, the editor, and what opens the emoji picker, which are in a part of the client of their own.

use leptos::{mount::mount_to, prelude::*};
use web_sys::HtmlElement;

use super::{
    emoji::{EmojiHost, EmojiPicker},
    shared::{Loading, MountPart, Mounted, PartSlot},
    timeline::MessageTools,
};

/// The split point: `xtask/bindgen` moves all code that is reachable only from here into the part `message`.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(message, fallible, wasm_split_path = leptos::wasm_split, preload(preload))]
fn load_tools() -> Result<MountPart, leptos::wasm_split::SplitLoaderError> {
    Ok(mount_tools)
}

#[cfg(not(feature = "split"))]
async fn load_tools() -> Result<MountPart, ()> {
    Ok(mount_tools)
}

/// Mounts the tools, and the emoji picker, whose dialog cannot be in an element that follows the pointer, at the end of the room.
fn mount_tools(root: HtmlElement) -> Mounted {
    use wasm_bindgen::JsCast;
    provide_context(EmojiPicker::new());
    let room = root.closest("#room").ok().flatten().and_then(|room| room.dyn_into::<HtmlElement>().ok());
    let emoji = room.map(|room| mount_to(room, || view! { <EmojiHost/> }));
    Box::new((mount_to(root, || view! { <MessageTools/> }), emoji))
}

/// Starts the download of the part, so that the room is shown with it.
pub fn preload_message_part() {
    #[cfg(feature = "split")]
    wasm_bindgen_futures::spawn_local(async {
        // A failure is reported by `load_tools`, which tries again.
        let _ = preload().await;
    });
}

/// The tools of the message under the pointer. Loads the part, with the editor.
#[component]
pub fn MessageToolsSlot() -> impl IntoView {
    let load = || -> Loading { Box::pin(async { load_tools().await.ok() }) };
    view! { <PartSlot load/> }
}
