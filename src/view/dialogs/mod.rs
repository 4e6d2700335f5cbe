//! Dialogs about rooms, people and the account. They are two parts of the client that are loaded after the room.
//!
//! | module | contents |
//! | --- | --- |
//! | this one | the open dialog, and where the focus returns |
//! | `part` | loading the parts |
//! | `frame` | the frame that all dialogs have: title, close button, keyboard |
//! | `form` | fields, buttons and the request of a form |
//! | `people_picker` | choosing people |
//! | `invitation` | the answer to an invitation, in place of the room |
//! | `outcome` | the note about what was done |
//! | others | one dialog each |

mod browse_rooms;
mod change_nick;
mod create_room;
mod direct_message;
mod form;
mod frame;
mod invitation;
mod invite_people;
mod leave_room;
mod link_device;
mod log_out;
mod message_history;
mod outcome;
mod part;
mod people_picker;
mod room_settings;
mod unused_link;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

pub use self::part::load_invitation;
use self::{
    outcome::OutcomeNote,
    part::{DialogParts, preload_dialogs},
};
use crate::ctrl::use_store;

/// The open dialog, and the note about what was done last. When the last dialog is closed, the focus returns to the element that
/// had it before the first one was opened. Follows the store's dialog.
#[component]
pub fn DialogHost() -> impl IntoView {
    let dialog = use_store().dialog;
    let opener = StoredValue::new_local(None::<HtmlElement>);
    // Runs before the dialog is mounted, which takes the focus.
    Effect::new(move |was_open: Option<bool>| {
        let is_open = dialog.with(Option::is_some);
        match (was_open.unwrap_or(false), is_open) {
            (false, true) => opener.set_value(focused_element()),
            (true, false) => return_focus(opener.try_update_value(Option::take).flatten()),
            _ => {}
        }
        is_open
    });
    preload_dialogs();
    view! {
        <DialogParts/>
        <OutcomeNote/>
    }
}

/// Gives the focus back after a dialog was removed; to the composer if the element is gone.
fn return_focus(opener: Option<HtmlElement>) {
    request_animation_frame(move || {
        if focused_element().is_some() {
            return;
        }
        // Fails only for an element that cannot be focused.
        let _ = opener.filter(|opener| opener.is_connected()).map(|opener| opener.focus());
        if focused_element().is_none()
            && let Some(composer) = document().get_element_by_id("composer-text")
        {
            let _ = composer.unchecked_into::<HtmlElement>().focus();
        }
    });
}

/// The element with the focus; `None` if no element has it.
fn focused_element() -> Option<HtmlElement> {
    let focused = document().active_element()?.dyn_into::<HtmlElement>().ok()?;
    (focused.tag_name() != "BODY").then_some(focused)
}
