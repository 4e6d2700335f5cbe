//! What a client that returns is sent, and whether it has the state then that a new one would have.

use parlour_core::{
    codec::{self, Extension},
    model::RoomId,
    room_rows,
    wire::{self, client_command::Operation, response::Result as Answer, server_event::Body},
};
use parlour_server::{
    hub::output::Output,
    store::{EventLog as _, Retention},
};

use super::client::Client;
use crate::{common::world::World, world};

/// Subscribes from a position. Returns the window.
fn continued(w: &mut World, client: &mut Client, room: RoomId, seq: u64) -> wire::RoomWindow {
    let request = client.send(w, room, Operation::Subscribe(wire::Subscribe { seq, id: Vec::new() }));
    match client.answers(w, request).pop() {
        Some(Answer::Window(window)) => window,
        other => panic!("{other:?}"),
    }
}

/// Logs in with the version of an earlier login.
fn returning(w: &mut World, before: &Client, version: u64) -> Client {
    let log = w.received(before.conn).welcome().unwrap().log.clone();
    let login = wire::Login {
        secret: before.secret.clone(),
        log,
        account_version: version,
        open: RoomId::LOBBY.to_wire(),
        ..wire::Login::default()
    };
    Client::login_with(w, "tom", login)
}

/// The rows of a login.
fn rows(w: &World, client: &Client) -> wire::AccountRows {
    w.received(client.conn).welcome().unwrap().rows.clone().unwrap()
}

fn presence(w: &World, client: &Client) -> Vec<wire::PresenceChanges> {
    let bodies = w.received(client.conn).extensions().filter_map(|extension| match extension {
        Extension::Event(wire::ServerEvent { body: Some(Body::Presence(changes)), .. }) => {
            Some(changes.clone())
        }
        _ => None,
    });
    bodies.collect()
}

#[test]
fn window_begins_anew_after_a_message_that_was_deleted() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let room = tom.create(&mut w, wire::RoomKind::Public, "rust", &[]);
    tom.post(&mut w, room, 1, "one");
    let topic = wire::ChangeRoom { change: Some(wire::change_room::Change::Topic("news".into())) };
    tom.command(&mut w, room, Operation::ChangeRoom(topic));
    tom.post(&mut w, room, 2, "two");
    tom.post(&mut w, room, 3, "three");
    let window = continued(&mut w, &mut tom, room, 1);
    assert_eq!((window.reset, window.frames.len()), (false, 3));
    let retention = Retention { messages: Some(1), ..Retention::default() };
    while w.log.apply_retention(&retention, w.unix()).unwrap() {}
    // The event after the position is still there, and a message after it is not.
    let window = continued(&mut w, &mut tom, room, 1);
    assert!(window.reset && window.page.is_some(), "{window:?}");
    assert!(!continued(&mut w, &mut tom, room, 3).reset);
}

#[test]
fn people_with_another_nick_since_the_position_are_told() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut lili = Client::login(&mut w, "lili", &[]);
    let mut tim = Client::login(&mut w, "tim", &[]);
    let nick = |nick: &str| Operation::ChangeNick(wire::ChangeNick { nick: nick.into() });
    tim.command(&mut w, RoomId::LOBBY, nick("timo"));
    lili.post(&mut w, RoomId::LOBBY, 1, "hi");
    lili.command(&mut w, RoomId::LOBBY, nick("lilith"));
    lili.command(&mut w, RoomId::LOBBY, nick("lilly"));
    w.advance(5_000);
    w.clear(tom.conn);
    tom.restart();
    let window = continued(&mut w, &mut tom, RoomId::LOBBY, 1);
    assert!(!window.reset);
    // In the window: the connection may end right after it, and its position says that the client has the nicks.
    let [person] = &window.people[..] else { panic!("{window:?}") };
    assert_eq!((&person.nick[..], &person.account), ("lilly", &lili.account));
    assert_eq!(person.state(), wire::PresenceState::Online);
}

#[test]
fn partners_who_are_online_are_told_after_the_changed_rows() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let [lili, tim, tina] = ["lili", "tim", "tina"].map(|nick| Client::login(&mut w, nick, &[]));
    for partner in [&lili, &tim] {
        tom.create(&mut w, wire::RoomKind::Direct, "", &[partner]);
    }
    let newest = Client::login(&mut w, "tom", &tom.secret);
    let version = rows(&w, &newest).version;
    w.disconnect(tim.conn);
    let again = returning(&mut w, &tom, version);
    let told: Vec<_> = presence(&w, &again).into_iter().filter(|changes| changes.partners).collect();
    let [changes] = &told[..] else { panic!("{told:?}") };
    let people: Vec<_> = changes.people.iter().map(|person| (&person.account, person.state())).collect();
    assert_eq!(people, [(&lili.account, wire::PresenceState::Online)]);
    // Whoever gets all rows has it from them.
    let fresh = Client::login(&mut w, "tom", &tom.secret);
    assert!(presence(&w, &fresh).iter().all(|changes| !changes.partners));
    drop(tina);
}

#[test]
fn login_during_an_append_gets_no_version_yet() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let room = tom.create(&mut w, wire::RoomKind::Private, "rust", &[]);
    w.hold_appends = true;
    tom.post(&mut w, room, 1, "one");
    // The log may have the message when it is read. The row is that of what is published.
    let other = Client::login(&mut w, "tom", &tom.secret);
    assert_eq!(rows(&w, &other).version, 0);
    w.release();
    let third = Client::login(&mut w, "tom", &tom.secret);
    assert!(rows(&w, &third).version > 0);
}

#[test]
fn login_while_a_row_is_being_read_gets_no_version_yet() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    w.hold_results = true;
    let create = wire::CreateRoom {
        kind: wire::RoomKind::Private.into(),
        name: "rust".into(),
        ..wire::CreateRoom::default()
    };
    tom.send(&mut w, RoomId::LOBBY, Operation::CreateRoom(create));
    // The log has the room, and the hub waits for its row.
    let conn = w.connect();
    let capabilities = vec!["rooms".into()];
    let login =
        wire::Login { version: 1, capabilities, secret: tom.secret.clone(), ..wire::Login::default() };
    w.send(conn, &codec::login("tom", login));
    w.hold_results = false;
    // The login is read first.
    w.held_results.reverse();
    w.release_results();
    assert_eq!(w.received(conn).welcome().unwrap().rows.as_ref().unwrap().version, 0);
    let third = Client::login(&mut w, "tom", &tom.secret);
    assert!(rows(&w, &third).version > 0);
}

#[test]
fn version_of_a_server_that_was_ahead_yields_all_rows() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    tom.create(&mut w, wire::RoomKind::Public, "rust", &[]);
    let newest = Client::login(&mut w, "tom", &tom.secret);
    let version = rows(&w, &newest).version;
    let known = returning(&mut w, &tom, version + 1);
    let all = rows(&w, &known);
    assert_eq!((all.complete, room_rows::unpack(all).len()), (true, 2));
    let known = returning(&mut w, &tom, version);
    assert!(!rows(&w, &known).complete);
}

/// The versions that a client was told after its login.
fn versions(w: &World, client: &Client) -> Vec<u64> {
    let bodies = w.received(client.conn).extensions().filter_map(|extension| match extension {
        Extension::Event(wire::ServerEvent { body: Some(Body::Rows(rows)), .. }) => Some(rows.version),
        _ => None,
    });
    bodies.filter(|version| *version > 0).collect()
}

#[test]
fn client_that_stays_connected_is_told_versions() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut lili = Client::login(&mut w, "lili", &[]);
    let [rust, ferris] = ["rust", "ferris"].map(|name| {
        let room = lili.create(&mut w, wire::RoomKind::Public, name, &[]);
        tom.command(&mut w, room, Operation::Join(wire::Join {}));
        room
    });
    for room in [rust, ferris] {
        lili.post(&mut w, room, 1, "hi");
    }
    w.advance(70_000);
    let told = versions(&w, &tom);
    assert_eq!(told.len(), 1, "{told:?}");
    w.advance(600_000);
    assert_eq!(versions(&w, &tom), told, "nothing has happened");
    // Only what has changed since is sent to it again.
    lili.post(&mut w, rust, 2, "ho");
    let again = returning(&mut w, &tom, told[0]);
    let changed = room_rows::unpack(rows(&w, &again));
    let names: Vec<_> = changed.iter().map(|row| (&row.name[..], row.head_ord)).collect();
    assert_eq!(names, [("rust", 2)]);
    w.advance(70_000);
    assert_eq!(versions(&w, &tom).len(), 2);
}

#[test]
fn version_waits_until_its_events_are_published() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut lili = Client::login(&mut w, "lili", &[]);
    let room = lili.create(&mut w, wire::RoomKind::Public, "rust", &[]);
    tom.command(&mut w, room, Operation::Join(wire::Join {}));
    w.advance(59_000);
    w.hold_requests = true;
    // Executed before the version is read, and reported later.
    lili.post(&mut w, room, 1, "hi");
    w.advance(2_000);
    let Output::Append(batch) = w.held_requests.remove(0) else { panic!("{:?}", w.held_requests) };
    let result = w.log.append(&batch.proposals, &batch.rows);
    w.release();
    w.advance(10_000);
    assert_eq!((versions(&w, &tom).len(), tom.activity), (0, 0));
    let (now, unix) = (w.now, w.unix());
    w.hub.handle_appended(now, unix, result);
    w.advance(10_000);
    tom.update(&w);
    assert_eq!((versions(&w, &tom).len(), tom.rows[&room].head), (1, 1));
}

/// The events that are held for a subscription of another connection follow the window of a login, too.
#[test]
fn events_while_a_login_is_read_follow_its_welcome() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut lili = Client::login(&mut w, "lili", &[]);
    w.hold_results = true;
    let tim = w.connect();
    w.login(tim, "tim", &[]);
    tom.send(&mut w, RoomId::LOBBY, Operation::Subscribe(wire::Subscribe::default()));
    w.hold_results = false;
    lili.post(&mut w, RoomId::LOBBY, 1, "hi");
    w.release_results();
    assert_eq!(w.received(tim).messages(), [("lili", "hi")]);
    lili.post(&mut w, RoomId::LOBBY, 2, "hello");
    assert_eq!(w.received(tim).messages(), [("lili", "hi"), ("lili", "hello")]);
}
