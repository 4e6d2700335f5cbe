//! The emoji picker: a popover beside the element that opens it, or a sheet at the lower end of a narrow viewport.
//!
//! | module | contents |
//! | --- | --- |
//! | this one | opening the picker, and why it could not be loaded |
//! | `button` | the button of the composer |
//! | `part` | loads the part of the client with the rest, and the table of emoji |
//! | `picker` | the elements of the picker |
//! | `state` | what the user does with it |
//! | `list` | the elements of the emoji |
//! | `table`, `search` | the emoji with their words, and finding them |
//! | `layout` | the place of the picker, and arrow keys |
//! | `remembered` | the skin tone, and the emoji that were picked last |
//! | `support` | whether the system has an emoji |

mod button;
mod layout;
mod list;
mod part;
mod picker;
mod remembered;
mod search;
mod state;
mod support;
mod table;

use std::rc::Rc;

use leptos::prelude::*;
use web_sys::HtmlElement;

pub use self::button::EmojiButton;
use super::shared::{OpenMenu, PartSlot};

/// The name of the picker among the menus of the page, of which at most one is open.
const MENU: &str = "emoji-picker";

/// A function that takes the picked emoji.
pub type PickEmoji = Rc<dyn Fn(&str)>;

/// What the picker was opened for.
#[derive(Clone)]
struct Request {
    opener: HtmlElement,
    pick: PickEmoji,
}

/// The emoji picker: closed, or open beside an element. A context of the part `message`.
#[derive(Clone, Copy)]
pub struct EmojiPicker {
    menu: OpenMenu,
    request: StoredValue<Option<Request>, LocalStorage>,
}

impl EmojiPicker {
    /// The closed picker.
    pub fn new() -> Self {
        Self { menu: expect_context::<OpenMenu>(), request: StoredValue::new_local(None) }
    }

    /// Opens the picker beside an element. `pick` gets each emoji that is picked; the focus is where it was before the picker was
    /// opened when it is called.
    pub fn open(self, opener: HtmlElement, pick: PickEmoji) {
        self.request.set_value(Some(Request { opener, pick }));
        self.menu.open(MENU);
    }

    /// Closes the picker.
    pub fn close(self) {
        if untrack(|| self.is_open()) {
            self.menu.close();
        }
    }

    /// Returns `true` if it is open. Reactive.
    pub fn is_open(self) -> bool {
        self.menu.is_this_open(MENU)
    }

    fn request(self) -> Option<Request> {
        self.request.try_get_value().flatten()
    }
}

/// The picker while it is open, or why it could not be loaded, with a button to try again or to reload the page.
#[component]
pub fn EmojiHost() -> impl IntoView {
    let picker = expect_context::<EmojiPicker>();
    view! {
        <Show when=move || picker.is_open()>
            <div id="emoji-slot">
                <PartSlot load=part::load/>
            </div>
        </Show>
    }
}
