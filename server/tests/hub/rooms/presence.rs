//! Presence changes, and their order among the messages of the account.

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::RoomId,
    wire::{self, client_command::Operation, server_event::Body},
};

use super::client::Client;
use crate::{common::world::World, world};

#[test]
fn arrival_is_published_before_the_first_message() {
    let mut w = world();
    let lili = Client::login(&mut w, "lili", &[]);
    w.advance(1_000);
    // The first arrival is published at once; the second one waits for the end of the interval.
    drop(Client::login(&mut w, "tim", &[]));
    w.clear(lili.conn);
    let mut tom = Client::login(&mut w, "tom", &[]);
    tom.post(&mut w, RoomId::LOBBY, 1, "hi");
    w.advance(1_000);
    assert_eq!(shown(&w, &lili), ["tom: Online", "hi"]);
}

/// Messages and changes of presence that a client was sent, in order.
fn shown(w: &World, client: &Client) -> Vec<String> {
    let of_frame = |frame: &Envelope| match &frame.extension {
        Some(Extension::Event(wire::ServerEvent { body: Some(Body::Presence(changes)), .. })) => {
            changes.people.iter().map(|person| format!("{}: {:?}", person.nick, person.state())).collect()
        }
        None => vec![frame.content.clone()],
        _ => Vec::new(),
    };
    w.received(client.conn).frames.iter().flat_map(of_frame).collect()
}

/// tom, and lili, who is subscribed to this room and not to the lobby.
fn with_a_watcher(w: &mut World) -> (Client, Client, RoomId) {
    let mut tom = Client::login(w, "tom", &[]);
    let mut lili = Client::login(w, "lili", &[]);
    let room = tom.create(w, wire::RoomKind::Public, "rust", &[]);
    lili.command(w, room, Operation::Join(wire::Join {}));
    lili.subscribe(w, room);
    lili.command(w, RoomId::LOBBY, Operation::Unsubscribe(wire::Unsubscribe {}));
    w.advance(1_000);
    w.clear(lili.conn);
    (tom, lili, room)
}

#[test]
fn departure_is_published_after_the_last_message() {
    for is_exit in [true, false] {
        let mut w = world();
        let (mut tom, lili, room) = with_a_watcher(&mut w);
        let guest = Client::login(&mut w, "guest", &[]);
        w.advance(1_000);
        w.hold_requests = true;
        tom.post(&mut w, room, 1, "bye");
        tom.post(&mut w, RoomId::LOBBY, 2, "bye all");
        match is_exit {
            true => w.send(tom.conn, &codec::exit("tom")),
            false => w.disconnect(tom.conn),
        }
        w.advance(1_000);
        let shown_before = [shown(&w, &lili), shown(&w, &guest)];
        w.release();
        w.advance(1_000);
        assert_eq!(shown(&w, &lili), ["bye", "tom: Left"], "exit: {is_exit}");
        assert!(shown(&w, &guest).ends_with(&["bye all".into(), "tom: Left".into()]), "exit: {is_exit}");
        assert!(!shown_before.concat().contains(&"tom: Left".into()), "exit: {is_exit}");
    }
}

#[test]
fn account_that_returns_before_its_last_message_is_stored_has_not_departed() {
    let mut w = world();
    let (mut tom, lili, room) = with_a_watcher(&mut w);
    w.hold_requests = true;
    tom.post(&mut w, room, 1, "brb");
    w.disconnect(tom.conn);
    w.advance(1_000);
    let capabilities = ["rooms", "batch"].map(Into::into).to_vec();
    let login =
        wire::Login { secret: tom.secret.clone(), version: 1, capabilities, ..wire::Login::default() };
    let again = w.connect();
    w.send(again, &codec::login("tom", login));
    w.release();
    w.advance(1_000);
    assert!(w.received(again).welcome().is_some());
    let shown_of_tom = |w: &World| {
        let shown = shown(w, &lili).into_iter();
        shown.filter(|shown| shown != "tom: Online").collect::<Vec<_>>()
    };
    assert_eq!(shown_of_tom(&w), ["brb"]);
    w.disconnect(again);
    w.advance(1_000);
    assert_eq!(shown_of_tom(&w), ["brb", "tom: Left"]);
}

#[test]
fn departure_without_a_message_is_published_at_once() {
    let mut w = world();
    let (mut tom, mut lili, room) = with_a_watcher(&mut w);
    tom.post(&mut w, room, 1, "stored");
    w.hold_requests = true;
    lili.post(&mut w, room, 2, "of another");
    w.disconnect(tom.conn);
    w.advance(1_000);
    assert_eq!(shown(&w, &lili), ["stored", "tom: Left"]);
    w.release();
    assert_eq!(shown(&w, &lili), ["stored", "tom: Left", "of another"]);
}
