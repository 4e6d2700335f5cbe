//! Texts that a screen reader announces.

use leptos::prelude::*;

/// A text for an element with `role="status"` or `role="alert"`. It becomes a new element each time that `text` runs, because
/// a screen reader announces only what has changed: the same text twice in one element would be announced once.
pub fn announced(text: impl Fn() -> Option<String> + Send + Sync + 'static) -> impl IntoView {
    renewed(Box::new(text))
}

/// Not generic, so that all live regions share the code.
fn renewed(text: Box<dyn Fn() -> Option<String> + Send + Sync>) -> impl IntoView {
    // The inner closure is built anew whenever the outer one runs.
    move || text().map(|text| move || view! { <span>{text.clone()}</span> })
}
