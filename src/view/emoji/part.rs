//! Loads the picker, which is a part of the client of its own, and the table of emoji.

use std::pin::Pin;

use leptos::{mount::mount_to, prelude::*};
use web_sys::HtmlElement;

use super::{picker::Picker, table};
use crate::{
    config,
    view::shared::{Loading, MountPart, Mounted},
};

/// The functions of the part, as pointers, so that nothing outside of the part refers to the code.
struct PickerPart {
    /// Loads the table in the language of the page. The result is `false` if that fails.
    load_table: fn() -> Pin<Box<dyn Future<Output = bool>>>,
    mount: MountPart,
}

const PART: PickerPart = PickerPart { load_table: || Box::pin(load_table()), mount };

/// The split point: `xtask/bindgen` moves all code that is reachable only from here into the part `emoji`.
#[cfg(feature = "split")]
#[leptos::wasm_split::wasm_split(emoji, fallible, wasm_split_path = leptos::wasm_split)]
fn load_part() -> Result<PickerPart, leptos::wasm_split::SplitLoaderError> {
    Ok(PART)
}

#[cfg(not(feature = "split"))]
async fn load_part() -> Result<PickerPart, ()> {
    Ok(PART)
}

/// Loads the part, and the table in the language of the page.
pub fn load() -> Loading {
    Box::pin(async {
        let part = load_part().await.ok()?;
        (part.load_table)().await.then_some(part.mount)
    })
}

async fn load_table() -> bool {
    let tag = language();
    table::loaded(&tag).is_some()
        || config::load_emoji(&tag).await.is_some_and(|text| table::load(&tag, text))
}

/// The tag of the language of the page.
pub fn language() -> String {
    document().document_element().and_then(|root| root.get_attribute("lang")).unwrap_or_default()
}

fn mount(root: HtmlElement) -> Mounted {
    Box::new(mount_to(root, || view! { <Picker/> }))
}
