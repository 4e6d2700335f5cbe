//! The views: components that read the store's signals and call its actions.
//!
//! Absent here: the rules of the chat, sockets, storage, and any way for text of users to become HTML.

mod composer;
mod dialogs;
mod emoji;
mod login;
mod markup;
mod members;
mod message_part;
mod pieces;
mod rename;
mod room;
mod screens;
mod search;
mod settings;
mod shared;
mod sidebar;
mod switcher;
mod timeline;

pub use login::LoginPage;
pub use room::{Room, prepare_room};
pub use shared::{next_paint, show_crash, sync_document};
