//! Events of a room's log other than messages.

use std::sync::Arc;

use crate::{
    client::people,
    model::{Role, UserId},
    wire::{self, room_event::Change},
};

/// An event of a room's log that is not a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomEvent {
    /// Its sequence number in the room.
    pub seq: u64,
    /// The time at which the server accepted it, Unix ms.
    pub time: i64,
    /// The account that caused it; `None` if the server has not told it.
    pub sender: Option<UserId>,
    /// What has changed.
    pub change: RoomChange,
    /// The number of members of the room after it; `None` if the server has not told it.
    pub members: Option<u32>,
}

/// A change of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomChange {
    /// The room has this name.
    Name(Arc<str>),
    /// The room has this topic.
    Topic(Arc<str>),
    /// The room was archived (`true`), or can be written to again.
    Archived(bool),
    /// An account has this role.
    Member(UserId, Role),
    /// A change that only a later version of the client knows.
    Unknown,
}

impl RoomEvent {
    /// The event of the wire.
    pub(in crate::client) fn from_wire(event: wire::RoomEvent) -> Self {
        let members = match &event.change {
            Some(Change::Member(change)) => change.members,
            _ => None,
        };
        let change = match event.change {
            Some(Change::Name(name)) => RoomChange::Name(name.into()),
            Some(Change::Topic(topic)) => RoomChange::Topic(topic.into()),
            Some(Change::Archived(archived)) => RoomChange::Archived(archived),
            Some(Change::Member(change)) => {
                let account = change.person.as_ref().and_then(people::account_of);
                account
                    .zip(Role::from_wire(change.role))
                    .map_or(RoomChange::Unknown, |(account, role)| RoomChange::Member(account, role))
            }
            None => RoomChange::Unknown,
        };
        let sender = event.sender.as_ref().and_then(people::account_of);
        Self { seq: event.seq, time: event.time, sender, change, members }
    }
}
