//! The effects of an append that the log has made, and reports as failed.

use parlour_core::{
    codec,
    model::{Role, RoomId},
    status::Status,
    wire::{self, client_command::Operation, room_event::Change},
};
use parlour_server::store::LogError;

use super::client::Client;
use crate::{common::world::World, world};

#[test]
fn rows_wait_until_the_log_was_read_after_a_failed_append() {
    let mut w = world();
    let mut lili = Client::login(&mut w, "lili", &[]);
    w.hold_requests = true;
    let settings = Operation::RoomSettings(wire::RoomSettings { muted: true });
    let request = lili.send(&mut w, RoomId::LOBBY, settings);
    w.failing = Some(LogError::Full("here".into()));
    w.release_one();
    assert!(w.held_requests.is_empty(), "{:?}", w.held_requests);
    w.failing = None;
    w.advance(3_000);
    assert_eq!(lili.answers(&w, request), []);
    w.release();
    let done = wire::response::Result::Done(wire::Done::default());
    assert_eq!(lili.answers(&w, request), [done]);
    w.restart();
    assert!(Client::login(&mut w, "lili", &lili.secret).rows[&RoomId::LOBBY].muted);
}

#[test]
fn messages_of_a_failed_append_are_published_in_their_room() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let room = tom.create(&mut w, wire::RoomKind::Public, "rust", &[]);
    tom.subscribe(&mut w, room);
    w.failing = Some(LogError::Full("here".into()));
    w.append_before_failing = true;
    tom.post(&mut w, room, 1, "stored");
    w.failing = None;
    w.advance(10_000);
    tom.update(&w);
    assert_eq!(tom.messages[&room], ["stored"]);
    tom.post(&mut w, room, 2, "next");
    tom.update(&w);
    assert_eq!(tom.messages[&room], ["stored", "next"]);
}

#[test]
fn basic_clients_get_no_empty_message_of_a_failed_append() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let basic = w.basic("old");
    w.clear(basic);
    tom.restart();
    // All in one append.
    w.hold_requests = true;
    tom.post(&mut w, RoomId::LOBBY, 1, "one");
    for content in ["two", ""] {
        let change = wire::ChangeMessage { ord: 1, id: vec![1; 16], content: content.into() };
        tom.send(&mut w, RoomId::LOBBY, Operation::ChangeMessage(change));
    }
    w.failing = Some(LogError::Full("here".into()));
    w.append_before_failing = true;
    w.release();
    w.failing = None;
    w.append_before_failing = false;
    w.advance(10_000);
    assert_eq!(w.stored().iter().map(|message| &*message.content).collect::<Vec<_>>(), [""]);
    assert_eq!(w.received(basic).messages(), []);
}

/// The log executes a command that it reports as failed. It is read after that.
fn appended_but_failed(w: &mut World, client: &mut Client, room: RoomId, operation: Operation) {
    w.failing = Some(LogError::Full("here".into()));
    w.append_before_failing = true;
    client.send(w, room, operation);
    w.failing = None;
    w.append_before_failing = false;
    w.advance(10_000);
}

/// Makes an account an owner of the lobby.
fn own_lobby(w: &World, account: &[u8]) {
    let database = rusqlite::Connection::open(w.log.path()).unwrap();
    let added = "INSERT INTO member (account, room, role, handle, changed)
        SELECT account.id, room.id, ?2, 0, 0 FROM account, room WHERE account.user = ?1 AND room.kind = 0";
    assert_eq!(database.execute(added, (account, i32::from(Role::Owner.to_wire()))).unwrap(), 1);
}

#[test]
fn events_of_a_failed_append_are_published_in_the_lobby_too() {
    let mut w = world();
    let owner = Client::login(&mut w, "tom", &[]);
    own_lobby(&w, &owner.account);
    w.disconnect(owner.conn);
    let mut tom = Client::login(&mut w, "tom", &owner.secret);
    let basic = w.rich("lili");
    let topic = Operation::ChangeRoom(wire::ChangeRoom {
        change: Some(wire::change_room::Change::Topic("news".into())),
    });
    appended_but_failed(&mut w, &mut tom, RoomId::LOBBY, topic);
    tom.update(&w);
    assert!(
        matches!(&tom.events[..], [(RoomId::LOBBY, Change::Topic(topic))] if topic == "news"),
        "{:?}",
        tom.events
    );
    // The client has no gap, and appends are accepted again.
    tom.post(&mut w, RoomId::LOBBY, 1, "hi");
    tom.update(&w);
    assert_eq!(tom.messages[&RoomId::LOBBY], ["hi"]);
    assert_eq!(w.received(basic).messages(), [("tom", "hi")]);
}

#[test]
fn names_of_a_failed_append_are_published() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut lili = Client::login(&mut w, "lili", &[]);
    let room = tom.create(&mut w, wire::RoomKind::Public, "rust", &[]);
    lili.command(&mut w, room, Operation::Join(wire::Join {}));
    let rename = |name: &str| wire::ChangeRoom { change: Some(wire::change_room::Change::Name(name.into())) };
    appended_but_failed(&mut w, &mut tom, room, Operation::ChangeRoom(rename("ferris")));
    lili.update(&w);
    assert_eq!(lili.rows[&room].name, "ferris");
    let change = Operation::ChangeNick(wire::ChangeNick { nick: "thomas".into() });
    appended_but_failed(&mut w, &mut tom, RoomId::LOBBY, change.clone());
    lili.update(&w);
    assert_eq!(lili.people.get("thomas"), Some(&true), "{:?}", lili.people);
    // The account has the nick for others too.
    assert!(matches!(tom.command(&mut w, RoomId::LOBBY, change), wire::response::Result::Done(_)));
    let other = w.connect();
    w.login(other, "thomas", &[]);
    assert_eq!(w.received(other).closed, Some(Status::NickTaken));
}

/// Nobody else gets a nick while it is not known whether an account has it.
#[test]
fn nick_of_a_failed_append_stays_claimed_until_the_log_was_read() {
    for is_appended in [true, false] {
        let mut w = world();
        let mut tom = Client::login(&mut w, "tom", &[]);
        w.failing = Some(LogError::Full("here".into()));
        w.append_before_failing = is_appended;
        tom.send(&mut w, RoomId::LOBBY, Operation::ChangeNick(wire::ChangeNick { nick: "thomas".into() }));
        (w.failing, w.append_before_failing) = (None, false);
        // A basic client does not wait for the log.
        let early = w.connect();
        w.send(early, &codec::message("thomas", None, ""));
        assert_eq!(w.received(early).closed, Some(Status::NickTaken), "appended: {is_appended}");
        w.advance(10_000);
        let late = w.connect();
        w.send(late, &codec::message("thomas", None, ""));
        let closed = w.received(late).closed;
        assert_eq!(closed, is_appended.then_some(Status::NickTaken), "appended: {is_appended}");
    }
}
