//! Loads the content of the panel, which is a part of the client of its own, and mounts it.

use std::any::Any;

use leptos::{html, mount::mount_to, prelude::*, task::spawn_local};
use parlour_core::status::Status;
use web_sys::HtmlElement;

use super::PanelContent;
use crate::{
    ctrl::missing_part_status,
    i18n::Key,
    view::shared::{announced, reload_page, use_texts},
};

/// The mounted content; dropping it unmounts it.
type Mounted = Box<dyn Any>;

/// Mounts the content into an element. A function pointer, so that nothing outside of the part refers to the content.
type MountContent = fn(HtmlElement) -> Mounted;

/// The split point: `xtask/bindgen` moves all code that is reachable only from here into the part `search`.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(
    search,
    fallible,
    wasm_split_path = leptos::wasm_split,
    preload(preload)
)]
fn load() -> Result<MountContent, leptos::wasm_split::SplitLoaderError> {
    Ok(mount_content)
}

#[cfg(not(feature = "split"))]
async fn load() -> Result<MountContent, ()> {
    Ok(mount_content)
}

fn mount_content(root: HtmlElement) -> Mounted {
    Box::new(mount_to(root, || view! { <PanelContent/> }))
}

/// Starts the download of the content, so that the panel opens without delay.
pub fn preload_content() {
    #[cfg(feature = "split")]
    spawn_local(async {
        crate::view::next_paint().await;
        // A failure is reported by `load`, which tries again.
        let _ = preload().await;
    });
}

/// The content of the panel, or why it could not be loaded, with a button to try again or to reload the page.
#[component]
pub fn Content() -> impl IntoView {
    let t = use_texts();
    let (slot, mounted) = (NodeRef::<html::Div>::new(), StoredValue::new_local(None::<Mounted>));
    let failed = RwSignal::new(None::<Status>);
    let is_loading = RwSignal::new(false);
    // The content gets the contexts of the room.
    let owner = Owner::current();
    let start = move || {
        let owner = owner.clone();
        is_loading.set(true);
        spawn_local(async move {
            let loaded = match load().await {
                Ok(mount) => Ok(mount),
                Err(_) => Err(missing_part_status().await),
            };
            // Neither exists when the panel was closed meanwhile.
            if let (Some(slot), Some(owner)) = (slot.try_get_untracked().flatten(), owner) {
                is_loading.set(false);
                failed.set(loaded.as_ref().err().copied());
                if let Ok(mount) = loaded {
                    mounted.set_value(Some(owner.with(|| mount(slot.into()))));
                }
            }
        });
    };
    start();
    let is_outdated = move || failed.get() == Some(Status::PageOutdated);
    let retry = move |_| {
        if untrack(is_outdated) {
            reload_page();
        } else if !is_loading.get_untracked() {
            start();
        }
    };
    view! {
        <div class="search-content" node_ref=slot></div>
        <div class="search-found" hidden=move || failed.get().is_none()>
            <p class="search-state" role="alert">
                {announced(move || failed.get().map(|status| t().status(status).to_owned()))}
            </p>
            // Stays during an attempt, and so does the reason: the button keeps the focus.
            <button
                type="button" class="button search-more" aria-disabled=move || is_loading.get().then_some("true")
                on:click=retry
            >
                {move || t().text(if is_outdated() { Key::CommonReload } else { Key::CommonRetry })}
            </button>
        </div>
    }
}
