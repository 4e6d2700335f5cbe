//! What must hold.

use std::collections::{BTreeMap, BTreeSet};

use parlour_core::model::{Connection, MessageId};

use super::world::World;

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
    for _ in 0..600 {
        if is_quiet(world) {
            break;
        }
        for at in 0..world.devices.len() {
            let gap =
                world.devices[at].gaps.iter().find(|missing| !missing.loading).map(|missing| missing.gap.to);
            if let Some(to) = gap {
                world.with_session(at, |session, now| session.handle_load(now, to));
            }
        }
        world.pass(500);
    }
    // Half-dead connections of earlier, and changes of who is there, which are told together.
    world.pass(50_000);
}

pub fn nothing_is_lost_and_nothing_is_doubled(world: &mut World) {
    let log = world.server.as_mut().expect("the server is there").everything();
    let mut places = BTreeMap::new();
    for (seq, id, nick, content) in &log {
        let before = places.insert(*id, (*seq, nick.clone(), content.clone()));
        assert!(before.is_none(), "{id:?} is in the log twice: {before:?} and {seq}");
    }
    assert!(log.is_sorted_by(|a, b| a.0 < b.0), "the log's order is none");
    let nicks: BTreeSet<_> = world.devices.iter().map(|device| device.nick.clone()).collect();
    for device in &world.devices {
        let who = &device.nick;
        assert_eq!(device.complaints, Vec::<String>::new(), "{who}");
        assert!(matches!(device.connection, Connection::Online { .. }), "{who} is {:?}", device.connection);

        let lost: Vec<_> = device.acknowledged.iter().filter(|id| !places.contains_key(id)).collect();
        assert!(lost.is_empty(), "{who}: acknowledged, and not in the log: {lost:?}");
        let forgotten: Vec<_> = device.said.iter().filter(|id| !places.contains_key(id)).collect();
        assert!(forgotten.is_empty(), "{who}: said, and never in the log: {forgotten:?}");
        assert_eq!(device.storage.outbox(), 0, "{who} has something in the outbox still");
        for (id, (seq, content)) in &device.seen {
            let there = places.get(id).map(|(seq, _, content)| (*seq, content));
            assert_eq!(there, Some((*seq, content)), "{who} was shown {id:?} as {seq}");
        }

        let said: Vec<u64> = device.said.iter().map(|id| places[id].0).collect();
        assert!(said.is_sorted(), "{who}'s own messages are out of order: {said:?}");

        assert_eq!(device.gaps, [], "{who} has a gap still");
        let expected: Vec<(u64, MessageId)> = log.iter().map(|(seq, id, ..)| (*seq, *id)).collect();
        let shown = device.shown();
        let missing: Vec<_> = expected.iter().filter(|message| !shown.contains(message)).collect();
        let added: Vec<_> = shown.iter().filter(|message| !expected.contains(message)).collect();
        assert!(
            missing.is_empty() && added.is_empty(),
            "{who} misses {missing:?} and has {added:?} too much"
        );
        assert_eq!(shown, expected, "{who} sees another order than the log has");

        let session = device.session.as_ref().expect("the page is open");
        let roster: BTreeSet<_> = session.roster().0.iter().map(|member| member.nick.to_string()).collect();
        assert_eq!(roster, nicks, "{who} sees the wrong people");
    }
    let server = world.server.as_ref().expect("the server is there");
    assert_eq!(server.hub.members(), nicks.len(), "the server counts the wrong people");
}
