//! The list of an account's rooms, and the list of PUBLIC rooms.

use std::collections::HashMap;

use parlour_core::{
    model::{Role, RoomId, RoomKind, UserId},
    validate::nick_key,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    heads::DIRECTORY,
    members,
    profiles::{self, account},
    rooms::{ROOM_COLUMNS, number, room, select_rooms},
};
use crate::store::{Account, BROWSED_NAMES, ListedRoom, RoomPage, RoomRow, RoomRows};

/// A row, and what decides whether it has changed.
struct Read {
    row: RoomRow,
    id: i64,
    /// gseq of the last change of the room or the row.
    changed: u64,
}

/// A statement with the columns of [`read`]; `m` is the row of the account and `c` its cursor.
macro_rules! select_rows {
    ($rest:literal) => {
        select_rooms!(
            ", m.handle, m.role, c.ord, c.version, c.muted, r.id,
             CASE m.role WHEN 0 THEN m.changed ELSE
                 max(r.head_gseq, ifnull(m.changed, 0), ifnull(c.changed, 0)) END",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> rusqlite::Result<Read> {
    const AT: usize = ROOM_COLUMNS;
    let room = room(row)?;
    let is_lobby = room.kind == RoomKind::Lobby;
    let role = match row.get::<_, Option<i64>>(AT + 1)? {
        Some(_) => members::role(row, AT + 1)?,
        None => Role::None,
    };
    let optional = |at| row.get::<_, Option<i64>>(at).map(|value| value.unwrap_or_default().cast_unsigned());
    Ok(Read {
        id: row.get(AT + 5)?,
        changed: number(row, AT + 6)?,
        row: RoomRow {
            handle: row.get::<_, Option<u32>>(AT)?.unwrap_or_default(),
            // Everybody is a member of the lobby.
            role: if is_lobby { role.max(Role::Member) } else { role },
            read_ord: optional(AT + 2)?,
            cursor_version: row.get::<_, Option<u32>>(AT + 3)?.unwrap_or_default(),
            muted: row.get::<_, Option<bool>>(AT + 4)?.unwrap_or_default(),
            people: Vec::new(),
            room,
        },
    })
}

/// See [`crate::store::LogReader::room_rows`].
///
/// The work depends on the number of the account's rooms only, not on their members and messages.
pub(super) fn room_rows(connection: &mut Connection, user: UserId, since: u64) -> rusqlite::Result<RoomRows> {
    let snapshot = connection.transaction()?;
    let version = snapshot
        .prepare_cached("SELECT head_gseq FROM room WHERE id = ?1")?
        .query_row([DIRECTORY], |row| number(row, 0))?;
    let Some(id) = profiles::number(&snapshot, user)? else {
        return Ok(RoomRows { rows: Vec::new(), version });
    };
    let mut rows = lobby_row(&snapshot, id)?;
    let mut joined = snapshot.prepare_cached(select_rows!(
        " FROM member AS m CROSS JOIN room AS r ON r.id = m.room
         LEFT JOIN cursor AS c ON c.account = m.account AND c.room = m.room
         WHERE m.account = ?1 AND r.kind <> 0 AND (m.role > 0 OR ?2 > 0) ORDER BY m.handle"
    ))?;
    for row in joined.query_map(params![id, since.cast_signed()], read)? {
        rows.push(row?);
    }
    add_people(&snapshot, id, &mut rows)?;
    let rows = rows.into_iter().filter(|read| read.changed >= since).map(|read| read.row).collect();
    Ok(RoomRows { rows, version })
}

/// The row of the lobby, of which everybody is a member.
fn lobby_row(connection: &Connection, account: i64) -> rusqlite::Result<Vec<Read>> {
    let mut lobby = connection.prepare_cached(select_rows!(
        " FROM room AS r LEFT JOIN member AS m ON m.account = ?1 AND m.room = r.id
         LEFT JOIN cursor AS c ON c.account = ?1 AND c.room = r.id WHERE r.kind = 0"
    ))?;
    lobby.query_map([account], read)?.collect()
}

/// Adds the other people of the DIRECT rooms. A row has also changed if the nick of one of them has.
fn add_people(connection: &Connection, id: i64, rows: &mut [Read]) -> rusqlite::Result<()> {
    let direct = rows.iter().enumerate().filter(|(_, read)| read.row.room.kind == RoomKind::Direct);
    let direct: HashMap<i64, usize> = direct.map(|(at, read)| (read.id, at)).collect();
    if direct.is_empty() {
        return Ok(());
    }
    let mut people = connection.prepare_cached(
        "SELECT user, nick, holds_nick, room.id, account.changed FROM member AS own
         CROSS JOIN room ON room.id = own.room AND room.kind = 3
         CROSS JOIN member AS other INDEXED BY member_room
             ON other.room = own.room AND other.role > 0 AND other.account <> own.account
         CROSS JOIN account ON account.id = other.account
         WHERE own.account = ?1",
    )?;
    let mut people = people.query([id])?;
    while let Some(row) = people.next()? {
        if let Some(read) = direct.get(&row.get(3)?).and_then(|&at| rows.get_mut(at)) {
            read.row.people.push(account(row, 0)?);
            if read.row.role != Role::None {
                read.changed = read.changed.max(number(row, 4)?);
            }
        }
    }
    Ok(())
}

/// See [`crate::store::LogReader::room_row`].
pub(super) fn room_row(
    connection: &mut Connection,
    user: UserId,
    id: RoomId,
) -> rusqlite::Result<Option<RoomRow>> {
    let snapshot = connection.transaction()?;
    // An unknown account is like one that is nowhere a member.
    let account = profiles::number(&snapshot, user)?.unwrap_or_default();
    let mut found = snapshot.prepare_cached(select_rows!(
        " FROM room AS r LEFT JOIN member AS m ON m.account = ?1 AND m.room = r.id
         LEFT JOIN cursor AS c ON c.account = ?1 AND c.room = r.id WHERE r.room = ?2 AND r.id > 0"
    ))?;
    let Some(Read { mut row, id, .. }) = found.query_row(params![account, id.0], read).optional()? else {
        return Ok(None);
    };
    if row.room.kind == RoomKind::Direct {
        row.people = others(&snapshot, id, account)?;
    }
    Ok(Some(row))
}

/// The people of a room except one.
fn others(connection: &Connection, room: i64, except: i64) -> rusqlite::Result<Vec<Account>> {
    let mut people = connection.prepare_cached(
        "SELECT user, nick, holds_nick FROM member INDEXED BY member_room CROSS JOIN account ON account.id = account
         WHERE room = ?1 AND role > 0 AND account <> ?2",
    )?;
    people.query_map([room, except], |row| account(row, 0))?.collect()
}

/// See [`crate::store::LogReader::browse`].
pub(super) fn browse(
    connection: &mut Connection,
    user: UserId,
    query: &str,
    after: &str,
    count: usize,
) -> rusqlite::Result<RoomPage> {
    let snapshot = connection.transaction()?;
    let account = profiles::number(&snapshot, user)?.unwrap_or_default();
    // From the index alone. The names of PUBLIC rooms have different keys.
    let mut names = snapshot.prepare_cached(
        "SELECT id, name_key FROM room INDEXED BY room_name WHERE kind = 1 AND name_key > ?1 ORDER BY name_key",
    )?;
    let mut find = snapshot.prepare_cached(select_rooms!(
        ", EXISTS (SELECT 1 FROM member WHERE account = ?1 AND room = r.id AND role BETWEEN 1 AND 3)
         FROM room AS r WHERE r.id = ?2"
    ))?;
    let mut find = |id: i64| {
        find.query_row([account, id], |row| {
            Ok(ListedRoom { room: room(row)?, joined: row.get(ROOM_COLUMNS)? })
        })
    };
    let query = nick_key(query);
    let (mut page, mut last) = (RoomPage::default(), None);
    let mut rows = names.query([nick_key(after)])?;
    while let Some(row) = rows.next()? {
        if page.rooms.len() == count || page.searched == BROWSED_NAMES {
            page.next = last.map(&mut find).transpose()?.map(|last| last.room.name);
            break;
        }
        let id = row.get(0)?;
        page.searched += 1;
        if row.get_ref(1)?.as_str()?.contains(&query) {
            page.rooms.push(find(id)?);
        }
        last = Some(id);
    }
    Ok(page)
}
