//! Moving the keyboard focus.

use leptos::{html::ElementType, prelude::*};
use web_sys::HtmlElement;

/// Focuses an element in the next animation frame. By then the view is updated: the element exists and is not `inert`
/// any more.
pub fn focus_next_frame<E>(element: NodeRef<E>)
where
    E: ElementType + 'static,
    E::Output: AsRef<HtmlElement> + Clone + wasm_bindgen::JsCast + 'static,
{
    request_animation_frame(move || {
        if let Some(element) = element.try_get_untracked().flatten() {
            // Fails only for an element that cannot be focused.
            let _ = AsRef::<HtmlElement>::as_ref(&element).focus();
        }
    });
}
