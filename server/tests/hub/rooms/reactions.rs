//! Reactions to messages.

use parlour_core::{
    codec::Envelope,
    model::RoomId,
    status::Status,
    wire::{self, client_command::Operation, response::Result as Answer},
};

use super::edits::{ID, room_with_message};
use crate::world;

fn react(emoji: &str, remove: bool) -> Operation {
    Operation::React(wire::React { ord: 1, id: ID.0.to_vec(), emoji: emoji.into(), remove })
}

/// The reactions to a changed message, the account that has reacted, and its emoji.
fn shape(message: &Envelope) -> (Vec<(&str, u32)>, &[u8], Vec<&str>) {
    let reactions = message.reactions.iter().map(|of| (&*of.emoji, of.count)).collect();
    let reacted = message.reacted.as_ref().unwrap();
    (reactions, &reacted.account, reacted.emoji.iter().map(|emoji| &**emoji).collect())
}

#[test]
fn reactions_reach_subscribers_with_their_numbers() {
    let mut w = world();
    let (mut tom, mut lili, room) = room_with_message(&mut w);
    let Answer::Done(done) = tom.command(&mut w, room, react("👍", false)) else { panic!() };
    lili.command(&mut w, room, react("👍", false));
    tom.command(&mut w, room, react("🎉", false));
    tom.command(&mut w, room, react("👍", true));
    w.advance(1_000);
    lili.update(&w);
    let changed: Vec<_> = lili.changed.iter().map(shape).collect();
    let expected = [
        (vec![("👍", 1)], &tom.account[..], vec!["👍"]),
        (vec![("👍", 2)], &lili.account[..], vec!["👍"]),
        (vec![("👍", 2), ("🎉", 1)], &tom.account[..], vec!["👍", "🎉"]),
        (vec![("👍", 1), ("🎉", 1)], &tom.account[..], vec!["🎉"]),
    ];
    assert_eq!(changed, expected);
    let first = &lili.changed[0];
    assert_eq!((first.seq, &*first.content, first.ord, first.edited), (done.seq, "one", 1, 0));
    // They raise no unread message.
    assert_eq!(lili.rows[&room].head, 1);
    // A client that was away gets the numbers of now.
    lili.positions.insert(room, done.seq - 1);
    lili.changed.clear();
    let position = wire::Subscribe { seq: done.seq - 1, id: ID.0.to_vec() };
    let Answer::Window(window) = lili.command(&mut w, room, Operation::Subscribe(position)) else { panic!() };
    assert!(!window.reset);
    let now = vec![("👍", 1), ("🎉", 1)];
    let of = |reacted| (now.clone(), &tom.account[..], reacted);
    let of_lili = (now.clone(), &lili.account[..], vec!["👍"]);
    let changed: Vec<_> = lili.changed.iter().map(shape).collect();
    assert_eq!(changed, [of(vec!["🎉"]), of_lili, of(vec!["🎉"]), of(vec!["🎉"])]);
}

#[test]
fn pages_name_own_reactions_and_who_has_reacted_is_listed() {
    let mut w = world();
    let (mut tom, mut lili, room) = room_with_message(&mut w);
    tom.command(&mut w, room, react("👍", false));
    lili.command(&mut w, room, react("👍", false));
    lili.command(&mut w, room, react("🎉", false));
    for (client, own) in [(&mut tom, vec!["👍"]), (&mut lili, vec!["👍", "🎉"])] {
        let page = Operation::Page(wire::PageRequest { count: 10, start: None });
        let Answer::Page(page) = client.command(&mut w, room, page) else { panic!() };
        let message = &page.messages[0];
        let counts: Vec<_> = message.reactions.iter().map(|of| (&*of.emoji, of.count)).collect();
        assert_eq!(counts, [("👍", 2), ("🎉", 1)]);
        assert_eq!(message.own, own);
        let window = Operation::Subscribe(wire::Subscribe::default());
        let Answer::Window(window) = client.command(&mut w, room, window) else { panic!() };
        assert_eq!(window.page.unwrap().messages[0].own, own);
    }
    let list = |emoji: &str| {
        Operation::ListReactions(wire::ListReactions { ord: 1, id: ID.0.to_vec(), emoji: emoji.into() })
    };
    let Answer::People(page) = tom.command(&mut w, room, list("👍")) else { panic!() };
    let nicks: Vec<_> = page.people.iter().map(|person| &*person.nick).collect();
    assert_eq!((nicks, page.total, page.more), (vec!["tom", "lili"], 2, false));
    let secret = tom.create(&mut w, wire::RoomKind::Private, "secret", &[]);
    let Answer::Refusal(refusal) = lili.command(&mut w, secret, list("👍")) else { panic!() };
    assert_eq!(refusal.code, u32::from(Status::NoSuchRoom.code()));
}

#[test]
fn invalid_reactions_are_refused_and_basic_clients_get_none() {
    let mut w = world();
    let (mut tom, ..) = room_with_message(&mut w);
    let basic = w.basic("old");
    tom.post(&mut w, RoomId::LOBBY, 2, "in the lobby");
    w.advance(1_000);
    w.clear(basic);
    let react = |emoji: &str| {
        Operation::React(wire::React { ord: 1, id: vec![2; 16], emoji: emoji.into(), remove: false })
    };
    assert!(matches!(tom.command(&mut w, RoomId::LOBBY, react("👍")), Answer::Done(_)));
    for text in ["", "a", "👍👍", "<b>", " 👍"] {
        let Answer::Refusal(refusal) = tom.command(&mut w, RoomId::LOBBY, react(text)) else { panic!() };
        assert_eq!(refusal.code, u32::from(Status::BadParameters.code()), "{text}");
    }
    w.advance(1_000);
    assert!(w.received(basic).messages().is_empty());
}
