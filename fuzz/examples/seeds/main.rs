//! Writes the seeds into the archives in `corpus/`, replacing their earlier seeds:
//! `cargo run -p parlour-fuzz --example seeds`.
//!
//! They are frames of every kind, typical settings, headers and queries, data of devices and messages between tabs, and,
//! for the targets that play steps, short scenarios encoded as the bytes that the steps read.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A developer tool: a panic is an acceptable error report.

mod client;
mod config;
mod frame;
mod http;
mod hub;
mod log;
mod markup;
mod query;
mod stored;

use parlour_fuzz::corpus;

fn main() {
    for (target, seeds) in [
        ("frame", frame::seeds()),
        ("client", client::seeds()),
        ("hub", hub::seeds()),
        ("config", config::seeds()),
        ("stored", stored::seeds()),
        ("http", http::seeds()),
        ("query", query::seeds()),
        ("log", log::seeds()),
        ("markup", markup::seeds()),
    ] {
        println!("{target}: {} seeds", seeds.len());
        let archive = corpus::path(target);
        let mut inputs = corpus::read(&archive).unwrap_or_default();
        inputs.retain(|(name, _)| !name.starts_with("seed-"));
        let named = seeds.into_iter().enumerate().map(|(n, seed)| (format!("seed-{n:02}"), seed));
        inputs.extend(named);
        corpus::write(&archive, inputs).unwrap();
    }
}
