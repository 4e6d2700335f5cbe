//! A follower that becomes the leader.

use super::{world::LATENCY_MS, *};

#[test]
fn acknowledged_messages_stay_acknowledged_and_are_not_sent_again() {
    let mut world = World::new(1);
    // The leader's storage fails from now on.
    world.user(1, User::Send(LOBBY, id(5)));
    world.run(4);
    world.tabs[0].dies = true;
    world.run(300);
    assert_eq!(world.state(1, id(5)), Some(Delivery::Sent));
    assert!(world.device.queued.contains_key(&id(5)), "the device has it still");
    world.close_tab(0);
    world.run(2_000);
    assert_eq!((world.leader(), world.server.received[&id(5)]), (Some(1), 1));
    assert_eq!(world.state(1, id(5)), Some(Delivery::Sent));
    assert!(world.device.queued.is_empty(), "it is deleted");
}

#[test]
fn discarded_messages_are_not_sent_although_the_device_has_them() {
    let mut world = World::new(1);
    world.fail_message(1, id(1));
    world.server.refused.clear();
    world.tabs[0].dies = true;
    world.user(1, User::Command(TabCommand::Discard(LOBBY, id(1))));
    world.run(300);
    assert!(world.device.queued.contains_key(&id(1)));
    world.close_tab(0);
    world.run(2_000);
    assert_eq!((world.leader(), world.state(1, id(1)), world.server.log(LOBBY).len()), (Some(1), None, 0));
    assert!(world.device.queued.is_empty());
}

#[test]
fn messages_that_a_dying_leader_did_not_persist_are_sent_by_the_next_one() {
    let mut world = World::new(1);
    world.server_answers = false;
    let connection = world.connection.take();
    world.user(0, User::Send(LOBBY, id(1)));
    world.run(100);
    world.tabs[0].dies = true;
    // A clock that is set back does not change the order.
    world.unix_offset = -3_600_000;
    world.user(0, User::Send(LOBBY, id(2)));
    world.run(100);
    assert!(connection.is_some() && !world.device.queued.contains_key(&id(2)));
    world.close_tab(0);
    world.server_answers = true;
    world.user(1, User::Send(LOBBY, id(3)));
    world.run(3_000);
    assert_eq!(world.leader(), Some(1));
    let ids: Vec<_> = world.server.log(LOBBY).iter().map(|logged| logged.0).collect();
    assert_eq!(ids, [id(1), id(2), id(3)]);
    assert!(world.server.received.values().all(|count| *count == 1), "each is sent once");
}

#[test]
fn messages_that_may_have_been_discarded_are_not_sent_by_the_next_leader() {
    let mut world = World::new(1);
    world.connection = None;
    world.server_answers = false;
    world.tabs[0].dies = true;
    world.user(0, User::Send(LOBBY, id(1)));
    world.run(50);
    assert_eq!(world.state(1, id(1)), Some(Delivery::Queued));
    // The tab misses an event, and no leader is left to send a snapshot.
    let Role::Leader(leader, client) = &mut world.tabs[0].role else { panic!() };
    let now = 10_500;
    let _ = leader.publish(now, &Event::RoundTrip(4), client).unwrap();
    let next = leader.publish(now, &Event::RoundTrip(5), client).unwrap();
    for tab in [1, 2] {
        world.deliver(tab, Input::Channel(next.to_vec()));
    }
    world.tabs[0].hangs = true;
    world.run(50);
    world.close_tab(0);
    world.server_answers = true;
    world.run(8_000);
    assert_eq!((world.leader(), world.server.log(LOBBY).len()), (Some(1), 0));
}

#[test]
fn a_message_that_is_being_stored_when_the_leader_is_closed_keeps_its_place() {
    let mut world = World::new(1);
    world.user(1, User::Send(LOBBY, id(1)));
    // The tab has shown it, and is not told yet that it is stored.
    world.run(LATENCY_MS);
    assert_eq!(world.state(1, id(1)), Some(Delivery::Queued));
    world.close_tab(0);
    world.unix_offset = -3_600_000;
    world.user(1, User::Send(LOBBY, id(2)));
    world.run(3_000);
    let ids: Vec<_> = world.server.log(LOBBY).iter().map(|logged| logged.0).collect();
    assert_eq!((world.leader(), ids), (Some(1), vec![id(1), id(2)]));
}

#[test]
fn a_message_that_the_device_has_refused_is_stored_by_its_tab_that_leads_now() {
    let mut world = World::new(1);
    world.server_answers = false;
    world.close_tab(0);
    // The tab has the lock, whose number the device knows, and still follows the former leader.
    while !matches!(world.tabs[1].role, Role::Promoting(..)) {
        world.run(1);
    }
    world.handle(1, Input::User(User::Send(LOBBY, id(1))));
    assert!(world.device.queued.is_empty(), "it is refused");
    world.run(100);
    assert_eq!((world.leader(), world.state(1, id(1))), (Some(1), Some(Delivery::Queued)));
    assert!(world.device.queued.contains_key(&id(1)));
    world.close_tab(1);
    world.server_answers = true;
    world.run(3_000);
    assert_eq!((world.leader(), world.server.log(LOBBY).len()), (Some(2), 1));
}

#[test]
fn messages_that_the_device_does_not_have_are_sent_again_by_the_next_leader() {
    let mut world = World::new(1);
    world.server_answers = false;
    world.user(0, User::Send(LOBBY, id(1)));
    world.run(100);
    assert_eq!(world.state(1, id(1)), Some(Delivery::Pending));
    // Writing it has failed, so it was sent without.
    world.device.queued.clear();
    world.close_tab(0);
    world.server_answers = true;
    world.run(3_000);
    assert_eq!((world.leader(), world.state(1, id(1))), (Some(1), Some(Delivery::Sent)));
    assert_eq!(world.server.log(LOBBY).len(), 1);
}

#[test]
fn failed_messages_that_the_device_does_not_have_are_kept_by_the_next_leader() {
    let mut world = World::new(1);
    world.fail_message(1, id(1));
    let failed = world.state(1, id(1));
    assert!(matches!(failed, Some(Delivery::Failed(_))));
    // Writing it has failed.
    world.device.queued.clear();
    world.close_tab(0);
    world.run(3_000);
    assert_eq!((world.leader(), world.state(1, id(1))), (Some(1), failed));
    let Role::Leader(_, client) = &world.tabs[1].role else { panic!() };
    assert_eq!(client.unacknowledged().iter().map(|message| message.id).collect::<Vec<_>>(), [id(1)]);
    assert_eq!(world.device.queued.len(), 1);
}

#[test]
fn messages_of_two_rooms_keep_their_order_across_tabs() {
    let mut world = World::new(1);
    world.server_answers = false;
    world.connection = None;
    for (n, tab) in [(1, 0), (2, 1), (3, 2), (4, 0), (5, 1)] {
        let room = if n == 3 { ROOM } else { LOBBY };
        world.user(tab, User::Send(room, id(n)));
        world.run(50);
        world.unix_offset -= 60_000;
    }
    world.close_tab(0);
    world.server_answers = true;
    world.run(10_000);
    let ids = |room| world.server.log(room).iter().map(|logged| logged.0).collect::<Vec<_>>();
    assert_eq!((ids(LOBBY), ids(ROOM)), (vec![id(1), id(2), id(4), id(5)], vec![id(3)]));
}

#[test]
fn a_new_leader_continues_a_login_that_was_not_persisted() {
    let mut world = World::new(1);
    let before = world.device.clone();
    // The user logs out and in again, but neither can be written.
    let record = AccountRecord {
        secret: vec![9; 32],
        attempt: before.account.as_ref().unwrap().attempt + 1,
        ..before.account.clone().unwrap()
    };
    let now = world.clocks();
    let login = Event::LoggedIn(record.identity.clone(), record.account);
    let event = events::encode(now.monotonic, &login, Some(&record)).unwrap();
    let content = PostContent::Publication { number: 1, snapshot: true, events: vec![event] };
    let post = Post::of_leader(Origin(99), world.device.lease + 5, content).encode();
    let Role::Follower(mut follower) = std::mem::replace(&mut world.tabs[1].role, Role::LoggedOut) else {
        panic!()
    };
    follower.handle_message(now, &post);
    let mut persisted = before.persisted();
    let _ = follower.promote(now, world.device.lease + 6, false, &mut persisted);
    assert_eq!(persisted.account.unwrap().secret, [9; 32], "not that of the session that was left");
}

#[test]
fn a_leader_continues_without_the_device() {
    let mut world = World::new(1);
    world.fail_message(1, id(1));
    let Role::Follower(follower) = &world.tabs[1].role else { panic!() };
    let mirrored = follower.mirrored().unwrap();
    assert_eq!(
        mirrored.account.map(|account| account.secret),
        world.device.account.clone().map(|account| account.secret)
    );
    // Nothing is read from the device, not even the failed message.
    world.device.account = None;
    world.device.queued.clear();
    let mut persisted = mirrored_again(&world);
    let now = world.clocks();
    let Role::Follower(follower) = std::mem::replace(&mut world.tabs[1].role, Role::LoggedOut) else {
        panic!()
    };
    let promoted = follower.promote(now, 1, false, &mut persisted);
    assert!(
        promoted.commands.iter().any(|(_, command)| matches!(
            command,
            TabCommand::Server(Command::Subscribe { room: LOBBY, .. })
        ))
    );
    let failed: Vec<_> = persisted.send_queue.iter().map(|(_, message)| message.id).collect();
    assert_eq!(failed, [id(1)]);
}

fn mirrored_again(world: &World) -> crate::client::Persisted {
    let Role::Follower(follower) = &world.tabs[1].role else { panic!() };
    follower.mirrored().unwrap()
}
