//! Harness for the browser tests, which run the real bundle and the real server in real browsers.
//!
//! A test in `tests/` is `browser_test("its name", async |test| { ... })`. Through the [`TestContext`] it starts servers
//! ([`Server`], [`BasicServer`], [`StaticHost`]), opens browser windows with separate profiles ([`TestContext::open`]),
//! and waits for the expected state ([`Page::until`], [`eventually`]). Peers of the basic dialect are implemented here
//! ([`wire`], [`socket`]) and share no code with the system under test.
//!
//! Tests run in Chromium by default. [`browser_test_in_each`] runs a test in every [`Browser`], [`browser_test_in`] in
//! one, and [`TestContext::open_in`] lets one test use two browsers. [`scroll_test`] runs a test a second time, with another
//! room being visited between its steps.
//!
//! `cargo xtask test` builds what the tests need and passes the paths in environment variables (see [`Environment`]).

// A test harness fails by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod basic;
mod browser;
mod chromedriver;
mod context;
mod desktop_peer;
mod driver;
mod environment;
mod eventually;
mod geckodriver;
mod history;
mod middlebox;
mod network_switch;
mod page;
mod proxy;
mod reverse_proxy;
mod rich_peer;
mod rng;
mod room_visits;
mod seed_history;
mod seed_rooms;
mod server;
pub mod socket;
mod static_host;
mod timeline;
mod view;
pub mod wire;

pub use basic::{BasicServer, PeerInput};
pub use browser::Browser;
pub use context::{
    TestContext, WindowOptions, browser_test, browser_test_in, browser_test_in_each, browser_test_within,
};
pub use desktop_peer::DesktopPeer;
pub use environment::{Environment, Programs};
pub use eventually::{eventually, eventually_within};
pub use history::{StoredMessage, read_history};
pub use middlebox::Middlebox;
pub use page::{Entry, Page, StoppedRenderer, Work, keys};
pub use proxy::Proxy;
pub use reverse_proxy::{Certificate, Example, ReverseProxy};
pub use rich_peer::RichPeer;
pub use rng::{Deck, Rng};
pub use room_visits::{RoomVisits, scroll_test, scroll_test_in_each};
pub use seed_rooms::SeedRoom;
pub use server::Server;
pub use static_host::StaticHost;
pub use view::{MessagesView, Row, ShownMessage, View};
