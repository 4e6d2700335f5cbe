//! Rows of the log as states of rooms and memberships.

use std::sync::Arc;

use parlour_core::model::{RoomKind, UserId};

use super::{
    cursor::{Cursor, OwnMessages},
    live_rooms::{RoomKey, RoomState},
    room_lists::Membership,
};
use crate::store::RoomRow;

/// The state of a room in a row of the log. `own` is the account of the row, which is not among the people there.
pub(super) fn state(row: &RoomRow, own: &(UserId, Arc<str>)) -> RoomState {
    let room = &row.room;
    let people = match room.kind {
        RoomKind::Direct => {
            let others = row.people.iter().map(|person| (person.user, person.nick.as_str().into()));
            let mut people: Vec<_> = others.chain([own.clone()]).collect();
            // The same state whoever has read the row.
            people.sort_unstable_by_key(|(account, _)| *account);
            people.into()
        }
        RoomKind::Lobby | RoomKind::Public | RoomKind::Private => [].into(),
    };
    RoomState {
        id: room.room,
        kind: room.kind,
        name: room.name.as_str().into(),
        archived: room.archived,
        head_seq: room.head_seq,
        head_ord: room.head_ord,
        active: minutes(room.active),
        people,
    }
}

/// The membership in a row of the log; without its room and place in memory.
pub(super) fn membership(row: &RoomRow) -> Membership {
    Membership {
        room: RoomKey::LOBBY,
        handle: row.handle,
        place: 0,
        role: row.role,
        muted: row.muted,
        cursor: Cursor { version: row.cursor_version, ord: row.read_ord },
        sent: OwnMessages::default(),
        is_unsaved: false,
        written_in: 0,
    }
}

/// A time in Unix ms as minutes since 1970.
#[must_use]
pub fn minutes(unix_ms: i64) -> u32 {
    u32::try_from(unix_ms / 60_000).unwrap_or(0)
}
