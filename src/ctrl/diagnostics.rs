//! Starts logging. The subscriber, which formats all kinds of values, is in a part of the client of its own: nothing that the
//! user does needs it.

use tracing::Level;
// Leptos' own works only after the page is mounted, and a session may be resumed before.
use wasm_bindgen_futures::spawn_local;

use crate::config;

/// Starts logging at a level. What is logged before the part is loaded is lost.
pub fn start_logging(level: Level) {
    spawn_local(async move {
        // The browser logs a failure.
        let _ = start(level).await;
    });
}

/// The split point: `xtask/bindgen` moves all code that is reachable only from here into the part `diagnostics`.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(diagnostics, fallible, wasm_split_path = leptos::wasm_split)]
fn start(level: Level) -> Result<(), leptos::wasm_split::SplitLoaderError> {
    config::start_logging(level);
    Ok(())
}

#[cfg(not(feature = "split"))]
async fn start(level: Level) -> Result<(), ()> {
    config::start_logging(level);
    Ok(())
}
