//! The commands of the user interface and of follower tabs. Each is a command of the wire: a leader tab receives them as
//! bytes from its followers, and sends the same bytes with a number of its own to the server.

mod encoding;

use super::{Position, cursor::Cursor};
use crate::model::{MessageId, Role, RoomId, RoomKind, UserId};

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
    /// Reacts to a message, or removes a reaction.
    React {
        /// The room.
        room: RoomId,
        /// The idempotency key.
        id: MessageId,
        /// The message.
        message: MessageTarget,
        /// The emoji.
        emoji: String,
        /// Removes the reaction.
        remove: bool,
    },
    /// Lists who has reacted to a message with an emoji.
    ListReactions {
        /// The room.
        room: RoomId,
        /// The message.
        message: MessageTarget,
        /// The emoji.
        emoji: String,
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
            | Self::React { room, .. }
            | Self::ListReactions { room, .. }
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
            | Self::React { id, .. }
            | Self::ChangeNick { id, .. } => Some(*id),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
