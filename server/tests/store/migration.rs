//! Opening the log of an earlier version, which had messages with a nick and one room.

use std::path::Path;

use parlour_core::{
    model::{MessageId, Role, RoomId, RoomKind},
    status::Status,
    validate::nick_key,
};
use parlour_server::store::{
    Change, EventLog as _, Outcome, PageStart, Place, Proposal, StoredSession, sqlite::SqliteLog,
};
use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};

use crate::world::{ALL, Dir, FAST, NOW, World, id, new};

const LOBBY: RoomId = RoomId::LOBBY;

/// The last version without accounts.
const MIGRATIONS: [&str; 5] = [
    include_str!("../../src/store/sqlite/migrations/1.sql"),
    include_str!("../../src/store/sqlite/migrations/2.sql"),
    include_str!("../../src/store/sqlite/migrations/3.sql"),
    include_str!("../../src/store/sqlite/migrations/4.sql"),
    include_str!("../../src/store/sqlite/migrations/5.sql"),
];

const LOG_ID: [u8; 16] = [5; 16];

/// A database of the last version without accounts.
struct Old(Connection);

impl Old {
    fn create(path: &Path) -> Self {
        let database = Connection::open(path).unwrap();
        database.pragma_update(None, "auto_vacuum", "INCREMENTAL").unwrap();
        database.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
        MIGRATIONS.iter().for_each(|script| database.execute_batch(script).unwrap());
        database.execute("INSERT INTO about (id) VALUES (?1)", [LOG_ID]).unwrap();
        database.pragma_update(None, "application_id", 0x5061_726C).unwrap();
        database.pragma_update(None, "user_version", 5).unwrap();
        Self(database)
    }

    /// A room whose messages up to `indexed` are in the search index.
    fn room(&self, room: i64, name: &str, last_seq: u64, stored: usize, indexed: u64) {
        self.0
            .execute(
                "INSERT INTO room (id, name, last_seq, kept, indexed) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![room, name, last_seq.cast_signed(), stored as i64, indexed.cast_signed()],
            )
            .unwrap();
    }

    /// A message whose id is its number. It is indexed, and the first one of its room begins a run.
    fn message(&self, room: i64, seq: i64, nick: &str, content: &str) {
        let place = room << 38 | seq;
        let number = u32::try_from(100 * room + seq).unwrap();
        self.0
            .execute(
                "INSERT INTO message (place, room, time, id, nick, content, begins)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, NOT EXISTS (SELECT 1 FROM message WHERE room = ?2))",
                params![place, room, NOW + seq, id(number).0, nick, content],
            )
            .unwrap();
        self.0.execute("INSERT INTO words (rowid, text) VALUES (?1, ?2)", params![place, content]).unwrap();
    }

    /// The id of a deleted message of the lobby.
    fn deleted(&self, number: u32, seq: i64, nick: &str, content: &str) {
        let mut hash = Sha256::new();
        for part in ["", &nick_key(nick), content] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        self.0
            .execute(
                "INSERT INTO gone (id, place, time, print, gone_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id(number).0, 1_i64 << 38 | seq, NOW + seq, &hash.finalize()[..16], NOW],
            )
            .unwrap();
    }

    fn session(&self, n: u8, nick: &str, lost_at: Option<i64>) {
        self.0
            .execute(
                "INSERT INTO session (hash, nick, lost_at) VALUES (?1, ?2, ?3)",
                params![[n; 32], nick, lost_at],
            )
            .unwrap();
    }
}

/// Opens the log that `fill` writes.
fn migrated(fill: impl FnOnce(&Old)) -> World {
    let dir = Dir::new();
    let old = Old::create(&dir.database());
    fill(&old);
    drop(old);
    let log = dir.open_with(&FAST).unwrap();
    let world = World { read: log.reader().unwrap(), log, dir };
    world.check();
    assert_eq!(world.differences().unwrap(), [""; 0]);
    world
}

/// The usual log: the oldest messages were deleted.
fn usual(old: &Old) {
    old.room(1, "", 7, 4, 6);
    for (seq, nick, content) in
        [(4, "Tom", "one"), (5, "李丽", "two"), (6, "TOM", "three"), (7, "ann", "four")]
    {
        old.message(1, seq, nick, content);
    }
    old.deleted(1, 1, "tom", "gone");
    old.session(2, "tom", None);
    old.session(3, "bob", Some(NOW + 9));
}

/// The session with this hash.
fn session(world: &mut World, n: u8) -> StoredSession {
    world.read.sessions().unwrap().into_iter().find(|stored| stored.session.hash == [n; 32]).unwrap()
}

/// A message to the lobby by the account of a session.
fn message(world: &mut World, session_number: u8, id: MessageId, content: &str) -> Proposal {
    let sender = session(world, session_number).account.user;
    Proposal {
        id,
        sender,
        time: NOW + 1000,
        change: Change::Message { room: LOBBY, content: content.into() },
    }
}

#[test]
fn messages_keep_their_ids_times_and_numbers() {
    let mut world = migrated(usual);
    let page = world.page(PageStart::End, ALL);
    assert_eq!((page.first_ord, page.head_ord, page.seq), (4, 7, 7));
    let found: Vec<_> = page
        .messages
        .iter()
        .map(|message| (message.id, message.place, &*message.nick, &*message.content))
        .collect();
    let place = |seq| Place { seq, ord: seq, time: NOW + seq.cast_signed() };
    assert_eq!(
        found,
        [
            // The newest spelling of a nick.
            (id(104), place(4), "TOM", "one"),
            (id(105), place(5), "李丽", "two"),
            (id(106), place(6), "TOM", "three"),
            (id(107), place(7), "ann", "four"),
        ]
    );
    assert_eq!(world.read.id().unwrap(), LOG_ID);
    let at = world.page(PageStart::At(NOW + 6), ALL);
    assert_eq!(at.messages.len(), 4);
    assert_eq!(world.read.room(LOBBY).unwrap().unwrap().active, NOW + 7);
    // Found with the index of before, except the last one, which was not indexed.
    for word in ["one", "three", "four"] {
        assert_eq!(world.search(word), [word]);
    }
    let next = message(&mut world, 2, id(900), "five");
    assert_eq!(new(&world.append(&[next])[0]), Place { seq: 8, ord: 8, time: NOW + 1000 });
}

#[test]
fn authors_become_former_guests_and_sessions_accounts() {
    let mut world = migrated(usual);
    let authors: Vec<_> =
        world.page(PageStart::End, ALL).messages.iter().map(|message| message.sender).collect();
    assert_eq!(authors[0], authors[2]);
    assert!(authors[0] != authors[1] && authors[1] != authors[3]);
    let (tom, bob) = (session(&mut world, 2), session(&mut world, 3));
    assert_eq!((tom.session.lost_at, bob.session.lost_at), (None, Some(NOW + 9)));
    assert!(tom.account.holds_nick && bob.account.holds_nick);
    assert_eq!((&*tom.account.nick, &*bob.account.nick), ("tom", "bob"));
    // Whoever has a nick now does not own what was written under it.
    assert_ne!(tom.account.user, authors[0]);
    let former = world.read.account(authors[0]).unwrap().unwrap();
    assert_eq!((&*former.nick, former.holds_nick), ("TOM", false));
    assert_eq!(world.read.holders("Tom").unwrap(), std::slice::from_ref(&tom.account));
    assert_eq!(world.read.nicks().unwrap().len(), 2);
    // Nothing is unread for those who were here.
    let row = world.read.room_row(tom.account.user, LOBBY).unwrap().unwrap();
    assert_eq!((row.read_ord, row.handle, row.role), (7, 0, Role::Member));
    // Of former guests, it is.
    assert_eq!(world.read.room_row(authors[0], LOBBY).unwrap().unwrap().read_ord, 0);
}

#[test]
fn messages_of_before_are_recognised_when_they_are_resent() {
    let mut world = migrated(usual);
    let stored = Outcome::Known(Place { seq: 6, ord: 6, time: NOW + 6 });
    let deleted = Outcome::Known(Place { seq: 1, ord: 1, time: NOW + 1 });
    let reused = || Outcome::Refused(Status::MessageIdReused);
    for _ in 0..2 {
        let resent = [
            message(&mut world, 2, id(106), "three"),
            message(&mut world, 2, id(106), "another"),
            message(&mut world, 2, id(1), "gone"),
            message(&mut world, 2, id(1), "another"),
            message(&mut world, 3, id(1), "gone"),
        ];
        assert_eq!(world.append(&resent), [stored.clone(), reused(), deleted.clone(), reused(), reused()]);
        // What follows from the events knows it too.
        world.rebuild().unwrap();
    }
    // An id is unique per sender only.
    let of_bob = message(&mut world, 3, id(106), "three");
    new(&world.append(&[of_bob])[0]);
}

#[test]
fn messages_with_holes_among_them_get_new_numbers_and_the_log_a_new_id() {
    let mut world = migrated(|old| {
        old.room(1, "", 9, 3, 9);
        for (seq, content) in [(2, "one"), (5, "two"), (8, "three")] {
            old.message(1, seq, "tom", content);
        }
    });
    let page = world.page(PageStart::End, ALL);
    assert_eq!((page.first_ord, page.head_ord, page.seq), (7, 9, 9));
    assert_eq!(page.messages.iter().map(|message| message.place.ord).collect::<Vec<_>>(), [7, 8, 9]);
    assert_eq!(page.messages[0].id, id(102));
    assert_ne!(world.read.id().unwrap(), LOG_ID);
    for word in ["one", "three"] {
        assert_eq!(world.search(word), [word]);
    }
}

#[test]
fn other_rooms_become_private_rooms_of_their_first_authors() {
    let mut world = migrated(|old| {
        old.room(1, "first", 2, 2, 2);
        old.room(2, "", 1, 1, 1);
        old.room(3, "empty", 5, 0, 5);
        old.room(4, "last", 3, 1, 3);
        old.message(1, 1, "tom", "x");
        old.message(1, 2, "lili", "y");
        old.message(2, 1, "lili", "z");
        old.message(4, 3, "TOM", "w");
    });
    assert_eq!(world.contents(), ["z"]);
    let rooms = world.read.rooms().unwrap();
    let mut private: Vec<_> = rooms.iter().filter(|room| room.kind == RoomKind::Private).collect();
    private.sort_by(|one, other| one.name.cmp(&other.name));
    let found: Vec<_> =
        private.iter().map(|room| (&*room.name, room.head_seq, room.first_ord, room.members)).collect();
    // A room without any message has nothing to keep.
    assert_eq!(found, [("first", 2, 1, 1), ("last", 3, 3, 1)]);
    let page = world.read.page(private[0].room, PageStart::End, ALL).unwrap();
    assert_eq!(page.messages.iter().map(|message| &*message.content).collect::<Vec<_>>(), ["x", "y"]);
    let rows: Vec<_> = private
        .iter()
        .map(|room| world.read.room_row(page.messages[0].sender, room.room).unwrap().unwrap())
        .map(|row| (row.role, row.handle))
        .collect();
    assert_eq!(rows, [(Role::Owner, 1), (Role::Owner, 2)]);
}

#[test]
fn empty_log_of_before_has_a_lobby() {
    let mut world = migrated(|_| ());
    assert_eq!(world.read.rooms().unwrap().len(), 1);
    assert_eq!(world.contents(), [""; 0]);
    let mut world = migrated(|old| old.session(2, "tom", None));
    let first = message(&mut world, 2, id(1), "one");
    assert_eq!(new(&world.append(&[first])[0]).ord, 1);
}

#[test]
fn migration_that_fails_changes_nothing() {
    let dir = Dir::new();
    let old = Old::create(&dir.database());
    usual(&old);
    // The script can't create its table.
    old.0.execute_batch("CREATE TABLE account (id INTEGER)").unwrap();
    drop(old);
    assert!(SqliteLog::open_with(&dir, &FAST).is_err());
    let database = Connection::open(dir.database()).unwrap();
    let version: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let messages: i64 = database.query_row("SELECT count(*) FROM message", [], |row| row.get(0)).unwrap();
    assert_eq!((version, messages), (5, 4));
}

/// Prints how long a million messages take, and the most memory that the process had until then.
#[test]
#[ignore = "a measurement"]
fn million_messages_are_migrated_in_bounded_memory() {
    const MESSAGES: i64 = 1_000_000;
    let dir = Dir::new();
    let old = Old::create(&dir.database());
    old.room(1, "", MESSAGES.cast_unsigned(), usize::try_from(MESSAGES).unwrap(), MESSAGES.cast_unsigned());
    old.0
        .execute_batch(&format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {MESSAGES})
             INSERT INTO message (place, room, time, id, nick, content, begins)
             SELECT 1 << 38 | n, 1, {NOW} + n, randomblob(16), 'user' || (n * 7919 % 1000), 'a message of some words ' || n, n = 1 OR (n + 800000) % 3600000 = 0 FROM n"
        ))
        .unwrap();
    drop(old);
    let begun = std::time::Instant::now();
    let log = dir.open_with(&FAST).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    println!("{MESSAGES} messages: {:?}, {peak}", begun.elapsed());
    let page = log.reader().unwrap().page(LOBBY, PageStart::End, ALL).unwrap();
    assert_eq!(page.messages.len(), 1_000_000);
}
