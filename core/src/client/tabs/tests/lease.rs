//! Leaders that hang, and their replacement.

use std::collections::BTreeMap;

use super::{world::LATENCY_MS, *};

#[test]
fn a_hung_leader_is_replaced_and_follows_when_it_resumes() {
    let mut world = World::new(1);
    world.user(0, User::Send(LOBBY, id(1)));
    world.run(100);
    world.tabs[0].hangs = true;
    world.user(1, User::Send(LOBBY, id(2)));
    world.run(2_500);
    assert!(world.is_outdated(1), "the tab knows that it is not up to date");
    world.run(7_500 - 2_500);
    assert_eq!((world.leader(), world.state(1, id(2))), (Some(1), Some(Delivery::Sent)));
    assert_eq!(world.failures(1), 0);
    // The old leader resumes: it follows, and shows the same.
    world.tabs[0].hangs = false;
    world.user(0, User::Send(LOBBY, id(3)));
    world.run(10_000);
    assert_eq!(world.leader(), Some(1));
    let ids: Vec<_> = world.server.log(LOBBY).iter().map(|logged| logged.0).collect();
    assert_eq!(ids, [id(1), id(2), id(3)]);
    world.all_show(LOBBY, 0..3);
    assert!(world.server.received.values().all(|count| *count == 1), "nothing was sent twice");
    assert!(!world.is_outdated(0) && !world.is_outdated(1));
}

#[test]
fn tabs_that_a_new_leader_does_not_know_follow_it() {
    for visible in [true, false] {
        let mut world = World::new(1);
        world.show(1, visible);
        world.tabs[0].hangs = true;
        // A tab that has not heard of any other one takes the leadership over earlier than the others.
        world.reopen(2);
        world.run(10_000);
        assert_eq!((world.leader(), world.tabs[1].client_number), (Some(2), 0));
        assert!(world.is_online(2) && world.is_online(1), "visible: {visible}");
        world.user(2, User::Send(LOBBY, id(1)));
        world.run(100);
        assert_eq!(world.state(1, id(1)), Some(Delivery::Sent), "visible: {visible}");
    }
}

/// The time within which a visible tab detects a dead connection, in ms.
const DETECTION_MS: Millis = 10_000;

#[test]
fn visible_tabs_show_within_10_s_that_the_leader_or_the_server_is_dead() {
    for seed in 1..=30 {
        let mut world = World::new(seed);
        (0..3).for_each(|tab| world.show(tab, seed >> tab & 1 == 0));
        let time = 1_000 + world.random(90_000);
        world.run(time);
        let leader = world.leader().unwrap();
        let fault = ["the server is dead", "the leader hangs", "both"][world.random(3) as usize];
        world.tabs[leader].hangs = fault != "the server is dead";
        world.server_answers = fault == "the leader hangs";
        // One tab is shown some time later.
        let (later, shown_at) = (1 + world.random(2) as usize, world.now + world.random(DETECTION_MS));
        let mut deadlines =
            world.tabs.iter().map(|tab| tab.visible.then_some(world.now + DETECTION_MS)).collect::<Vec<_>>();
        let end = world.now + 2 * DETECTION_MS;
        while world.now < end {
            world.run(100);
            if world.now >= shown_at && deadlines[later].is_none() {
                world.show(later, true);
                deadlines[later] = Some(world.now + DETECTION_MS);
            }
            for tab in (0..3).filter(|tab| !world.tabs[*tab].hangs) {
                let is_fault_over = world.server_answers && world.leader().is_some();
                if world.is_outdated(tab) || !world.is_online(tab) || is_fault_over {
                    deadlines[tab] = Some(Millis::MAX);
                }
                let is_in_time = deadlines[tab].is_none_or(|deadline| world.now < deadline);
                assert!(is_in_time, "seed {seed}: tab {tab} of which {leader} leads; {fault}");
            }
        }
    }
}

#[test]
fn a_message_that_the_device_refuses_from_a_superseded_leader_is_sent_by_the_next_one() {
    let mut world = World::new(1);
    world.tabs[0].hangs = true;
    world.run(8_000);
    // It was stopped after its checks, so that it still believes to be the leader.
    world.tabs[0].inbox.clear();
    world.tabs[0].gate = Gate::default();
    world.tabs[0].hangs = false;
    world.handle(0, Input::User(User::Send(LOBBY, id(1))));
    world.run(1_500);
    assert_eq!((world.leader(), world.server.log(LOBBY).len()), (Some(1), 1));
    assert!((0..3).all(|tab| world.state(tab, id(1)) == Some(Delivery::Sent)));
    assert!(world.device.queued.is_empty());
}

#[test]
fn a_message_that_was_acknowledged_while_its_tab_hung_is_not_sent_again() {
    let mut world = World::new(1);
    world.user(0, User::Send(LOBBY, id(1)));
    // The message is persisted, and the tab hangs before it is told.
    world.run(2 * LATENCY_MS - 1);
    world.tabs[0].hangs = true;
    world.run(10_000);
    assert_eq!(
        (world.leader(), world.server.log(LOBBY).len(), world.server.received[&id(1)]),
        (Some(1), 1, 1)
    );
    world.tabs[0].hangs = false;
    world.run(COMMAND_TIMEOUT_MS + 1_000);
    assert_eq!((world.state(0, id(1)), world.server.received[&id(1)]), (Some(Delivery::Sent), 1));
    assert!(world.device.queued.is_empty(), "nothing stays on the device");
    assert_eq!(world.failures(0), 0);
}

#[test]
fn a_healthy_leader_is_never_replaced() {
    let mut world = World::new(1);
    world.show(0, false);
    world.run(120_000);
    assert_eq!((world.leader(), world.holder, world.device.lease), (Some(0), Some(0), world.tabs[0].lease));
    assert!(world.tabs.iter().all(|tab| tab.client_number == 0));
}

#[test]
fn a_leader_that_waits_for_a_slow_server_is_not_replaced() {
    let mut world = World::new(1);
    world.server.is_slow = true;
    for visible in [true, false] {
        world.show(1, visible);
        world.user(1, User::Server(5, Command::LinkDevice));
        world.run(9_000);
        assert_eq!(world.leader(), Some(0), "visible: {visible}");
    }
}

#[test]
fn a_visible_follower_drives_the_timers_of_a_hidden_leader() {
    let mut world = World::new(1);
    world.run(1_000);
    let due = world.client().poll_timeout().unwrap();
    let Role::Follower(follower) = &world.tabs[1].role else { panic!() };
    let asks = follower.poll_timeout().unwrap();
    assert!(asks <= due + LATENCY_MS || asks <= world.now + QUESTION_INTERVAL_MS, "{asks} {due}");
}

#[test]
fn a_leader_that_was_superseded_persists_nothing() {
    let mut world = World::new(1);
    world.fail_message(1, id(1));
    world.tabs[0].hangs = true;
    world.run(8_000);
    let device = world.device.clone();
    // It was stopped after its checks, so that it still believes to be the leader.
    world.tabs[0].inbox.clear();
    world.tabs[0].gate = Gate::default();
    world.tabs[0].hangs = false;
    world.handle(0, Input::User(User::Command(TabCommand::Retry(LOBBY, id(1)))));
    assert_eq!(world.device, device);
    world.run(1_000);
    assert_eq!(world.leader(), Some(1), "it has learned that it is not the leader");
    assert_eq!(world.server.received[&id(1)], 1, "the message was not sent again");
}

#[test]
fn a_leader_that_uses_an_earlier_database_is_replaced_once() {
    for visible in [true, false] {
        let mut world = World::new(1);
        (0..3).for_each(|tab| world.show(tab, visible && tab != 0));
        world.user(0, User::Send(LOBBY, id(1)));
        world.run(100);
        let Role::Leader(leader, _) = &mut world.tabs[0].role else { panic!() };
        leader.database = 1;
        world.user(0, User::Send(LOBBY, id(2)));
        // Browsers delay the timers of hidden tabs.
        world.run(if visible { 1_000 } else { 61_000 });
        let leader = world.leader().unwrap();
        assert_ne!(leader, 0, "visible: {visible}");
        world.user(0, User::Send(LOBBY, id(3)));
        world.run(10_000);
        assert_eq!((world.leader(), world.server.log(LOBBY).len()), (Some(leader), 3));
        assert!((0..3).all(|tab| world.state(tab, id(3)) == Some(Delivery::Sent)));
        assert!(world.server.received.values().all(|count| *count == 1), "nothing was sent twice");
    }
}

/// The actions of a user in a random run.
#[derive(Default)]
struct Done {
    sent: Vec<MessageId>,
    discarded: Vec<MessageId>,
}

#[test]
fn tabs_that_hang_at_random_lose_nothing_and_repeat_nothing() {
    let seeds = 60;
    let mut takeovers = 0;
    for seed in 1..=seeds {
        let mut world = World::new(seed);
        let mut done = Done::default();
        for n in 1..=60_u8 {
            let tab = world.random(3) as usize;
            let room = if world.random(3) == 0 { ROOM } else { LOBBY };
            match world.random(12) {
                0..=3 => {
                    if world.random(3) == 0 {
                        world.server.refused.push(id(n));
                    }
                    // A hung tab takes no input.
                    if !world.tabs[tab].hangs {
                        done.sent.push(id(n));
                        world.user(tab, User::Send(room, id(n)));
                    }
                }
                4 => world.tabs[tab].hangs = true,
                5 => world.tabs[tab].hangs = false,
                6 => {
                    let visible = !world.tabs[tab].visible;
                    if !world.tabs[tab].hangs {
                        world.show(tab, visible);
                    }
                }
                7 => world.server.refused.clear(),
                8 => world.receive(room, MessageId([100 + n; 16])),
                9 if !world.tabs[tab].hangs => world.user(tab, User::Open(room)),
                kind => {
                    let mut failed = world.shown(tab, room).into_iter();
                    let failed = failed.rfind(|shown| matches!(shown.1, Delivery::Failed(_)));
                    if let Some((id, _)) = failed.filter(|_| !world.tabs[tab].hangs) {
                        let command = if kind == 10 {
                            TabCommand::Retry(room, id)
                        } else {
                            done.discarded.push(id);
                            TabCommand::Discard(room, id)
                        };
                        world.user(tab, User::Command(command));
                    }
                }
            }
            let pause = [5, 300, 3_000, 9_000][world.random(4) as usize];
            world.run(pause);
        }
        world.server.refused.clear();
        for tab in 0..3 {
            world.tabs[tab].hangs = false;
            world.show(tab, true);
        }
        world.run(30_000);
        for room in [LOBBY, ROOM] {
            for tab in 0..3 {
                world.user(tab, User::Open(room));
            }
        }
        world.run(1_000);
        for room in [LOBBY, ROOM] {
            let of = |tab| world.shown(tab, room).into_iter().collect::<BTreeMap<_, _>>();
            assert!(
                (1..3).all(|tab| of(tab) == of(0)),
                "seed {seed}: all tabs show the same in {room:?}: {:?}",
                [of(0), of(1), of(2)]
            );
        }
        for id in &done.sent {
            let was_discarded = done.discarded.contains(id);
            let state = world.state(0, *id);
            assert!(state.is_some() || was_discarded, "seed {seed}: {id:?} is lost");
            assert!(
                matches!(state, None | Some(Delivery::Sent | Delivery::Failed(_))),
                "seed {seed}: {id:?} is {state:?}"
            );
            let logged = [LOBBY, ROOM]
                .map(|room| world.server.log(room).iter().filter(|logged| logged.0 == *id).count());
            assert_eq!(
                usize::from(state == Some(Delivery::Sent)),
                logged[0] + logged[1],
                "seed {seed}: {id:?}"
            );
        }
        takeovers += world.tabs.iter().map(|tab| tab.client_number).sum::<u64>();
    }
    assert!(2 * takeovers > seeds, "{takeovers} times a leader stepped down");
}
