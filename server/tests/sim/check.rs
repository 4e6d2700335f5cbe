//! What must hold.

use super::{truth, world::World};

pub fn everybody_is_in(world: &World) {
    for device in &world.devices {
        assert!(device.is_online(), "{} is {:?}", device.nick, device.connection);
    }
}

fn is_quiet(world: &World) -> bool {
    world.devices.iter().all(|device| {
        device.is_online()
            && device.gaps.is_empty()
            && device.said.iter().all(|id| device.acknowledged.contains(id))
            && device.storage.outbox() == 0
    })
}

/// Everything is whole, and everybody gets the time that anything may take. Gaps are loaded, as by somebody who
/// scrolls up.
pub fn settle(world: &mut World) {
    // Whatever the disk was short of, it is not any more.
    world.kill_server(false);
    for at in 0..world.devices.len() {
        world.devices[at].skew = 0;
        if let Some(link) = &mut world.devices[at].link {
            link.stalled_until = 0;
        }
    }
    world.skew = 0;
    // Longer than a heartbeat and its deadline, for those who don't know yet that their connection is dead.
    world.pass(30_000);
    // Half-dead connections of earlier, and changes of who is there, which are told together, may end a quiet moment.
    for _ in 0..4 {
        load_until_quiet(world);
        world.pass(50_000);
        if is_quiet(world) {
            break;
        }
    }
}

fn load_until_quiet(world: &mut World) {
    for _ in 0..600 {
        if is_quiet(world) {
            return;
        }
        for at in 0..world.devices.len() {
            let gap =
                world.devices[at].gaps.iter().find(|missing| !missing.loading).map(|missing| missing.gap.to);
            if let Some(to) = gap {
                world.with_session(at, |session, now| session.handle_load_gap(now, to));
            }
        }
        world.pass(500);
    }
}

/// Nothing is lost, nothing is doubled, and everybody sees who is there.
pub fn all_is_well(world: &mut World) {
    let log = truth::everything(&mut *world.server.as_mut().expect("the server is there").reader);
    truth::nothing_is_lost_and_nothing_is_doubled(&log, &world.devices);
    everybody_sees_who_is_there(world, 0);
    // One leaves, and the connection of another is lost for good. Nobody who is gone is still there.
    world.with_session(0, |session, now| session.handle_leave(now));
    world.devices[1].close_page();
    world.drop_link(1, false);
    world.pass(10_000);
    everybody_sees_who_is_there(world, 2);
}

/// All but the `first` are there, and nobody else.
fn everybody_sees_who_is_there(world: &World, first: usize) {
    let there = &world.devices[first..];
    truth::everybody_sees_who_is_there(there);
    let server = world.server.as_ref().expect("the server is there");
    assert_eq!(server.hub.members(), there.len(), "the server counts the wrong people");
}
