//! The two pages, and which of them is shown.

use leptos::prelude::*;

use crate::{
    ctrl::use_store,
    view::{self, Login, Room, dom::El},
};

/// The whole page, inside of `root`: the login, or the room once somebody has logged in.
#[component]
pub fn App(root: El) -> impl IntoView {
    view::follow_page();
    let store = use_store();
    root.switch(move || Some(store.at_login()), |at_login| if at_login { Login() } else { Room() });
}
