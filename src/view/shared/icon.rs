//! Line icons on a grid of 24 units, and the logo.

use leptos::prelude::*;

pub const PEOPLE: &str = "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20v-1.5A4.5 4.5 0 0 1 7 14h4a4.5 4.5 0 0 1 4.5 4.500V20\
     M16 4.300a3.5 3.5 0 0 1 0 6.400M18 14.300a4.5 4.5 0 0 1 3.5 4.200V20";
pub const SEARCH: &str = "M10.500 17.500a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM15.500 15.500 21 21";
pub const LEAVE: &str = "M14 4H7a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h7M10.5 12H21M17.5 8.5 21 12l-3.5 3.5";
pub const CLOSE: &str = "M6 6l12 12M18 6 6 18";
pub const SEND: &str = "M12 19V5M5.5 11.5 12 5l6.5 6.5";
pub const DOWN: &str = "M12 5v14M5.5 12.5 12 19l6.5-6.5";
pub const CLOCK: &str = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7.500V12l3 2";
pub const ALERT: &str = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7.500v5.500M12 16.400v.1";
pub const CHECK: &str = "M5 12.500l4.500 4.500L19 7.500";
pub const LANGUAGE: &str =
    "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM3.5 12h17M12 3c5 5.5 5 12.5 0 18M12 3c-5 5.5-5 12.5 0 18";
pub const THEME: &str =
    "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 3v18M12 7.500h6.500M12 12h8.500M12 16.500h6.5";

/// An icon. It is hidden from assistive technology: the control that contains it has the label.
#[component]
pub fn Icon(
    /// The path to draw, one of this module's constants.
    path: &'static str,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
            <path d=path></path>
        </svg>
    }
}

/// The logo: a door with the outline of a speech bubble.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 64 64" aria-hidden="true">
            <rect class="mark-ground" width="64" height="64" rx="15"></rect>
            <path class="mark-door" d="M18 28a14 14 0 0 1 28 0v17H27l-9 8z"></path>
            <circle class="mark-knob" cx="39" cy="33.5" r="3.2"></circle>
        </svg>
    }
}
