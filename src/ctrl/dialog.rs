//! The dialog that is open.

use parlour_core::model::RoomId;

/// A dialog of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogKind {
    /// Creates a public or private room.
    CreateRoom,
    /// Lists public rooms, to join one.
    BrowseRooms,
    /// Begins a conversation with one to seven people.
    DirectMessage,
    /// Invites people to a room.
    InvitePeople(RoomId),
    /// Shows and changes a room, its members, and the user's settings of it.
    RoomSettings(RoomId),
    /// Asks before the user leaves a room.
    LeaveRoom(RoomId),
    /// Changes the nick.
    ChangeNick,
    /// Shows a code that logs another device in.
    LinkDevice,
    /// Asks before the user logs out with messages that are not sent.
    LogOut,
}
