//! Rows of an account's room list, and the frames that they are sent in.

use std::cmp::Reverse;

use parlour_core::{
    model::{RoomKind, UserId},
    room_rows, wire,
};

use super::{live_rooms::RoomState, room_lists::Membership};

/// The number of rows in the welcome: those that matter most. A list on a screen shows fewer.
pub const FIRST_ROWS: usize = 40;
/// The number of rows in each further frame, about 12 KB.
const ROWS_PER_FRAME: usize = 250;

/// The row of a room as the account `viewer` sees it, if the log has its cursor. `is_online` returns the presence of an account.
#[must_use]
pub fn row(
    viewer: UserId,
    room: &RoomState,
    membership: &Membership,
    is_online: impl Fn(UserId) -> bool,
) -> wire::RoomRow {
    // An account that is only invited does not learn about messages.
    let (head_ord, active) = if membership.is_joined() { (room.head_ord, room.active) } else { (0, 0) };
    let unread = membership.cursor.unread(head_ord);
    let person =
        |(account, nick): &(UserId, std::sync::Arc<str>)| person(*account, nick, is_online(*account));
    wire::RoomRow {
        room: room.id.to_wire(),
        handle: membership.handle,
        kind: room.kind.to_wire().into(),
        name: room.name.to_string(),
        role: membership.role.to_wire().into(),
        head_ord,
        unread,
        cursor_version: membership.cursor.version,
        cursor_unsaved: false,
        // Every message of a DIRECT room is for each of its people.
        attention: match room.kind {
            RoomKind::Direct => u32::try_from(unread).unwrap_or(u32::MAX),
            RoomKind::Lobby | RoomKind::Public | RoomKind::Private => 0,
        },
        muted: membership.muted,
        archived: room.archived,
        active,
        people: room.people.iter().filter(|(account, _)| *account != viewer).map(person).collect(),
    }
}

/// The row of a room that is not in the list any more.
#[must_use]
pub fn removed(room: &RoomState, handle: u32) -> wire::RoomRow {
    wire::RoomRow { room: room.id.to_wire(), handle, ..wire::RoomRow::default() }
}

/// An account as others see it.
#[must_use]
pub fn person(account: UserId, nick: &str, online: bool) -> wire::Person {
    let state = if online { wire::PresenceState::Online } else { wire::PresenceState::Left };
    wire::Person { account: account.0.to_vec(), nick: nick.to_owned(), state: state.into() }
}

/// Sorts rows by how much they matter: those with attention, then those with unread messages that are not muted, then by the
/// time of the newest message.
pub fn sort(rows: &mut [wire::RoomRow]) {
    rows.sort_by_cached_key(|row| {
        let has_unread = row.unread > 0 && !row.muted;
        Reverse((row.attention > 0, has_unread, row.active, Reverse(row.handle)))
    });
}

/// Splits sorted rows into frames: the first for the welcome. All but the last have `more`; the last has the version and,
/// if the rows are all of the account's, `complete`.
#[must_use]
pub fn frames(rows: Vec<wire::RoomRow>, version: u64, complete: bool) -> Vec<wire::AccountRows> {
    let mut rest = rows.into_iter().peekable();
    let mut frames = Vec::new();
    let mut size = FIRST_ROWS;
    loop {
        let rows: Vec<_> = rest.by_ref().take(size).collect();
        let more = rest.peek().is_some();
        let last = !more;
        frames.push(wire::AccountRows {
            rows: room_rows::pack(rows),
            more,
            complete: last && complete,
            version: if last { version } else { 0 },
            nick: String::new(),
        });
        if last {
            return frames;
        }
        size = ROWS_PER_FRAME;
    }
}

#[cfg(test)]
mod tests {
    use parlour_core::model::{Role, RoomId};

    use super::*;
    use crate::hub::rooms::{
        cursor::{Cursor, OwnMessages},
        live_rooms::RoomKey,
    };

    const VIEWER: UserId = UserId([9; 16]);

    fn state(n: u8, kind: RoomKind, head_ord: u64) -> RoomState {
        RoomState { id: RoomId([n; 16]), kind, head_ord, active: u32::from(n), ..RoomState::lobby() }
    }

    fn membership(handle: u32, role: Role, ord: u64) -> Membership {
        Membership {
            room: RoomKey::LOBBY,
            handle,
            place: 0,
            role,
            muted: false,
            cursor: Cursor { ord, version: 2 },
            sent: OwnMessages::default(),
            is_unsaved: false,
            written_in: 0,
        }
    }

    #[test]
    fn counts_of_a_row_depend_on_kind_and_role() {
        let counts = |kind, role| {
            let row = row(VIEWER, &state(1, kind, 30), &membership(1, role, 10), |_| false);
            (row.head_ord, row.unread, row.attention)
        };
        assert_eq!(counts(RoomKind::Public, Role::Member), (30, 20, 0));
        assert_eq!(counts(RoomKind::Direct, Role::Member), (30, 20, 20));
        assert_eq!(counts(RoomKind::Private, Role::Invited), (0, 0, 0));
    }

    #[test]
    fn people_of_a_direct_room_have_their_presence() {
        let people =
            [(UserId([1; 16]), "lili".into()), (UserId([2; 16]), "tim".into()), (VIEWER, "tom".into())];
        let room = RoomState { people: people.into(), ..state(1, RoomKind::Direct, 0) };
        let row = row(VIEWER, &room, &membership(1, Role::Member, 0), |account| account == UserId([2; 16]));
        let states: Vec<_> = row.people.iter().map(|person| (person.nick.as_str(), person.state())).collect();
        assert_eq!(states, [("lili", wire::PresenceState::Left), ("tim", wire::PresenceState::Online)]);
    }

    #[test]
    fn rows_are_sorted_by_attention_unread_and_activity() {
        let rows = [
            (1, RoomKind::Public, 10, false),
            (2, RoomKind::Public, 9, true),
            (3, RoomKind::Public, 9, false),
            (4, RoomKind::Direct, 10, false),
            (5, RoomKind::Direct, 9, false),
            (6, RoomKind::Private, 10, false),
            (6, RoomKind::Private, 10, false),
        ];
        let mut rows: Vec<_> = (10..)
            .zip(rows)
            .map(|(handle, (n, kind, read, muted))| {
                let membership = Membership { muted, ..membership(handle, Role::Member, read) };
                row(VIEWER, &state(n, kind, 10), &membership, |_| false)
            })
            .collect();
        sort(&mut rows);
        assert_eq!(rows.iter().map(|row| row.handle).collect::<Vec<_>>(), [14, 12, 15, 16, 13, 11, 10]);
    }

    #[test]
    fn last_frame_has_the_version() {
        let shape = |count: u32, complete| -> Vec<_> {
            let rows = (0..count).map(|handle| wire::RoomRow { handle, ..wire::RoomRow::default() });
            let frames = frames(rows.collect(), 9, complete);
            frames
                .iter()
                .map(|f| {
                    let flags = (f.more, f.complete, f.version);
                    (room_rows::unpack(f.clone()).len(), flags.0, flags.1, flags.2)
                })
                .collect()
        };
        assert_eq!(shape(0, false), [(0, false, false, 9)]);
        assert_eq!(shape(40, true), [(40, false, true, 9)]);
        assert_eq!(shape(300, true), [(40, true, false, 0), (250, true, false, 0), (10, false, true, 9)]);
    }
}
