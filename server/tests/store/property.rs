//! Random sequences of proposals: whatever is proposed, the tables are what follows from the events.

use std::collections::HashMap;

use parlour_core::{
    model::{MessageId, Role, RoomId, RoomKind, UserId},
    status::Status,
};
use parlour_server::store::{
    Change, EventLog as _, NickSource, Outcome, Place, Proposal, RoomLimits, Target, direct_room,
    sqlite::Options,
};
use proptest::prelude::*;
use rusqlite::Connection;

use crate::world::{FAST, NOW, World, id};

const ACCOUNTS: u8 = 5;
const ROOMS: u8 = 4;
const LIMITS: RoomLimits = RoomLimits { rooms_per_account: 4, rooms_created: 3, creators: Role::Member };

/// Names of which some are taken, some look alike, and one is too long.
const NAMES: [&str; 7] = [
    "tom",
    "TOM",
    "T0m",
    "tim",
    "李丽",
    "",
    "a name with more than thirty-two characters in it, and even more than 64",
];

fn user(n: u8) -> UserId {
    UserId([n % ACCOUNTS + 1; 16])
}

fn room(n: u8) -> RoomId {
    match n % (ROOMS + 2) {
        0 => RoomId::LOBBY,
        1 => direct_room(&[user(0), user(1)]),
        n => RoomId([n; 16]),
    }
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

fn any_user() -> impl Strategy<Value = UserId> {
    any::<u8>().prop_map(user)
}

fn any_room() -> impl Strategy<Value = RoomId> {
    any::<u8>().prop_map(room)
}

fn change() -> impl Strategy<Value = Change> {
    let role =
        prop::sample::select(&[Role::None, Role::Invited, Role::Member, Role::Moderator, Role::Owner][..]);
    let kind =
        prop::sample::select(&[RoomKind::Public, RoomKind::Public, RoomKind::Private, RoomKind::Direct][..]);
    let from = || {
        let account = any_user().prop_map(NickSource::Account);
        prop::option::of(prop_oneof![3 => account, 1 => Just(NickSource::Anybody)])
    };
    prop_oneof![
        2 => (name(), from()).prop_map(|(nick, from)| Change::CreateAccount { nick: nick.into(), from }),
        2 => (name(), from()).prop_map(|(nick, from)| Change::ChangeNick { nick: nick.into(), from }),
        3 => (any_room(), kind, name(), prop::collection::vec(any_user(), 0..3)).prop_map(|(room, kind, name, people)| {
            let name = if kind == RoomKind::Direct { "" } else { name };
            Change::CreateRoom { room, kind, name: name.into(), topic: "about".into(), people: people.into() }
        }),
        1 => (any_room(), name()).prop_map(|(room, name)| Change::RenameRoom { room, name: name.into() }),
        6 => (any_room(), name()).prop_map(|(room, text)| Change::Message { room, content: text.into() }),
        4 => (any_room(), target(), name())
            .prop_map(|(room, target, text)| Change::Edit { room, target, content: text.into() }),
        1 => (any_room(), target()).prop_map(|(room, target)| Change::Redact { room, target }),
        4 => (any_room(), target(), any::<bool>(), any::<bool>()).prop_map(|(room, target, which, remove)| {
            let emoji = if which { "👍" } else { "🎉" };
            Change::React { room, target, emoji: emoji.into(), remove }
        }),
        1 => (any_room(), name()).prop_map(|(room, topic)| Change::SetTopic { room, topic: topic.into() }),
        1 => (any_room(), any::<bool>()).prop_map(|(room, archived)| Change::Archive { room, archived }),
        5 => (any_room(), any_user(), role)
            .prop_map(|(room, account, role)| Change::ChangeMember { room, account, role }),
    ]
}

/// A message, if there is one with this number and id.
fn target() -> impl Strategy<Value = Target> {
    (1..5_u64, 0..40_u32).prop_map(|(ord, n)| Target { ord, id: id(n) })
}

fn proposals() -> impl Strategy<Value = Vec<Proposal>> {
    // Few ids, so that some are used again, by the same sender or another one.
    let proposal = (any_user(), 0..40_u32, change());
    let proposals = prop::collection::vec(proposal, 1..60);
    proposals.prop_map(|proposals| {
        let accounts = (0..3).map(|n| {
            let nick = ["ann", "bob", "eve"][usize::from(n)].into();
            (user(n), 100, Change::CreateAccount { nick, from: None })
        });
        let public = Change::CreateRoom {
            room: room(2),
            kind: RoomKind::Public,
            name: "general".into(),
            topic: "".into(),
            people: [user(1)].into(),
        };
        let all = accounts.chain([(user(0), 101, public)]).chain(proposals);
        all.zip(NOW..)
            .map(|((sender, n, change), time)| Proposal { id: id(n), sender, time, change })
            .collect()
    })
}

/// All rows of the tables that proposals change.
fn dump(database: &Connection) -> Vec<String> {
    [
        "account",
        "room",
        "member",
        "skeleton",
        "event",
        "body",
        "revision",
        "reaction",
        "reaction_count",
        "cursor",
    ]
    .iter()
    .flat_map(|table| {
        let mut rows = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = rows.column_count();
        let rows = rows.query_map([], |row| {
            let values = (0..columns).map(|at| row.get_ref(at).map(|value| format!("{value:?}")));
            Ok(format!("{table} {:?}", values.collect::<Result<Vec<_>, _>>()?))
        });
        rows.unwrap().collect::<Result<Vec<_>, _>>().unwrap()
    })
    .collect()
}

/// Fails with the first row that differs.
#[track_caller]
fn assert_same(rows: &[String], expected: &[String]) {
    for (row, expected) in rows.iter().zip(expected) {
        assert_eq!(row, expected);
    }
    assert_eq!(rows.len(), expected.len());
}

/// The number of rows that a query returns.
fn count(database: &Connection, query: &str) -> i64 {
    database.query_row(&format!("SELECT count(*) FROM ({query})"), [], |row| row.get(0)).unwrap()
}

/// Checks what must hold for the tables at any time.
fn check_tables(database: &Connection) {
    for (violation, query) in [
        (
            "two accounts hold a nick",
            "SELECT 1 FROM account WHERE holds_nick GROUP BY nick_key HAVING count(*) > 1",
        ),
        (
            "two PUBLIC rooms have a name",
            "SELECT 1 FROM room WHERE kind = 1 GROUP BY name_key HAVING count(*) > 1",
        ),
        (
            "a wrong number of members",
            "SELECT 1 FROM room WHERE kind IN (1, 2, 3) AND members <>
             (SELECT count(*) FROM member WHERE member.room = room.id AND role BETWEEN 1 AND 3)",
        ),
        ("two rooms have a handle", "SELECT 1 FROM member GROUP BY account, handle HAVING count(*) > 1"),
        (
            "too many rooms",
            "SELECT 1 FROM member WHERE role <> 0 AND handle > 0 GROUP BY account HAVING count(*) > 4",
        ),
        (
            "a cursor after the last message",
            "SELECT 1 FROM cursor JOIN room ON room.id = cursor.room WHERE ord > head_ord",
        ),
        (
            "a message without a text",
            "SELECT 1 FROM event LEFT JOIN body USING (place) WHERE (kind = 0) <> (text IS NOT NULL)",
        ),
        (
            "a text of an erased message",
            "SELECT 1 FROM body LEFT JOIN revision ON message = body.place
             WHERE erased AND (body.text <> '' OR revision.place IS NOT NULL)",
        ),
        (
            "a hole among the events",
            "SELECT 1 FROM room WHERE head_seq <>
             (SELECT count(*) FROM event WHERE place >> 38 = room.id)",
        ),
        (
            "a hole among the messages",
            "SELECT 1 FROM room WHERE head_ord <>
             (SELECT count(*) FROM event WHERE place >> 38 = room.id AND kind = 0)",
        ),
        (
            "a room without an owner",
            "SELECT 1 FROM room WHERE kind IN (1, 2) AND members > 0 AND NOT EXISTS
             (SELECT 1 FROM member WHERE member.room = room.id AND role = 3)",
        ),
    ] {
        assert_eq!(count(database, query), 0, "{violation}");
    }
}

/// The last seq and ord of the log that a change belongs to.
fn head(database: &Connection, change: &Change) -> (u64, u64) {
    let room = match change {
        Change::Message { room, .. }
        | Change::Edit { room, .. }
        | Change::Redact { room, .. }
        | Change::React { room, .. }
        | Change::SetTopic { room, .. }
        | Change::Archive { room, .. }
        | Change::ChangeMember { room, .. } => &room.0[..],
        _ => &[],
    };
    let number = |row: &rusqlite::Row<'_>, at| row.get::<_, i64>(at).map(i64::cast_unsigned);
    database
        .query_row("SELECT head_seq, head_ord FROM room WHERE room = ?1", [room], |row| {
            Ok((number(row, 0)?, number(row, 1)?))
        })
        .unwrap_or_default()
}

fn check(proposals: &[Proposal]) {
    let mut world = World::empty(&Options { rooms: LIMITS, ..FAST });
    let database = Connection::open(world.log.path()).unwrap();
    let mut accepted: HashMap<(UserId, MessageId), (Change, Place)> = HashMap::new();
    for proposal in proposals {
        let (before, (seq, ord)) = (dump(&database), head(&database, &proposal.change));
        let outcome = world.log.append(std::slice::from_ref(proposal), &[]).unwrap().remove(0);
        let key = (proposal.sender, proposal.id);
        let is_new = matches!(
            outcome,
            Outcome::Appended(_)
                | Outcome::RoomChanged { .. }
                | Outcome::MessageChanged { .. }
                | Outcome::MemberChanged { .. }
        );
        match (accepted.get(&key), outcome) {
            (Some((change, place)), Outcome::Known(known)) => {
                // Who lost a nick and who was invited is not compared.
                assert_eq!(std::mem::discriminant(change), std::mem::discriminant(&proposal.change));
                assert_eq!(known, *place);
            }
            (Some((change, _)), outcome) => {
                assert_eq!(outcome, Outcome::Refused(Status::MessageIdReused));
                assert_ne!(*change, proposal.change);
            }
            (
                None,
                Outcome::Appended(place)
                | Outcome::RoomChanged { place, .. }
                | Outcome::MessageChanged { place, .. }
                | Outcome::MemberChanged { place, .. },
            ) => {
                let is_message = matches!(proposal.change, Change::Message { .. });
                let expected =
                    Place { seq: seq + 1, ord: if is_message { ord + 1 } else { 0 }, time: proposal.time };
                assert_eq!(place, expected);
                accepted.insert(key, (proposal.change.clone(), place));
            }
            (None, outcome) => assert_ne!(outcome, Outcome::Refused(Status::MessageIdReused)),
        }
        if !is_new {
            assert_same(&dump(&database), &before);
        }
        assert_eq!(world.differences().unwrap(), [""; 0], "after {proposal:?}");
        check_tables(&database);
    }
    // All in one append, with what is read once and written once.
    let mut at_once = World::empty(&Options { rooms: LIMITS, ..FAST });
    at_once.log.append(proposals, &[]).unwrap();
    assert_same(&dump(&Connection::open(at_once.log.path()).unwrap()), &dump(&database));
    let rows = dump(&database);
    world.rebuild().unwrap();
    assert_same(&dump(&database), &rows);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn tables_are_what_follows_from_the_events(proposals in proposals()) {
        check(&proposals);
    }
}
