//! Checking a log against its events, and rebuilding what follows from them.

use std::process::{Command, Output};

use parlour_core::model::{Role, RoomId, RoomKind, UserId};
use parlour_server::store::{
    Change, EventLog as _, LogError, NickSource, PageStart, Retention, RowChange, SessionRecord, Target,
    check::{CheckError, check, rebuild},
    direct_room,
};
use rusqlite::Connection;

use crate::world::{ALL, Dir, FAST, NOW, OTHER, TOM, World, entry, id, new, propose};

const LOBBY: RoomId = RoomId::LOBBY;
const LILI: UserId = UserId([2; 16]);

/// A log with every kind of event, of which retention has deleted some.
fn world() -> World {
    let mut world = World::new();
    let lili_direct = direct_room(&[TOM, LILI]);
    let create = |room, kind, name: &str, people: &[UserId]| Change::CreateRoom {
        room,
        kind,
        name: name.into(),
        topic: "at first".into(),
        people: people.into(),
    };
    let member = |account, role| Change::ChangeMember { room: OTHER, account, role };
    let changes = [
        (LILI, Change::CreateAccount { nick: "lili".into(), from: None }),
        (UserId([3; 16]), Change::CreateAccount { nick: "li".into(), from: None }),
        (LILI, Change::ChangeNick { nick: "li".into(), from: Some(NickSource::Account(UserId([3; 16]))) }),
        (TOM, create(lili_direct, RoomKind::Direct, "", &[LILI])),
        (TOM, create(RoomId([20; 16]), RoomKind::Private, "secret", &[LILI])),
        (LILI, member(LILI, Role::Member)),
        (TOM, member(LILI, Role::Moderator)),
        (LILI, Change::SetTopic { room: OTHER, topic: "news".into() }),
        (TOM, Change::RenameRoom { room: OTHER, name: "news".into() }),
        (TOM, Change::Archive { room: OTHER, archived: true }),
        (TOM, Change::Archive { room: OTHER, archived: false }),
        (LILI, Change::Message { room: lili_direct, content: "hello".into() }),
    ];
    for (n, (sender, change)) in (1..).zip(changes) {
        new(&world.append(&[propose(n, sender, change)])[0]);
    }
    let session = SessionRecord { hash: [1; 32], account: LILI, lost_at: None };
    world.append_rows(&[
        RowChange::PutSession(session),
        RowChange::Cursor { account: LILI, room: LOBBY, ord: 0, version: 1 },
    ]);
    for n in 100..150 {
        world.append(&[entry(n, if n % 2 == 0 { LOBBY } else { OTHER }, &format!("number {n}"))]);
    }
    let target = |n: u32, ord| Target { ord, id: id(n) };
    let edit = |target, text: &str| Change::Edit { room: OTHER, target, content: text.into() };
    for (n, change) in (200..).zip([
        edit(target(149, 25), "edited"),
        edit(target(149, 25), "edited again"),
        edit(target(147, 24), "edited"),
        Change::Redact { room: OTHER, target: target(147, 24) },
        // Deleted below, with their message.
        edit(target(101, 1), "edited"),
    ]) {
        new(&world.append(&[propose(n, TOM, change)])[0]);
    }
    while world.log.apply_retention(&Retention { messages: Some(20), ..Retention::default() }, NOW).unwrap() {
    }
    world.index_all();
    world
}

#[test]
fn log_is_what_follows_from_its_events() {
    let mut world = world();
    assert_eq!(check(&world.dir).unwrap(), [""; 0]);
    let before = world.read.rooms().unwrap();
    let id = world.read.id().unwrap();
    drop_log(&mut world, |dir| assert_eq!(rebuild(dir).unwrap(), [""; 0]));
    assert_eq!((world.read.rooms().unwrap(), world.read.id().unwrap()), (before, id));
    assert_eq!(world.find("number 149"), [""; 0]);
    assert_eq!(world.find("number 148"), ["number 148"]);
    assert_eq!(World::new().log.differences().unwrap(), [""; 0]);
    // Without events too.
    assert_eq!(World::empty(&FAST).log.differences().unwrap(), [""; 0]);
    // After everything was deleted, the numbers are not given again.
    while world.log.apply_retention(&Retention { messages: Some(0), ..Retention::default() }, NOW).unwrap() {}
    assert_eq!(check(&world.dir).unwrap(), [""; 0]);
    drop_log(&mut world, |dir| assert_eq!(rebuild(dir).unwrap(), [""; 0]));
    let place = new(&world.append_message(9_000, "next"));
    assert_eq!((place.seq, place.ord), (26, 26));
}

/// Closes the log while something is done to its directory.
fn drop_log(world: &mut World, change: impl FnOnce(&Dir)) {
    // Another log takes the place of the closed one.
    let other = Dir::new();
    world.log = other.open_with(&FAST).unwrap();
    world.read = world.log.reader().unwrap();
    change(&world.dir);
    world.log = world.dir.open_with(&FAST).unwrap();
    world.read = world.log.reader().unwrap();
}

/// Damage that check finds and rebuild repairs, and a part of the sentence about it.
const DAMAGE: &[(&str, &str)] = &[
    ("UPDATE account SET nick = 'tam' WHERE nick = 'tom'", "nick is \"tam\", not \"tom\""),
    ("UPDATE account SET holds_nick = 1", "holds_nick is 1, not 0"),
    ("UPDATE account SET rooms_created = 9 WHERE nick = 'tom'", "rooms_created is 9, not 2"),
    ("DELETE FROM account WHERE nick = 'tom'", "is missing"),
    (
        "INSERT INTO account VALUES (99, zeroblob(16), 'x', 'x', 0, NULL, 0, 1)",
        "account (id 99) does not follow",
    ),
    ("DELETE FROM account", "account (id 1) is missing"),
    ("UPDATE room SET topic = 'other' WHERE name = 'news'", "topic is \"other\", not \"news\""),
    ("UPDATE room SET name_key = '' WHERE name = 'news'", "name_key is \"\", not \"news\""),
    ("UPDATE room SET members = members + 1 WHERE name = 'secret'", "members is 2, not 1"),
    ("UPDATE room SET archived = 1 WHERE name = 'news'", "archived is 1, not 0"),
    ("UPDATE room SET head_seq = 3 WHERE kind = 0", "head_seq is 3, not 25"),
    ("UPDATE room SET head_ord = 3 WHERE kind = 0", "head_ord is 3, not 25"),
    ("UPDATE room SET first_ord = 3 WHERE kind = 0", "first_ord is 3, not 6"),
    ("UPDATE room SET active = 3 WHERE kind = 0", "active is 3, not"),
    ("DELETE FROM room WHERE name = 'news'", "is missing"),
    ("DELETE FROM room WHERE kind = 0", "is missing"),
    ("DELETE FROM skeleton", "skeleton (space 0, form \"torn\") is missing"),
    ("UPDATE skeleton SET holder = holder + 1", "holder is"),
    ("UPDATE member SET role = 1 WHERE role = 3", "role is 1, not 3"),
    ("UPDATE member SET handle = handle + 1", "handle is 2, not 1"),
    ("DELETE FROM member", "member (account 1, room 2) is missing"),
    ("DELETE FROM words WHERE rowid = (SELECT max(id) FROM words_docsize)", "is missing in the search index"),
    (
        "INSERT INTO words (rowid, text) VALUES (7, 'seven')",
        "event 7 of room 0 is in the search index, but is no message",
    ),
    ("UPDATE event SET begins = 1 - begins WHERE kind = 0", "in the index by time"),
    ("DELETE FROM body WHERE place = (SELECT max(place) FROM body)", "has lost its text"),
    ("INSERT INTO body (place, text) VALUES (7, 'seven')", "event 7 of room 0 has a text, but is no message"),
    ("UPDATE body SET text = 'other' WHERE edited", "does not have the text of its last edit"),
    ("UPDATE body SET edited = 7 WHERE edited", "does not have the text of its last edit"),
    ("UPDATE body SET edited = NULL, erased = 1 WHERE edited", "was edited or erased by no event"),
    ("UPDATE body SET text = 'secret' WHERE erased", "was edited or erased by no event, or is not erased"),
    ("UPDATE body SET erased = 0 WHERE erased", "was edited or erased by no event"),
    (
        "INSERT INTO revision SELECT place, place, 'secret' FROM body WHERE erased",
        "was edited or erased by no event, or is not erased",
    ),
    ("DELETE FROM body WHERE edited", "has lost its text"),
    ("DELETE FROM body WHERE erased", "has lost its text"),
    (
        "INSERT INTO event (place, kind, ord, sender, client_id, target, time, gseq, payload)
         SELECT max(place) + 1, 10, max(ord), 1, randomblob(16), 1, 1, 1000, randomblob(16) FROM event WHERE place >> 38 = 2",
        "is about a message that is lost",
    ),
    ("INSERT INTO revision VALUES (7, 8, 'seven')", "event 7 of room 0 has the text of an edit, but is none"),
    ("UPDATE session SET account = 99", "1 sessions belong to unknown accounts"),
    (
        "UPDATE cursor SET account = 99 WHERE version = 1",
        "1 read cursors belong to unknown accounts or rooms",
    ),
];

#[test]
fn damage_is_found_and_repaired() {
    let mut world = world();
    let rooms = world.read.rooms().unwrap();
    for (damage, sentence) in DAMAGE {
        Connection::open(world.dir.database()).unwrap().execute_batch(damage).unwrap();
        let found = check(&world.dir).unwrap();
        assert!(found.iter().any(|found| found.contains(sentence)), "{damage}: {found:#?}");
        drop_log(&mut world, |dir| assert_eq!(rebuild(dir).unwrap(), [""; 0], "{damage}"));
        assert_eq!(world.read.rooms().unwrap(), rooms, "{damage}");
        world.check();
    }
    assert_eq!(world.contents().len(), 20);
    let nicks = world.read.nicks().unwrap();
    assert_eq!(nicks.iter().map(|account| &*account.nick).collect::<Vec<_>>(), ["li", "tom"]);
}

#[test]
fn check_changes_nothing_and_needs_no_writing() {
    let mut world = world();
    Connection::open(world.dir.database()).unwrap().execute_batch("DELETE FROM member").unwrap();
    let before = world.read.rooms().unwrap();
    // While the log is open, and being appended to.
    for n in 1_000..1_003 {
        assert_eq!(check(&world.dir).unwrap().len(), 6, "{:#?}", check(&world.dir).unwrap());
        new(&world.append_message(n, "x"));
    }
    assert_eq!(world.read.rooms().unwrap()[1..], before[1..]);
    assert_eq!(world.read.members(OTHER, "", "", 9).unwrap().members, []);
    let error = rebuild(&world.dir).unwrap_err();
    assert!(matches!(&error, CheckError::Log(LogError::InUse(dir)) if **dir == *world.dir), "{error}");
}

#[test]
fn events_that_are_damaged_are_reported() {
    let mut world = world();
    let database = Connection::open(world.dir.database()).unwrap();
    database
        .execute("UPDATE event SET ord = ord + 1 WHERE place = (SELECT max(place) FROM body WHERE place >> 38 = 2)", [])
        .unwrap();
    assert!(check(&world.dir).unwrap().iter().any(|found| found.contains(": ord is")));
    drop_log(&mut world, |dir| assert!(rebuild(dir).unwrap().iter().any(|found| found.contains(": ord is"))));
    database.execute("UPDATE event SET payload = X'' WHERE kind = 7", []).unwrap();
    let error = check(&world.dir).unwrap_err();
    assert!(matches!(&error, CheckError::Log(LogError::Damaged(_))), "{error}");
    let nowhere = Dir::new();
    for error in [check(&nowhere).unwrap_err(), rebuild(&nowhere).unwrap_err()] {
        assert!(matches!(&error, CheckError::NoLog(dir) if **dir == *nowhere), "{error}");
    }
    assert_eq!(nowhere.read_dir().unwrap().count(), 0);
}

#[test]
fn many_differences_are_summarised() {
    let mut world = World::new();
    let messages: Vec<_> = (1..=300).map(|n| entry(n, LOBBY, "x")).collect();
    world.append(&messages);
    Connection::open(world.dir.database()).unwrap().execute_batch("DELETE FROM body").unwrap();
    let found = world.log.differences().unwrap();
    assert_eq!(found.len(), 101);
    assert_eq!(
        (&*found[0], &*found[100]),
        ("event 1 of room 1 has lost its text", "... and 200 more like this")
    );
}

#[test]
fn program_checks_and_rebuilds() {
    let mut world = world();
    let run = |dir: &Dir, command: &str| -> (bool, String, String) {
        let mut program = Command::new(env!("CARGO_BIN_EXE_parlour-server"));
        let Output { status, stdout, stderr } =
            program.args([command, "--data-dir"]).arg(&**dir).output().unwrap();
        (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    };
    let dir = world.dir.display().to_string();
    let fine = format!("The message log in {dir} is what follows from its events\n");
    assert_eq!(run(&world.dir, "check"), (true, fine.clone(), String::new()));
    // The log is in use.
    let (done, _, error) = run(&world.dir, "rebuild");
    assert!(!done && error.contains("is in use by another Parlour"), "{error}");
    let damage = "DELETE FROM member WHERE role = 3; UPDATE room SET topic = 'other' WHERE name = 'news'";
    Connection::open(world.dir.database()).unwrap().execute_batch(damage).unwrap();
    let (done, lines, error) = run(&world.dir, "check");
    assert!(!done && lines.lines().count() == 3 && error.lines().count() == 1, "{lines}{error}");
    assert!(lines.contains("topic is \"other\", not \"news\""), "{lines}");
    assert!(error.contains("parlour-server rebuild"), "{error}");
    let mut rebuilt = None;
    drop_log(&mut world, |dir| rebuilt = Some(run(dir, "rebuild")));
    let repaired = format!("The message log in {dir} was rebuilt from its events\n");
    assert_eq!(rebuilt, Some((true, repaired, String::new())));
    assert_eq!(run(&world.dir, "check"), (true, fine, String::new()));
    assert_eq!(world.read.page(OTHER, PageStart::End, ALL).unwrap().messages.len(), 20);
}
