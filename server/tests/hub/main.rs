//! The hub's rules, without sockets, on a virtual clock.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[path = "../common/mod.rs"]
mod common;

mod accounts;
mod append;
mod departures;
mod history;
mod login;
mod messages;
mod names;
mod rate_limits;
mod reservations;
mod rooms;
mod tables;
mod versions;

use common::world::World;
use parlour_server::hub::Settings;

fn world() -> World {
    World::new(Settings::default())
}
