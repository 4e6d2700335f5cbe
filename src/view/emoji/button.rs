//! The button of the composer that opens the picker.

use std::rc::Rc;

use leptos::{ev::MouseEvent, prelude::*};
use wasm_bindgen::JsCast;

use super::EmojiPicker;
use crate::{
    i18n::Key,
    view::{
        composer::Draft,
        shared::{Icon, icon, tr},
    },
};

/// Opens the picker, and inserts the picked emoji into the text; or closes it.
#[component]
pub fn EmojiButton() -> impl IntoView {
    let (draft, picker) = (expect_context::<Draft>(), expect_context::<EmojiPicker>());
    let toggle = move |event: MouseEvent| {
        if untrack(|| picker.is_open()) {
            picker.close();
        } else if let Some(button) = event.current_target() {
            picker.open(button.unchecked_into(), Rc::new(move |emoji| draft.insert(emoji)));
        }
    };
    view! {
        <button
            type="button" id="composer-emoji" class="button quiet" aria-haspopup="dialog" aria-label=tr(Key::EmojiTitle)
            title=tr(Key::EmojiTitle) on:click=toggle
        >
            <Icon path=icon::EMOJI/>
        </button>
    }
}
