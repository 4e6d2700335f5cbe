//! Loads the content of the panel, which is a part of the client of its own, and mounts it.

use leptos::{mount::mount_to, prelude::*};
use web_sys::HtmlElement;

use super::PanelContent;
use crate::{
    i18n::Key,
    view::shared::{Loading, MountPart, Mounted, PartLoader, announced, use_texts},
};

/// The split point: `xtask/bindgen` moves all code that is reachable only from here into the part `search`.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(
    search,
    fallible,
    wasm_split_path = leptos::wasm_split,
    preload(preload)
)]
fn load() -> Result<MountPart, leptos::wasm_split::SplitLoaderError> {
    Ok(mount_content)
}

#[cfg(not(feature = "split"))]
async fn load() -> Result<MountPart, ()> {
    Ok(mount_content)
}

fn mount_content(root: HtmlElement) -> Mounted {
    Box::new(mount_to(root, || view! { <PanelContent/> }))
}

/// Starts the download of the content, so that the panel opens without delay.
pub fn preload_content() {
    #[cfg(feature = "split")]
    leptos::task::spawn_local(async {
        crate::view::next_paint().await;
        // A failure is reported by `load`, which tries again.
        let _ = preload().await;
    });
}

/// The content of the panel, or why it could not be loaded, with a button to try again or to reload the page.
#[component]
pub fn Content() -> impl IntoView {
    let t = use_texts();
    let part = PartLoader::new(|| -> Loading { Box::pin(async { load().await.ok() }) });
    view! {
        <div class="search-content" node_ref=part.slot></div>
        <div class="search-found" hidden=move || part.failed().is_none()>
            <p class="search-state" role="alert">
                {announced(move || part.failed().map(|status| t().status(status).to_owned()))}
            </p>
            <button
                type="button" class="button search-more"
                aria-disabled=move || part.is_loading().then_some("true") on:click=move |_| part.retry()
            >
                {move || t().text(if part.is_outdated() { Key::CommonReload } else { Key::CommonRetry })}
            </button>
        </div>
    }
}
