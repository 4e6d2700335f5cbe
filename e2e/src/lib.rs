//! The harness of the browser tests: the real bundle, the real server, real browsers.
//!
//! A test in `tests/` is `stage("its name", async |stage| { ... })`. On the stage it starts servers ([`Server`],
//! [`BasicServer`], [`Files`]), opens windows ([`Stage::open`]), which share nothing with each other, and waits
//! for what it expects to see ([`Page::until`], [`eventually`]). The peers of the basic dialect speak it by hand
//! ([`wire`], [`socket`]): they share no code with what they test.
//!
//! That is in Chromium. [`stage_in_each`] runs a test in every [`Browser`], [`stage_in`] in one, and
//! [`Stage::open_in`] brings windows of two browsers together.
//!
//! `cargo xtask test` builds what the tests need and tells them where it is (see [`Environment`]).

// A harness and its tests fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod basic;
mod browser;
mod chance;
mod chromedriver;
mod desktop;
mod driver;
mod environment;
mod eventually;
mod files;
mod geckodriver;
mod history;
mod page;
mod past;
mod plug;
mod proxy;
mod read;
mod server;
pub mod socket;
mod stage;
mod view;
pub mod wire;

pub use basic::{BasicServer, Heard};
pub use browser::Browser;
pub use chance::{Chance, Deck};
pub use desktop::Desktop;
pub use environment::{Environment, Programs};
pub use eventually::{eventually, eventually_within};
pub use files::Files;
pub use history::{Logged, history};
pub use page::{Entry, Page, keys};
pub use proxy::Proxy;
pub use server::Server;
pub use stage::{Stage, Window, stage, stage_in, stage_in_each, stage_within};
pub use view::{Glance, Row, Said, View};
