//! The dialog that is open, and what dialogs and typed commands have done.

use std::sync::Arc;

use leptos::prelude::*;
use parlour_core::{
    client::MessageTarget,
    model::{Refusal, RoomId},
};

use super::store::Store;

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
    /// Shows the texts that a message has had.
    MessageHistory(RoomId, MessageTarget),
    /// Changes the nick.
    ChangeNick,
    /// Shows a code that logs another device in.
    LinkDevice,
    /// Says that the link of another device is not used, because the user is logged in.
    UnusedLink,
    /// Asks before the user logs out with messages that are not sent.
    LogOut,
}

/// Something that was done, or refused, and that the page does not show otherwise, to be told to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The user has another nick.
    NickChanged(Arc<str>),
    /// People were invited to a room.
    Invited(Vec<Arc<str>>),
    /// The user has left a room with this name.
    LeftRoom(Arc<str>),
    /// A command that no dialog has given was refused.
    Refused(Refusal),
}

impl Store {
    /// Opens a dialog, in place of the one that is open.
    pub fn open_dialog(&self, kind: DialogKind) {
        self.set.outcome.set(None);
        self.set.dialog.set(Some(kind));
    }

    /// Closes the dialog.
    pub fn close_dialog(&self) {
        self.set.dialog.set(None);
    }

    /// Tells the user what was done.
    pub fn report(&self, outcome: Outcome) {
        self.set.outcome.set(Some(outcome));
    }

    /// The user has been told of the last [`Outcome`].
    pub fn clear_outcome(&self) {
        self.set.outcome.set(None);
    }
}
