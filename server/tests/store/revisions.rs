//! Edits and redactions: who may, what is recognised when it is sent again, and what is left of a text.

use parlour_core::{
    model::{MessageId, Role, RoomKind, UserId},
    status::Status,
};
use parlour_server::store::{
    Change, EventLog as _, Outcome, PageSize, PageStart, Retention, Target, TextState,
};
use rusqlite::Connection;

use crate::{
    people::{LILI, People, TIM, create, id, member},
    world::{ALL, NOW, OTHER, TOM, World, entry, new, propose},
};

/// The message with this number of proposal and in its room.
fn target(n: u32, ord: u64) -> Target {
    Target { ord, id: crate::world::id(n) }
}

fn edit(target: Target, text: &str) -> Change {
    Change::Edit { room: OTHER, target, content: text.into() }
}

fn redact(target: Target) -> Change {
    Change::Redact { room: OTHER, target }
}

/// The texts of a room, and their states.
fn texts(world: &mut World) -> Vec<(String, TextState)> {
    let page = world.read.page(OTHER, PageStart::End, ALL).unwrap();
    page.messages.into_iter().map(|message| (message.content, message.state)).collect()
}

fn revisions(world: &mut World, target: Target) -> Vec<(UserId, String)> {
    let revisions = world.read.revisions(OTHER, target, ALL).unwrap();
    revisions.into_iter().map(|revision| (revision.sender, revision.content)).collect()
}

#[test]
fn text_is_that_of_the_last_edit() {
    let mut world = World::new();
    new(&world.append(&[entry(1, OTHER, "one")])[0]);
    let message = target(1, 1);
    let first = propose(2, TOM, edit(message, "two"));
    let place = new(&world.append(std::slice::from_ref(&first))[0]);
    assert_eq!((place.seq, place.ord), (2, 0));
    let second = propose(3, TOM, edit(message, "three"));
    new(&world.append(std::slice::from_ref(&second))[0]);
    assert_eq!(texts(&mut world), [("three".to_owned(), TextState::Edited(second.time))]);
    let all = [(TOM, "one".to_owned()), (TOM, "two".to_owned()), (TOM, "three".to_owned())];
    assert_eq!(revisions(&mut world, message), all);
    let newest = PageSize { messages: 2, bytes: 100 };
    assert_eq!(world.read.revisions(OTHER, message, newest).unwrap().len(), 2);
    // Both the message and the edit are recognised, with the texts that they had.
    let resent = world.append(&[entry(1, OTHER, "one"), first, entry(1, OTHER, "three")]);
    assert!(matches!(resent[..2], [Outcome::Known(_), Outcome::Known(_)]), "{resent:?}");
    assert_eq!(resent[2], Outcome::Refused(Status::MessageIdReused));
    // An edit that changes nothing is no event.
    let same = world.append(&[propose(4, TOM, edit(message, "three"))]);
    assert!(matches!(same[0], Outcome::Known(_)), "{same:?}");
    assert_eq!(world.differences().unwrap(), [""; 0]);
}

#[test]
fn nothing_is_left_of_an_erased_text() {
    let mut world = World::new();
    new(&world.append(&[entry(1, OTHER, "secret one")])[0]);
    let message = target(1, 1);
    let edited = propose(2, TOM, edit(message, "secret two"));
    new(&world.append(std::slice::from_ref(&edited))[0]);
    world.index_all();
    let erased = propose(3, TOM, redact(message));
    new(&world.append(std::slice::from_ref(&erased))[0]);
    assert_eq!(texts(&mut world), [(String::new(), TextState::Erased)]);
    assert_eq!(revisions(&mut world, message), []);
    for word in ["secret", "one", "two"] {
        assert_eq!(world.read.search(OTHER, word, 0, ALL).unwrap().messages, []);
    }
    let database = Connection::open(world.log.path()).unwrap();
    for table in ["body", "revision"] {
        let count = format!("SELECT count(*) FROM {table} WHERE text LIKE '%secret%'");
        assert_eq!(database.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "{table}");
    }
    // Once the write-ahead log is gone, not even the file has it.
    database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let file = std::fs::read(world.log.path()).unwrap();
    assert!(!file.windows(b"secret one".len()).any(|bytes| bytes == b"secret one"));
    // The proposals are still recognised, and nothing else is taken for them.
    let resent = world.append(&[
        entry(1, OTHER, "secret one"),
        edited,
        erased,
        entry(1, OTHER, "another"),
        propose(2, TOM, edit(message, "another")),
    ]);
    assert!(resent[..3].iter().all(|outcome| matches!(outcome, Outcome::Known(_))), "{resent:?}");
    assert_eq!(resent[3..], [const { Outcome::Refused(Status::MessageIdReused) }; 2]);
    let again = world.append(&[propose(4, TOM, edit(message, "three")), propose(5, TOM, redact(message))]);
    assert_eq!(again[0], Outcome::Refused(Status::NoSuchMessage));
    assert!(matches!(again[1], Outcome::Known(_)), "{again:?}");
    // A client that was away gets a message without a text, an edit without a text, and the redaction.
    let events = world.read.events(OTHER, 0, 10).unwrap().events;
    let contents: Vec<_> = events.iter().map(|event| event.change.text_bytes()).collect();
    assert_eq!(contents, [0, 0, 0]);
    assert_eq!(events[0].state, TextState::Erased);
    assert!(events[1..].iter().all(|event| event.message.as_ref().unwrap().target == message));
    assert_eq!(world.differences().unwrap(), [""; 0]);
}

#[test]
fn edited_messages_are_found_by_their_present_text() {
    for is_indexed_before in [false, true] {
        let mut world = World::new();
        world.append(&[entry(1, OTHER, "apple"), entry(2, OTHER, "pear")]);
        if is_indexed_before {
            world.index_all();
        }
        world.append(&[propose(3, TOM, edit(target(1, 1), "plum"))]);
        for _ in 0..2 {
            let mut found = |word| world.read.search(OTHER, word, 0, ALL).unwrap().messages.len();
            assert_eq!((found("apple"), found("plum"), found("pear")), (0, 1, 1));
            world.index_all();
        }
        assert_eq!(world.differences().unwrap(), [""; 0]);
    }
}

#[test]
fn messages_are_changed_by_their_authors_and_by_moderators() {
    let mut people = People::new();
    people.accept(TIM, member(OTHER, TIM, Role::Member));
    people.accept(LILI, member(OTHER, LILI, Role::Member));
    people.accept(TIM, crate::people::message(OTHER));
    let page = people.world.read.page(OTHER, PageStart::End, ALL).unwrap();
    let message = Target { ord: 1, id: page.messages[0].id };
    people.accept(TIM, edit(message, "by tim"));
    people.refuse(LILI, edit(message, "by lili"), Status::NotAllowed);
    people.refuse(LILI, redact(message), Status::NotAllowed);
    // Of another message with the number, or the id, nobody has.
    for other in [Target { ord: 2, ..message }, Target { id: MessageId([9; 16]), ..message }] {
        people.refuse(TIM, edit(other, "x"), Status::NoSuchMessage);
    }
    people.accept(TOM, edit(message, "by an owner"));
    let revised = revisions(&mut people.world, message);
    assert_eq!(revised.iter().map(|revision| revision.0).collect::<Vec<_>>(), [TIM, TIM, TOM]);
    people.accept(TIM, member(OTHER, TIM, Role::None));
    people.refuse(TIM, edit(message, "from outside"), Status::NotAMember);
    people.accept(TOM, Change::Archive { room: OTHER, archived: true });
    people.refuse(TOM, redact(message), Status::RoomArchived);
    people.accept(TOM, Change::Archive { room: OTHER, archived: false });
    people.accept(TOM, redact(message));
    // A private room does not exist for others.
    people.accept(TOM, create(20, RoomKind::Private, "secret", &[]));
    people.refuse(LILI, Change::Redact { room: id(20), target: message }, Status::NoSuchRoom);
}

#[test]
fn retention_deletes_edits_with_their_message() {
    let mut world = World::new();
    world.append(&[entry(1, OTHER, "one"), entry(2, OTHER, "two"), entry(3, OTHER, "three")]);
    let changes = [
        propose(4, TOM, edit(target(1, 1), "uno")),
        propose(5, TOM, edit(target(2, 2), "dos")),
        propose(6, TOM, redact(target(2, 2))),
        propose(7, TOM, edit(target(3, 3), "tres")),
    ];
    world.append(&changes);
    let retention = Retention { messages: Some(1), ..Retention::default() };
    while world.log.apply_retention(&retention, NOW).unwrap() {}
    assert_eq!(texts(&mut world), [("tres".to_owned(), TextState::Edited(changes[3].time))]);
    let database = Connection::open(world.log.path()).unwrap();
    let count = |table: &str| {
        let count = format!("SELECT count(*) FROM {table} WHERE place >> 38 = 2");
        database.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((count("event"), count("body"), count("revision")), (2, 1, 2));
    let resent = [entry(1, OTHER, "one"), entry(2, OTHER, "two")].into_iter().chain(changes);
    let resent = world.append(&resent.collect::<Vec<_>>());
    assert!(resent.iter().all(|outcome| matches!(outcome, Outcome::Known(_))), "{resent:?}");
    assert_eq!(world.differences().unwrap(), [""; 0]);
}
