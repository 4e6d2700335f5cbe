//! The invariants.

use super::{truth, world::World};

pub fn check_all_online(world: &World) {
    for device in &world.devices {
        assert!(device.is_online(), "{} is {:?}", device.nick, device.connection);
    }
}

fn is_quiet(world: &World) -> bool {
    world.devices.iter().all(|device| {
        device.is_online()
            && device.gaps.is_empty()
            && device.sent.iter().all(|id| device.acknowledged.contains(id))
            && device.storage.queued_messages() == 0
    })
}

/// Stops all faults and waits for the longest time that anything may take. Gaps are loaded, as when users
/// scroll up.
pub fn settle(world: &mut World) {
    // The disk has space again.
    world.kill_server(false);
    for at in 0..world.devices.len() {
        world.devices[at].skew = 0;
        if let Some(link) = &mut world.devices[at].link {
            link.stalled_until = 0;
        }
    }
    world.skew = 0;
    // Longer than a heartbeat and its deadline, so that dead connections are detected.
    world.advance(30_000);
    // Old dead connections and delayed presence updates may interrupt a quiet moment.
    for _ in 0..4 {
        load_until_quiet(world);
        world.advance(50_000);
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
            let gap = world.devices[at].gaps.iter().find(|state| !state.loading).map(|state| state.gap.to);
            if let Some(to) = gap {
                world.with_session(at, |session, now| session.handle_load_gap(now, to));
            }
        }
        world.advance(500);
    }
}

/// Nothing is lost or duplicated, and all clients agree on presence.
pub fn check_invariants(world: &mut World) {
    let log = truth::read_all(&mut *world.server.as_mut().expect("the server runs").reader);
    truth::check_exactly_once(&log, &world.devices);
    check_presence(world, 0);
    // One leaves, and another's connection is lost for good. Neither may still be shown as online.
    world.with_session(0, |session, now| session.handle_leave(now));
    world.devices[1].close_tab();
    world.drop_link(1, false);
    world.advance(10_000);
    check_presence(world, 2);
}

/// Exactly the clients after the `first` ones are online.
fn check_presence(world: &World, first: usize) {
    let online = &world.devices[first..];
    truth::check_presence(online);
    let server = world.server.as_ref().expect("the server runs");
    assert_eq!(server.hub.members(), online.len(), "the server counts the wrong members");
}
