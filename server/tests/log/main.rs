//! The log: what it promises, on real files.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod appending;
mod paging;
mod searching;
mod threads;
mod world;
