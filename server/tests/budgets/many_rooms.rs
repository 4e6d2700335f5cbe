//! An account with 1,000 rooms: three of four are PUBLIC, the others are conversations with one person.

use bytes::Bytes;
use parlour_core::{
    codec::{self, Extension},
    model::RoomId,
    room_rows,
    wire::{self, client_command::Operation, server_event::Body},
};
use parlour_server::{
    hub::{connection_table::ConnectionId, output::Output},
    store::{EventLog as _, sqlite::SqliteLog},
};

use crate::{
    Scale,
    common::world::{Conn, START, World},
    cpu,
    population::{self, Population, account, nick, room, secret},
    table::Table,
};

const ROOMS: u32 = 1_000;
/// The account with the rooms.
const OWNER: u32 = 0;
/// A member of all PUBLIC rooms, who writes.
const WRITER: u32 = 1;
/// The first of the people that the owner has conversations with.
const FIRST_PERSON: u32 = 10_000;
/// The first of the other members of PUBLIC rooms.
const FIRST_MEMBER: u32 = 20_000;
/// The newest messages that a client gets of the room that is open.
const WINDOW: usize = 50;
const KIB: f64 = 1_024.0;

pub fn measure(scale: &Scale, table: &mut Table) {
    let mut small = populated(scale.members, scale.messages, ROOMS / 4);
    let login = log_in(&mut small);
    let first = login.sizes[0] as f64;
    let all = login.sizes.iter().sum::<usize>() as f64;
    table.with_aim(
        "1,000 rooms: bytes of the first frame, with the open room",
        first,
        16.0 * KIB,
        12.0 * KIB,
    );
    table.with_aim("1,000 rooms: bytes of the whole login", all, 48.0 * KIB, 32.0 * KIB);
    let trips = f64::from(login.round_trips);
    table.at_most("1,000 rooms: round trips until the list and the open room are there", trips, 1.0);
    resume(&mut small, &login, table);
    if scale.has_cpu {
        cpu_of_login(&small, table);
    }
    drop(small);

    let mut large = populated(10 * scale.members, 10 * scale.messages, ROOMS / 4);
    let more = log_in(&mut large).sizes.iter().sum::<usize>() as f64;
    table.at_most("10 times the members and history: bytes of the login, ratio", more / all, 1.05);
    drop(large);
    busy_rooms(scale, table);
}

/// A hub on a log with the account and its rooms, `direct` of them conversations.
fn populated(members: u32, messages: u32, direct: u32) -> World {
    let mut world = population::world();
    let mut log = Population::new(&mut world.log);
    let public = ROOMS - direct;
    log.accounts(OWNER..WRITER + 1);
    log.accounts(FIRST_PERSON..FIRST_PERSON + direct);
    log.accounts(FIRST_MEMBER..FIRST_MEMBER + members);
    let mut rooms: Vec<_> = (0..public).map(room).collect();
    for n in 0..public {
        log.room(OWNER, n);
        log.join(WRITER, room(n));
        (0..members).for_each(|member| log.join(FIRST_MEMBER + member, room(n)));
    }
    rooms.extend((0..direct).map(|n| log.direct(FIRST_PERSON + n, OWNER)));
    for (n, &room) in (0..).zip(&rooms) {
        let people = if n < public { [WRITER, FIRST_MEMBER] } else { [FIRST_PERSON + n - public; 2] };
        log.messages(&people, room, messages);
        // One in 25 has an unread message.
        let unread = u64::from(n % 25 == 0);
        log.read(OWNER, room, u64::from(messages) - unread);
    }
    let people: Vec<_> = (FIRST_PERSON..FIRST_PERSON + direct.min(10)).chain([WRITER]).collect();
    log.messages(&people, RoomId::LOBBY, 25 * messages.max(2));
    log.finish(OWNER..WRITER + 1);
    world.restart();
    world
}

/// What a login has brought.
struct Login {
    sizes: Vec<usize>,
    round_trips: u32,
    log: Vec<u8>,
    /// The version of the rows.
    version: u64,
    /// The position in the lobby, which is open.
    lobby: u64,
}

fn log_in_with(world: &mut World, number: u32, login: wire::Login) -> Conn {
    let conn = world.connect();
    let capabilities = ["batch", "rooms"].map(Into::into).to_vec();
    let login = wire::Login { version: 1, secret: secret(number).to_vec(), capabilities, ..login };
    world.send(conn, &codec::login(&nick(number), login));
    assert!(world.received(conn).welcome().is_some(), "{:?}", world.received(conn));
    conn
}

/// The rows that a connection was sent.
fn rows(world: &World, conn: Conn) -> Vec<wire::AccountRows> {
    let received = world.received(conn);
    let later = received.extensions().filter_map(|extension| match extension {
        Extension::Event(wire::ServerEvent { body: Some(Body::Rows(rows)), .. }) => Some(rows.clone()),
        _ => None,
    });
    received.welcome().and_then(|welcome| welcome.rows.clone()).into_iter().chain(later).collect()
}

/// Logs the owner in. The client sends only the login. Whatever is missing in the answer would be another round trip.
fn log_in(world: &mut World) -> Login {
    let conn = log_in_with(world, OWNER, wire::Login::default());
    let rows = rows(world, conn);
    let last = rows.last().unwrap();
    let (version, is_complete) = (last.version, !last.more && last.complete);
    let count: usize = rows.into_iter().map(|rows| room_rows::unpack(rows).len()).sum();
    let has_list = is_complete && count == ROOMS as usize + 1;
    let received = world.received(conn);
    let welcome = received.welcome().unwrap();
    let window = welcome.window.clone().unwrap_or_default();
    let has_window = window.page.is_some_and(|page| page.messages.len() == WINDOW);
    let login = Login {
        sizes: received.sizes.clone(),
        round_trips: 1 + u32::from(!has_list) + u32::from(!has_window),
        log: welcome.log.clone(),
        version,
        lobby: window.seq,
    };
    world.disconnect(conn);
    login
}

/// Resumes after messages in 40 rooms, and without any change.
fn resume(world: &mut World, login: &Login, table: &mut Table) {
    let writer = log_in_with(world, WRITER, wire::Login::default());
    (0..40).for_each(|n| post(world, writer, n, room(n * 18)));
    world.disconnect(writer);
    let lobby = wire::RoomPosition { seq: login.lobby, ..wire::RoomPosition::default() };
    let again = wire::Login {
        log: login.log.clone(),
        account_version: login.version,
        positions: vec![lobby],
        ..wire::Login::default()
    };
    let conn = log_in_with(world, OWNER, again);
    let changed: usize = rows(world, conn).into_iter().map(|rows| room_rows::unpack(rows).len()).sum();
    assert!(changed >= 40, "{changed}");
    let bytes: usize = world.received(conn).sizes.iter().sum();
    world.disconnect(conn);
    table.with_aim("resume with 40 changed rooms: bytes of the whole answer", bytes as f64, 2_048.0, 1_024.0);
}

/// Posts a message of 100 bytes, the `n`th of this connection.
fn post(world: &mut World, conn: Conn, n: u32, room: RoomId) {
    let id = parlour_core::model::MessageId::new(START.unsigned_abs() + u64::from(n), [3; 10]);
    let message = codec::message("", Some(id), &"y".repeat(100));
    world.send(conn, &codec::Envelope { room: room.to_wire(), ..message });
}

/// A connection that has subscribed to one of 1,000 rooms with new messages in each second.
fn busy_rooms(scale: &Scale, table: &mut Table) {
    let mut world = populated(scale.members, scale.messages, 0);
    let writer = log_in_with(&mut world, WRITER, wire::Login::default());
    let reader = log_in_with(&mut world, OWNER, wire::Login::default());
    let (subscribe, own) = (Operation::Subscribe(wire::Subscribe::default()), room(0));
    let id = vec![4; 16];
    let command = wire::ClientCommand { request: 1, room: own.to_wire(), id, operation: Some(subscribe) };
    world.extension(reader, Extension::Command(command));
    world.advance(2_000);
    let (mut frames, mut bytes, mut next) = (0, 0, 0);
    for second in 0..=scale.busy_seconds {
        world.clear(reader);
        // Spread over the second.
        for tenth in 0..10 {
            for n in (1..ROOMS).filter(|n| n % 10 == tenth) {
                post(&mut world, writer, next, room(n));
                next += 1;
            }
            world.advance(100);
        }
        world.clear(writer);
        // After a while without any activity the first frame comes at once. It is not in the interval of the others.
        if second > 0 {
            let received = world.received(reader);
            frames = frames.max(received.messages);
            bytes = bytes.max(received.sizes.iter().sum());
        }
    }
    assert!(frames > 0, "no activity");
    table.at_most("1 of 1,000 busy rooms open: most frames a second for the others", frames as f64, 1.0);
    table.with_aim(
        "1 of 1,000 busy rooms open: most bytes a second for the others",
        bytes as f64,
        2_048.0,
        1_024.0,
    );
}

/// The CPU time of a login and of reading the list, by that of looking up the same rows by their keys.
fn cpu_of_login(world: &World, table: &mut Table) {
    let lookups = Lookups::new(&world.log);
    let mut reader = world.log.reader().unwrap();
    let read = || assert_eq!(reader.room_rows(account(OWNER), 0).unwrap().rows.len(), ROOMS as usize + 1);
    let unread = cpu::ratio(read, || lookups.run());
    // Where the lookups take 0.54 ms, as when these limits were set, 2 ms are 3.7 times as much.
    table.with_aim("1,000 rooms: CPU of all unread counts, by 3,000 lookups", unread, 3.7, 2.0);
    let mut server = Server::new(&world.log);
    let login = cpu::ratio(|| server.log_in(), || lookups.run());
    table.with_aim("1,000 rooms: CPU of a login, by 3,000 lookups", login, 5.0, 3.7);
}

/// The least that reading the list takes: a lookup by its key of each membership, room and cursor.
struct Lookups {
    database: rusqlite::Connection,
    account: i64,
    rooms: Vec<i64>,
}

impl Lookups {
    fn new(log: &SqliteLog) -> Self {
        let database = rusqlite::Connection::open(log.path()).unwrap();
        let account = database
            .query_row("SELECT id FROM account WHERE user = ?1", [account(OWNER).0], |row| row.get(0))
            .unwrap();
        let rooms = {
            let mut rooms = database.prepare("SELECT room FROM member WHERE account = ?1").unwrap();
            rooms.query_map([account], |row| row.get(0)).unwrap().collect::<Result<Vec<_>, _>>().unwrap()
        };
        assert_eq!(rooms.len(), ROOMS as usize);
        Self { database, account, rooms }
    }

    fn run(&self) {
        let begin = self.database.unchecked_transaction().unwrap();
        let statements = [
            "SELECT role FROM member WHERE account = ?1 AND room = ?2",
            "SELECT head_ord FROM room WHERE id = ?2 AND ?1 > 0",
            "SELECT ord FROM cursor WHERE account = ?1 AND room = ?2",
        ];
        let sum: i64 = statements
            .iter()
            .map(|statement| {
                let mut lookup = begin.prepare(statement).unwrap();
                let mut look_up =
                    |room: &i64| lookup.query_row([self.account, *room], |row| row.get::<_, i64>(0)).unwrap();
                self.rooms.iter().map(&mut look_up).sum::<i64>()
            })
            .sum();
        assert!(sum > 0);
    }
}

/// A hub whose output is thrown away.
struct Server {
    hub: parlour_server::hub::Hub,
    reader: Box<dyn parlour_server::store::LogReader>,
    connections: u32,
    login: Bytes,
}

impl Server {
    fn new(log: &SqliteLog) -> Self {
        let mut reader = log.reader().unwrap();
        let recovered = parlour_server::hub::Recovered::read(&mut *reader, START).unwrap();
        let settings = parlour_server::hub::Settings { logins_per_second: 0, ..Default::default() };
        let hub = parlour_server::hub::Hub::new(settings, Box::new(|bytes| bytes.fill(7)), &recovered);
        let capabilities = ["batch", "rooms"].map(Into::into).to_vec();
        let login = wire::Login {
            version: 1,
            secret: secret(OWNER).to_vec(),
            capabilities,
            ..wire::Login::default()
        };
        let login = codec::encode(&codec::login(&nick(OWNER), login));
        Self { hub, reader, connections: 0, login }
    }

    /// A login, from its bytes to the bytes of the answer. The connection ends at once, so that the list is not in memory at the
    /// next one.
    fn log_in(&mut self) {
        self.connections += 1;
        let conn = ConnectionId::new(self.connections, self.connections);
        self.hub.handle_connect(0, conn, [10, 0, 0, 1].into());
        self.hub.handle_frame(0, START, conn, &self.login);
        let bytes = self.execute();
        assert!(bytes > 20_000, "{bytes}");
        self.hub.handle_disconnect(0, conn);
        self.execute();
    }

    /// Executes the hub's requests. Returns the number of bytes that it sends.
    fn execute(&mut self) -> usize {
        let mut bytes = 0;
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Read { token, query } => {
                    let read = self.reader.execute(&query);
                    self.hub.handle_read(0, token, read);
                }
                Output::Append(batch) => {
                    assert!(batch.proposals.is_empty(), "only rows, of the session");
                    self.hub.handle_appended(0, START, Ok(Vec::new()));
                }
                Output::Send { frames, .. } => bytes += frames.len(),
                Output::Close { status, .. } => panic!("{status:?}"),
                _ => {}
            }
        }
        bytes
    }
}
