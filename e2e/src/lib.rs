//! The harness of the browser tests: the real bundle, the real server, a real browser.
//!
//! A test in `tests/` is `stage("its name", async |stage| { ... })`. On the stage it starts servers ([`Server`],
//! [`BasicServer`], [`Files`]), opens windows ([`Stage::open`]), which share nothing with each other, and waits
//! for what it expects to see ([`Page::until`], [`eventually`]). The peers of the basic dialect speak it by hand
//! ([`wire`], [`socket`]): they share no code with what they test.
//!
//! `cargo xtask test` builds what the tests need and tells them where it is (see [`Environment`]).

// A harness and its tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod basic;
mod chance;
mod chromedriver;
mod desktop;
mod environment;
mod eventually;
mod files;
mod history;
mod page;
mod plug;
mod proxy;
mod server;
pub mod socket;
mod stage;
mod view;
pub mod wire;

pub use basic::{BasicServer, Heard};
pub use chance::{Chance, Deck};
pub use desktop::Desktop;
pub use environment::Environment;
pub use eventually::{eventually, eventually_within};
pub use files::Files;
pub use history::{Logged, history};
pub use page::{Entry, Page, keys};
pub use proxy::Proxy;
pub use server::Server;
pub use stage::{Stage, Window, stage, stage_within};
pub use view::{Glance, Row, Said, View};
