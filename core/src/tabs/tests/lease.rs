//! Tabs that hang and resume at any moment: the leadership is taken over, and nothing is lost, duplicated or sent after it was
//! discarded.

use std::collections::BTreeMap;

use super::{
    world::{Input, LATENCY_MS, Role, SimTab, User, World},
    *,
};
use crate::Millis;

fn id(n: u8) -> MessageId {
    MessageId([n; 16])
}

#[test]
fn a_hung_leader_is_replaced_without_loss() {
    let mut world = World::new(1);
    assert_eq!(world.leader(), Some(0));
    world.user(1, User::Send(id(1)));
    // Until the device has recorded the acknowledgement.
    world.run(1_500);
    assert_eq!(world.state(1, id(1)), Some(Delivery::Sent));
    world.tabs[0].hangs = true;
    world.user(1, User::Send(id(2)));
    world.run(2_500);
    assert!(world.is_outdated(1), "the tab knows that it is not up to date");
    world.run(7_500 - 2_500);
    assert_eq!((world.leader(), world.state(1, id(2))), (Some(1), Some(Delivery::Sent)));
    assert_eq!(world.failures(1), 0);
    // The old leader resumes: it follows, and shows the same.
    world.tabs[0].hangs = false;
    world.user(0, User::Send(id(3)));
    world.run(10_000);
    assert_eq!((world.leader(), &world.log[..]), (Some(1), &[id(1), id(2), id(3)][..]));
    let shown = world.tabs[1].shown.shown();
    assert!(world.tabs.iter().all(|tab| tab.shown.shown() == shown) && shown.len() == 3);
    assert!(world.received.values().all(|count| *count == 1), "nothing was sent twice");
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
        assert_eq!((world.leader(), world.tabs[1].session_number), (Some(2), 0));
        assert!(world.is_online(2) && world.is_online(1), "visible: {visible}");
        world.user(2, User::Send(id(1)));
        world.run(100);
        assert_eq!(world.state(1, id(1)), Some(Delivery::Sent), "visible: {visible}");
    }
}

/// The time within which a visible tab detects a dead connection, in ms.
const DETECTION_MS: Millis = 10_000;

#[test]
fn visible_tabs_show_within_10_s_that_the_leader_or_the_server_is_dead() {
    for seed in 1..=100 {
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
fn a_leader_that_uses_an_earlier_database_is_replaced_once() {
    for visible in [true, false] {
        let mut world = World::new(1);
        (0..3).for_each(|tab| world.show(tab, visible && tab != 0));
        world.user(0, User::Send(id(1)));
        world.run(100);
        let Role::Leader(leader) = &mut world.tabs[0].role else { panic!() };
        leader.database = 1;
        world.user(0, User::Send(id(2)));
        // Browsers delay the timers of hidden tabs.
        world.run(if visible { 1_000 } else { 61_000 });
        assert_ne!(world.leader(), Some(0), "visible: {visible}");
        let leader = world.leader().unwrap();
        world.user(0, User::Send(id(3)));
        world.run(10_000);
        assert_eq!((world.leader(), &world.log[..]), (Some(leader), &[id(1), id(2), id(3)][..]));
        assert!((0..3).all(|tab| world.state(tab, id(3)) == Some(Delivery::Sent)));
        assert!(world.received.values().all(|count| *count == 1), "nothing was sent twice");
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
    world.handle(0, Input::User(User::Send(id(1))));
    world.run(1_500);
    assert_eq!((world.leader(), &world.log[..]), (Some(1), &[id(1)][..]));
    assert!((0..3).all(|tab| world.state(tab, id(1)) == Some(Delivery::Sent)));
    assert!(world.persisted().send_queue.is_empty());
}

#[test]
fn a_message_that_was_acknowledged_while_its_tab_hung_is_not_sent_again() {
    let mut world = World::new(1);
    world.user(0, User::Send(id(1)));
    // The message is persisted, and the tab hangs before it is told.
    world.run(2 * LATENCY_MS - 1);
    world.tabs[0].hangs = true;
    world.run(10_000);
    assert_eq!((world.leader(), &world.log[..], world.received[&id(1)]), (Some(1), &[id(1)][..], 1));
    world.tabs[0].hangs = false;
    world.run(COMMAND_TIMEOUT_MS + 1_000);
    assert_eq!((world.state(0, id(1)), world.received[&id(1)]), (Some(Delivery::Sent), 1));
    assert!(world.persisted().send_queue.is_empty(), "nothing stays on the device");
    assert_eq!(world.failures(0), 0);
}

#[test]
fn requests_of_a_replaced_leader_are_answered() {
    let mut world = World::new(1);
    let now = world.clocks();
    let session = &mut world.tabs[0].session;
    session.handle_seek(now, SeekTarget::Time(1));
    session.handle_search(now, "words", 0);
    while session.poll_event().is_some() {}
    world.tabs[0].hangs = true;
    world.run(7_500);
    let before = world.tabs[0].shown.events.len();
    world.tabs[0].hangs = false;
    world.run(2_000);
    assert_eq!(world.leader(), Some(1));
    let events = &world.tabs[0].shown.events[before..];
    assert!(events.contains(&Event::SeekFinished { requester: LOCAL, seq: None }), "{events:?}");
    let results = Err(Status::NotConnected);
    assert!(events.contains(&Event::SearchFinished { requester: LOCAL, results }), "{events:?}");
    let is_page = |event: &Event| matches!(event, Event::PageFinished { requester: LOCAL, result: Err(_) });
    assert!(events.iter().any(is_page), "{events:?}");
}

#[test]
fn a_healthy_leader_is_never_replaced() {
    let mut world = World::new(1);
    world.show(0, false);
    world.run(120_000);
    assert_eq!((world.leader(), world.holder, world.device_lease), (Some(0), Some(0), world.tabs[0].lease));
    assert!(world.tabs.iter().all(|tab| tab.session_number == 0));
}

#[test]
fn a_visible_follower_drives_the_timers_of_a_hidden_leader() {
    let mut world = World::new(1);
    world.run(1_000);
    let due = world.tabs[0].session.poll_timeout().unwrap();
    let Role::Follower(follower) = &world.tabs[1].role else { panic!() };
    let asks = follower.poll_timeout().unwrap();
    assert!(asks <= due + LATENCY_MS || asks <= world.now + QUESTION_INTERVAL_MS, "{asks} {due}");
}

#[test]
fn commands_for_a_hung_leader_are_executed_once_by_the_next_one() {
    let mut world = World::new(1);
    world.fail_message(1, id(1));
    world.fail_message(1, id(2));
    world.refused.clear();
    world.received.clear();
    world.tabs[0].hangs = true;
    world.user(1, User::Command(Command::Retry(id(1))));
    world.user(1, User::Command(Command::Discard(id(2))));
    world.run(10);
    assert_eq!((world.state(1, id(1)), world.state(1, id(2))), (Some(Delivery::Queued), None), "at once");
    // The opposite commands are not possible any more.
    world.user(1, User::Command(Command::Discard(id(1))));
    world.user(1, User::Command(Command::Retry(id(2))));
    world.run(8_000);
    assert_eq!((world.leader(), &world.log[..]), (Some(1), &[id(1)][..]));
    world.tabs[0].hangs = false;
    world.run(8_000);
    assert_eq!((&world.log[..], &world.received), (&[id(1)][..], &BTreeMap::from([(id(1), 1)])));
    for tab in 0..3 {
        assert_eq!((world.state(tab, id(1)), world.state(tab, id(2))), (Some(Delivery::Sent), None), "{tab}");
    }
    assert_eq!(world.failures(1), 0);
}

#[test]
fn commands_that_no_leader_executes_are_reported_and_undone() {
    let mut world = World::new(1);
    world.fail_message(1, id(1));
    world.refused.clear();
    world.tabs[0].hangs = true;
    let discard = User::Command(Command::Discard(id(1)));
    let end = world.now + COMMAND_TIMEOUT_MS + 500;
    world.user(1, discard);
    while world.now < end {
        // The lock can't be stolen.
        world.holder = Some(0);
        world.tabs[1].inbox.retain(|(_, input)| !matches!(input, Input::Granted));
        world.run(1);
    }
    assert_eq!(world.failures(1), 1);
    assert_eq!(world.state(1, id(1)), Some(Delivery::Failed(Status::ContentTooLong)), "it is shown again");
    // The user changes their mind: the late leader must not execute what was reported as failed.
    world.tabs[0].inbox.retain(|(_, input)| !matches!(input, Input::Lost));
    world.tabs[0].hangs = false;
    world.user(1, User::Command(Command::Retry(id(1))));
    world.run(2_000);
    assert_eq!((&world.log[..], world.state(1, id(1))), (&[id(1)][..], Some(Delivery::Sent)));
}

#[test]
fn leaving_works_while_the_leader_hangs() {
    let mut world = World::new(1);
    world.tabs[0].hangs = true;
    world.user(1, User::Command(Command::Leave));
    world.run(8_000);
    assert_eq!(world.tabs[1].shown.events.last(), Some(&Event::LoggedOut));
    assert!(world.persisted().account.is_none());
}

#[test]
fn a_leader_that_was_superseded_persists_nothing() {
    let mut world = World::new(1);
    world.fail_message(1, id(1));
    world.tabs[0].hangs = true;
    world.run(8_000);
    let rows = world.rows.clone();
    // It was stopped after its checks, so that it still believes to be the leader.
    world.tabs[0].inbox.clear();
    world.tabs[0].gate = Gate::default();
    world.tabs[0].hangs = false;
    world.handle(0, Input::User(User::Command(Command::Retry(id(1)))));
    assert_eq!(world.rows, rows);
    world.run(1_000);
    assert_eq!(world.leader(), Some(1), "it has learned that it is not the leader");
    assert_eq!(world.received[&id(1)], 1, "the message was not sent again");
}

#[test]
fn a_leader_continues_without_the_device() {
    let mut world = World::new(1);
    world.fail_message(1, id(1));
    world.user(1, User::Send(id(2)));
    world.run(500);
    let Role::Follower(follower) = &world.tabs[1].role else { panic!() };
    let mirrored = follower.mirrored().unwrap();
    assert_eq!(mirrored.account.as_ref().unwrap().secret, [7; 32]);
    assert!(matches!(&mirrored.send_queue[..], [queued] if queued.id == id(1)
        && queued.stage == crate::send_queue::Stage::Failed(Status::ContentTooLong)));
    assert!(Follower::new(0, 1).mirrored().is_none());
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
            match world.random(10) {
                0..=3 => {
                    let id = id(n);
                    if world.random(3) == 0 {
                        world.refused.push(id);
                    }
                    // A hung tab takes no input.
                    if !world.tabs[tab].hangs {
                        done.sent.push(id);
                        world.user(tab, User::Send(id));
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
                7 => world.refused.clear(),
                kind => {
                    let mut failed = world.tabs[tab].shown.shown().into_iter();
                    let failed = failed.rfind(|shown| matches!(shown.2, Delivery::Failed(_)));
                    if let Some((id, ..)) = failed.filter(|_| !world.tabs[tab].hangs) {
                        let command = if kind == 8 { Command::Retry(id) } else { Command::Discard(id) };
                        world.user(tab, User::Command(command));
                        if kind == 9 {
                            done.discarded.push(id);
                        }
                    }
                }
            }
            let pause = [5, 300, 3_000, 9_000][world.random(4) as usize];
            world.run(pause);
        }
        world.refused.clear();
        for tab in 0..3 {
            world.tabs[tab].hangs = false;
            world.show(tab, true);
        }
        world.run(30_000);
        let shown = world.tabs[0].shown.shown();
        for tab in &world.tabs {
            let of = |tab: &SimTab| {
                tab.shown.shown().into_iter().map(|shown| (shown.0, shown.2)).collect::<BTreeMap<_, _>>()
            };
            assert_eq!(of(tab), of(&world.tabs[0]), "seed {seed}: all tabs show the same");
        }
        for id in &done.sent {
            let was_discarded = done.discarded.contains(id);
            let is_shown = shown.iter().any(|shown| shown.0 == *id);
            assert!(is_shown || was_discarded, "seed {seed}: {id:?} is lost");
            let state = shown.iter().find(|shown| shown.0 == *id).map(|shown| shown.2);
            assert!(
                matches!(state, None | Some(Delivery::Sent | Delivery::Failed(_))),
                "seed {seed}: {id:?} is {state:?}"
            );
            assert_eq!(state == Some(Delivery::Sent), world.log.contains(id), "seed {seed}: {id:?}");
        }
        takeovers += world.tabs.iter().map(|tab| tab.session_number).sum::<u64>();
    }
    assert!(takeovers > seeds, "{takeovers} times a leader stepped down");
}
