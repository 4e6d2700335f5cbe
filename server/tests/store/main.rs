//! The guarantees of the event log, on real files.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

mod append;
mod backup;
mod crash;
mod failures;
mod pages;
mod projector;
mod property;
mod retention;
mod search;
mod sessions;
mod threads;
mod world;
