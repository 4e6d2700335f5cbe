//! Dialogs about rooms, people and the account. They are a part of the client that is loaded after the room.
//!
//! | module | contents |
//! | --- | --- |
//! | this one | opening and closing, and the focus |
//! | `part` | loading the part |
//! | `frame` | the frame that all dialogs have: title, close button, keyboard |
//! | `form` | fields, buttons and the request of a form |
//! | `people_picker` | choosing people |
//! | `invitation` | the bar that answers an invitation, in place of the composer |
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
mod outcome;
mod part;
mod people_picker;
mod room_settings;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

pub use self::invitation::InvitationBar;
use self::{outcome::OutcomeNote, part::DialogPart};
pub use crate::ctrl::DialogKind;
use crate::ctrl::{Store, use_store};

/// Opens and closes dialogs. At most one is open. A context of the room.
#[derive(Clone, Copy, Debug)]
pub struct Dialogs {
    store: Store,
    /// The element that had the focus before a dialog was opened.
    opener: StoredValue<Option<HtmlElement>, LocalStorage>,
}

impl Dialogs {
    /// Makes the context, and starts to load the dialogs.
    pub fn new() -> Self {
        let dialogs = Self { store: use_store(), opener: StoredValue::new_local(None) };
        let is_open = move || dialogs.store.dialog.with(Option::is_some);
        // Runs before the dialog is mounted, which takes the focus.
        Effect::new(move |was_open: Option<bool>| {
            let is_open = is_open();
            match (was_open.unwrap_or(false), is_open) {
                (false, true) => dialogs.opener.set_value(focused_element()),
                (true, false) => dialogs.return_focus(),
                _ => {}
            }
            is_open
        });
        part::preload_dialogs();
        dialogs
    }

    /// Opens a dialog, in place of the one that is open. When it is closed, the focus returns to the element that has it
    /// now.
    pub fn open(self, kind: DialogKind) {
        self.store.open_dialog(kind);
    }

    /// Closes the dialog.
    pub fn close(self) {
        self.store.close_dialog();
    }

    /// Logs out. Asks first if messages would be lost.
    pub fn log_out(self) {
        if self.store.unsent() == 0 {
            self.store.leave();
        } else {
            self.open(DialogKind::LogOut);
        }
    }

    /// Gives the focus back after the dialog was removed; to the composer if the element is gone.
    fn return_focus(self) {
        let opener = self.opener.try_update_value(Option::take).flatten();
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
}

/// The element with the focus; `None` if no element has it.
fn focused_element() -> Option<HtmlElement> {
    let focused = document().active_element()?.dyn_into::<HtmlElement>().ok()?;
    (focused.tag_name() != "BODY").then_some(focused)
}

/// The open dialog, and the note about what was done last. Follows the store's dialog.
#[component]
pub fn DialogHost() -> impl IntoView {
    let dialog = use_store().dialog;
    view! {
        <Show when=move || dialog.with(Option::is_some)>
            <DialogPart/>
        </Show>
        <OutcomeNote/>
    }
}
