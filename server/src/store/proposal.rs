//! Changes of the log: what an account proposes, and what becomes of it.

use std::sync::Arc;

use parlour_core::{
    model::{MessageId, Role, RoomId, RoomKind, UserId},
    status::Status,
};

use super::{Reaction, TextState};

/// A change that an account proposes. The log accepts or refuses it at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The idempotency key, unique among the proposals of the sender.
    pub id: MessageId,
    /// The account.
    pub sender: UserId,
    /// The time at which the proposal was received, Unix ms.
    pub time: i64,
    /// The change.
    pub change: Change,
}

/// A change of the directory or of a room. Names and texts were validated before; the log checks only what depends on
/// other changes, and the sizes that it stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Creates the account of the sender, which holds the nick from then on.
    CreateAccount {
        /// The nick.
        nick: Arc<str>,
        /// The account that may lose the nick, or a nick that looks like it, because its reservation is over.
        from: Option<NickSource>,
    },
    /// Changes the nick of the sender, or takes it back if the sender does not hold it any more.
    ChangeNick {
        /// The nick.
        nick: Arc<str>,
        /// As in [`Change::CreateAccount`].
        from: Option<NickSource>,
    },
    /// Creates a room with the sender as its owner. A DIRECT room that exists is [`Outcome::Known`].
    CreateRoom {
        /// The id: [`direct_room`](super::direct_room) of the people, or [`created_room`](super::created_room).
        room: RoomId,
        /// The kind; not the lobby.
        kind: RoomKind,
        /// The name; empty for a DIRECT room.
        name: Arc<str>,
        /// The topic.
        topic: Arc<str>,
        /// The people to invite; for a DIRECT room its other members. The sender and repetitions are left out.
        people: Arc<[UserId]>,
    },
    /// Changes the name of a room.
    RenameRoom {
        /// The room.
        room: RoomId,
        /// The name.
        name: Arc<str>,
    },
    /// Appends a message to a room.
    Message {
        /// The room.
        room: RoomId,
        /// The text.
        content: Arc<str>,
    },
    /// Replaces the text of a message.
    Edit {
        /// The room.
        room: RoomId,
        /// The message.
        target: Target,
        /// The new text.
        content: Arc<str>,
    },
    /// Erases the text of a message, and those that it had before.
    Redact {
        /// The room.
        room: RoomId,
        /// The message.
        target: Target,
    },
    /// Reacts to a message, or removes a reaction.
    React {
        /// The room.
        room: RoomId,
        /// The message.
        target: Target,
        /// The emoji.
        emoji: Arc<str>,
        /// Removes the reaction.
        remove: bool,
    },
    /// Changes the topic of a room.
    SetTopic {
        /// The room.
        room: RoomId,
        /// The topic.
        topic: Arc<str>,
    },
    /// Archives a room, or opens it again.
    Archive {
        /// The room.
        room: RoomId,
        /// Archived or open.
        archived: bool,
    },
    /// Changes the role of an account in a room. The sender joins or accepts with its own account and `MEMBER`, leaves or
    /// declines with `NONE`; it invites, removes and promotes others.
    ChangeMember {
        /// The room.
        room: RoomId,
        /// The account.
        account: UserId,
        /// The new role.
        role: Role,
    },
}

/// A message of a room. Ids are unique among those of one sender only, and another message may have the number if a backup was
/// restored; so the log compares both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The number among the messages of the room.
    pub ord: u64,
    /// The id.
    pub id: MessageId,
}

/// The account that may lose a nick, or a nick that looks like it, to the sender of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NickSource {
    /// This account.
    Account(UserId),
    /// Whoever holds it at the place of the proposal, if that is one account: the hub, which is the only one to know who is
    /// online, has found that no such account is online or has its nick reserved.
    Anybody,
}

impl Change {
    /// The bytes of its texts.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        match self {
            Self::CreateAccount { nick: text, .. }
            | Self::ChangeNick { nick: text, .. }
            | Self::RenameRoom { name: text, .. }
            | Self::Message { content: text, .. }
            | Self::Edit { content: text, .. }
            | Self::React { emoji: text, .. }
            | Self::SetTopic { topic: text, .. } => text.len(),
            Self::CreateRoom { name, topic, people, .. } => {
                name.len() + topic.len() + size_of_val::<[UserId]>(people)
            }
            Self::Redact { .. } | Self::Archive { .. } | Self::ChangeMember { .. } => 0,
        }
    }
}

/// The message of an edit, a redaction or a reaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedMessage {
    /// The message.
    pub target: Target,
    /// The time at which it was sent, Unix ms.
    pub time: i64,
    /// The account that has sent it.
    pub sender: UserId,
    /// The nick that the sender has now.
    pub nick: Arc<str>,
    /// Its text, as it was when this was read; empty if it was erased.
    pub content: Arc<str>,
    /// The state of the text.
    pub state: TextState,
    /// The reactions to it.
    pub reactions: Vec<Reaction>,
    /// The emoji with which the sender of the event reacts to it.
    pub reacted: Vec<String>,
}

/// The place of an event in its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The number among all events of the log, from 1.
    pub seq: u64,
    /// The number among the messages of the room, from 1; 0 for any other event.
    pub ord: u64,
    /// The time of the event, Unix ms.
    pub time: i64,
}

/// The outcome of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was appended.
    Appended(Place),
    /// A [`Change::SetTopic`] or a [`Change::Archive`] was appended.
    RoomChanged {
        /// Its place.
        place: Place,
        /// The nick of its sender.
        nick: Arc<str>,
    },
    /// A [`Change::Edit`], a [`Change::Redact`] or a [`Change::React`] was appended.
    MessageChanged {
        /// Its place.
        place: Place,
        /// The nick of its sender.
        nick: Arc<str>,
        /// The message that it changes.
        message: ChangedMessage,
    },
    /// A [`Change::ChangeMember`] was appended.
    MemberChanged {
        /// Its place.
        place: Place,
        /// The role that the account has now. Whoever joins an empty room becomes its owner.
        role: Role,
        /// The number of members of the room. 0 for the lobby, of which everybody is a member.
        members: u64,
        /// The nick of its sender.
        nick: Arc<str>,
        /// The nick of the account whose role has changed.
        target_nick: Arc<str>,
    },
    /// Nothing was appended, because the log has the change already: by the same proposal before, then with its place, or
    /// because it changes nothing, then with the place of the newest event of its log.
    Known(Place),
    /// It was refused and changed nothing.
    Refused(Status),
}

/// A session: the login of a device. The secret itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// SHA-256 of the session's secret.
    pub hash: [u8; 32],
    /// The account.
    pub account: UserId,
    /// The time at which its connection was lost, Unix ms; `None` if it was connected when the server last ran.
    pub lost_at: Option<i64>,
}

/// A change of what only one account owns. Not an event: the last one counts. It is applied after the proposals of its
/// append, and need not be durable at once. One that names an unknown account or room has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowChange {
    /// A session is new or has changed.
    PutSession(SessionRecord),
    /// The session with this hash has ended.
    EndSession([u8; 32]),
    /// A read cursor has moved. Ignored if the stored one has a larger version, or the same version and a larger ord.
    Cursor {
        /// The account.
        account: UserId,
        /// The room.
        room: RoomId,
        /// The account has read all messages up to this ord.
        ord: u64,
        /// Increases whenever the user moves the cursor back.
        version: u32,
    },
    /// A room was muted or not any more.
    Muted {
        /// The account.
        account: UserId,
        /// The room.
        room: RoomId,
        /// Muted.
        muted: bool,
    },
}

/// Proposals and row changes to append together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppendBatch {
    /// The generation. If an append fails, all batches of its generation and of older ones fail too, including batches
    /// submitted later. So no message is stored while an earlier one of the same sender is not. After the failure is
    /// reported, the caller continues with a newer generation.
    pub generation: u32,
    /// The proposals.
    pub proposals: Vec<Proposal>,
    /// The row changes, applied after the proposals.
    pub rows: Vec<RowChange>,
}
