//! Nothing is lost or duplicated: the real program is killed at random moments, with fifty real clients that
//! send all the time.
//!
//! The server is stopped by SIGKILL, by SIGTERM, and by a full disk. The invariants are like those of
//! the simulation, here with other clocks, real sockets and a real disk. Runs cannot be
//! reproduced, so there are fewer kinds of faults, but more real ones.
//!
//! `PARLOUR_KILL_ROUNDS` is how often the server is stopped (default 5); `cargo xtask soak kill` uses more.
//! The figures are printed with `-- --nocapture`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod device;
mod full;
mod ledger;
mod program;
#[path = "../sim/rng.rs"]
mod rng;
mod rounds;
mod tab;
mod table;
mod truth;
mod view;

use std::time::{Duration, Instant};

/// The time that anything may take on a busy machine before the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until a condition holds.
#[track_caller]
fn wait_until(what: &str, holds: impl FnMut() -> bool) {
    assert!(holds_in_time(holds), "timed out waiting until {what}");
}

/// Returns `true` if a condition holds in time.
fn holds_in_time(mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}
