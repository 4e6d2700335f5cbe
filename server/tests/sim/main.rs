//! Nothing is lost or duplicated: real sessions against the real hub and the real SQLite log, on one virtual
//! clock, with all kinds of faults.
//!
//! Faults:
//!
//! - connections break, and both ends, one or neither of them notice;
//! - data of a dropped connection arrives later than that of the next one, partially, or not at all;
//! - a middlebox closes connections on some messages;
//! - tabs stall, hang, or are killed and opened again with their storage; several tabs share a session;
//! - storage aborts transactions, hangs, or is absent; locks are refused;
//! - users leave, and log in under another nick or to another server in the same page;
//! - strangers flood the server, and log in under the nicks of others;
//! - clocks jump, by hours or a year, with retention by age;
//! - the disk is slow, fails, is full, or reports an error for data that it has written;
//! - the server is killed before, during and after an append, or at any other moment;
//! - the log is replaced by a backup.
//!
//! Each run has some of them, see `plan`. Then all faults stop for a while, and nothing may be missing. A seed
//! determines a run, and a failure prints it: `PARLOUR_SIM_SEED=n cargo test -p parlour-server --test sim`
//! repeats it. `cargo xtask soak` runs as many as time allows.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

mod check;
mod device;
mod disk;
mod driver;
mod faults;
mod ledger;
mod machine;
mod network;
mod plan;
mod privacy;
mod rng;
mod roles;
mod rooms;
mod server;
mod storage;
mod stranger;
mod tab;
mod truth;
mod user;
mod view;
mod witness;
mod world;

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use plan::Plan;
use rng::Rng;
use world::{At, Tally, World};

/// The number of seeds that a test runs by default.
const SEEDS: u64 = 1_000;

/// Runs one seed and returns what happened.
fn run(seed: u64, faults: bool) -> Tally {
    let devices = 3 + usize::try_from(seed % 3).unwrap();
    let mut world = World::new(seed, devices, faults);
    // A client does not retry its first login, so faults begin after it.
    world.faults = false;
    for device in 0..devices {
        for tab in 0..world.devices[device].tabs.len() {
            world.open_tab(At { device, tab });
        }
    }
    world.advance(3_000);
    check::check_all_online(&world);
    world.faults = faults;
    for _ in 0..250 {
        faults::step(&mut world);
        let most = if world.rng.once_in(10) { 3_000 } else { 250 };
        let pause = world.rng.below(most);
        world.advance(pause);
        check::check_leaders(&world);
    }
    world.faults = false;
    check::settle(&mut world);
    check::check_invariants(&mut world);
    world.tally
}

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

#[test]
fn without_faults_all_clients_agree() {
    let (ran, tally) = run_many("with_faults", 0, 20, None, |seed| run(seed, false));
    assert!(
        ran == 20 && tally.0["messages"] > 1_000 && !tally.0.contains_key("broken connections"),
        "{tally:?}"
    );
}

#[test]
fn with_faults_nothing_is_lost_or_duplicated() {
    if let Some(seed) = env("PARLOUR_SIM_SEED") {
        println!("seed {seed}: {:?}", Plan::hostile(&mut Rng(seed)));
        println!("{:?}", run(seed, true).0);
        return;
    }
    let time = env("PARLOUR_SIM_SECONDS").map(Duration::from_secs);
    let first = env("PARLOUR_SIM_FIRST").unwrap_or(1_000);
    let count = env("PARLOUR_SIM_SEEDS").unwrap_or(if time.is_some() { u64::MAX } else { SEEDS });
    let (ran, tally) = run_many("with_faults", first, count, time, |seed| run(seed, true));
    println!("{ran} runs, seeds from {first} on");
    for (what, n) in &tally.0 {
        println!("{n:>10}  {what}");
    }
    println!("{:>10}  acknowledged messages lost", 0);
    println!("{:>10}  messages duplicated", 0);
    // A fault that never occurred proves nothing.
    if ran >= 200 {
        for what in [
            "aborting storages",
            "broken connections",
            "changes of the account",
            "clock jumps",
            "closed by the middlebox",
            "crowds",
            "dead connections",
            "discarded messages",
            "exits",
            "failed appends",
            "floods",
            "hanging storages",
            "impostors",
            "kills",
            "kills during an append",
            "late packets",
            "leaders that stepped down",
            "queries",
            "restored logs",
            "retried messages",
            "searches",
            "skips",
            "stalls",
            "starts with a full disk",
            "stolen locks",
            "tabs killed",
            "tabs that hang",
        ] {
            assert!(tally.0.get(what).is_some_and(|n| *n > 0), "{what}: never");
        }
    }
}
