//! Line icons on a grid of 24 units, and the logo.

use leptos::prelude::*;

pub const PEOPLE: &str = "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20v-1.5A4.5 4.5 0 0 1 7 14h4a4.5 4.5 0 0 1 4.5 4.500V20\
     M16 4.300a3.5 3.5 0 0 1 0 6.400M18 14.300a4.5 4.5 0 0 1 3.5 4.200V20";
pub const SEARCH: &str = "M10.500 17.500a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM15.500 15.500 21 21";
pub const LEAVE: &str = "M14 4H7a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h7M10.5 12H21M17.5 8.5 21 12l-3.5 3.5";
pub const CLOSE: &str = "M6 6l12 12M18 6 6 18";
pub const SEND: &str = UP;
pub const DOWN: &str = "M12 5v14M5.5 12.5 12 19l6.5-6.5";
pub const UP: &str = "M12 19V5M5.5 11.5 12 5l6.5 6.5";
pub const CLOCK: &str = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7.500V12l3 2";
pub const ALERT: &str = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7.500v5.500M12 16.400v.1";
pub const CHECK: &str = "M5 12.500l4.500 4.500L19 7.500";
pub const LANGUAGE: &str =
    "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM3.5 12h17M12 3c5 5.5 5 12.5 0 18M12 3c-5 5.5-5 12.5 0 18";
pub const THEME: &str =
    "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 3v18M12 7.500h6.500M12 12h8.500M12 16.500h6.5";
pub const BACK: &str = "M20 12H4M10.500 5.500 4 12l6.500 6.500";
pub const PLUS: &str = "M12 5v14M5 12h14";
pub const OPEN: &str = "M9.500 6l6 6-6 6";
pub const MORE: &str = "M12 6a1 1 0 1 0 0-2 1 1 0 0 0 0 2ZM12 13a1 1 0 1 0 0-2 1 1 0 0 0 0 2ZM12 20a1 1 0 1 0 0-2 1 1 0 0 0 0 2Z";
pub const LOBBY: &str = "M5 21V10l7-6 7 6v11M3 21h18M10 21v-6h4v6";
pub const PUBLIC: &str = "M9.500 4 7.500 20M16.500 4l-2 16M4.500 9h16M3.500 15h16";
pub const PRIVATE: &str = "M6 11h12v9H6ZM8.500 11V7.500a3.500 3.500 0 0 1 7 0V11";
pub const ARCHIVED: &str = "M3.500 4.500h17v4.500h-17ZM5 9v10.500h14V9M10 13h4";
pub const MUTED: &str =
    "M4 4l16 16M8 6.500A5 5 0 0 1 17 9v3.500M18.500 16.500H5.500S7 14.500 7 9.500M10.500 19.500h3";
pub const MUTE_END: &str =
    "M18.500 16.500h-13S7 14.500 7 9a5 5 0 0 1 10 0c0 5.500 1.500 7.500 1.500 7.500ZM10.500 19.500h3";
pub const DELETE: &str = "M4 7h16M9.500 7V4.500h5V7M6.500 7l1 13h9l1-13M10 11v5.500M14 11v5.500";
pub const HISTORY: &str = "M4.500 12a7.500 7.500 0 1 0 2.500-5.600L4 9M4 4.500V9h4.500M12 8v4.500l3 2";
pub const READ: &str = "M2.500 12.500 7 17l9-10M11.500 16.500l.5.500 9-10";
pub const UNREAD: &str = "M20.500 9.500V19h-17V6h11M4 6.500l8 6 3.500-2.500M19.500 6.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3Z";
pub const SETTINGS: &str = "M4 7h9M17 7h3M15 9.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5ZM4 17h3M11 17h9M9 19.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z";
pub const INVITE: &str = "M10 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7ZM3.500 20v-1.500A4.500 4.500 0 0 1 8 14h4a4.500 4.500 0 0 1 4.500 4.500V20M19 7v6M16 10h6";
pub const DEVICE: &str = "M7.500 3h9v18h-9ZM11 18h2";
pub const NAME: &str = "M4 20h4.500L20 8.500 15.500 4 4 15.500ZM13 6.500l4.500 4.500";
pub const LINK: &str = "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.500-5.500l-1.500 1.500M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.500 5.500l1.500-1.500";
pub const EMOJI: &str =
    "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM8 14a4.500 4.500 0 0 0 8 0M9 9.500v.1M15 9.500v.1";
pub const CONVERSATION: &str = "M4 5h16v11h-8l-4.500 4v-4H4Z";

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
