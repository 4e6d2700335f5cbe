//! Nothing is lost or duplicated: real clients against the real hub and the real SQLite log, on one virtual clock, with all
//! kinds of faults; see [`rooms`].
//!
//! A seed determines a run, and a failure prints it: `PARLOUR_SIM_SEED=n cargo test -p parlour-server --test sim` repeats
//! it. `cargo xtask soak` runs as many as time allows.
//!
//! | module | contents |
//! | --- | --- |
//! | `rooms` | accounts with their devices and tabs, and the invariants |
//! | `machine` | the hub, the log, and its disk |
//! | `network`, `storage` | a connection; the rows of a device |
//! | `rng`, `tally` | random numbers; what happened |
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

mod machine;
mod network;
mod rng;
mod rooms;
mod storage;
mod tally;

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tally::Tally;

/// Runs seeds on all cores until the count or the time is reached. `filter` selects the test for repeating a seed.
fn run_many(
    filter: &str,
    first: u64,
    count: u64,
    time: Option<Duration>,
    run: impl Fn(u64) -> Tally + Sync,
) -> (u64, Tally) {
    let (next, ran) = (AtomicU64::new(first), AtomicU64::new(0));
    let failed = AtomicBool::new(false);
    let tally = Mutex::new(Tally::default());
    let begun = Instant::now();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    while !failed.load(Relaxed) && time.is_none_or(|time| begun.elapsed() < time) {
                        let seed = next.fetch_add(1, Relaxed);
                        if seed - first >= count {
                            return;
                        }
                        match catch_unwind(AssertUnwindSafe(|| run(seed))) {
                            Ok(of_this) => tally.lock().unwrap().add(&of_this),
                            Err(why) => {
                                failed.store(true, Relaxed);
                                eprintln!(
                                    "seed {seed} failed in run {}; repeat it with: PARLOUR_SIM_SEED={seed} cargo test \
                                     -p parlour-server --test sim {filter}",
                                    ran.load(Relaxed) + 1
                                );
                                resume_unwind(why);
                            }
                        }
                        ran.fetch_add(1, Relaxed);
                    }
                })
            })
            .collect();
        for worker in workers {
            if let Err(why) = worker.join() {
                resume_unwind(why);
            }
        }
    });
    (ran.into_inner(), tally.into_inner().unwrap())
}

/// The value of an environment variable.
fn env<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}
