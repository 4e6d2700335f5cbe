//! Appending: durable, in order, exactly once.

use std::{slice, sync::Arc};

use parlour_server::store::{AppendOutcome, NewMessage, PageStart, Stamp};

use crate::world::{ALL, NOW, World, entry, id, new};

#[test]
fn appended_messages_are_read_in_order() {
    let mut world = World::new();
    let first = new(world.append_message(1, "one"));
    let rest = world.append(&[entry(2, "", "two"), entry(3, "other", "elsewhere"), entry(4, "", "three")]);
    assert_eq!(first, Stamp { seq: 1, time: NOW + 1 });
    assert_eq!(rest.iter().map(|&appended| new(appended).seq).collect::<Vec<_>>(), [2, 1, 3]);
    let page = world.page(PageStart::End, ALL);
    assert_eq!((page.from, page.to, page.reached_start, page.reached_end), (0, 3, true, true));
    assert_eq!(world.contents(), ["one", "two", "three"]);
    let message = &page.messages[1];
    assert_eq!((message.stamp, message.id, &*message.nick), (new(rest[0]), id(2), "tom"));
}

#[test]
fn resent_message_is_a_duplicate_with_its_first_stamp() {
    let mut world = World::new();
    let stamp = new(world.append_message(1, "one"));
    let again = NewMessage { time: NOW + 500, nick: "TOM".into(), ..entry(1, "", "one") };
    assert_eq!(world.append(slice::from_ref(&again)), [AppendOutcome::Duplicate(stamp)]);
    // Within one batch too.
    let batch =
        world.append(&[entry(2, "", "two"), entry(2, "", "two"), again.clone(), entry(3, "", "three")]);
    let second = new(batch[0]);
    assert_eq!(batch[1..3], [AppendOutcome::Duplicate(second), AppendOutcome::Duplicate(stamp)]);
    let mut world = world.reopen();
    assert_eq!(world.append(&[again]), [AppendOutcome::Duplicate(stamp)]);
    assert_eq!(world.contents(), ["one", "two", "three"]);
}

#[test]
fn id_of_another_message_is_a_conflict() {
    let mut world = World::new();
    world.append(&[entry(1, "", "one")]);
    let others = [
        entry(1, "", "another"),
        entry(1, "elsewhere", "one"),
        NewMessage { nick: "tim".into(), ..entry(1, "", "one") },
    ];
    assert_eq!(world.append(&others), [AppendOutcome::IdConflict; 3]);
    // A room whose only message was a conflict does not exist.
    assert_eq!(world.read.rooms().unwrap().len(), 1);
    assert_eq!(world.contents(), ["one"]);
}

#[test]
fn rooms_are_listed_by_name_with_their_counts() {
    let mut world = World::new();
    world.append(&[entry(1, "b", "x"), entry(2, "a", "x"), entry(3, "b", "x"), entry(4, "", "x")]);
    let rooms = world.read.rooms().unwrap();
    let rooms: Vec<_> = rooms.iter().map(|room| (&*room.name, room.last_seq, room.messages)).collect();
    assert_eq!(rooms, [("", 1, 1), ("a", 1, 1), ("b", 2, 2)]);
}

#[test]
fn log_id_is_stable_and_unique() {
    let mut world = World::new();
    let id = world.read.id().unwrap();
    assert_eq!(world.reopen().read.id().unwrap(), id);
    assert_ne!(World::new().read.id().unwrap(), id);
}

#[test]
fn any_text_round_trips() {
    let mut world = World::new();
    let texts =
        ["a\0b", "\u{FEFF}", "'; DROP TABLE message; --", "\u{10FFFF}", "🦀\n李", &"x".repeat(100_000)];
    for (n, text) in (1..).zip(texts) {
        let odd = NewMessage { room: Arc::from(text), nick: text.into(), ..entry(n, "", text) };
        new(world.append(&[odd])[0]);
        let page = world.read.page(text, PageStart::End, ALL).unwrap();
        assert_eq!((&*page.messages[0].nick, &*page.messages[0].content), (text, text));
    }
}
