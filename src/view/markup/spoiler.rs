//! Text that is hidden until the reader asks for it.

use leptos::{ev::KeyboardEvent, prelude::*};

use crate::{
    i18n::Key,
    view::shared::{event, use_texts},
};

/// A spoiler. A click, Enter or the space bar shows its text; it takes the same space before.
#[component]
pub fn Spoiler(
    /// The hidden text.
    content: AnyView,
) -> impl IntoView {
    let (is_shown, t) = (RwSignal::new(false), use_texts());
    let handle_key = move |event: KeyboardEvent| {
        if !is_shown.get_untracked() && matches!(&*event::key(&event), "Enter" | " ") {
            event.prevent_default();
            // Not for the message that has the spoiler.
            event.stop_propagation();
            is_shown.set(true);
        }
    };
    let role = move || (!is_shown.get()).then_some("button");
    let tabindex = move || (!is_shown.get()).then_some("0");
    let label = move || (!is_shown.get()).then(|| t().text(Key::MessageSpoiler));
    view! {
        <span
            class="spoiler" class:hidden-text=move || !is_shown.get() role=role tabindex=tabindex aria-label=label
            on:click=move |_| is_shown.set(true) on:keydown=handle_key
        >
            <span class="secret">{content}</span>
        </span>
    }
}
