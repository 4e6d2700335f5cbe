//! Accounts, rooms and members, as they are read.

use parlour_core::model::{Role, RoomId, RoomKind, UserId};

use super::SessionRecord;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub user: UserId,
    /// The nick that it shows.
    pub nick: String,
    /// The nick belongs to it. Otherwise another account may have the same one.
    pub holds_nick: bool,
}

/// A session that has not ended, and its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// The session.
    pub session: SessionRecord,
    /// The account.
    pub account: Account,
}

/// The state of one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Its id.
    pub room: RoomId,
    /// Its kind.
    pub kind: RoomKind,
    /// Its name; empty for the lobby and for a DIRECT room.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// It can be read, but not written to.
    pub archived: bool,
    /// The sequence number of its newest event, even if that is no longer stored.
    pub head_seq: u64,
    /// The ord of its newest message, even if that is no longer stored.
    pub head_ord: u64,
    /// The ord of its oldest stored message; one more than `head_ord` if there is none.
    pub first_ord: u64,
    /// The time of its newest message, Unix ms; 0 if it never had one.
    pub active: i64,
    /// The number of members; 0 for the lobby, whose members are all accounts.
    pub members: u64,
}

/// A room in the list of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRow {
    /// The room.
    pub room: Room,
    /// The number of the room in the list of this account; 0 for the lobby. It never changes, and is not used again.
    pub handle: u32,
    /// The role of the account. [`Role::None`] if it is not a member any more; in the lobby it is at least a member.
    pub role: Role,
    /// The account has read all messages up to this ord.
    pub read_ord: u64,
    /// The version of the read cursor.
    pub cursor_version: u32,
    /// The account has muted the room.
    pub muted: bool,
    /// The other people of a DIRECT room.
    pub people: Vec<Account>,
}

/// The rooms of an account, or those that have changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoomRows {
    /// The rows.
    pub rows: Vec<RoomRow>,
    /// The version of the account's rows: that of the log at the time of reading.
    pub version: u64,
}

/// A PUBLIC room, as everybody finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRoom {
    /// The room.
    pub room: Room,
    /// The account that asks is a member.
    pub joined: bool,
}

/// PUBLIC rooms, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoomPage {
    /// The rooms.
    pub rooms: Vec<ListedRoom>,
    /// The name of the room up to which rooms were looked at, if there may be more after it.
    pub next: Option<String>,
    /// The number of names that were looked at.
    pub searched: usize,
}

/// A member of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub account: Account,
    /// Its role.
    pub role: Role,
}

/// Members of a room, by nick.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberPage {
    /// The members.
    pub members: Vec<Member>,
    /// There are more.
    pub more: bool,
    /// The number of all members of the room.
    pub total: u64,
}
