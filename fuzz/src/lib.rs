//! What comes from outside, as bytes, and what must hold whatever they are.
//!
//! Each target is a function of bytes that panics when something does not hold. `fuzz_targets/` hands them to
//! libFuzzer; `tests/replay.rs` runs them over `corpus/`, with the ordinary tests and the ordinary compiler.
//!
//! | target | what the bytes are | what must hold |
//! | --- | --- | --- |
//! | [`frame`] | a WebSocket message | it is refused, or means the same after encoding it again |
//! | [`session`] | what happens to a client, step by step | nothing said is forgotten, no timer stands still |
//! | [`hub`] | what happens to a server's rooms | who is there is told the right things, who is not nothing |
//! | [`stored`] | what a device has kept, and letters between pages | who is kept goes on, and nothing missing is called known |
//! | [`config`] | a settings file, and flags | it is refused in words, or makes sense |
//!
//! A new target is a file here with one public function, a line in [`TARGETS`], three lines in `fuzz_targets/` and a
//! `[[bin]]`.

mod config;
pub mod corpus;
mod frame;
mod hub;
mod input;
mod session;
mod stored;

pub use self::{config::config, frame::frame, hub::hub, session::session, stored::stored};

/// A target.
pub type Target = fn(&[u8]);

/// All targets by name: the name of the binary, and of the archive in `corpus/`.
pub const TARGETS: &[(&str, Target)] =
    &[("frame", frame), ("session", session), ("hub", hub), ("config", config), ("stored", stored)];
