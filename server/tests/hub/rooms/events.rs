//! Events, activity and cursors.

use parlour_core::{
    codec::{self, Extension},
    model::RoomId,
    status::Status,
    wire::{self, client_command::Operation, room_event::Change, server_event::Body},
};
use parlour_server::store::LogError;

use super::client::Client;
use crate::{common::world::World, world};

#[test]
fn messages_reach_subscribers_in_full_and_others_as_activity() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut lili = Client::login(&mut w, "lili", &[]);
    let mut tim = Client::login(&mut w, "tim", &[]);
    let basic = w.basic("old");
    let room = tom.create(&mut w, wire::RoomKind::Public, "rust", &[]);
    for client in [&mut lili, &mut tim] {
        client.command(&mut w, room, Operation::Join(wire::Join {}));
    }
    lili.subscribe(&mut w, room);
    w.clear(basic);
    for id in 1..=5 {
        tom.post(&mut w, room, id, &id.to_string());
    }
    w.advance(3_000);
    lili.update(&w);
    tim.update(&w);
    assert_eq!(lili.messages[&room], ["1", "2", "3", "4", "5"]);
    assert_eq!((lili.activity, tim.rows[&room].head), (0, 5));
    assert!(tim.activity <= 2 && !tim.messages.contains_key(&room));
    assert!(w.received(basic).messages().is_empty(), "basic clients know only the lobby");
    let accepted = w.received(tom.conn).accepted();
    assert_eq!(accepted.len(), 5);
}

#[test]
fn removed_member_gets_nothing_after_the_event_that_removes_it() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut lili = Client::login(&mut w, "lili", &[]);
    let room = tom.create(&mut w, wire::RoomKind::Private, "secret", &[&lili]);
    lili.command(&mut w, room, Operation::Join(wire::Join {}));
    lili.subscribe(&mut w, room);
    let remove = wire::ChangeMember { account: lili.account.clone(), role: wire::Role::None.into() };
    // All in one batch: a message of each, the removal, and a message of each.
    w.hold_requests = true;
    tom.post(&mut w, room, 1, "before");
    lili.post(&mut w, room, 1, "mine");
    tom.send(&mut w, room, Operation::ChangeMember(remove));
    tom.post(&mut w, room, 2, "after");
    lili.post(&mut w, room, 2, "too late");
    w.release();
    w.advance(1_000);
    lili.update(&w);
    assert_eq!(lili.messages[&room], ["before", "mine"]);
    assert!(matches!(lili.events.last(), Some((of, Change::Member(_))) if *of == room));
    assert!(!lili.rows.contains_key(&room));
    assert_eq!(w.received(lili.conn).codes().len(), 1, "its late message is refused at its place");
}

#[test]
fn change_of_a_member_has_the_number_of_members() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut lili = Client::login(&mut w, "lili", &[]);
    let mut tim = Client::login(&mut w, "tim", &[]);
    let room = tom.create(&mut w, wire::RoomKind::Private, "secret", &[&lili]);
    tom.subscribe(&mut w, room);
    lili.command(&mut w, room, Operation::Join(wire::Join {}));
    let invite = wire::ChangeMember { account: tim.account.clone(), role: wire::Role::Invited.into() };
    tom.command(&mut w, room, Operation::ChangeMember(invite));
    tim.command(&mut w, room, Operation::Leave(wire::Leave {}));
    lili.command(&mut w, room, Operation::Leave(wire::Leave {}));
    tom.update(&w);
    let members = tom.events.iter().map(|(_, change)| match change {
        Change::Member(change) => (change.role(), change.members),
        other => panic!("{other:?}"),
    });
    let expected =
        [(wire::Role::Member, 2), (wire::Role::Invited, 2), (wire::Role::None, 2), (wire::Role::None, 1)];
    assert_eq!(members.collect::<Vec<_>>(), expected.map(|(role, members)| (role, Some(members))));
}

#[test]
fn query_that_is_executed_after_a_removal_is_refused() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut lili = Client::login(&mut w, "lili", &[]);
    let room = tom.create(&mut w, wire::RoomKind::Private, "secret", &[&lili]);
    lili.command(&mut w, room, Operation::Join(wire::Join {}));
    let remove = wire::ChangeMember { account: lili.account.clone(), role: wire::Role::None.into() };
    w.hold_requests = true;
    tom.send(&mut w, room, Operation::ChangeMember(remove));
    // The hub still has it as a member.
    let page = lili.send(&mut w, room, Operation::Page(wire::PageRequest::default()));
    let subscription = lili.send(&mut w, room, Operation::Subscribe(wire::Subscribe::default()));
    assert_eq!(w.held_requests.len(), 3);
    w.release();
    for request in [page, subscription] {
        let answers = lili.answers(&w, request);
        assert!(matches!(answers[..], [wire::response::Result::Refusal(_)]), "{answers:?}");
    }
}

#[test]
fn reading_clears_the_other_device_at_once_and_survives_a_restart() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut lili = Client::login(&mut w, "lili", &[]);
    let mut phone = Client::login(&mut w, "lili", &lili.secret);
    for id in 1..=4 {
        tom.post(&mut w, RoomId::LOBBY, id, "hi");
    }
    phone.update(&w);
    assert_eq!((phone.rows[&RoomId::LOBBY].head, phone.rows[&RoomId::LOBBY].read), (4, 0));
    lili.command(&mut w, RoomId::LOBBY, Operation::Read(wire::Cursor { ord: 3, version: 0 }));
    phone.update(&w);
    assert_eq!(phone.rows[&RoomId::LOBBY].read, 3);
    w.advance(30_000);
    w.restart();
    let again = Client::login(&mut w, "lili", &lili.secret);
    assert_eq!((again.rows[&RoomId::LOBBY].head, again.rows[&RoomId::LOBBY].read), (4, 3));
    let again = Client::login(&mut w, "tom", &tom.secret);
    assert_eq!(again.rows[&RoomId::LOBBY].read, 4, "own messages are read");
}

#[test]
fn room_is_muted_when_the_log_has_it() {
    let mut w = world();
    let mut lili = Client::login(&mut w, "lili", &[]);
    let mut phone = Client::login(&mut w, "lili", &lili.secret);
    let done = wire::response::Result::Done(wire::Done::default());
    for muted in [true, false] {
        w.hold_requests = true;
        let settings = || Operation::RoomSettings(wire::RoomSettings { muted });
        let requests = [0; 2].map(|_| lili.send(&mut w, RoomId::LOBBY, settings()));
        phone.update(&w);
        assert_eq!(lili.answers(&w, requests[0]), [], "a server that is killed now has lost it");
        assert_eq!(phone.rows[&RoomId::LOBBY].muted, !muted);
        w.release();
        for request in requests {
            assert_eq!(lili.answers(&w, request), std::slice::from_ref(&done));
        }
        phone.update(&w);
        assert_eq!((phone.rows[&RoomId::LOBBY].muted, lili.rows[&RoomId::LOBBY].muted), (muted, muted));
        // It is so already.
        assert_eq!(lili.command(&mut w, RoomId::LOBBY, settings()), done);
    }
    lili.send(&mut w, RoomId::LOBBY, Operation::RoomSettings(wire::RoomSettings { muted: true }));
    w.restart();
    assert!(Client::login(&mut w, "lili", &lili.secret).rows[&RoomId::LOBBY].muted);
}

#[test]
fn slow_consumer_continues_where_events_were_skipped() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut lili = Client::login(&mut w, "lili", &[]);
    tom.post(&mut w, RoomId::LOBBY, 1, "one");
    lili.update(&w);
    assert!(w.overflow(lili.conn));
    tom.post(&mut w, RoomId::LOBBY, 2, "two");
    lili.update(&w);
    assert_eq!(lili.messages[&RoomId::LOBBY], ["one"]);
    w.drained(lili.conn);
    lili.update(&w);
    assert_eq!(lili.messages[&RoomId::LOBBY], ["one", "two"]);
    tom.post(&mut w, RoomId::LOBBY, 3, "three");
    lili.update(&w);
    assert_eq!(lili.messages[&RoomId::LOBBY], ["one", "two", "three"]);
}

#[test]
fn slow_consumer_that_does_not_catch_up_is_closed() {
    let mut w = world();
    let [quick, slow] = ["quick", "slow"].map(|nick| Client::login(&mut w, nick, &[]).conn);
    assert!(w.overflow(quick) && w.overflow(slow));
    w.advance(9_000);
    w.drained(quick);
    w.advance(999);
    assert_eq!(w.received(slow).closed, None);
    w.advance(1);
    assert_eq!([quick, slow].map(|conn| w.received(conn).closed), [None, Some(Status::TooSlow)]);
}

#[test]
fn slow_consumer_that_cannot_be_continued_is_closed() {
    let mut w = world();
    let slow = Client::login(&mut w, "slow", &[]).conn;
    assert!(w.overflow(slow));
    w.failing_reads = Some(LogError::Failed("test".into()));
    w.drained(slow);
    assert_eq!(w.received(slow).closed, Some(Status::LogUnavailable));
}

#[test]
fn position_ahead_of_the_log_is_kept_and_another_log_is_not() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    (1..=3).for_each(|id| tom.post(&mut w, RoomId::LOBBY, id, "hi"));
    let mut subscribe = |w: &mut _, seq, id: &[u8]| {
        let request =
            tom.send(w, RoomId::LOBBY, Operation::Subscribe(wire::Subscribe { seq, id: id.to_vec() }));
        match tom.answers(w, request).pop() {
            Some(wire::response::Result::Window(window)) => window,
            other => panic!("{other:?}"),
        }
    };
    let behind = subscribe(&mut w, 99, &[]);
    assert!(behind.behind && !behind.reset && behind.frames.is_empty());
    let later = subscribe(&mut w, 1, &[1; 16]);
    assert_eq!((later.reset, later.frames.len(), later.seq), (false, 2, 3));
    let other = subscribe(&mut w, 1, &[9; 16]);
    assert!(other.reset && other.page.is_some());
}

#[test]
fn each_tab_that_subscribes_to_a_room_gets_a_window() {
    for in_order in [true, false] {
        let mut w = world();
        let mut tom = Client::login(&mut w, "tom", &[]);
        let room = tom.create(&mut w, wire::RoomKind::Public, "rust", &[]);
        w.hold_requests = true;
        let subscribe = Operation::Subscribe(wire::Subscribe::default());
        let requests = [0; 2].map(|_| tom.send(&mut w, room, subscribe.clone()));
        if !in_order {
            w.held_requests.reverse();
            w.release_one();
        }
        w.release();
        for request in requests {
            let answers = tom.answers(&w, request);
            let [wire::response::Result::Window(window)] = &answers[..] else { panic!("{answers:?}") };
            tom.positions.insert(room, window.seq);
        }
        tom.post(&mut w, room, 1, "hi");
        tom.update(&w);
        assert_eq!(tom.messages[&room], ["hi"], "in order: {in_order}");
    }
}

/// The nicks that the events of a room name: of the sender, and of the member that is changed.
fn event_nicks(w: &World, client: &Client) -> Vec<(String, Option<String>)> {
    let nick = |person: Option<wire::Person>| person.map(|person| person.nick);
    let events = w.received(client.conn).extensions().filter_map(|extension| match extension {
        Extension::Event(wire::ServerEvent { body: Some(Body::Event(event)), .. }) => Some(event.clone()),
        _ => None,
    });
    let nicks = events.map(|event| {
        let member = match event.change {
            Some(Change::Member(member)) => nick(member.person),
            _ => None,
        };
        (nick(event.sender).unwrap_or_default(), member)
    });
    nicks.collect()
}

#[test]
fn events_name_people_whose_sessions_have_ended() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut lili = Client::login(&mut w, "lili", &[]);
    let room = tom.create(&mut w, wire::RoomKind::Private, "rust", &[&lili]);
    lili.command(&mut w, room, Operation::Join(wire::Join {}));
    let moderator =
        |role: wire::Role| wire::ChangeMember { account: lili.account.clone(), role: role.into() };
    tom.command(&mut w, room, Operation::ChangeMember(moderator(wire::Role::Moderator)));
    tom.subscribe(&mut w, room);
    w.clear(tom.conn);
    tom.restart();
    w.hold_requests = true;
    let topic = wire::ChangeRoom { change: Some(wire::change_room::Change::Topic("news".into())) };
    lili.send(&mut w, room, Operation::ChangeRoom(topic));
    w.send(lili.conn, &codec::exit("lili"));
    w.release();
    for role in [wire::Role::None, wire::Role::Invited] {
        let account = lili.account.clone();
        tom.command(&mut w, room, Operation::ChangeMember(wire::ChangeMember { account, role: role.into() }));
    }
    let [lili, tom_nick] = ["lili", "tom"].map(String::from);
    let named = (tom_nick, Some(lili.clone()));
    assert_eq!(event_nicks(&w, &tom), [(lili, None), named.clone(), named]);
}
