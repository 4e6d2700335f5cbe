//! The user's actions in the rooms: commands in either of two tabs, and changes of the state of the tab.

use parlour_core::{
    client::{Command, Origin, PageStart, Position, RoomChange, cursor::Cursor},
    model::{MessageId, Role, RoomKind},
    ranges::Range,
};

use super::{
    server::OTHER,
    world::{ROOMS, TAB, World},
};
use crate::input::Input;

/// One action.
pub(super) fn act(world: &mut World, input: &mut Input<'_>) {
    let room = input.pick(&ROOMS);
    match input.byte() % 8 {
        0 => {
            let range = Range { from: input.seq(), to: input.seq() };
            world.client.state_mut().handle_evicted(room, range);
        }
        1 => world.client.state_mut().handle_visible(room, input.seq(), input.flag()),
        2 => world.client.state_mut().mark_read(room),
        3 => world.client.state_mut().mark_unread(room, input.seq()),
        4 => world.client.state_mut().open_room(input.flag().then_some(room)),
        5 => world.client.state_mut().set_loading(room, vec![input.seq()]),
        _ => {
            let origin = if input.flag() { TAB } else { Origin::LOCAL };
            let command = command(world, room, origin, input);
            world.give(origin, command);
        }
    }
}

fn command(
    world: &World,
    room: parlour_core::model::RoomId,
    origin: Origin,
    input: &mut Input<'_>,
) -> Command {
    let id = MessageId([input.byte(); 16]);
    let text = || String::from("hello");
    let count = 10;
    match input.byte() % 24 {
        0..=3 => {
            let state = if origin == TAB { &world.tab } else { world.client.state() };
            let position = state.room(room).map(|room| Position::from_wire(&room.subscription()));
            Command::Subscribe { room, position: position.unwrap_or_default() }
        }
        4 => Command::Subscribe { room, position: Position { seq: input.seq(), id: Some(id) } },
        5 => Command::Unsubscribe { room },
        6 => Command::LoadPage { room, start: PageStart::Before(input.seq()), count },
        7 => Command::LoadPage { room, start: PageStart::Around(input.seq()), count },
        8 => Command::LoadPage { room, start: PageStart::At(5), count },
        9 => Command::Search { room, query: text(), before: input.seq(), count },
        10 | 11 => Command::Read { room, cursor: Cursor { version: input.byte().into(), ord: input.seq() } },
        12 => Command::ReadAll,
        13 => Command::CreateRoom {
            id,
            kind: RoomKind::Private,
            name: text(),
            topic: text(),
            people: vec![OTHER],
        },
        14 => Command::BrowseRooms { query: text(), after: String::new(), count },
        15 => Command::Join { room, id },
        16 => Command::Leave { room, id },
        17 => Command::ChangeRoom { room, id, change: RoomChange::Topic(text()) },
        18 => Command::ChangeMember { room, id, account: OTHER, role: Role::Moderator },
        19 => Command::ListMembers { room, prefix: String::new(), after: String::new(), count },
        20 => Command::FindPeople { prefix: text(), count },
        21 => Command::ChangeNick { id, nick: "tom2".into() },
        22 => Command::SetMuted { room, muted: input.flag() },
        _ => Command::LinkDevice,
    }
}
