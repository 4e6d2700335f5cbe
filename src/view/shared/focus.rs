//! Moving the keyboard focus.

use js_sys::{Function, Object, Reflect};
use leptos::{html::ElementType, prelude::*};
use wasm_bindgen::JsCast;
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

/// Focuses an element without scrolling to it.
pub fn focus_in_place(element: &HtmlElement) {
    let options = Object::new();
    let focus =
        Reflect::get(element, &"focus".into()).ok().and_then(|focus| focus.dyn_into::<Function>().ok());
    if let Some(focus) = focus {
        // As above.
        let _ = Reflect::set(&options, &"preventScroll".into(), &true.into());
        let _ = focus.call1(element, &options);
    }
}

/// Focuses the first element that a selector matches in the next animation frame, for an element of another component.
pub fn focus_selected_next_frame(selector: &'static str) {
    request_animation_frame(move || {
        let found = document().query_selector(selector).ok().flatten();
        if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            // As above.
            let _ = element.focus();
        }
    });
}
