//! The nicks in what is read from the log are the present ones.

use parlour_core::{
    codec,
    model::RoomId,
    room_rows,
    wire::{self, client_command::Operation, response::Result as Answer},
};
use parlour_server::{hub::Settings, store::LogError};

use super::client::Client;
use crate::{common::world::World, world};

fn change_nick(nick: &str) -> Operation {
    Operation::ChangeNick(wire::ChangeNick { nick: nick.into() })
}

fn page_request() -> Operation {
    Operation::Page(wire::PageRequest { count: 10, ..wire::PageRequest::default() })
}

/// The nicks that an answer names.
fn nicks(answer: &Answer) -> Vec<&str> {
    let people = match answer {
        Answer::Page(page) => &page.people,
        Answer::People(page) => &page.people,
        Answer::Window(window) => &window.page.as_ref().unwrap().people,
        other => panic!("{other:?}"),
    };
    people.iter().map(|person| &*person.nick).collect()
}

#[test]
fn pages_name_senders_who_have_left_by_their_present_nicks() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut lili = Client::login(&mut w, "lili", &[]);
    let room = tom.create(&mut w, wire::RoomKind::Public, "rust", &[]);
    lili.command(&mut w, room, Operation::Join(wire::Join {}));
    lili.post(&mut w, room, 1, "hello");
    lili.post(&mut w, RoomId::LOBBY, 2, "hello");
    lili.command(&mut w, room, Operation::Leave(wire::Leave {}));
    lili.command(&mut w, RoomId::LOBBY, change_nick("lilith"));
    // Its session ends, so that only the log knows it.
    w.send(lili.conn, &parlour_core::codec::exit("lilith"));
    w.restart();
    let mut tom = Client::login(&mut w, "tom", &tom.secret);
    for of in [room, RoomId::LOBBY] {
        let search = wire::RoomSearch { query: "hello".into(), before: 0, count: 10 };
        for operation in
            [page_request(), Operation::Search(search), Operation::Subscribe(wire::Subscribe::default())]
        {
            let request = tom.send(&mut w, of, operation.clone());
            let answers = tom.answers(&w, request);
            assert_eq!(nicks(&answers[0]), ["lilith"], "{operation:?}");
        }
    }
}

/// The nick and the presence of a client that another one was told last.
fn last_told(w: &World, to: &Client, of: &Client) -> (String, i32) {
    let mut told = w.received(to.conn).frames.iter().filter_map(|frame| match &frame.extension {
        Some(codec::Extension::Event(wire::ServerEvent {
            body: Some(wire::server_event::Body::Presence(changes)),
            ..
        })) => changes.people.iter().rfind(|person| person.account == of.account),
        _ => None,
    });
    let last = told.next_back().unwrap();
    (last.nick.clone(), last.state)
}

#[test]
fn a_message_that_is_stored_after_a_change_of_the_nick_has_the_new_one() {
    // While its account is there, and while it leaves, in one batch and in two.
    for (leaves, in_one) in [(false, true), (false, false), (true, true), (true, false)] {
        let mut w = world();
        let tom = Client::login(&mut w, "tom", &[]);
        let mut lili = Client::login(&mut w, "lili", &[]);
        w.hold_appends = true;
        lili.handle(&mut w, RoomId::LOBBY, change_nick("lilith"));
        if !in_one {
            w.settle();
        }
        w.send_message(lili.conn, 1, "hello");
        assert_eq!(w.held_requests.len(), if in_one { 1 } else { 2 });
        if leaves {
            w.send(lili.conn, &codec::exit("lili"));
        }
        while !w.held_requests.is_empty() {
            w.release_one();
            w.advance(1_000);
        }
        w.release();
        w.advance(1_000);
        let received = w.received(tom.conn);
        let message = received.frames.iter().find(|frame| frame.content == "hello").unwrap();
        assert_eq!(message.user_name, "lilith", "{leaves} {in_one}");
        let state = if leaves { wire::PresenceState::Left } else { wire::PresenceState::Online };
        assert_eq!(last_told(&w, &tom, &lili), ("lilith".into(), state.into()), "{leaves} {in_one}");
    }
}

/// The append was reported as failed, and is in the log. Who has only a DIRECT room with the account is told too.
#[test]
fn nick_that_was_changed_by_a_failed_append_is_told_when_its_account_leaves() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut lili = Client::login(&mut w, "lili", &[]);
    tom.create(&mut w, wire::RoomKind::Direct, "", &[&lili]);
    tom.command(&mut w, RoomId::LOBBY, Operation::Unsubscribe(wire::Unsubscribe {}));
    lili.post(&mut w, RoomId::LOBBY, 1, "hello");
    w.advance(1_000);
    w.hold_appends = true;
    w.failing = Some(LogError::Full("here".into()));
    w.append_before_failing = true;
    lili.send(&mut w, RoomId::LOBBY, change_nick("lilith"));
    w.send_message(lili.conn, 2, "bye");
    w.disconnect(lili.conn);
    w.release();
    w.failing = None;
    w.advance(10_000);
    assert_eq!(last_told(&w, &tom, &lili), ("lilith".into(), wire::PresenceState::Left.into()));
}

#[test]
fn nick_that_changes_while_its_account_leaves_is_told() {
    for (is_ambiguous, is_lost) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut w = world();
        let tom = Client::login(&mut w, "tom", &[]);
        let mut lili = Client::login(&mut w, "lili", &[]);
        lili.post(&mut w, RoomId::LOBBY, 1, "hello");
        w.advance(1_000);
        w.hold_appends = true;
        if is_ambiguous {
            w.failing = Some(LogError::Full("here".into()));
            w.append_before_failing = true;
        }
        lili.send(&mut w, RoomId::LOBBY, change_nick("lilith"));
        if is_lost {
            w.disconnect(lili.conn);
        } else {
            w.send(lili.conn, &codec::exit("lili"));
        }
        w.release();
        w.failing = None;
        w.advance(5_000);
        let told = last_told(&w, &tom, &lili);
        assert_eq!(told, ("lilith".into(), wire::PresenceState::Left.into()), "{is_ambiguous} {is_lost}");
    }
}

/// An answer that was read before a nick was changed does not bring the former one back.
#[test]
fn answer_that_was_read_before_a_change_has_the_present_nick() {
    let list = wire::ListMembers { count: 10, ..wire::ListMembers::default() };
    for operation in
        [page_request(), Operation::ListMembers(list), Operation::Subscribe(wire::Subscribe::default())]
    {
        let mut w = world();
        let mut tom = Client::login(&mut w, "tom", &[]);
        let mut lili = Client::login(&mut w, "lili", &[]);
        let room = tom.create(&mut w, wire::RoomKind::Public, "rust", &[]);
        lili.command(&mut w, room, Operation::Join(wire::Join {}));
        lili.post(&mut w, room, 1, "hello");
        let request = read_late(&mut w, &mut tom, room, operation.clone(), |w| {
            lili.command(w, RoomId::LOBBY, change_nick("lilith"));
        });
        let answers = tom.answers(&w, request);
        assert!(nicks(&answers[0]).contains(&"lilith"), "{operation:?}: {answers:?}");
        assert!(!nicks(&answers[0]).contains(&"lili"), "{operation:?}: {answers:?}");
    }
}

/// tom, who is not subscribed to the lobby, and lili, who is in this room of his too.
fn outside_the_lobby(w: &mut World) -> (Client, Client, RoomId) {
    let mut tom = Client::login(w, "tom", &[]);
    let mut lili = Client::login(w, "lili", &[]);
    let room = tom.create(w, wire::RoomKind::Public, "rust", &[]);
    lili.command(w, room, Operation::Join(wire::Join {}));
    tom.command(w, RoomId::LOBBY, Operation::Unsubscribe(wire::Unsubscribe {}));
    w.advance(1_000);
    (tom, lili, room)
}

/// Live events that a subscriber gets after the window are older than the nick in it.
#[test]
fn nick_that_changes_while_a_subscription_waits_is_told_after_the_events() {
    let mut w = world();
    let (mut tom, mut lili, room) = outside_the_lobby(&mut w);
    w.clear(tom.conn);
    tom.restart();
    read_late(&mut w, &mut tom, room, Operation::Subscribe(wire::Subscribe::default()), |w| {
        lili.post(w, room, 1, "hello");
        lili.command(w, RoomId::LOBBY, change_nick("lilith"));
        w.advance(1_000);
    });
    w.advance(1_000);
    let told = w.received(tom.conn).frames.iter().filter_map(|frame| match &frame.extension {
        None => Some(frame.user_name.clone()),
        Some(parlour_core::codec::Extension::Event(wire::ServerEvent {
            body: Some(wire::server_event::Body::Presence(changes)),
            ..
        })) => changes.people.iter().map(|person| person.nick.clone()).next_back(),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), ["lili", "lilith"]);
}

/// The members of a room still see the messages of who has left it.
#[test]
fn nick_of_a_former_member_is_told_to_the_subscribers_of_the_room() {
    let mut w = world();
    let (mut tom, mut lili, room) = outside_the_lobby(&mut w);
    tom.command(&mut w, room, Operation::Subscribe(wire::Subscribe::default()));
    lili.post(&mut w, room, 1, "hello");
    lili.command(&mut w, room, Operation::Leave(wire::Leave {}));
    w.advance(1_000);
    w.clear(tom.conn);
    lili.command(&mut w, RoomId::LOBBY, change_nick("lilith"));
    w.advance(1_000);
    let told = w.received(tom.conn).frames.iter().filter_map(|frame| match &frame.extension {
        Some(codec::Extension::Event(wire::ServerEvent {
            body: Some(wire::server_event::Body::Presence(changes)),
            ..
        })) => Some(changes.people.iter().map(|person| person.nick.clone()).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [["lilith"]], "once");
}

/// Sends a command whose query is executed at once; the hub is told of the result after `change`.
fn read_late(
    w: &mut World,
    client: &mut Client,
    room: RoomId,
    operation: Operation,
    change: impl FnOnce(&mut World),
) -> u32 {
    w.hold_results = true;
    let request = client.send(w, room, operation);
    w.hold_results = false;
    change(w);
    w.release_results();
    request
}

/// A nick that an account takes while it leaves is not blocked, whether the log has it or not.
#[test]
fn nick_that_an_account_takes_while_it_leaves_is_free() {
    for failing in [None, Some(LogError::Full("here".into()))] {
        let mut w = world();
        let mut tom = Client::login(&mut w, "tom", &[]);
        w.hold_requests = true;
        tom.send(&mut w, RoomId::LOBBY, change_nick("alice"));
        w.send(tom.conn, &codec::exit("tom"));
        w.failing = failing;
        w.release();
        w.failing = None;
        w.advance(10_000);
        let alice = Client::login(&mut w, "alice", &[]);
        assert_ne!(alice.account, tom.account);
    }
}

/// The nick of the absent one was taken by another account, so that it returns under another one.
#[test]
fn direct_room_names_a_partner_who_has_returned_with_another_nick() {
    let mut w = world();
    let mut ann = Client::login(&mut w, "ann", &[]);
    let mut tom = Client::login(&mut w, "tom", &[]);
    let room = ann.create(&mut w, wire::RoomKind::Direct, "", &[&tom]);
    w.disconnect(ann.conn);
    w.advance(Settings::default().name_grace + 1_000);
    drop(Client::login(&mut w, "ann", &[]));
    let again = Client::login(&mut w, "ann2", &ann.secret);
    assert_eq!(again.account, ann.account);
    w.advance(1_000);
    tom.command(&mut w, room, Operation::RoomSettings(wire::RoomSettings { muted: true }));
    tom.update(&w);
    assert_eq!(tom.rows[&room].people, ["ann2"]);
}

/// A partner logs in and reads its list before the nick is changed, and gets it afterwards.
#[test]
fn list_that_is_read_before_a_partner_returns_has_the_present_nick() {
    let mut w = world();
    let mut ann = Client::login(&mut w, "ann", &[]);
    let tom = Client::login(&mut w, "tom", &[]);
    ann.create(&mut w, wire::RoomKind::Direct, "", &[&tom]);
    w.disconnect(tom.conn);
    w.disconnect(ann.conn);
    w.advance(Settings::default().name_grace + 1_000);
    drop(Client::login(&mut w, "ann", &[]));
    w.hold_results = true;
    let again = w.connect();
    let login = wire::Login { secret: tom.secret.clone(), version: 1, ..wire::Login::default() };
    w.send(again, &codec::login("tom", wire::Login { capabilities: vec!["rooms".into()], ..login }));
    w.hold_results = false;
    let returned = Client::login(&mut w, "ann2", &ann.secret);
    w.disconnect(returned.conn);
    w.release_results();
    let rows = w.received(again).welcome().unwrap().rows.clone().unwrap();
    let people: Vec<_> = room_rows::unpack(rows).into_iter().flat_map(|row| row.people).collect();
    assert_eq!(people.iter().map(|person| &*person.nick).collect::<Vec<_>>(), ["ann2"]);
}

/// An account changes its nick and leaves while a subscription waits: its nick is told with its presence at the end.
#[test]
fn nick_that_changes_while_a_subscription_waits_is_told_with_the_present_presence() {
    let mut w = world();
    let (mut tom, mut lili, room) = outside_the_lobby(&mut w);
    tom.update(&w);
    read_late(&mut w, &mut tom, room, Operation::Subscribe(wire::Subscribe::default()), |w| {
        lili.command(w, RoomId::LOBBY, change_nick("lilith"));
        w.disconnect(lili.conn);
        w.advance(1_000);
    });
    w.advance(1_000);
    tom.update(&w);
    assert_eq!(tom.people.get("lilith"), Some(&false));
}
