//! Loads the code that draws markup, which is in a part of the client of its own.

use leptos::prelude::*;

use super::{MarkupPart, blocks, paste};

/// The part. It handles pastes by itself.
fn start() -> MarkupPart {
    paste::listen();
    MarkupPart { draw: blocks::draw, line: blocks::line }
}

/// The split point: `xtask/bindgen` moves all code that is reachable only from here into the part `markup`.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(markup, fallible, wasm_split_path = leptos::wasm_split, preload(preload))]
fn load() -> Result<MarkupPart, leptos::wasm_split::SplitLoaderError> {
    Ok(start())
}

#[cfg(not(feature = "split"))]
async fn load() -> Result<MarkupPart, ()> {
    Ok(start())
}

/// Starts the download of the part, so that the first messages are shown with it.
pub fn preload_markup() {
    #[cfg(feature = "split")]
    wasm_bindgen_futures::spawn_local(async {
        // `load` tries again.
        let _ = preload().await;
    });
}

/// Loads the part. If that fails, texts are shown as they were typed, and the browser logs the failure.
pub(super) fn load_into(part: RwSignal<Option<MarkupPart>>) {
    leptos::task::spawn_local(async move {
        if let Ok(loaded) = load().await {
            // The room may have been closed meanwhile.
            part.try_set(Some(loaded));
        }
    });
}
