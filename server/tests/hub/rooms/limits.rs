//! Limits of commands: they are refused, and the connection stays.

use parlour_core::{
    limits::INVITED_PEOPLE,
    model::RoomId,
    status::Status,
    wire::{self, client_command::Operation, response::Result as Answer},
};
use parlour_server::store::LogError;

use super::{client::Client, commands::refused};
use crate::world;

fn mute(muted: bool) -> Operation {
    Operation::RoomSettings(wire::RoomSettings { muted })
}

#[test]
fn too_many_people_of_a_new_room_are_refused() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let mut invite = |people: usize| {
        let people = (1..=people as u128).map(|n| n.to_be_bytes().to_vec()).collect();
        let kind = wire::RoomKind::Private.into();
        let create = wire::CreateRoom { kind, name: "rust".into(), topic: String::new(), people };
        refused(&tom.command(&mut w, RoomId::LOBBY, Operation::CreateRoom(create)))
    };
    // As many as a client may choose: the log does not know these.
    assert_eq!(invite(INVITED_PEOPLE), Some(Status::NoSuchAccount));
    assert_eq!(invite(INVITED_PEOPLE + 1), Some(Status::NotAllowed));
    assert_eq!(w.received(tom.conn).closed, None);
}

#[test]
fn rooms_are_not_muted_while_the_log_fails() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    w.failing = Some(LogError::Full("here".into()));
    tom.post(&mut w, RoomId::LOBBY, 1, "hi");
    assert_eq!(refused(&tom.command(&mut w, RoomId::LOBBY, mute(true))), Some(Status::LogUnavailable));
    w.failing = None;
    w.advance(10_000);
    let answer = tom.command(&mut w, RoomId::LOBBY, mute(true));
    assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
}

#[test]
fn muting_is_limited_like_other_changes() {
    let mut w = world();
    let mut tom = Client::login(&mut w, "tom", &[]);
    let answers: Vec<_> =
        (0..21).map(|n| refused(&tom.command(&mut w, RoomId::LOBBY, mute(n % 2 == 0)))).collect();
    assert_eq!(answers.iter().position(Option::is_some), Some(20));
    assert_eq!(answers[20], Some(Status::RateLimited));
}
