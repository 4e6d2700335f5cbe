//! Arrow keys in the search panel.

use leptos::{ev::KeyboardEvent, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// Moves the focus from the field to the first result, between results, and from the first one back to the field.
pub fn move_focus(event: &KeyboardEvent, down: bool) {
    let Some(focused) = document().active_element() else { return };
    let item = match focused.closest("li").ok().flatten() {
        Some(item) if down => item.next_element_sibling(),
        Some(item) => item.previous_element_sibling(),
        None if down && focused.id() == "search-words" => {
            document().query_selector("#search li").ok().flatten()
        }
        None => return,
    };
    let target = match item {
        Some(item) => item.first_element_child(),
        None if !down => document().get_element_by_id("search-words"),
        None => None,
    };
    event.prevent_default();
    if let Some(target) = target.and_then(|target| target.dyn_into::<HtmlElement>().ok()) {
        let _ = target.focus();
    }
}
