//! What is seen: one part a file, put together with [`dom`]. A view reads the store's signals and calls its actions.
//!
//! Absent here: rules, sockets, storage, and any way for what somebody wrote to become HTML.

mod announcer;
mod avatar;
mod composer;
mod connection;
mod crash;
pub mod dom;

mod drawer;
mod icon;
mod keys;
mod line;
mod login;
mod marks;
mod message;
mod missing;
mod pace;
mod page;
mod results;
mod room;
mod roster;
mod row;
mod scroll;
mod search;
mod settings;
mod timeline;
mod window;
mod words;

pub use crash::show_crash;

pub use login::Login;
pub use page::{drawn, follow_page};
pub use room::{Room, prepare};
