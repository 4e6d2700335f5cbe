//! Nothing is lost, nothing is doubled: real sessions against the real hub and the real SQLite log, under one virtual
//! clock, with everything going wrong that can.
//!
//! What goes wrong: connections break for both ends, for one, or for none; what was sent on a given-up connection
//! arrives later than what was sent on the next one, or in part, or not; pages stall, are killed and opened again with
//! what their storage has; some have no storage; clocks jump; the disk is slow, refuses, is full, or says no to what it
//! has written; the server is killed at any moment, also before, in the middle of and after an append, and the log is
//! whatever that left of its files.
//!
//! Then everything is whole again for a while, and nothing may be missing. A seed decides a run, and a failure prints
//! it: `PARLOUR_SIM_SEED=n cargo test -p parlour-server --test sim` runs that one. `cargo xtask soak` runs as many as
//! there is time for.
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

/// How many seeds a test runs, where nothing else is asked for.
const SEEDS: u64 = 1_000;

/// Something happens to somebody.
fn step(world: &mut World) {
    let at = world.rng.index(world.devices.len());
    match world.rng.below(100) {
        0..40 => world.talk(at),
        40..45 => {
            (0..world.rng.below(25)).for_each(|_| world.talk(at));
        }
        // Nothing, so that things have time to come to rest.
        45..70 => {}
        _ if !world.faults => {}
        // The connection breaks, and the page is told.
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
        81..86 if world.devices[at].session.is_some() && world.devices[at].keeps => {
            world.tally.count("pages killed");
            if world.rng.once_in(3) {
                world.with_session(at, |session, _| session.handle_hidden());
            }
            world.devices[at].close_page();
            world.drop_link(at, true);
            world.devices[at].back_at = Some(world.now + world.rng.below(9_000));
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
            let watched = world.rng.once_in(2);
            world.with_session(at, |session, now| session.handle_visibility(now, watched));
        }
        90 if world.devices[at].is_online() => {
            world.tally.count("exits");
            world.with_session(at, |session, now| session.handle_leave(now));
            world.devices[at].back_at = Some(world.now + world.rng.below(9_000));
        }
        91 => {
            world.with_session(at, |session, now| session.handle_offline(now));
        }
        92..94 => {
            let gap = world.devices[at].gaps.last().map(|missing| missing.gap.to);
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

/// One run; what happened in it.
fn run(seed: u64, faults: bool) -> Tally {
    let devices = 3 + usize::try_from(seed % 3).unwrap();
    let mut world = World::new(seed, devices, faults);
    // Nobody who fails at the first login is tried again, so the faults begin after it.
    world.faults = false;
    (0..devices).for_each(|at| world.open_page(at));
    world.pass(2_000);
    check::everybody_is_in(&world);
    world.faults = faults;
    for _ in 0..250 {
        step(&mut world);
        let most = if world.rng.once_in(10) { 3_000 } else { 250 };
        let pause = world.rng.below(most);
        world.pass(pause);
    }
    world.faults = false;
    check::settle(&mut world);
    check::all_is_well(&mut world);
    world.tally
}

/// Runs seeds on as many threads as there are cores, until there are no more or time is up.
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
                                    "seed {seed} failed, the {}. that was run; again: PARLOUR_SIM_SEED={seed} cargo test \
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

fn asked<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn on_good_days_everybody_sees_the_same() {
    let (ran, tally) = run_many(0, 20, None, false);
    assert!(
        ran == 20 && tally.0["messages"] > 1_000 && !tally.0.contains_key("broken connections"),
        "{tally:?}"
    );
}

#[test]
fn on_bad_days_nothing_is_lost_and_nothing_is_doubled() {
    if let Some(seed) = asked("PARLOUR_SIM_SEED") {
        println!("seed {seed}: {:?}", run(seed, true).0);
        return;
    }
    let time = asked("PARLOUR_SIM_SECONDS").map(Duration::from_secs);
    let first = asked("PARLOUR_SIM_FIRST").unwrap_or(1_000);
    let count = asked("PARLOUR_SIM_SEEDS").unwrap_or(if time.is_some() { u64::MAX } else { SEEDS });
    let (ran, tally) = run_many(first, count, time, true);
    println!("{ran} runs, seeds from {first} on");
    for (what, n) in &tally.0 {
        println!("{n:>10}  {what}");
    }
    println!("{:>10}  acknowledged messages lost", 0);
    println!("{:>10}  messages doubled", 0);
    // A kind of trouble that never came shows nothing.
    if ran >= 200 {
        for what in [
            "kills",
            "kills over an append",
            "failed appends",
            "broken connections",
            "dead connections",
            "stalls",
            "skips",
            "pages killed",
            "clock jumps",
            "exits",
            "late packets",
            "pages read",
            "starts with a full disk",
        ] {
            assert!(tally.0.get(what).is_some_and(|n| *n > 0), "{what}: never");
        }
    }
}
