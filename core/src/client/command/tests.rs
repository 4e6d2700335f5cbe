use super::*;
use crate::wire;

#[test]
fn commands_are_the_same_after_encoding_and_decoding() {
    let (room, id, account) = (RoomId([1; 16]), MessageId([2; 16]), UserId([3; 16]));
    let text = || String::from("text");
    let mut commands = vec![
        Command::Subscribe { room, position: Position { seq: 3, id: Some(id) } },
        Command::Unsubscribe { room },
        Command::Search { room, query: text(), before: 4, count: 5 },
        Command::Read { room, cursor: Cursor { version: 6, ord: 7 } },
        Command::ReadAll,
        Command::CreateRoom {
            id,
            kind: RoomKind::Private,
            name: text(),
            topic: "topic".into(),
            people: vec![account],
        },
        Command::BrowseRooms { query: text(), after: "after".into(), count: 8 },
        Command::Join { room, id },
        Command::Leave { room, id },
        Command::ChangeMember { room, id, account, role: Role::Moderator },
        Command::ListMembers { room, prefix: text(), after: "after".into(), count: 9 },
        Command::FindPeople { prefix: text(), count: 10 },
        Command::ChangeNick { id, nick: text() },
        Command::SetMuted { room, muted: true },
        Command::LinkDevice,
    ];
    let message = MessageTarget { ord: 13, id: MessageId([4; 16]) };
    commands.extend([
        Command::ChangeMessage { room, id, message, content: text() },
        Command::ListRevisions { room, message },
        Command::React { room, id, message, emoji: text(), remove: true },
        Command::ListReactions { room, message, emoji: text() },
    ]);
    for start in [PageStart::Before(1), PageStart::After(2), PageStart::Around(3), PageStart::At(-4)] {
        commands.push(Command::LoadPage { room, start, count: 11 });
    }
    for change in [RoomChange::Name(text()), RoomChange::Topic(text()), RoomChange::Archived(true)] {
        commands.push(Command::ChangeRoom { room, id, change });
    }
    for command in commands {
        assert_eq!(Command::from_wire(command.to_wire(12)), Some((12, command)));
    }
}

#[test]
fn a_command_that_changes_a_log_needs_an_id() {
    let join = Command::Join { room: RoomId([1; 16]), id: MessageId([2; 16]) };
    let without_id = wire::ClientCommand { id: Vec::new(), ..join.to_wire(1) };
    assert_eq!(Command::from_wire(without_id), None);
    assert_eq!(Command::from_wire(wire::ClientCommand::default()), None);
}
