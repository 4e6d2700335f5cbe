//! Finding people by their nicks: the members of a room, and those who share a room with an account.

use std::collections::HashSet;

use parlour_core::{
    model::{RoomId, UserId},
    validate::nick_key,
};
use rusqlite::{Connection, Rows, params};

use super::{
    members,
    profiles::{self, account, key_range},
};
use crate::store::{Account, Member, MemberPage};

/// The most people that are collected and sorted. If there may be more, accounts are read in the order of their nicks
/// instead, and those that don't match are skipped.
const MAX_SORTED: u64 = 5_000;

/// The most accounts that are read in the order of their nicks to find those who share a room with an account.
const MAX_CANDIDATES: usize = 5_000;

/// The most memberships that are read for them.
const MAX_MEMBERSHIPS: usize = 20_000;

/// See [`crate::store::LogReader::members`]. Everybody with the nick of the last one is on the page too, because the next
/// one begins after this nick.
pub(super) fn members(
    connection: &mut Connection,
    room: RoomId,
    prefix: &str,
    after: &str,
    count: usize,
) -> rusqlite::Result<MemberPage> {
    let snapshot = connection.transaction()?;
    let room = snapshot
        .prepare_cached("SELECT id, members FROM room WHERE room = ?1 AND id > 0")?
        .query_row([room.0], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?.cast_unsigned())));
    let (room, total) = match room {
        Ok(room) => room,
        Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(MemberPage::default()),
        Err(error) => return Err(error),
    };
    let [from, to] = key_range(prefix);
    let mut statement = snapshot.prepare_cached(match is_most(&snapshot, total, count)? {
        false => {
            "SELECT user, nick, holds_nick, role, nick_key FROM member INDEXED BY member_room
             CROSS JOIN account ON account.id = account
             WHERE room = ?1 AND role > 0 AND nick_key >= ?2 AND nick_key < ?3 AND nick_key > ?4
             ORDER BY nick_key, account.id"
        }
        true => {
            "SELECT user, nick, holds_nick, role, nick_key FROM account INDEXED BY account_nick
             CROSS JOIN member ON account = account.id AND room = ?1
             WHERE role > 0 AND nick_key >= ?2 AND nick_key < ?3 AND nick_key > ?4
             ORDER BY nick_key, account.id"
        }
    })?;
    let rows = statement.query(params![room, from, to, nick_key(after)])?;
    let (members, more) = page_of(rows, count)?;
    Ok(MemberPage { members, more, total })
}

/// Returns `true` if so many accounts are members of a room that a page of them is found faster by reading all accounts
/// in the order of their nicks than by sorting the members.
fn is_most(connection: &Connection, members: u64, count: usize) -> rusqlite::Result<bool> {
    let accounts: Option<i64> =
        connection.prepare_cached("SELECT max(id) FROM account")?.query_row([], |row| row.get(0))?;
    let accounts = u128::from(accounts.unwrap_or(0).cast_unsigned());
    Ok(accounts * count as u128 <= u128::from(members) * u128::from(members))
}

/// The first members, and whether there are more.
fn page_of(mut rows: Rows<'_>, count: usize) -> rusqlite::Result<(Vec<Member>, bool)> {
    let (mut members, mut last_key) = (Vec::new(), String::new());
    while let Some(row) = rows.next()? {
        let key = row.get_ref(4)?.as_str()?;
        if members.len() >= count && key != last_key {
            return Ok((members, true));
        }
        members.push(Member { account: account(row, 0)?, role: members::role(row, 3)? });
        key.clone_into(&mut last_key);
    }
    Ok((members, false))
}

/// See [`crate::store::LogReader::people`]. The work is bounded, so some may be missing if only a few of very many accounts
/// share a room with this one.
pub(super) fn people(
    connection: &mut Connection,
    user: UserId,
    prefix: &str,
    count: usize,
) -> rusqlite::Result<Vec<Account>> {
    let snapshot = connection.transaction()?;
    let Some(id) = profiles::number(&snapshot, user)? else { return Ok(Vec::new()) };
    let (rooms, members) = rooms_of(&snapshot, id)?;
    let range = key_range(prefix);
    match members <= MAX_SORTED {
        true => all_sharing(&snapshot, id, &range, count),
        false => first_sharing(&snapshot, id, &rooms, &range, count),
    }
}

/// The rooms that an account is a member of, without the lobby, and the sum of their members.
fn rooms_of(connection: &Connection, account: i64) -> rusqlite::Result<(HashSet<i64>, u64)> {
    let mut rooms = connection.prepare_cached(
        "SELECT room.id, members FROM member CROSS JOIN room ON room.id = member.room
         WHERE account = ?1 AND role BETWEEN 1 AND 3 AND kind <> 0",
    )?;
    let rows = rooms.query_map([account], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?;
    let (mut ids, mut members) = (HashSet::new(), 0);
    for row in rows {
        let (room, of_room) = row?;
        ids.insert(room);
        members += of_room;
    }
    Ok((ids, members))
}

/// Collects everybody who shares a room with an account, and sorts them.
fn all_sharing(
    connection: &Connection,
    id: i64,
    [from, to]: &[String; 2],
    count: usize,
) -> rusqlite::Result<Vec<Account>> {
    let mut people = connection.prepare_cached(
        "SELECT user, nick, holds_nick FROM account WHERE id IN (
             SELECT other.account FROM member AS own CROSS JOIN room ON room.id = own.room AND kind <> 0
             CROSS JOIN member AS other INDEXED BY member_room ON other.room = own.room AND other.role BETWEEN 1 AND 3
             WHERE own.account = ?1 AND own.role BETWEEN 1 AND 3
         ) AND id <> ?1 AND nick_key >= ?2 AND nick_key < ?3 ORDER BY nick_key, id LIMIT ?4",
    )?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    people.query_map(params![id, from, to, count], |row| account(row, 0))?.collect()
}

/// Reads accounts in the order of their nicks until enough share one of these rooms, or the work is too much.
fn first_sharing(
    connection: &Connection,
    id: i64,
    rooms: &HashSet<i64>,
    [from, to]: &[String; 2],
    count: usize,
) -> rusqlite::Result<Vec<Account>> {
    let mut candidates = connection.prepare_cached(
        "SELECT user, nick, holds_nick, id FROM account INDEXED BY account_nick
         WHERE nick_key >= ?1 AND nick_key < ?2 ORDER BY nick_key, id",
    )?;
    let mut memberships = connection
        .prepare_cached("SELECT room FROM member WHERE account = ?1 AND role BETWEEN 1 AND 3 LIMIT ?2")?;
    let (mut people, mut left) = (Vec::new(), MAX_MEMBERSHIPS);
    let mut rows = candidates.query([from, to])?;
    for _ in 0..MAX_CANDIDATES {
        let Some(row) = rows.next()?.filter(|_| people.len() < count && left > 0) else { break };
        let candidate: i64 = row.get(3)?;
        let limit = i64::try_from(left).unwrap_or(i64::MAX);
        let mut of_candidate = memberships.query([candidate, limit])?;
        while let Some(membership) = of_candidate.next()? {
            left -= 1;
            if candidate != id && rooms.contains(&membership.get(0)?) {
                people.push(account(row, 0)?);
                break;
            }
        }
    }
    Ok(people)
}
