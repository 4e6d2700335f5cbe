//! The server as it is hosted: its settings from the environment, the addresses it listens on, the limit of open files,
//! reverse proxies, and the host names and origins of the pages that may connect.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

mod addresses;
#[path = "../common/mod.rs"]
mod common;
mod files;
mod open_files;
mod origins;
mod program;
mod proxies;
mod settings;
#[cfg(target_os = "linux")]
mod streams;
