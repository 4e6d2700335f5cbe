//! A room in the room list of an account.

use std::sync::Arc;

use crate::{
    client::cursor::Cursor,
    model::{PresenceState, Role, RoomId, RoomKind, UserId},
    wire,
};

/// A room as the account sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomEntry {
    /// The room.
    pub room: RoomId,
    /// The number of the room in [`wire::Activity`].
    pub handle: u32,
    /// The kind.
    pub kind: RoomKind,
    /// The name; empty for a direct room, which is named by its people.
    pub name: Arc<str>,
    /// The role of the account.
    pub role: Role,
    /// Only attention is indicated.
    pub muted: bool,
    /// The room can be read, but not written to.
    pub archived: bool,
    /// The time of the newest message in minutes since 1970-01-01 UTC; 0 if there is none.
    pub active: u32,
    /// The other people of a direct room.
    pub people: Vec<UserId>,
    /// The ord of the newest message. It never decreases in the same log, even if a server is behind.
    pub(super) head: u64,
    /// The ord of the newest message that the server has told on this connection; [`wire::Activity`] is relative to it.
    pub(super) told: u64,
    pub(super) cursor: Cursor,
    /// The cursor that the server has; at least this one.
    pub(super) server_cursor: Cursor,
    /// The cursor after the last "mark all as read", while the server has not answered it.
    pub(super) read_all: Option<Cursor>,
    /// The user or another device has marked messages as unread, so that seeing them does not move the cursor until the room
    /// is opened again.
    pub(super) is_held: bool,
    /// The number of unread messages that the account is to be told of, as the server has counted it.
    pub(super) counted_attention: u32,
    /// The folded name, for searching and sorting.
    pub(super) folded: String,
}

impl RoomEntry {
    /// The entry of a row; `None` if a field is invalid, or the account is not in the room.
    pub(super) fn from_wire(row: &wire::RoomRow) -> Option<Self> {
        let role = Role::from_wire(row.role).filter(|role| *role != Role::None)?;
        let cursor = Cursor { version: row.cursor_version, ord: row.head_ord.saturating_sub(row.unread) };
        Some(Self {
            room: RoomId::from_wire(&row.room)?,
            handle: row.handle,
            kind: RoomKind::from_wire(row.kind)?,
            name: row.name.as_str().into(),
            role,
            muted: row.muted,
            archived: row.archived,
            active: row.active,
            people: row.people.iter().filter_map(super::people::account_of).collect(),
            head: row.head_ord,
            told: row.head_ord,
            cursor,
            server_cursor: cursor,
            read_all: None,
            is_held: false,
            counted_attention: row.attention,
            folded: String::new(),
        })
    }

    /// The row of this entry, for other tabs and for the device, with the cursor that the server has. `people` names the
    /// other people of a direct room.
    #[must_use]
    pub(super) fn to_wire(&self, people: &super::People) -> wire::RoomRow {
        let person = |account: &UserId| {
            let person = people.get(*account);
            let state = match person.state {
                PresenceState::Left => wire::PresenceState::Left,
                PresenceState::Online => wire::PresenceState::Online,
                PresenceState::Away => wire::PresenceState::Away,
            };
            wire::Person { account: account.0.to_vec(), nick: person.nick.to_string(), state: state.into() }
        };
        wire::RoomRow {
            room: self.room.to_wire(),
            handle: self.handle,
            kind: self.kind.to_wire().into(),
            name: self.name.to_string(),
            role: self.role.to_wire().into(),
            head_ord: self.head,
            unread: self.server_cursor.unread(self.head),
            cursor_version: self.server_cursor.version,
            cursor_unsaved: false,
            attention: self.counted_attention,
            muted: self.muted,
            archived: self.archived,
            active: self.active,
            people: self.people.iter().map(person).collect(),
        }
    }

    /// The ord of the newest message.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.head
    }

    /// The read cursor.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// The number of unread messages. A room to which the account is only invited has none.
    #[must_use]
    pub fn unread(&self) -> u64 {
        if self.role == Role::Invited { 0 } else { self.cursor.unread(self.head) }
    }

    /// The number of unread messages that the account is to be told of; 1 for an invitation. All messages of a direct room are
    /// for its people, so muting it ends its attention.
    #[must_use]
    pub fn attention(&self) -> u64 {
        match (self.role, self.kind) {
            (Role::Invited, _) => 1,
            (_, RoomKind::Direct) if self.muted => 0,
            (_, RoomKind::Direct) => self.unread(),
            _ => u64::from(self.counted_attention).min(self.unread()),
        }
    }

    /// Returns `true` if the room list indicates something new in the room.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.attention() > 0 || (!self.muted && self.unread() > 0)
    }

    /// The cursor that the server has to be told of; `None` when it has it, or learns of it by "mark all as read".
    #[must_use]
    pub(super) fn untold_cursor(&self) -> Option<Cursor> {
        (self.cursor > self.server_cursor && self.read_all != Some(self.cursor)).then_some(self.cursor)
    }
}
