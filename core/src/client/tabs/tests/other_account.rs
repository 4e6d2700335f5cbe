//! A tab that was suspended while another one has logged out, and in again to another account.

use super::*;
use crate::model::{Dialect, Identity};
use crate::{
    client::{Output, Persisted},
    limits::Limits,
    persist::queue,
    send_queue::{QueuedMessage, Stage},
};

/// The account with this number, whose login is later than those with smaller ones.
fn record(n: u8) -> AccountRecord {
    let identity = Identity {
        nick: "ann".into(),
        dialect: Dialect::Rich,
        limits: Limits::default(),
        server_name: None,
        search: false,
        echoes_text: false,
    };
    AccountRecord { identity, account: Some(UserId([n; 16])), secret: vec![n; 32], attempt: n.into() }
}

/// The snapshot of a leader that is logged in to this account.
fn snapshot(world: &World, n: u8) -> bytes::Bytes {
    let content = snapshot_content(world, n);
    Post::of_leader(Origin(99), world.device.lease + u64::from(n), content).encode()
}

fn snapshot_content(world: &World, n: u8) -> PostContent {
    let record = record(n);
    let login = Event::LoggedIn(record.identity.clone(), record.account);
    let event = events::encode(world.now, &login, Some(&record)).unwrap();
    PostContent::Publication { number: 1, snapshot: true, events: vec![event] }
}

/// A follower that is logged in to account 1.
fn follower(world: &World) -> Follower {
    let mut follower = Follower::new(world.now, Origin(5), ClientState::new(crate::validate::nick_key));
    follower.handle_message(world.clocks(), &snapshot(world, 1));
    while follower.poll_event().is_some() {}
    follower
}

#[test]
fn a_leader_of_another_account_logs_the_tab_out() {
    let world = World::new(1);
    let mut follower = follower(&world);
    follower.handle_message(world.clocks(), &snapshot(&world, 2));
    let events: Vec<_> = std::iter::from_fn(|| follower.poll_event()).collect();
    assert_eq!(events, [FollowerEvent::Client(Event::LoggedOut)]);
    assert!(!follower.is_logged_in());
}

#[test]
fn a_message_that_may_be_persisted_after_a_logout_is_deleted() {
    let world = World::new(1);
    let mut follower = follower(&world);
    for n in 1..=2 {
        follower.handle_send(world.clocks(), LOBBY, id(n), "hi").unwrap();
    }
    let stored = follower.poll_unpersisted().unwrap();
    assert!(follower.poll_unpersisted().is_some(), "its write ends later");
    follower.handle_stored(stored);
    // The leader has got the other one, as one that was its own when it led.
    let own = OwnMessage {
        room: LOBBY,
        id: id(2),
        content: "hi".into(),
        time: 1,
        order: 1,
        delivery: Delivery::Queued,
    };
    let event = events::encode(world.now, &Event::Own(own), Some(&record(1))).unwrap();
    let content = PostContent::Publication { number: 2, snapshot: false, events: vec![event] };
    let post = Post::of_leader(Origin(99), world.device.lease + 1, content).encode();
    follower.handle_message(world.clocks(), &post);
    assert_eq!(follower.poll_deletion(), None);
    follower.handle_message(world.clocks(), &snapshot(&world, 2));
    let mut deletions: Vec<_> = std::iter::from_fn(|| follower.poll_deletion()).collect();
    deletions.reverse();
    assert_eq!(deletions, [queue::delete(LOBBY, id(1)), queue::delete(LOBBY, id(2))]);
}

#[test]
fn a_message_is_not_persisted_for_an_account_that_has_logged_in_meanwhile() {
    let world = World::new(1);
    for is_other in [false, true] {
        let mut follower = follower(&world);
        for n in 1..=2 {
            follower.handle_send(world.clocks(), LOBBY, id(n), "hi").unwrap();
        }
        let written: Vec<_> = std::iter::from_fn(|| follower.poll_unpersisted()).collect();
        let lease = world.device.lease + 1;
        assert!(written.iter().all(|message| message.lease == lease), "the leader that the tab knows");
        // This tab was suspended. The storage has the lease number of another leader.
        written.into_iter().for_each(|message| follower.handle_superseded(message));
        assert_eq!(follower.poll_unpersisted(), None, "the account of that leader is not known");
        let account = if is_other { 2 } else { 1 };
        let content = snapshot_content(&world, account);
        follower.handle_message(world.clocks(), &Post::of_leader(Origin(98), lease + 5, content).encode());
        let again: Vec<_> = std::iter::from_fn(|| follower.poll_unpersisted()).collect();
        let again: Vec<_> = again.iter().map(|message| (message.message.1.id, message.lease)).collect();
        let expected = if is_other { vec![] } else { vec![(id(1), lease + 5), (id(2), lease + 5)] };
        assert_eq!(again, expected);
    }
}

#[test]
fn nothing_is_given_to_a_leader_before_its_account_is_known() {
    let world = World::new(1);
    let mut follower = follower(&world);
    follower.handle_send(world.clocks(), LOBBY, id(1), "hi").unwrap();
    let stored = follower.poll_unpersisted().unwrap();
    follower.handle_stored(stored);
    follower.handle_send(world.clocks(), LOBBY, id(2), "ho").unwrap();
    while follower.poll_post(world.clocks()).is_some() {}
    // Another tab has logged out while this one was suspended, and logs in.
    let content = PostContent::Publication { number: 1, snapshot: true, events: Vec::new() };
    let lease = world.device.lease + 5;
    follower.handle_message(world.clocks(), &Post::of_leader(Origin(98), lease, content).encode());
    assert_eq!(follower.poll_unpersisted(), None);
    let posts = std::iter::from_fn(|| follower.poll_post(world.clocks()));
    let posts: Vec<_> = posts.map(|post| Post::decode(&post).unwrap().content).collect();
    assert!(!posts.iter().any(|post| matches!(post, PostContent::Command { .. })), "{posts:?}");
    let content = snapshot_content(&world, 2);
    follower.handle_message(world.clocks(), &Post::of_leader(Origin(98), lease, content).encode());
    assert!(!follower.is_logged_in());
}

#[test]
fn a_login_to_another_account_is_not_continued() {
    let world = World::new(1);
    let follower = follower(&world);
    let persisted = |n| Persisted { account: Some(record(n)), ..Persisted::default() };
    let is_other = |stored: u8, listed: Option<u8>| {
        let listed = listed.map(|n| UserId([n; 16]));
        let is_logged_in = |account: Option<UserId>| account.is_some() && account == listed;
        follower.continued(Some(persisted(stored)), false, is_logged_in).is_none()
    };
    assert!(is_other(2, None) && is_other(2, Some(2)));
    assert!(!is_other(2, Some(1)), "a login that could not be undone is stored");
    assert!(!is_other(1, None) && !is_other(1, Some(1)));
    // The logout from that one could not be written.
    assert!(!is_other(0, None) && !is_other(0, Some(1)));
    assert!(is_other(0, Some(0)), "the clock was set back before the later login");
    let mut stored = persisted(0);
    let queued = QueuedMessage::new(id(1), "old".into(), 1, 1, Stage::Queued);
    stored.send_queue.push((LOBBY, queued));
    let _ = follower.promote(world.clocks(), 1, false, &mut stored);
    assert_eq!((stored.account, stored.send_queue), (Some(record(1)), Vec::new()));
}

#[test]
fn an_account_that_has_logged_out_is_not_continued() {
    let world = World::new(1);
    let new = || Follower::new(world.now, Origin(5), ClientState::new(crate::validate::nick_key));
    let continued = |follower: Follower, stored: Option<u8>, was_listed, listed: Option<u8>| {
        let stored = stored.map(|n| Persisted { account: Some(record(n)), ..Persisted::default() });
        let listed = listed.map(|n| UserId([n; 16]));
        let persisted = follower.continued(stored, was_listed, |account| account == listed).unwrap();
        persisted.account.map(|record| record.attempt)
    };
    // The tab was suspended after it had read the device.
    assert_eq!(continued(follower(&world), Some(1), true, Some(1)), Some(1));
    assert_eq!(continued(follower(&world), Some(1), true, None), None);
    assert_eq!(continued(new(), Some(1), true, None), None, "no leader has told the account");
    // Another account has logged in, and nothing of it was read.
    assert_eq!(continued(follower(&world), Some(1), true, Some(2)), None);
    assert_eq!(continued(new(), Some(1), true, Some(2)), None);
    // The device can't be read.
    assert_eq!(continued(follower(&world), None, true, Some(1)), Some(1));
    assert_eq!(continued(follower(&world), None, true, None), None);
    // The login could not be written.
    let without = || Persisted { account: None, ..Persisted::default() };
    let continued_without = |follower: Follower, was_listed, listed: Option<u8>| {
        let listed = listed.map(|n| UserId([n; 16]));
        let persisted = follower.continued(Some(without()), was_listed, |account| account == listed).unwrap();
        persisted.account.map(|record| record.attempt)
    };
    assert_eq!(continued_without(follower(&world), true, Some(1)), Some(1));
    assert_eq!(continued_without(follower(&world), true, None), None, "the previous leader has logged out");
    assert_eq!(continued_without(follower(&world), false, None), None);
    assert_eq!(continued_without(new(), true, Some(1)), None);
    // The browser stores no list.
    assert_eq!(continued(follower(&world), Some(1), false, None), Some(1));
    assert_eq!(continued(follower(&world), None, false, None), Some(1));
    // The logout from the stored account could not be written.
    assert_eq!(continued(follower(&world), Some(0), true, Some(1)), Some(0), "replaced by the promotion");
}

#[test]
fn messages_of_nobody_are_deleted_by_the_next_login() {
    let world = World::new(1);
    let queued = QueuedMessage::new(id(1), "old".into(), 1, 1, Stage::Queued);
    let mut persisted = Persisted { send_queue: vec![(LOBBY, queued)], ..Persisted::default() };
    let follower = Follower::new(world.now, Origin(5), ClientState::new(crate::validate::nick_key));
    let promoted = follower.promote(world.clocks(), 1, false, &mut persisted);
    assert_eq!((promoted.settled, persisted.send_queue), (vec![(LOBBY, id(1))], Vec::new()));
}

/// The snapshot of a leader that is logged in to an account.
fn snapshot_of_leader(now: Clocks, lease: u64, record: &AccountRecord) -> Vec<u8> {
    let login = Event::LoggedIn(record.identity.clone(), record.account);
    let event = events::encode(now.monotonic, &login, Some(record)).unwrap();
    let content = PostContent::Publication { number: 1, snapshot: true, events: vec![event] };
    Post::of_leader(Origin(99), lease, content).encode().to_vec()
}

#[test]
fn messages_are_persisted_once_the_leader_is_known_to_have_the_account() {
    for is_other in [false, true] {
        let mut world = World::new(1);
        let Role::Leader(leader, mut client) = std::mem::replace(&mut world.tabs[0].role, Role::LoggedOut)
        else {
            panic!()
        };
        client.handle_send(world.clocks(), LOBBY, id(1), "hi").unwrap();
        let now = world.clocks();
        let lease = leader.lease() + 1;
        let mut follower = Follower::after_leading(now, Origin(5), *leader, &mut client, []);
        follower.handle_send(now, LOBBY, id(2), "ho").unwrap();
        assert_eq!(follower.poll_unpersisted(), None, "another account may be logged in");
        let record = client.record().unwrap();
        let account = if is_other { Some(UserId([99; 16])) } else { record.account };
        let record = AccountRecord { account, ..record };
        follower.handle_message(now, &snapshot_of_leader(now, lease, &record));
        let unpersisted: Vec<_> = std::iter::from_fn(|| follower.poll_unpersisted()).collect();
        let ids: Vec<_> = unpersisted.iter().map(|message| message.message.1.id).collect();
        assert_eq!(ids, if is_other { vec![] } else { vec![id(1), id(2)] });
    }
}

#[test]
fn a_tab_that_leads_again_has_what_it_did_not_persist() {
    let mut world = World::new(1);
    let Role::Leader(leader, mut client) = std::mem::replace(&mut world.tabs[0].role, Role::LoggedOut) else {
        panic!()
    };
    let now = world.clocks();
    let lease = leader.lease() + 1;
    let mut follower = Follower::after_leading(now, Origin(5), *leader, &mut client, []);
    follower.handle_send(now, LOBBY, id(1), "hi").unwrap();
    let promoted = follower.promote(now, lease, false, &mut world.device.persisted());
    let reported: Vec<_> = promoted.reported.iter().map(|message| message.id).collect();
    assert_eq!((reported, promoted.sends), (vec![id(1)], Vec::new()));
}

#[test]
fn a_leader_without_an_account_has_settled_no_message() {
    let mut world = World::new(1);
    let Role::Leader(leader, mut client) = std::mem::replace(&mut world.tabs[0].role, Role::LoggedOut) else {
        panic!()
    };
    let (now, lease) = (world.clocks(), leader.lease() + 1);
    client.handle_send(now, LOBBY, id(1), "hi").unwrap();
    while let Some(output) = client.poll_output() {
        if let Output::Persist { ticket, .. } = output {
            // The write has failed, which does not keep a message from being sent.
            client.handle_persisted(now, ticket);
        }
    }
    let mut follower = Follower::after_leading(now, Origin(5), *leader, &mut client, []);
    // Another tab leads to log in for the first time, and that is refused.
    let connection = |connection| events::encode(world.now, &Event::Connection(connection), None).unwrap();
    let hear = |follower: &mut Follower, content| {
        follower.handle_message(now, &Post::of_leader(Origin(98), lease, content).encode());
    };
    let failed = Connection::Failed { status: Status::NickTaken, refusal: None };
    for (number, connection) in [(2, connection(Connection::Connecting)), (3, connection(failed))] {
        let (snapshot, events) = (number == 2, vec![connection]);
        hear(&mut follower, PostContent::Publication { number, snapshot, events });
        let renewal = PostContent::Renewal { number, age: 0, due: None, executed: vec![], roll_call: false };
        hear(&mut follower, renewal);
    }
    let promoted = follower.promote(now, lease + 1, false, &mut world.device.persisted());
    let mut kept: Vec<_> = promoted.reported.iter().map(|message| message.id).collect();
    kept.extend(promoted.sends.iter().map(|(_, message)| message.id));
    assert_eq!(kept, [id(1)]);
}

#[test]
fn a_message_that_was_being_persisted_when_its_tab_led_is_not_lost() {
    let mut world = World::new(1);
    let Role::Leader(leader, mut client) = std::mem::replace(&mut world.tabs[0].role, Role::LoggedOut) else {
        panic!()
    };
    let (now, lease) = (world.clocks(), leader.lease());
    let record = client.record().unwrap();
    let mut follower = Follower::after_leading(now, Origin(5), *leader, &mut client, []);
    follower.handle_message(now, &snapshot_of_leader(now, lease + 1, &record));
    for n in 1..=2 {
        follower.handle_send(now, LOBBY, id(n), "hi").unwrap();
    }
    // Their writes have not ended when the tab becomes the leader, and when it is the leader no more.
    let written: Vec<_> = std::iter::from_fn(|| follower.poll_unpersisted()).collect();
    let promoted = follower.promote(now, lease + 2, false, &mut world.device.persisted());
    assert_eq!((promoted.reported, promoted.sends), (Vec::new(), Vec::new()));
    client.handle_send(now, LOBBY, id(3), "hi").unwrap();
    let mut follower = Follower::after_leading(now, Origin(5), promoted.leader, &mut client, []);
    written.into_iter().for_each(|message| follower.handle_superseded(message));
    follower.handle_message(now, &snapshot_of_leader(now, lease + 3, &record));
    let unpersisted: Vec<_> = std::iter::from_fn(|| follower.poll_unpersisted()).collect();
    let ids: Vec<_> = unpersisted.into_iter().map(|message| message.message.1.id).collect();
    assert_eq!(ids, [id(1), id(2), id(3)]);
}

#[test]
fn a_message_that_is_acknowledged_while_it_is_being_persisted_is_deleted() {
    let world = World::new(1);
    let mut follower = follower(&world);
    for n in 1..=2 {
        follower.handle_send(world.clocks(), LOBBY, id(n), "hi").unwrap();
    }
    let stored = follower.poll_unpersisted().unwrap();
    follower.handle_stored(stored);
    assert!(follower.poll_unpersisted().is_some(), "its write ends later");
    for n in 1..=2 {
        let acknowledged =
            Event::Acknowledged { room: LOBBY, id: id(n), content: "hi".into(), seq: n.into(), time: 1 };
        let event = events::encode(world.now, &acknowledged, Some(&record(1))).unwrap();
        let number = 1 + u64::from(n);
        let content = PostContent::Publication { number, snapshot: false, events: vec![event] };
        let post = Post::of_leader(Origin(99), world.device.lease + 1, content).encode();
        follower.handle_message(world.clocks(), &post);
    }
    assert_eq!(follower.unacknowledged(), 0);
    assert_eq!(follower.poll_deletion(), Some(queue::delete(LOBBY, id(2))));
    assert_eq!(follower.poll_deletion(), None);
}

#[test]
fn a_message_of_a_suspended_tab_does_not_reach_another_account() {
    let mut world = World::new(1);
    let account = world.device.account.as_ref().unwrap().account;
    assert_ne!(account, record(2).account);
    for (n, account) in [(1, record(2).account), (2, account)] {
        // The tab has not handled what the leader has published while it was suspended.
        let record = AccountRecord { account, ..record(1) };
        let login = Event::LoggedIn(record.identity.clone(), record.account);
        let event = events::encode(world.now, &login, Some(&record)).unwrap();
        let content = PostContent::Publication { number: 1, snapshot: true, events: vec![event] };
        let post = Post::of_leader(Origin(99), world.device.lease + 1, content).encode();
        let mut follower = Follower::new(world.now, Origin(5), ClientState::new(crate::validate::nick_key));
        follower.handle_message(world.clocks(), &post);
        follower.handle_send(world.clocks(), LOBBY, id(n), "hi").unwrap();
        let stored = follower.poll_unpersisted().unwrap();
        follower.handle_stored(stored);
        while let Some(post) = follower.poll_post(world.clocks()) {
            world.deliver(0, Input::Channel(post.to_vec()));
        }
        world.run(1_000);
    }
    let logged: Vec<_> = world.server.log(LOBBY).iter().map(|logged| logged.0).collect();
    assert_eq!(logged, [id(2)]);
}
