//! Nothing is lost or duplicated: real sessions against the real hub and the real SQLite log, on one virtual
//! clock, with all kinds of faults.
//!
//! Faults:
//!
//! - connections break, and both ends, one or neither of them notice;
//! - data of a dropped connection arrives later than that of the next one, partially, or not at all;
//! - tabs stall, or are killed and opened again with their storage; some devices have no storage;
//! - clocks jump;
//! - the disk is slow, fails, is full, or reports an error for data that it has written;
//! - the server is killed before, during and after an append, or at any other moment.
//!
//! Then all faults stop for a while, and nothing may be missing. A seed determines a run, and a failure
//! prints it: `PARLOUR_SIM_SEED=n cargo test -p parlour-server --test sim` repeats it. `cargo xtask soak`
//! runs as many as time allows.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

mod check;
mod device;
mod machine;
mod network;
mod rng;
mod truth;
mod world;

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parlour_core::model::SeekTarget;
use world::{Tally, World};

/// How many seeds a test runs by default.
const SEEDS: u64 = 1_000;

/// A random event.
fn step(world: &mut World) {
    let at = world.rng.index(world.devices.len());
    match world.rng.below(100) {
        0..40 => world.send_message(at),
        40..45 => {
            (0..world.rng.below(25)).for_each(|_| world.send_message(at));
        }
        // Nothing, so that the system can settle.
        45..70 => {}
        _ if !world.faults => {}
        // The connection breaks, and the tab notices.
        70..75 if world.devices[at].link.is_some() => {
            world.tally.count("broken connections");
            world.drop_link(at, true);
            world.with_session(at, |session, now| session.handle_closed(now, 1006));
        }
        75..78 => {
            if let Some(link) = &mut world.devices[at].link {
                link.dead = true;
                world.tally.count("dead connections");
            }
        }
        78..81 => {
            let stall = world.rng.below(14_000);
            let until = world.now + stall;
            if let Some(link) = &mut world.devices[at].link {
                link.stalled_until = until;
                world.tally.count("stalls");
            }
        }
        81..86 if world.devices[at].session.is_some() && world.devices[at].has_storage => {
            world.tally.count("tabs killed");
            if world.rng.once_in(3) {
                world.with_session(at, |session, _| session.handle_hidden());
            }
            world.devices[at].close_tab();
            world.drop_link(at, true);
            world.devices[at].open_at = Some(world.now + world.rng.below(9_000));
        }
        86 => world.kill_server(false),
        87 => {
            let jump = i64::try_from(world.rng.below(7_200_000)).unwrap() - 3_600_000;
            world.tally.count("clock jumps");
            match world.rng.once_in(3) {
                true => world.skew = jump,
                false => world.devices[at].skew = jump,
            }
        }
        88..90 => {
            let visible = world.rng.once_in(2);
            world.with_session(at, |session, now| session.handle_visibility(now, visible));
        }
        90 if world.devices[at].is_online() => {
            world.tally.count("exits");
            world.with_session(at, |session, now| session.handle_leave(now));
            world.devices[at].open_at = Some(world.now + world.rng.below(9_000));
        }
        91 => {
            world.with_session(at, |session, now| session.handle_offline(now));
        }
        92..94 => {
            let gap = world.devices[at].gaps.last().map(|state| state.gap.to);
            if let Some(to) = gap {
                world.with_session(at, |session, now| session.handle_load_gap(now, to));
            }
        }
        94..97 => {
            let (by_time, n) = (world.rng.once_in(3), world.rng.below(100_000));
            world.tally.count("seeks");
            world.with_session(at, |session, now| {
                let ago = i64::try_from(n).unwrap();
                session.handle_seek(
                    now,
                    if by_time { SeekTarget::Time(now.unix - ago) } else { SeekTarget::Seq(n % 500) },
                );
            });
        }
        _ => {}
    }
}

/// Runs one seed and returns what happened.
fn run(seed: u64, faults: bool) -> Tally {
    let devices = 3 + usize::try_from(seed % 3).unwrap();
    let mut world = World::new(seed, devices, faults);
    // A client does not retry its first login, so faults begin after it.
    world.faults = false;
    (0..devices).for_each(|at| world.open_tab(at));
    world.advance(2_000);
    check::check_all_online(&world);
    world.faults = faults;
    for _ in 0..250 {
        step(&mut world);
        let most = if world.rng.once_in(10) { 3_000 } else { 250 };
        let pause = world.rng.below(most);
        world.advance(pause);
    }
    world.faults = false;
    check::settle(&mut world);
    check::check_invariants(&mut world);
    world.tally
}

/// Runs seeds on all cores until the count or the time is reached.
fn run_many(first: u64, count: u64, time: Option<Duration>, faults: bool) -> (u64, Tally) {
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
                        match catch_unwind(AssertUnwindSafe(|| run(seed, faults))) {
                            Ok(of_this) => tally.lock().unwrap().add(&of_this),
                            Err(why) => {
                                failed.store(true, Relaxed);
                                eprintln!(
                                    "seed {seed} failed in run {}; repeat it with: PARLOUR_SIM_SEED={seed} cargo test \
                                     -p parlour-server --test sim",
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
    let (ran, tally) = run_many(0, 20, None, false);
    assert!(
        ran == 20 && tally.0["messages"] > 1_000 && !tally.0.contains_key("broken connections"),
        "{tally:?}"
    );
}

#[test]
fn with_faults_nothing_is_lost_or_duplicated() {
    if let Some(seed) = env("PARLOUR_SIM_SEED") {
        println!("seed {seed}: {:?}", run(seed, true).0);
        return;
    }
    let time = env("PARLOUR_SIM_SECONDS").map(Duration::from_secs);
    let first = env("PARLOUR_SIM_FIRST").unwrap_or(1_000);
    let count = env("PARLOUR_SIM_SEEDS").unwrap_or(if time.is_some() { u64::MAX } else { SEEDS });
    let (ran, tally) = run_many(first, count, time, true);
    println!("{ran} runs, seeds from {first} on");
    for (what, n) in &tally.0 {
        println!("{n:>10}  {what}");
    }
    println!("{:>10}  acknowledged messages lost", 0);
    println!("{:>10}  messages duplicated", 0);
    // A fault that never occurred proves nothing.
    if ran >= 200 {
        for what in [
            "kills",
            "kills during an append",
            "failed appends",
            "broken connections",
            "dead connections",
            "stalls",
            "skips",
            "tabs killed",
            "clock jumps",
            "exits",
            "late packets",
            "queries",
            "starts with a full disk",
        ] {
            assert!(tally.0.get(what).is_some_and(|n| *n > 0), "{what}: never");
        }
    }
}
