//! The random events of a run.

use parlour_core::{Millis, model::RoomId};

use super::{user::reconnect, world::World};
use crate::{
    network::{NOTICE_MS, Packet},
    storage::Health,
};

/// A year, in ms.
const YEAR_MS: i64 = 365 * 86_400_000;

/// A random event.
pub fn step(world: &mut World) {
    let tabs = world.tabs.iter().enumerate();
    let awake: Vec<_> =
        tabs.filter(|(_, tab)| tab.is_open() && tab.hung_until <= world.now).map(|(at, _)| at).collect();
    let Some(&at) = awake.get(world.rng.index(awake.len())) else { return };
    match world.rng.below(100) {
        0..60 => world.act_randomly(at),
        60..63 => world.peer_sends(world.server_of(at)),
        63..65 => {
            let visible = world.rng.once_in(2);
            world.show(at, visible);
        }
        65..69 if world.faults && world.plan.evictions => world.evict_something(at),
        69..74 if world.faults && world.plan.strangers => world.act_as_strangers(world.server_of(at)),
        // Nothing, so that the system can settle.
        65..78 => {}
        _ if !world.faults => {}
        78..87 => break_link(world, at),
        87..92 => kill_tab(world, at),
        92 => world.kill_server(world.server_of(at), false),
        93 => world.user(at, reconnect()),
        _ => planned(world, at),
    }
}

/// The connection of a tab breaks, is dead, or stalls.
fn break_link(world: &mut World, at: usize) {
    if world.tabs[at].link.is_none() {
        return;
    }
    let (kind, stall) = (world.rng.below(11), world.rng.below(14_000));
    let (now, until) = (world.now, world.now + stall);
    let link = world.tabs[at].link.as_mut().unwrap();
    match kind {
        // It breaks, and the tab notices.
        0..5 => {
            link.to_client.clear();
            link.send_to_client(now + 1, Packet::Close(1006));
            let kept = world.rng.index(link.to_server.len() + 1);
            let mut to_server = std::mem::take(&mut link.to_server);
            to_server.truncate(kept);
            let (server, conn) = (link.server, link.conn);
            let late = world.rng.below(6_000);
            to_server.iter_mut().for_each(|(due, _)| *due += late);
            link.cut = true;
            let noticed_at = now + late;
            let server_end = crate::network::DroppedLink { server, conn, to_server, noticed_at };
            world.dropped.push_back(server_end);
            let unused = world.new_conn();
            world.tabs[at].link.iter_mut().for_each(|link| link.conn = unused);
            world.tally.count("broken connections");
        }
        5..8 => {
            link.dead = true;
            world.tally.count("dead connections");
        }
        _ => {
            link.stalled_until = until;
            world.tally.count("stalls");
        }
    }
}

/// A tab is closed without notice, and opened again later.
fn kill_tab(world: &mut World, at: usize) {
    // What is only in memory would be lost.
    if world.devices[world.tabs[at].device].has_failed {
        return;
    }
    world.tally.count("tabs killed");
    if !world.devices[world.tabs[at].device].has_storage {
        world.tally.count("tabs killed without a storage");
    }
    world.close_tab(at);
    let open_at = world.now + world.rng.below(9_000);
    world.tabs[at].open_at = Some(open_at);
}

/// A fault of the plan.
fn planned(world: &mut World, at: usize) {
    let (device, server) = (world.tabs[at].device, world.server_of(at));
    match world.rng.below(4) {
        0 if world.plan.bad_storage => {
            let until = world.now + world.rng.below(20_000);
            let aborts = world.rng.once_in(2);
            world.tally.count(if aborts { "aborting storages" } else { "hanging storages" });
            world.devices[device].fail(if aborts { Health::Aborts(until) } else { Health::Hangs(until) });
            if world.plan.hangs && world.rng.once_in(2) {
                hang_with_message(world, device);
            }
        }
        1 if world.plan.hangs => {
            let duration = world.rng.below(60_000);
            hang(world, at, duration);
        }
        2 if world.plan.restores => match world.servers[server].backup.is_some() && world.rng.once_in(2) {
            true => world.restore(server),
            false => world.back_up(server),
        },
        3 if world.plan.jumps => {
            world.tally.count("clock jumps");
            let jump = i64::try_from(world.rng.below(7_200_000)).unwrap() - 3_600_000;
            match world.rng.once_in(3) {
                true => world.servers[server].skew = jump,
                false => world.devices[device].skew = jump,
            }
        }
        3 if world.plan.leaps.is_some() => {
            world.tally.count("leaps of a year");
            match world.rng.once_in(2) {
                // A message of a year ago would be too old for retention.
                true => world.servers[server].skew = YEAR_MS * i64::from(world.servers[server].skew == 0),
                false => world.devices[device].skew = [-YEAR_MS, 0, YEAR_MS][world.rng.index(3)],
            }
        }
        _ => {}
    }
}

/// Nothing runs in a tab for a while.
fn hang(world: &mut World, at: usize, duration: Millis) {
    let now = world.now;
    let tab = &mut world.tabs[at];
    (tab.hung_until, tab.steady_since) = (now + duration, now);
    if let Some(link) = tab.link.as_mut().filter(|_| duration > NOTICE_MS) {
        link.given_up_at = Some(now + NOTICE_MS);
    }
    world.tally.count("tabs that hang");
}

/// The leader sends a message that its device fails to store and its connection loses, and hangs: only the other tabs have the
/// message. The storage works again when one of them takes the leadership over.
fn hang_with_message(world: &mut World, device: usize) {
    let mut tabs = world.devices[device].tabs.iter().copied();
    let Some(at) = tabs.find(|at| world.tabs[*at].is_leader() && world.tabs[*at].is_usable(world.now)) else {
        return;
    };
    world.devices[device].fail(Health::Aborts(world.now + 2_000));
    world.tabs[at].link.iter_mut().for_each(|link| link.dead = true);
    world.send(at, RoomId::LOBBY);
    world.advance(30);
    hang(world, at, 30_000);
    world.tally.count("messages of leaders that hang");
}
