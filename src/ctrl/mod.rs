//! The store: what is known, as signals; what a user can do, as actions; and [`apply`], the sole writer, which
//! turns the service's events into signals.
//!
//! Absent here: sockets, timers, storage, words. A view reads signals and calls actions; nothing else.

mod actions;
mod apply;
mod arrival;
mod command;
mod live;
mod search;
mod store;

pub use arrival::Bring;
pub use live::{Live, RcLive, Read, context};
pub use search::{Search, Searched};
pub use store::{ComposerNote, LoginError, Sought, Store, Theme, use_store};
