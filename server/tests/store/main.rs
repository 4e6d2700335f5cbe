//! The log: what it promises, on real files.

// Tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod appending;
mod backing_up;
mod crashing;
mod failing;
mod keeping;
mod paging;
mod searching;
mod sessions;
mod threads;
mod world;
