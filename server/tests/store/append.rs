//! Appending: durable, in order, exactly once.

use std::slice;

use parlour_core::{
    model::{RoomId, UserId},
    status::Status,
};
use parlour_server::store::{Change, Outcome, PageStart, Place, Proposal};

use crate::world::{ALL, NOW, OTHER, TOM, World, entry, id, new, propose};

const LOBBY: RoomId = RoomId::LOBBY;
const TIM: UserId = UserId([2; 16]);

const REUSED: Outcome = Outcome::Refused(Status::MessageIdReused);

fn with_tim() -> World {
    let mut world = World::new();
    new(&world.append(&[propose(1_000, TIM, Change::CreateAccount { nick: "tim".into(), from: None })])[0]);
    world
}

#[test]
fn appended_messages_are_read_in_order() {
    let mut world = World::new();
    let first = new(&world.append_message(1, "one"));
    let rest =
        world.append(&[entry(2, LOBBY, "two"), entry(3, OTHER, "elsewhere"), entry(4, LOBBY, "three")]);
    assert_eq!(first, Place { seq: 1, ord: 1, time: NOW + 1 });
    assert_eq!(rest.iter().map(|outcome| new(outcome).seq).collect::<Vec<_>>(), [2, 1, 3]);
    let page = world.page(PageStart::End, ALL);
    assert_eq!((page.from, page.to, page.first_ord, page.head_ord, page.seq), (0, 3, 1, 3, 3));
    assert_eq!(world.contents(), ["one", "two", "three"]);
    let message = &page.messages[1];
    assert_eq!(
        (message.place, message.id, message.sender, &*message.nick),
        (new(&rest[0]), id(2), TOM, "tom")
    );
}

#[test]
fn only_messages_have_an_ord() {
    let mut world = World::new();
    let topic = |n, topic: &str| propose(n, TOM, Change::SetTopic { room: OTHER, topic: topic.into() });
    let outcomes =
        world.append(&[topic(1, "x"), entry(2, OTHER, "one"), topic(3, "y"), entry(4, OTHER, "two")]);
    let places: Vec<_> = outcomes.iter().map(new).map(|place| (place.seq, place.ord)).collect();
    assert_eq!(places, [(1, 0), (2, 1), (3, 0), (4, 2)]);
}

#[test]
fn resent_message_is_known_with_its_first_place() {
    let mut world = World::new();
    let place = new(&world.append_message(1, "one"));
    let again = Proposal { time: NOW + 500, ..entry(1, LOBBY, "one") };
    assert_eq!(world.append(slice::from_ref(&again)), [Outcome::Known(place)]);
    // Within one batch too.
    let batch = world.append(&[
        entry(2, LOBBY, "two"),
        entry(2, LOBBY, "two"),
        again.clone(),
        entry(3, LOBBY, "three"),
    ]);
    let second = new(&batch[0]);
    assert_eq!(batch[1..3], [Outcome::Known(second), Outcome::Known(place)]);
    let mut world = world.reopen();
    assert_eq!(world.append(&[again]), [Outcome::Known(place)]);
    assert_eq!(world.contents(), ["one", "two", "three"]);
}

#[test]
fn id_of_another_message_of_the_sender_is_refused() {
    let mut world = World::new();
    world.append(&[entry(1, LOBBY, "one")]);
    let topic = Change::SetTopic { room: OTHER, topic: "one".into() };
    let others = [entry(1, LOBBY, "another"), entry(1, OTHER, "one"), propose(1, TOM, topic)];
    assert_eq!(world.append(&others), [REUSED; 3]);
    assert_eq!(world.contents(), ["one"]);
}

#[test]
fn same_id_of_two_senders_is_two_messages() {
    let mut world = with_tim();
    let message = |sender| propose(1, sender, Change::Message { room: LOBBY, content: "hello".into() });
    let outcomes = world.append(&[message(TOM), message(TIM), message(TOM), message(TIM)]);
    let (first, second) = (new(&outcomes[0]), new(&outcomes[1]));
    assert_eq!((first.ord, second.ord), (1, 2));
    assert_eq!(outcomes[2..], [Outcome::Known(first), Outcome::Known(second)]);
    let page = world.page(PageStart::End, ALL);
    assert_eq!(page.messages.iter().map(|message| message.sender).collect::<Vec<_>>(), [TOM, TIM]);
}

#[test]
fn accepted_command_is_known_even_if_it_would_be_refused_now() {
    let mut world = with_tim();
    let join = propose(
        1,
        TIM,
        Change::ChangeMember { room: OTHER, account: TIM, role: parlour_core::model::Role::Member },
    );
    let message = propose(2, TIM, Change::Message { room: OTHER, content: "hello".into() });
    let outcomes = world.append(&[join.clone(), message.clone()]);
    let archive = propose(3, TOM, Change::Archive { room: OTHER, archived: true });
    new(&world.append(&[archive])[0]);
    let known: Vec<_> = outcomes.into_iter().map(|outcome| Outcome::Known(new(&outcome))).collect();
    assert_eq!(world.append(&[join, message]), *known);
    let later = propose(4, TIM, Change::Message { room: OTHER, content: "later".into() });
    assert_eq!(world.append(&[later]), [Outcome::Refused(Status::RoomArchived)]);
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
    let texts = ["a\0b", "\u{FEFF}", "'; DROP TABLE event; --", "\u{10FFFF}", "🦀\n李", &"x".repeat(100_000)];
    for (n, text) in (1..).zip(texts) {
        // Without the number, some are invisible and so look like each other.
        let short: String = format!("{n}{text}").chars().take(32).collect();
        let topic: String = text.chars().take(1000).collect();
        new(&world.append(&[entry(2 * n, LOBBY, text)])[0]);
        new(&world.append(&[propose(
            2 * n + 1,
            TOM,
            Change::SetTopic { room: OTHER, topic: (*topic).into() },
        )])[0]);
        let who = UserId([100 + u8::try_from(n).unwrap(); 16]);
        new(&world.append(&[propose(1, who, Change::CreateAccount { nick: (*short).into(), from: None })])[0]);
        assert_eq!(world.contents().pop().as_deref(), Some(text));
        assert_eq!(world.read.room(OTHER).unwrap().unwrap().topic, topic);
        assert_eq!(world.read.account(who).unwrap().unwrap().nick, short);
    }
    assert_eq!(world.differences().unwrap(), [""; 0]);
}
