//! Components and helpers that several views use.

mod avatar;
mod basic_server;
mod connection_bar;
mod crash;
mod document;
pub mod event;
mod focus;
pub mod icon;
mod letter_case;
mod live_region;
mod media_query;
mod menu;
mod part_loader;
mod room_name;
mod translation;

pub use avatar::Avatar;
pub use basic_server::{BasicLimits, BasicServer};
pub use connection_bar::{ConnectionBar, is_first_attempt};
pub use crash::show_crash;
pub use document::{next_paint, px, reload_page, sync_document};
pub use focus::{focus_in_place, focus_next_frame, focus_selected_next_frame};
pub use icon::{Icon, Mark};
pub use letter_case::nick_key;
pub use live_region::announced;
pub use media_query::media_query;
pub use menu::{Menu, MenuItem, OpenMenu};
pub use part_loader::{Loading, MissingPart, MountPart, Mounted, PartLoader, PartSlot};
pub use room_name::room_name;
pub use translation::{Sentence, tr, use_texts};
