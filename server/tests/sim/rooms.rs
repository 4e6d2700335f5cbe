//! Accounts, rooms and sync: several accounts with two devices and two tabs each, many rooms, and a basic client, against the
//! real hub and the real SQLite log, on one virtual clock, with all kinds of faults.
//!
//! Users send, create, join, leave, invite, remove, rename, archive, read, mark as unread, open, search, browse, log out and
//! log in again, on one of two servers, at random, while connections break or are closed by a middlebox, tabs hang or die or
//! evict messages from memory, storages fail or are missing, browsers refuse locks, clocks leap, old messages are deleted, a server
//! is killed or its log restored from a backup, and strangers come and go. Then all faults stop for a while, and
//!
//! - no acknowledged message is lost or doubled, and each sender's messages to a room are in order;
//! - every tab shows what a new device of its account shows, and that is what follows from the log: rows, members, topics,
//!   timelines, unread counts, attention, read cursors;
//! - strangers have taken no nick or session from a user, and were not allowed more messages than others;
//! - no event of a room has reached a connection whose account was not a member;
//! - pages, searches, the public rooms, members and who is online are answered as the log has them;
//! - each command was answered once;
//! - nothing of one account or server has reached another, and nothing of it stays on a device after a logout.
//!
//! | module | contents |
//! | --- | --- |
//! | `plan`, `faults`, `user` | what may happen, and what does |
//! | `world`, `connections` | the clock and the network |
//! | `server`, `peer`, `stranger` | the servers, the basic client, and clients that come and go |
//! | `device`, `store` | storage and locks; what is stored |
//! | `tab`, `eviction` | what a tab shows, and evicts from memory |
//! | `service`, `output`, `roles`, `membership` | driving a tab as the page does |
//! | `actions` | what users do in a tab |
//! | `log`, `ledger`, `wire` | the naive copy of the log, the messages that were sent, and the check of each frame |
//! | `privacy` | what tabs send and store is searched for what is of other accounts |
//! | `witness` | a member that checks the order of what is published |
//! | `check`, `check_timeline`, `leaders`, `answers` | the invariants, and the answers to what is looked up |

mod actions;
mod answers;
mod check;
mod check_timeline;
mod connections;
mod device;
mod eviction;
mod faults;
mod leaders;
mod ledger;
mod log;
mod membership;
mod output;
mod peer;
mod plan;
mod privacy;
mod roles;
mod server;
mod service;
mod store;
mod stranger;
mod tab;
mod user;
mod wire;
mod witness;
mod world;

use parlour_core::client::{Command, Reply};

use self::world::{DEVICES, World};
use crate::{env, run_many, tally::Tally};

/// The number of seeds that a test runs by default.
const SEEDS: u64 = 100;
/// The events that must have happened in so many runs.
#[rustfmt::skip] // A table.
const FAULTS: [&str; 47] = [
    "aborting storages", "backups", "basic strangers", "broken connections", "changes of the server", "clock jumps",
    "closed by the middlebox", "crowds", "dead connections", "evictions", "failed appends", "floods with many secrets",
    "floods with one secret", "hanging storages", "ids of other accounts", "impostors", "kills", "kills during an append",
    "late packets", "leaders that stepped down", "leaders without a lock", "leaps of a year", "lines of a basic client",
    "lists of members", "lists of public rooms", "lists of who is online",
    "logins to new accounts", "logouts", "logouts that wait", "messages deleted for their age",
    "messages discarded at logouts", "messages marked as unread", "messages of leaders that hang", "pages",
    "pages by time", "readings of everything", "refused locks", "restored logs", "rooms to create", "searches",
    "stalls", "starts with a full disk", "stolen locks", "strangers that were logged in", "tabs killed",
    "tabs killed without a storage", "tabs that hang",
];
/// The number of random events of a run.
const STEPS: usize = 200;

/// Runs one seed and returns what happened.
fn run(seed: u64, faults: bool) -> Tally {
    let mut world = World::new(seed, faults);
    for user in 0..world.plan.users {
        open_first_tabs(&mut world, user);
    }
    world.advance(3_000);
    assert!(world.tabs.iter().all(tab::Tab::is_online), "a tab is offline");
    world.faults = faults;
    for _ in 0..STEPS {
        faults::step(&mut world);
        let most = if world.rng.once_in(10) { 4_000 } else { 300 };
        let pause = world.rng.below(most);
        world.advance(pause);
        check::check_steps(&world);
        leaders::check_leaders(&world);
    }
    world.faults = false;
    check::settle(&mut world);
    check::check_invariants(&mut world);
    world.tally
}

/// The first device of a user creates the account; the others are linked to it.
fn open_first_tabs(world: &mut World, user: usize) {
    let nick = world.users[user].nick.clone();
    let mut link_code = None;
    for device in DEVICES * user..DEVICES * (user + 1) {
        let tabs = world.devices[device].tabs.clone();
        world.log_in(tabs[0], user, &nick, link_code.take());
        // A client does not retry its first login.
        world.advance(4_000);
        tabs[1..].iter().for_each(|tab| world.log_in(*tab, user, &nick, None));
        if device + 1 < DEVICES * (user + 1) {
            let number = world.next_number();
            world.give(tabs[0], number, Command::LinkDevice);
            world.drain(tabs[0]);
            world.advance(1_000);
            let Some(Ok(Reply::Link(link))) = world.tabs[tabs[0]].answers.get(&number) else {
                panic!("no code for a device")
            };
            link_code = Some(link.code.clone());
        }
    }
}

#[test]
fn devices_agree() {
    let (ran, tally) = run_many("devices_agree", 0, 10, None, |seed| run(seed, false));
    assert!(ran == 10 && tally.0["messages"] > 300, "{tally:?}");
}

#[test]
fn devices_agree_despite_faults() {
    if let Some(seed) = env("PARLOUR_SIM_SEED") {
        println!("seed {seed}: {:?}", plan::Plan::hostile(&mut crate::rng::Rng(seed)));
        println!("{:?}", run(seed, true).0);
        return;
    }
    let time = env("PARLOUR_SIM_SECONDS").map(std::time::Duration::from_secs);
    let first = env("PARLOUR_SIM_FIRST").unwrap_or(1_000);
    let count = env("PARLOUR_SIM_SEEDS").unwrap_or(if time.is_some() { u64::MAX } else { SEEDS });
    let (ran, tally) = run_many("devices_agree_despite_faults", first, count, time, |seed| run(seed, true));
    println!("{ran} runs, seeds from {first} on");
    for (what, n) in &tally.0 {
        println!("{n:>10}  {what}");
    }
    // A fault that never occurred proves nothing.
    if ran >= SEEDS {
        for what in FAULTS {
            assert!(tally.0.get(what).is_some_and(|n| *n > 0), "{what}: never");
        }
    }
}
