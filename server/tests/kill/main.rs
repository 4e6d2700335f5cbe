//! Nothing is lost, nothing is doubled: the real program, killed at random moments, under fifty real sessions that talk
//! all the time.
//!
//! The server ends as it does in life: by SIGKILL, asked by SIGTERM, and on a disk that is full. What must hold after
//! is what the simulation asks for (`../sim/truth.rs`): the same of other clocks, real sockets and a real disk. Here
//! nothing can be played again, so there are fewer kinds of trouble, and more of the real ones.
//!
//! `PARLOUR_KILL_ROUNDS` is how often the server ends (5 without it); `cargo xtask soak kill` takes more. The numbers
//! are printed with `-- --nocapture`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

#[path = "../common/mod.rs"]
mod common;
mod crowd;
#[path = "../sim/device.rs"]
#[allow(dead_code)]
mod device;
mod full;
#[path = "../sim/network.rs"]
#[allow(dead_code)]
mod network;
mod page;
mod program;
#[path = "../sim/rng.rs"]
mod rng;
mod rounds;
mod table;
#[path = "../sim/truth.rs"]
mod truth;

use std::time::{Duration, Instant};

/// How long anything may take on a busy machine before the test has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until a condition holds.
#[track_caller]
fn wait_until(what: &str, holds: impl FnMut() -> bool) {
    assert!(holds_in_time(holds), "{what}: still not so");
}

/// Whether a condition holds before patience ends.
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
