//! Devices whose storage fails: a message is lost only with the last tab that has it.

use super::{world::LATENCY_MS, *};

/// A world whose device stores nothing, and whose connection is dead.
fn broken_world() -> World {
    let mut world = World::new(1);
    world.device.fails = true;
    world.server_answers = false;
    world
}

/// Tab 2 is opened again, so that it knows nothing of before, and becomes the leader when tab 0 is closed.
fn lead_in_new_tab(world: &mut World) {
    world.waiting.retain(|tab| *tab != 1);
    world.close_tab(0);
    world.server_answers = true;
    world.reopen(2);
    world.waiting.push_back(1);
    world.run(3_000);
    assert_eq!(world.leader(), Some(2));
}

#[test]
fn a_leader_that_hung_gives_its_messages_to_the_next_one() {
    let mut world = broken_world();
    world.server.refused = vec![id(2)];
    (1..=2).for_each(|tab| world.close_tab(tab));
    world.server_answers = true;
    world.user(0, User::Send(LOBBY, id(2)));
    world.run(100);
    world.server_answers = false;
    world.user(0, User::Send(LOBBY, id(1)));
    world.run(100);
    let failed = world.state(0, id(2));
    assert!(matches!(failed, Some(Delivery::Failed(_))));
    assert_eq!(world.state(0, id(1)), Some(Delivery::Pending));
    world.tabs[0].hangs = true;
    world.server_answers = true;
    world.reopen(1);
    world.run(12_000);
    assert_eq!((world.leader(), world.server.log(LOBBY).len()), (Some(1), 0));
    world.tabs[0].hangs = false;
    world.run(3_000);
    assert_eq!((world.state(0, id(1)), world.server.received[&id(1)]), (Some(Delivery::Sent), 1));
    assert_eq!((world.state(0, id(2)), world.state(1, id(2))), (failed, failed), "the user decides");
    assert_eq!((world.server.log(LOBBY).len(), world.failures(0)), (1, 0));
}

#[test]
fn a_message_that_its_leader_has_not_sent_is_given_to_the_next_one() {
    let mut world = broken_world();
    world.user(1, User::Send(LOBBY, id(1)));
    world.run(100);
    assert_eq!(world.state(0, id(1)), Some(Delivery::Pending), "the leader has it");
    lead_in_new_tab(&mut world);
    assert_eq!((world.state(1, id(1)), world.server.received[&id(1)]), (Some(Delivery::Sent), 1));
    assert_eq!(world.failures(1), 0);
}

#[test]
fn a_leader_recognises_a_message_that_it_has_settled() {
    let mut world = World::new(1);
    world.user(1, User::Send(LOBBY, id(1)));
    // The leader has reported that it is sent, and the server has not answered.
    world.run(4 * LATENCY_MS - 1);
    world.tabs[1].is_deaf = true;
    world.run(300);
    assert_eq!(world.state(2, id(1)), Some(Delivery::Sent));
    assert_eq!(world.state(1, id(1)), Some(Delivery::Pending));
    world.waiting = [2, 1].into();
    world.close_tab(0);
    world.tabs[1].is_deaf = false;
    world.run(3_000);
    assert_eq!((world.leader(), world.server.received[&id(1)]), (Some(2), 1));
    assert_eq!(world.state(1, id(1)), Some(Delivery::Sent));
    assert!(world.device.queued.is_empty(), "nothing stays");
}

#[test]
fn a_message_that_may_have_been_discarded_is_not_given_again() {
    let mut world = broken_world();
    world.user(1, User::Send(LOBBY, id(1)));
    world.run(100);
    // The tab knows that it has missed an event, and the leader is gone before it has sent a snapshot.
    let Role::Leader(leader, client) = &mut world.tabs[0].role else { panic!() };
    let _ = leader.publish(10_500, &Event::RoundTrip(4), client).unwrap();
    let next = leader.publish(10_500, &Event::RoundTrip(5), client).unwrap();
    world.deliver(1, Input::Channel(next.to_vec()));
    world.tabs[0].hangs = true;
    world.run(50);
    lead_in_new_tab(&mut world);
    assert_eq!((world.state(1, id(1)), world.server.log(LOBBY).len()), (None, 0));
}
