//! The two pages, and which of them is shown.

use leptos::prelude::*;

use crate::view::{self, Login, Room};

/// The whole page: the login, or the room once somebody has logged in.
#[component]
pub fn App() -> impl IntoView {
    view::follow_page();
    let at_login = view::at_login();
    move || if at_login.get() { Login().into_any() } else { Room().into_any() }
}
