//! The content of a row.

use std::sync::Arc;

use crate::{
    model::{Message, Role},
    ranges::GapState,
    status::Status,
};

/// The maximum number of names in each list of a [`PresenceSummary`]; further ones are only counted.
pub const PRESENCE_NAMES: usize = 50;

/// The text of a message that is taller than this is collapsed, in CSS pixels: about the height of the timeline on a laptop
/// or a phone.
pub const SCREENFUL_PX: f32 = 600.0;

/// The height of the text of a collapsed message, in CSS pixels. Far less than [`SCREENFUL_PX`], so that expanding a message
/// always shows much more of it.
pub const COLLAPSED_PX: f32 = 360.0;

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Unique in this timeline, and constant for as long as the row exists, even when its content changes.
    pub key: u32,
    /// Set when the row is the first one of its day: a time of that day, Unix ms.
    pub day: Option<i64>,
    /// The line above new messages is above this row, which is the first new message, or a gap that begins with it.
    pub unread_line: bool,
    /// The user has expanded the message, which is collapsed otherwise if it is taller than [`SCREENFUL_PX`].
    pub expanded: bool,
    /// The content.
    pub kind: RowKind,
}

/// The content of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum RowKind {
    /// A message.
    Message {
        /// The message itself.
        message: Message,
        /// It continues the message above: same sender, little time between.
        continued: bool,
    },
    /// Messages that are not loaded. As tall as these messages would be, or proportionally less.
    Gap {
        /// The gap.
        gap: GapState,
        /// The height of the row, in CSS pixels.
        height: f64,
    },
    /// The members who have joined and left since the row above.
    Presence(PresenceSummary),
    /// The answer to a command, or a notice about the connection.
    Notice(Notice),
}

/// Members who have joined and left, combined into one row. A member who left and came back is in neither list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PresenceSummary {
    /// Nicks of people who joined.
    pub joined: Vec<Arc<str>>,
    /// Nicks of people who left.
    pub left: Vec<Arc<str>>,
    /// The number of others that have joined.
    pub more_joined: usize,
    /// The number of others that have left.
    pub more_left: usize,
    /// The time of the last change, Unix ms.
    pub time: i64,
}

/// A notice from the program; the view has the texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The list of commands.
    Help,
    /// The members who are present.
    Members {
        /// The first nicks.
        nicks: Vec<Arc<str>>,
        /// The number of others.
        more: usize,
    },
    /// The members are not known yet.
    MembersLoading,
    /// The connection was lost for a while, and the messages sent meanwhile can't be loaded.
    MessagesMissed,
    /// The device's storage does not work: messages that are not sent when the page is closed are lost.
    NotPersisted,
    /// The connection broke, for this reason.
    ConnectionBroke(Status),
    /// The server sent a frame that can't be decoded.
    UnreadableFrame,
    /// A text from the server.
    Server(String),
    /// A member has changed the room.
    Room {
        /// The nick of the member; empty if it is not known.
        by: Arc<str>,
        /// What has changed.
        change: RoomNotice,
    },
}

/// A change of a room, as a notice shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomNotice {
    /// Another name.
    Name(Arc<str>),
    /// Another topic; empty for none.
    Topic(Arc<str>),
    /// Archived.
    Archived,
    /// Not archived any more.
    Restored,
    /// The member has joined, or was accepted.
    Joined,
    /// The member has left, or has declined an invitation.
    Left,
    /// Somebody was invited.
    Invited(Arc<str>),
    /// Somebody was removed.
    Removed(Arc<str>),
    /// Somebody else has another role now.
    Role(Arc<str>, Role),
    /// The member has another role now: its own doing, or that of the operator.
    OwnRole(Role),
}

impl PresenceSummary {
    pub(super) fn add(&mut self, nick: &Arc<str>, joined: bool, time: i64) {
        self.time = time;
        let (to, from, more) = if joined {
            (&mut self.joined, &mut self.left, &mut self.more_joined)
        } else {
            (&mut self.left, &mut self.joined, &mut self.more_left)
        };
        if let Some(at) = from.iter().position(|other| other == nick) {
            from.remove(at);
        } else if to.len() < PRESENCE_NAMES {
            to.push(nick.clone());
        } else {
            *more += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.joined.is_empty() && self.left.is_empty() && self.more_joined == 0 && self.more_left == 0
    }
}
