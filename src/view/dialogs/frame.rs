//! The frame that all dialogs have.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;

use crate::{
    ctrl::use_store,
    i18n::Key,
    view::shared::{Icon, icon, tr},
};

/// A modal dialog with a title and a close button. The browser keeps the focus inside, and closes it with Escape; a press
/// beside it closes it too. Covers the page in a narrow viewport; a compact dialog only its lower end.
#[component]
pub fn Dialog<C>(
    /// The id of the element.
    id: &'static str,
    /// The title.
    #[prop(into)]
    title: Signal<String>,
    /// The content is short.
    #[prop(optional)]
    compact: bool,
    /// The content. Not `Children`, for which Leptos compiles an update of every element.
    children: TypedChildren<C>,
) -> impl IntoView
where
    C: IntoView + 'static,
{
    let store = use_store();
    let element = NodeRef::<html::Dialog>::new();
    // An input method uses Escape to discard what it composes.
    let composing = StoredValue::new(false);
    let pressed_beside = StoredValue::new(false);
    Effect::new(move || {
        if let Some(dialog) = element.get() {
            // Fails only for an element that is not in the document.
            let _ = dialog.show_modal();
        }
    });
    let is_beside = move |event: &ev::Event| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        target.is_some_and(|target| target.tag_name() == "DIALOG")
    };
    let cancel = move |event: ev::Event| {
        if composing.get_value() {
            event.prevent_default();
        }
    };
    let title_id = format!("{id}-title");
    view! {
        <dialog
            id=id class="dialog" class:compact=compact node_ref=element aria-labelledby=title_id.clone() on:cancel=cancel
            on:close=move |_| store.close_dialog()
            on:compositionstart=move |_| composing.set_value(true)
            on:compositionend=move |_| composing.set_value(false)
            on:pointerdown=move |event| pressed_beside.set_value(is_beside(&event))
            // Not the release alone: a selection may end beside the dialog.
            on:click=move |event| {
                if pressed_beside.get_value() && is_beside(&event) {
                    store.close_dialog();
                }
            }
        >
            <div class="dialog-card">
                <div class="dialog-head">
                    <h2 id=title_id.clone() dir="auto">{move || title.get()}</h2>
                    <button
                        type="button" class="button quiet dialog-close" aria-label=tr(Key::CommonClose)
                        on:click=move |_| store.close_dialog()
                    >
                        <Icon path=icon::CLOSE/>
                    </button>
                </div>
                {children.into_inner()()}
            </div>
        </dialog>
    }
}
