//! Keeps the keyboard focus in the timeline when the focused element is removed.

use leptos::{html::Div, prelude::*};

use super::scroller::Scroller;

/// Moves the focus to the timeline if it is in `element` when the current owner is disposed of. Otherwise the browser
/// would move it to the start of the document.
pub fn return_focus_to_timeline(element: NodeRef<Div>) {
    let viewport = expect_context::<Scroller>().elements().viewport;
    on_cleanup(move || {
        let Some(focused) = document().active_element() else { return };
        let in_element = element.try_get_untracked().flatten().is_some_and(|it| it.contains(Some(&focused)));
        if in_element && let Some(viewport) = viewport.try_get_untracked().flatten() {
            // If focusing fails, the page can still be used with a pointer.
            let _ = viewport.focus();
        }
    });
}
