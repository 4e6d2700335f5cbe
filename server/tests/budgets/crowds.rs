//! Rooms with 10,000 members each, beside rooms with ten.

use parlour_core::{
    codec,
    model::{MessageId, RoomId},
    wire,
};
use parlour_server::store::EventLog as _;

use crate::{
    Scale,
    common::world::{Conn, START, World},
    cpu,
    population::{self, Population, account, nick, room, secret},
    table::Table,
};

/// Rooms of each size.
const ROOMS: u32 = 10;
const FEW: u32 = 10;
/// The messages that are posted.
const POSTS: u32 = 20;
/// The accounts that own the large rooms and the small ones, and are in no others.
const CROWDED: u32 = 0;
const QUIET: u32 = 1;
const FIRST_MEMBER: u32 = 100;

pub fn measure(scale: &Scale, table: &mut Table) {
    let mut world = population::world();
    let mut log = Population::new(&mut world.log);
    log.accounts(CROWDED..QUIET + 1);
    log.accounts(FIRST_MEMBER..FIRST_MEMBER + scale.crowd);
    for n in 0..ROOMS {
        log.room(CROWDED, n);
        log.room(QUIET, ROOMS + n);
        (1..scale.crowd).for_each(|member| log.join(FIRST_MEMBER + member, room(n)));
        (1..FEW).for_each(|member| log.join(FIRST_MEMBER + member, room(ROOMS + n)));
    }
    log.finish(CROWDED..FIRST_MEMBER + 3);
    world.restart();

    let [crowded, quiet] = [CROWDED, QUIET].map(|number| log_in(&mut world, number));
    let bytes = |conn| world.received(conn).sizes.iter().sum::<usize>() as f64;
    let ratio = bytes(crowded) / bytes(quiet);
    table.at_most("ten rooms of 10,000 members, by ten of 10: bytes of the login, ratio", ratio, 1.05);
    if scale.has_cpu {
        let [mut one, mut other] = [(); 2].map(|()| world.log.reader().unwrap());
        let ratio = cpu::ratio(
            || (0..100).for_each(|_| drop(one.room_rows(account(CROWDED), 0).unwrap())),
            || (0..100).for_each(|_| drop(other.room_rows(account(QUIET), 0).unwrap())),
        );
        table.at_most("ten rooms of 10,000 members, by ten of 10: CPU of the list, ratio", ratio, 1.5);
    }
    // Two of the members are online.
    for n in 1..3 {
        log_in(&mut world, FIRST_MEMBER + n);
    }
    let few = rows_written(&mut world, quiet, room(ROOMS));
    let many = rows_written(&mut world, crowded, room(0));
    assert!(few >= f64::from(2 * POSTS), "{few}: each message is an event and a text");
    let each = (many - few) / f64::from(POSTS);
    table.at_most("post to 10,000 members: rows written more than for 10", each, 0.0);
}

fn log_in(world: &mut World, number: u32) -> Conn {
    let conn = world.connect();
    let capabilities = ["batch", "rooms"].map(Into::into).to_vec();
    let secret = secret(number).to_vec();
    let login = wire::Login { version: 1, secret, capabilities, ..wire::Login::default() };
    world.send(conn, &codec::login(&nick(number), login));
    assert!(world.received(conn).welcome().is_some(), "{:?}", world.received(conn));
    conn
}

/// The rows that are written for messages in a room, until a minute later, in all tables except those of the search index.
fn rows_written(world: &mut World, conn: Conn, room: RoomId) -> f64 {
    let before = RowCounter::begin(world).count();
    for n in 0..POSTS {
        let id = MessageId::new(START.unsigned_abs() + u64::from(n), [5; 10]);
        let message = codec::message("", Some(id), "to everybody");
        world.send(conn, &codec::Envelope { room: room.to_wire(), ..message });
    }
    world.advance(60_000);
    (RowCounter::begin(world).count() - before) as f64
}

/// Counts the rows that are inserted, changed and deleted, by triggers that another connection adds to the database.
struct RowCounter(rusqlite::Connection);

impl RowCounter {
    fn begin(world: &World) -> Self {
        let database = rusqlite::Connection::open(world.log.path()).unwrap();
        let tables: Vec<String> = {
            let tables =
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'
                AND name NOT LIKE 'words%' AND name NOT LIKE 'sqlite%' AND name <> 'written'";
            let mut tables = database.prepare(tables).unwrap();
            tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        assert!(tables.iter().any(|table| table == "cursor") && tables.len() > 8, "{tables:?}");
        database
            .execute_batch(
                "CREATE TABLE IF NOT EXISTS written (rows INTEGER);
                 INSERT INTO written SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM written);",
            )
            .unwrap();
        for table in tables {
            for operation in ["INSERT", "UPDATE", "DELETE"] {
                let trigger = format!(
                    "CREATE TRIGGER IF NOT EXISTS count_{table}_{operation} AFTER {operation} ON {table}
                     BEGIN UPDATE written SET rows = rows + 1; END"
                );
                database.execute_batch(&trigger).unwrap();
            }
        }
        Self(database)
    }

    fn count(&self) -> i64 {
        self.0.query_row("SELECT rows FROM written", [], |row| row.get(0)).unwrap()
    }
}
