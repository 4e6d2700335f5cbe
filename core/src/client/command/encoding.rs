//! Commands on the wire.

use super::{Command, MessageTarget, PageStart, RoomChange};
use crate::{
    client::Position,
    model::{MessageId, Role, RoomId, RoomKind, UserId},
    wire::{self, change_room::Change, client_command::Operation, page_request::Start},
};

impl Command {
    /// The command on the wire, with this number.
    #[must_use]
    pub fn to_wire(&self, request: u32) -> wire::ClientCommand {
        let operation = match self.clone() {
            Self::Subscribe { position, .. } => Operation::Subscribe(position.to_wire()),
            Self::Unsubscribe { .. } => Operation::Unsubscribe(wire::Unsubscribe {}),
            Self::LoadPage { start, count, .. } => {
                Operation::Page(wire::PageRequest { start: Some(start.to_wire()), count })
            }
            Self::Search { query, before, count, .. } => {
                Operation::Search(wire::RoomSearch { query, before, count })
            }
            Self::Read { cursor, .. } => Operation::Read(cursor.to_wire()),
            Self::ReadAll => Operation::ReadAll(wire::ReadAll {}),
            Self::CreateRoom { kind, name, topic, people, .. } => Operation::CreateRoom(wire::CreateRoom {
                kind: kind.to_wire().into(),
                name,
                topic,
                people: people.iter().map(|account| account.0.to_vec()).collect(),
            }),
            Self::BrowseRooms { query, after, count } => {
                Operation::BrowseRooms(wire::BrowseRooms { query, after, count })
            }
            Self::Join { .. } => Operation::Join(wire::Join {}),
            Self::Leave { .. } => Operation::Leave(wire::Leave {}),
            Self::ChangeRoom { change, .. } => {
                Operation::ChangeRoom(wire::ChangeRoom { change: Some(change.into_wire()) })
            }
            Self::ChangeMember { account, role, .. } => Operation::ChangeMember(wire::ChangeMember {
                account: account.0.to_vec(),
                role: role.to_wire().into(),
            }),
            Self::ListMembers { prefix, after, count, .. } => {
                Operation::ListMembers(wire::ListMembers { prefix, after, count })
            }
            Self::FindPeople { prefix, count } => Operation::FindPeople(wire::FindPeople { prefix, count }),
            Self::ChangeNick { nick, .. } => Operation::ChangeNick(wire::ChangeNick { nick }),
            Self::SetMuted { muted, .. } => Operation::RoomSettings(wire::RoomSettings { muted }),
            Self::LinkDevice => Operation::LinkDevice(wire::LinkDevice {}),
            Self::ChangeMessage { message, content, .. } => {
                let MessageTarget { ord, id } = message;
                Operation::ChangeMessage(wire::ChangeMessage { ord, id: id.0.to_vec(), content })
            }
            Self::ListRevisions { message: MessageTarget { ord, id }, .. } => {
                Operation::ListRevisions(wire::ListRevisions { ord, id: id.0.to_vec() })
            }
            Self::React { message: MessageTarget { ord, id }, emoji, remove, .. } => {
                Operation::React(wire::React { ord, id: id.0.to_vec(), emoji, remove })
            }
            Self::ListReactions { message: MessageTarget { ord, id }, emoji, .. } => {
                Operation::ListReactions(wire::ListReactions { ord, id: id.0.to_vec(), emoji })
            }
        };
        let id = self.id().map(|id| id.0.to_vec()).unwrap_or_default();
        wire::ClientCommand { request, room: self.room().to_wire(), id, operation: Some(operation) }
    }

    /// The command of another tab, and its number there; `None` if it is invalid, or of a later version of the client.
    #[must_use]
    pub fn from_wire(command: wire::ClientCommand) -> Option<(u32, Self)> {
        let room = RoomId::from_wire(&command.room)?;
        let id = MessageId::from_wire(&command.id);
        let typed = match command.operation? {
            Operation::Subscribe(subscribe) => {
                Self::Subscribe { room, position: Position::from_wire(&subscribe) }
            }
            Operation::Unsubscribe(_) => Self::Unsubscribe { room },
            Operation::Page(page) => {
                Self::LoadPage { room, start: PageStart::from_wire(page.start?), count: page.count }
            }
            Operation::Search(wire::RoomSearch { query, before, count }) => {
                Self::Search { room, query, before, count }
            }
            Operation::Read(cursor) => Self::Read { room, cursor: cursor.into() },
            Operation::ReadAll(_) => Self::ReadAll,
            Operation::CreateRoom(create) => Self::CreateRoom {
                id: id?,
                kind: RoomKind::from_wire(create.kind)?,
                name: create.name,
                topic: create.topic,
                people: create
                    .people
                    .iter()
                    .map(|account| UserId::from_wire(account))
                    .collect::<Option<_>>()?,
            },
            Operation::BrowseRooms(wire::BrowseRooms { query, after, count }) => {
                Self::BrowseRooms { query, after, count }
            }
            Operation::Join(_) => Self::Join { room, id: id? },
            Operation::Leave(_) => Self::Leave { room, id: id? },
            Operation::ChangeRoom(change) => {
                Self::ChangeRoom { room, id: id?, change: RoomChange::from_wire(change.change?) }
            }
            Operation::ChangeMember(change) => Self::ChangeMember {
                room,
                id: id?,
                account: UserId::from_wire(&change.account)?,
                role: Role::from_wire(change.role)?,
            },
            Operation::ListMembers(wire::ListMembers { prefix, after, count }) => {
                Self::ListMembers { room, prefix, after, count }
            }
            Operation::FindPeople(wire::FindPeople { prefix, count }) => Self::FindPeople { prefix, count },
            Operation::ChangeNick(wire::ChangeNick { nick }) => Self::ChangeNick { id: id?, nick },
            Operation::RoomSettings(wire::RoomSettings { muted }) => Self::SetMuted { room, muted },
            Operation::LinkDevice(_) => Self::LinkDevice,
            Operation::ChangeMessage(change) => Self::ChangeMessage {
                room,
                id: id?,
                message: MessageTarget { ord: change.ord, id: MessageId::from_wire(&change.id)? },
                content: change.content,
            },
            Operation::ListRevisions(wire::ListRevisions { ord, id }) => {
                Self::ListRevisions { room, message: MessageTarget { ord, id: MessageId::from_wire(&id)? } }
            }
            Operation::React(react) => Self::React {
                room,
                id: id?,
                message: MessageTarget { ord: react.ord, id: MessageId::from_wire(&react.id)? },
                emoji: react.emoji,
                remove: react.remove,
            },
            Operation::ListReactions(wire::ListReactions { ord, id, emoji }) => Self::ListReactions {
                room,
                message: MessageTarget { ord, id: MessageId::from_wire(&id)? },
                emoji,
            },
        };
        Some((command.request, typed))
    }
}

impl PageStart {
    fn to_wire(self) -> Start {
        match self {
            Self::Before(ord) => Start::Before(ord),
            Self::After(ord) => Start::After(ord),
            Self::Around(ord) => Start::Around(ord),
            Self::At(time) => Start::At(time),
        }
    }

    fn from_wire(start: Start) -> Self {
        match start {
            Start::Before(ord) => Self::Before(ord),
            Start::After(ord) => Self::After(ord),
            Start::Around(ord) => Self::Around(ord),
            Start::At(time) => Self::At(time),
        }
    }
}

impl RoomChange {
    fn into_wire(self) -> Change {
        match self {
            Self::Name(name) => Change::Name(name),
            Self::Topic(topic) => Change::Topic(topic),
            Self::Archived(archived) => Change::Archived(archived),
        }
    }

    fn from_wire(change: Change) -> Self {
        match change {
            Change::Name(name) => Self::Name(name),
            Change::Topic(topic) => Self::Topic(topic),
            Change::Archived(archived) => Self::Archived(archived),
        }
    }
}
