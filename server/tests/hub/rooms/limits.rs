//! Limits of commands: they are refused, and the connection stays.

use parlour_core::{
    limits::INVITED_PEOPLE,
    model::RoomId,
    status::Status,
    wire::{self, client_command::Operation},
};

use super::{client::Client, commands::refused};
use crate::world;

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
