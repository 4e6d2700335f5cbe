//! Mounting a view while a condition holds.

use leptos::{html, prelude::*};
use web_sys::HtmlElement;

use super::{MountPart, Mounted};

/// Mounts a view into an element of its own while `when` is true. `<Show>` would compile an update of every element of the view,
/// which makes it almost twice as large.
#[component]
pub fn MountWhile(when: Signal<bool>, mount: MountPart) -> impl IntoView {
    let slot = NodeRef::<html::Div>::new();
    let mounted = StoredValue::new_local(None::<Mounted>);
    // The view gets the contexts of the component around it.
    let owner = Owner::current();
    let is_shown = Memo::new(move |_| when.get());
    Effect::new(move || {
        let (slot, is_shown) = (slot.get(), is_shown.get());
        mounted.set_value(None);
        if let (true, Some(slot), Some(owner)) = (is_shown, slot, &owner) {
            let slot: HtmlElement = slot.into();
            mounted.set_value(Some(owner.with(|| untrack(|| mount(slot)))));
        }
    });
    view! { <div class="contents" node_ref=slot></div> }
}
