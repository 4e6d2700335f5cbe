//! The guarantees of the event log, on real files.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

mod append;
mod backup;
mod check;
mod crash;
mod failures;
mod migration;
mod pages;
mod people;
mod projector;
mod property;
mod reactions;
mod retention;
mod revisions;
mod roles;
mod rooms;
mod rows;
mod search;
mod sessions;
mod threads;
mod throughput;
mod world;
