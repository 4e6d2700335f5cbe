//! Edits and deletions of messages.

use parlour_core::{
    codec::Envelope,
    limits::Limits,
    model::{MessageId, RoomId},
    status::Status,
    wire::{self, client_command::Operation, response::Result as Answer},
};

use super::client::Client;
use crate::{common::world::World, world};

pub const ID: MessageId = MessageId([1; 16]);

fn edit(ord: u64, content: &str) -> Operation {
    let (id, content) = (ID.0.to_vec(), content.into());
    Operation::ChangeMessage(wire::ChangeMessage { ord, id, content })
}

fn delete(ord: u64) -> Operation {
    edit(ord, "")
}

fn list() -> Operation {
    Operation::ListRevisions(wire::ListRevisions { ord: 1, id: ID.0.to_vec() })
}

/// Tom and lili, who is subscribed to a public room in which tom has written a message.
pub fn room_with_message(w: &mut World) -> (Client, Client, RoomId) {
    let mut tom = Client::login(w, "tom", &[]);
    let mut lili = Client::login(w, "lili", &[]);
    let room = tom.create(w, wire::RoomKind::Public, "rust", &[]);
    lili.command(w, room, Operation::Join(wire::Join {}));
    lili.subscribe(w, room);
    tom.post(w, room, ID.0[0], "one");
    w.advance(1_000);
    lili.update(w);
    (tom, lili, room)
}

/// The parts of a changed message that differ between messages.
fn shape(message: &Envelope) -> (&str, &str, u64, bool, bool) {
    (&message.user_name, &message.content, message.ord, message.edited > 0, message.deleted)
}

#[test]
fn edits_and_deletions_reach_subscribers_as_the_message_that_it_is_then() {
    let mut w = world();
    let (mut tom, mut lili, room) = room_with_message(&mut w);
    let Answer::Done(done) = tom.command(&mut w, room, edit(1, "two")) else { panic!() };
    assert!(matches!(tom.command(&mut w, room, delete(1)), Answer::Done(_)));
    w.advance(1_000);
    lili.update(&w);
    assert_eq!(lili.messages[&room], ["one"]);
    let changed: Vec<_> = lili.changed.iter().map(shape).collect();
    assert_eq!(changed, [("tom", "two", 1, true, false), ("tom", "", 1, false, true)]);
    assert_eq!((lili.changed[0].seq, &lili.changed[0].id[..]), (done.seq, &ID.0[..]));
    assert_eq!((lili.changed[0].edited, &lili.changed[0].sender), (done.time, &tom.account));
    // It raises no unread message.
    assert_eq!(lili.rows[&room].head, 1);
    // A client that was away gets the same events.
    let position = wire::Subscribe { seq: done.seq - 1, id: ID.0.to_vec() };
    lili.positions.insert(room, done.seq - 1);
    lili.changed.clear();
    let Answer::Window(window) = lili.command(&mut w, room, Operation::Subscribe(position)) else { panic!() };
    assert!(!window.reset);
    let changed: Vec<_> = lili.changed.iter().map(shape).collect();
    assert_eq!(changed, [("tom", "", 1, true, false), ("tom", "", 1, false, true)]);
}

#[test]
fn pages_have_the_present_text_and_the_earlier_ones_are_listed() {
    let mut w = world();
    let (mut tom, mut lili, room) = room_with_message(&mut w);
    tom.command(&mut w, room, edit(1, "two"));
    let page = Operation::Page(wire::PageRequest { count: 10, start: None });
    let Answer::Page(page) = lili.command(&mut w, room, page) else { panic!() };
    let message = &page.messages[0];
    assert_eq!((&*message.content, message.edited > 0, message.deleted), ("two", true, false));
    let Answer::Page(listed) = lili.command(&mut w, room, list()) else { panic!() };
    let texts: Vec<_> = listed.messages.iter().map(|revision| &*revision.content).collect();
    assert_eq!((texts, &*listed.people[0].nick, listed.people.len()), (vec!["one", "two"], "tom", 1));
    tom.command(&mut w, room, delete(1));
    let Answer::Page(listed) = lili.command(&mut w, room, list()) else { panic!() };
    assert_eq!(listed.messages, []);
}

#[test]
fn messages_of_others_and_invalid_texts_are_refused() {
    let mut w = world();
    let (mut tom, mut lili, room) = room_with_message(&mut w);
    let refusal = |answer| match answer {
        Answer::Refusal(refusal) => Status::from_code(u16::try_from(refusal.code).unwrap()),
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(lili.command(&mut w, room, edit(1, "two"))), Status::NotAllowed);
    assert_eq!(refusal(lili.command(&mut w, room, delete(1))), Status::NotAllowed);
    assert_eq!(refusal(tom.command(&mut w, room, edit(2, "two"))), Status::NoSuchMessage);
    assert_eq!(refusal(tom.command(&mut w, room, edit(1, " "))), Status::ContentEmpty);
    let long = "x".repeat(Limits::default().content_bytes + 1);
    assert_eq!(refusal(tom.command(&mut w, room, edit(1, &long))), Status::ContentTooLong);
    let without = Operation::ChangeMessage(wire::ChangeMessage { content: "x".into(), ..Default::default() });
    assert_eq!(refusal(tom.command(&mut w, room, without)), Status::NoSuchMessage);
    let secret = tom.create(&mut w, wire::RoomKind::Private, "secret", &[]);
    assert_eq!(refusal(lili.command(&mut w, secret, list())), Status::NoSuchRoom);
    assert!(lili.changed.is_empty());
}

#[test]
fn basic_clients_get_an_edit_as_a_message() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let basic = w.basic("old");
    tom.post(&mut w, RoomId::LOBBY, ID.0[0], "one");
    w.advance(1_000);
    w.clear(basic);
    tom.restart();
    tom.command(&mut w, RoomId::LOBBY, edit(1, "two"));
    tom.command(&mut w, RoomId::LOBBY, delete(1));
    w.advance(1_000);
    assert_eq!(w.received(basic).messages(), [("tom", "(edited) two")]);
}

#[test]
fn edits_reach_the_other_devices_of_their_author() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    tom.post(&mut w, RoomId::LOBBY, ID.0[0], "one");
    w.advance(1_000);
    let mut phone = Client::login(&mut w, "tom", &tom.secret);
    w.advance(1_000);
    let Answer::Done(_) = phone.command(&mut w, RoomId::LOBBY, edit(1, "two")) else { panic!() };
    w.advance(1_000);
    for client in [&mut tom, &mut phone] {
        client.update(&w);
        assert_eq!(client.changed.iter().map(shape).collect::<Vec<_>>(), [("tom", "two", 1, true, false)]);
    }
}
