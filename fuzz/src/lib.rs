//! Fuzz targets for all untrusted input, and the properties that must hold for any bytes.
//!
//! Each target is a function of bytes that panics if a property is violated. The binaries in `fuzz_targets/` run it
//! under libFuzzer; `tests/replay.rs` runs it over `corpus/` as part of the ordinary tests, on stable Rust.
//!
//! | target | the bytes are | property |
//! | --- | --- | --- |
//! | [`frame`] | a WebSocket message | it is refused, or unchanged after encoding and decoding |
//! | [`client`] | steps of a client | no message is lost, each command is answered once, no timer stalls |
//! | [`hub`] | steps of a server's hub | members receive every message in order; nobody else receives any |
//! | [`stored`] | a device's storage, messages between tabs, and drafts | a persisted login can resume; no gap is taken for loaded |
//! | [`config`] | a settings file and flags | it is refused with a message, or consistent |
//! | [`http`] | the headers of a request | no client chooses its address; no page of another server connects |
//! | [`query`] | a query and messages | the index finds the same as a comparison with each message |
//! | [`log`] | proposals to an event log | accounts, rooms and members are what follows from the events |
//! | [`markup`] | a message | its tree is bounded, and its links lead to allowed URLs |
//!
//! To add a target: a file here with one public function, a line in [`TARGETS`], three lines in `fuzz_targets/` and a
//! `[[bin]]` in `Cargo.toml`.

mod client;
mod config;
pub mod corpus;
mod frame;
mod http;
mod hub;
mod input;
mod log;
mod markup;
mod query;
mod stored;

pub use self::{
    client::client, config::config, frame::frame, http::http, hub::hub, log::log, markup::markup,
    query::query, stored::stored,
};

/// A fuzz target.
pub type Target = fn(&[u8]);

/// All targets by name, which is also the name of the binary and of the archive in `corpus/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("frame", frame),
    ("client", client),
    ("hub", hub),
    ("config", config),
    ("stored", stored),
    ("http", http),
    ("query", query),
    ("log", log),
    ("markup", markup),
];
