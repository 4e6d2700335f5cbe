//! The commands of the user interface and of follower tabs. Each is a command of the wire: a leader tab receives them as
//! bytes from its followers, and sends the same bytes with a number of its own to the server.

use super::{Position, cursor::Cursor};
use crate::{
    model::{MessageId, Role, RoomId, RoomKind, UserId},
    wire::{self, change_room::Change, client_command::Operation, page_request::Start},
};

/// The start of a page of a room's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageStart {
    /// The newest messages with a smaller ord.
    Before(u64),
    /// The oldest messages with a larger ord.
    After(u64),
    /// The messages around an ord.
    Around(u64),
    /// The messages around a time, Unix ms.
    At(i64),
}

/// A change of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomChange {
    /// Another name.
    Name(String),
    /// Another topic.
    Topic(String),
    /// Archived or restored.
    Archived(bool),
}

/// A command. One that changes a log has an id: the same command with the same id is executed once, also if it is given
/// again after a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Receives the events of a room in full, in the tab that gives the command.
    Subscribe {
        /// The room.
        room: RoomId,
        /// The position of the tab.
        position: Position,
    },
    /// The tab that gives the command does not show the room any more.
    Unsubscribe {
        /// The room.
        room: RoomId,
    },
    /// Loads messages.
    LoadPage {
        /// The room.
        room: RoomId,
        /// The start of the page.
        start: PageStart,
        /// The maximum number of messages.
        count: u32,
    },
    /// Searches for messages.
    Search {
        /// The room.
        room: RoomId,
        /// The words to search for.
        query: String,
        /// For the next page of results: only messages with a smaller ord; 0 for the first page.
        before: u64,
        /// The maximum number of messages.
        count: u32,
    },
    /// Moves the read cursor of a room.
    Read {
        /// The room.
        room: RoomId,
        /// The cursor.
        cursor: Cursor,
    },
    /// Moves the read cursors of all rooms to their newest messages.
    ReadAll,
    /// Creates a room, or opens the conversation with some people.
    CreateRoom {
        /// The idempotency key.
        id: MessageId,
        /// Public, private or direct.
        kind: RoomKind,
        /// The name; empty for a conversation.
        name: String,
        /// The topic.
        topic: String,
        /// The accounts to invite, or the other people of a conversation.
        people: Vec<UserId>,
    },
    /// Lists public rooms by name.
    BrowseRooms {
        /// Only rooms whose name contains this.
        query: String,
        /// The name of the last room of the previous page.
        after: String,
        /// The maximum number of rooms.
        count: u32,
    },
    /// Joins a public room, or accepts an invitation.
    Join {
        /// The room.
        room: RoomId,
        /// The idempotency key.
        id: MessageId,
    },
    /// Leaves a room, or declines an invitation.
    Leave {
        /// The room.
        room: RoomId,
        /// The idempotency key.
        id: MessageId,
    },
    /// Changes a room.
    ChangeRoom {
        /// The room.
        room: RoomId,
        /// The idempotency key.
        id: MessageId,
        /// The change.
        change: RoomChange,
    },
    /// Invites an account to a room, removes it, or changes its role.
    ChangeMember {
        /// The room.
        room: RoomId,
        /// The idempotency key.
        id: MessageId,
        /// The account.
        account: UserId,
        /// Its new role.
        role: Role,
    },
    /// Lists members of a room by nick.
    ListMembers {
        /// The room.
        room: RoomId,
        /// Only nicks that begin with this.
        prefix: String,
        /// The nick of the last person on the previous page.
        after: String,
        /// The maximum number of members.
        count: u32,
    },
    /// Lists people by nick.
    FindPeople {
        /// Only nicks that begin with this.
        prefix: String,
        /// The maximum number of people.
        count: u32,
    },
    /// Changes the nick of the account.
    ChangeNick {
        /// The idempotency key.
        id: MessageId,
        /// The new nick.
        nick: String,
    },
    /// Changes whether only attention is indicated in a room.
    SetMuted {
        /// The room.
        room: RoomId,
        /// The setting.
        muted: bool,
    },
    /// Requests a code that logs another device in.
    LinkDevice,
    /// Edits a message, or deletes its text and those that it had before.
    ChangeMessage {
        /// The room.
        room: RoomId,
        /// The idempotency key.
        id: MessageId,
        /// The message.
        message: MessageTarget,
        /// The new text; empty to delete.
        content: String,
    },
    /// Lists the texts that an edited message has had.
    ListRevisions {
        /// The room.
        room: RoomId,
        /// The message.
        message: MessageTarget,
    },
}

/// A message of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageTarget {
    /// Its number among the messages of the room.
    pub ord: u64,
    /// Its id.
    pub id: MessageId,
}

impl Command {
    /// The room of the command; the lobby for a command without a room.
    #[must_use]
    pub fn room(&self) -> RoomId {
        match self {
            Self::Subscribe { room, .. }
            | Self::Unsubscribe { room }
            | Self::LoadPage { room, .. }
            | Self::Search { room, .. }
            | Self::Read { room, .. }
            | Self::Join { room, .. }
            | Self::Leave { room, .. }
            | Self::ChangeRoom { room, .. }
            | Self::ChangeMember { room, .. }
            | Self::ListMembers { room, .. }
            | Self::ChangeMessage { room, .. }
            | Self::ListRevisions { room, .. }
            | Self::SetMuted { room, .. } => *room,
            Self::ReadAll
            | Self::CreateRoom { .. }
            | Self::BrowseRooms { .. }
            | Self::FindPeople { .. }
            | Self::ChangeNick { .. }
            | Self::LinkDevice => RoomId::LOBBY,
        }
    }

    /// The idempotency key of a command that changes a log.
    #[must_use]
    pub fn id(&self) -> Option<MessageId> {
        match self {
            Self::CreateRoom { id, .. }
            | Self::Join { id, .. }
            | Self::Leave { id, .. }
            | Self::ChangeRoom { id, .. }
            | Self::ChangeMember { id, .. }
            | Self::ChangeMessage { id, .. }
            | Self::ChangeNick { id, .. } => Some(*id),
            _ => None,
        }
    }

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

#[cfg(test)]
mod tests;
