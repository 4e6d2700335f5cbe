//! Properties of events that may be missing: extensions and the browser's autofill dispatch events without them.

use js_sys::Reflect;
use leptos::ev::{InputEvent, KeyboardEvent};
use wasm_bindgen::JsValue;

/// The key of a keyboard event, such as `Enter`; empty if it has none.
pub fn key(event: &KeyboardEvent) -> String {
    text(event, "key")
}

/// The kind of a change of a field, such as `insertText`; empty if the event has none.
pub fn input_type(event: &InputEvent) -> String {
    text(event, "inputType")
}

fn text(event: &JsValue, name: &str) -> String {
    Reflect::get(event, &name.into()).ok().and_then(|value| value.as_string()).unwrap_or_default()
}

/// Returns `true` if an input method handles the key. Safari reports the Enter that ends a composition as one that does not
/// belong to it, but with the key code of those that do.
pub fn is_composing(event: &KeyboardEvent) -> bool {
    const HANDLED_BY_INPUT_METHOD: u32 = 229;
    event.is_composing() || event.key_code() == HANDLED_BY_INPUT_METHOD
}
