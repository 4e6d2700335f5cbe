//! The guarantees of the event log, on real files.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod append;
mod backup;
mod crash;
mod failures;
mod pages;
mod retention;
mod search;
mod sessions;
mod threads;
mod world;
