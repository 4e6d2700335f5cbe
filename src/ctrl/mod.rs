//! The store: the state of the page as signals, the user's actions, and [`apply`], which writes the service's events to
//! the signals.
//!
//! Absent here: sockets, storage, translations, DOM. Views read signals and call actions.

mod actions;
mod apply;
mod command;
mod device_link;
mod diagnostics;
mod dialog;
mod directory;
mod edits;
mod login;
mod members;
mod paging;
mod reactions;
mod room_commands;
mod rooms;
mod route;
mod search;
mod store;
mod timelines;
mod until_logout;
mod values;

pub use actions::prepended;
pub use dialog::{DialogKind, Outcome};
pub use directory::{Contact, Page, PublicRoom};
pub use edits::{MessageEditor, Revision};
pub use login::{LoadRoom, missing_part_status};
pub use members::member_order;
pub use reactions::Reactors;
pub use rooms::RoomSummary;
pub use route::Route;
pub use search::{Search, SearchState};
pub use store::{Store, use_store};
pub use values::{Announcement, ComposerNote, LoginError, SeekResult, Theme};
