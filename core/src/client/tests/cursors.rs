//! Read cursors: the server is told of them until it has certainly stored them.

use super::commands::{TAB, browse, done};
use super::*;

/// Logged in, with 30 messages in the lobby and 20 in the room, of which none are read.
fn unread() -> Driver {
    let mut driver = Driver::new();
    driver.connect();
    driver.receive(&with_welcome(|welcome| {
        let frame = welcome.rows.as_mut().unwrap();
        let rows = room_rows::unpack(frame.clone()).into_iter().map(|row| {
            let messages = if row.room.is_empty() { 30 } else { 20 };
            wire::RoomRow { head_ord: messages, unread: messages, ..row }
        });
        frame.rows = room_rows::pack(rows);
    }));
    driver.clear();
    driver
}

fn read(room: RoomId, ord: u64) -> Command {
    Command::Read { room, cursor: Cursor { version: 0, ord } }
}

fn reads(driver: &Driver) -> Vec<(u32, RoomId, u64)> {
    let reads = driver.operations().into_iter().filter_map(|(number, room, operation)| match operation {
        Operation::Read(cursor) => Some((number, room, cursor.ord)),
        _ => None,
    });
    reads.collect()
}

#[test]
fn a_read_cursor_moves_at_once_and_the_server_is_told() {
    let mut driver = unread();
    driver.client.handle_command(driver.now, TAB, 1, read(ROOM, 5));
    driver.drain();
    assert_eq!(driver.client.state().account().room(ROOM).unwrap().unread(), 15);
    let cursor = Cursor { version: 0, ord: 5 };
    assert_eq!(driver.events[0], Event::Cursor(ROOM, cursor), "for the other tabs");
    assert_eq!(driver.answers(), [(1, Ok(Reply::Done { seq: 0, time: 0 }))]);
    let [(number, ROOM, 5)] = reads(&driver)[..] else { panic!("{:?}", reads(&driver)) };
    // Later ones wait for the answer, and only the last of them is sent.
    (6..=9).for_each(|ord| driver.command(2, read(ROOM, ord)));
    driver.command(3, read(ROOM, 7));
    assert_eq!(reads(&driver).len(), 1);
    driver.receive(&response(number, done()));
    driver.pass(500);
    let [_, (number, ROOM, 9)] = reads(&driver)[..] else { panic!("{:?}", reads(&driver)) };
    driver.receive(&response(number, done()));
    driver.pass(60_000);
    driver.pong();
    assert_eq!(reads(&driver).len(), 2);
}

#[test]
fn a_read_cursor_that_was_lost_with_its_room_is_reported_when_the_server_has_it() {
    let mut driver = unread();
    driver.command(1, read(ROOM, 5));
    let [(number, ROOM, 5)] = reads(&driver)[..] else { panic!("{:?}", reads(&driver)) };
    // The account leaves the room and joins it again before the answer, and the row is older.
    let member = wire::RoomRow { kind: 1, head_ord: 20, unread: 20, ..row(ROOM, 1) };
    for row in [wire::RoomRow { role: wire::Role::None.into(), ..member.clone() }, member] {
        let rows = wire::AccountRows { rows: room_rows::pack([row]), ..wire::AccountRows::default() };
        let body = Some(Body::Rows(rows));
        driver.receive(&codec::extension(Ext::Event(wire::ServerEvent { room: Vec::new(), body })));
    }
    assert_eq!(driver.client.state().account().room(ROOM).unwrap().unread(), 20);
    driver.clear();
    driver.receive(&response(number, done()));
    assert_eq!(driver.client.state().account().room(ROOM).unwrap().unread(), 15);
    let cursor = Cursor { version: 0, ord: 5 };
    assert!(driver.events.contains(&Event::Cursor(ROOM, cursor)), "the other tabs have lost it too");
}

#[test]
fn a_read_cursor_is_told_again_unless_the_server_lived_long_enough_to_store_it() {
    // The time of the last ping that was answered, and whether the answer was handled before the tab was suspended.
    for (pinged_ms, is_handled) in [(0, true), (50_000, true), (0, false), (50_000, false), (65_000, true)] {
        let mut driver = unread();
        driver.pong();
        driver.command(1, read(ROOM, 5));
        driver.receive(&response(reads(&driver)[0].0, done()));
        driver.now.monotonic += pinged_ms;
        driver.client.handle_visibility(driver.now, false);
        driver.client.handle_visibility(driver.now, true);
        driver.client.handle_timeout(driver.now);
        driver.drain();
        if is_handled {
            driver.pong();
        }
        driver.now.monotonic += 3_600_000;
        driver.pong();
        driver.closed(1006);
        driver.clear();
        driver.client.handle_reconnect(driver.now);
        driver.drain();
        driver.opened();
        driver.receive(&welcome("tom"));
        let is_told = matches!(reads(&driver)[..], [(_, ROOM, 5)]);
        assert_eq!(is_told, pinged_ms < 60_000, "{pinged_ms} {is_handled} {:?}", reads(&driver));
    }
}

#[test]
fn commands_are_sent_before_read_cursors() {
    let mut driver = unread();
    (1..=4).for_each(|number| driver.command(number, browse("a")));
    driver.command(5, read(ROOM, 5));
    driver.command(6, browse("b"));
    assert_eq!(driver.operations().len(), 4);
    driver.receive(&response(driver.numbers()[0], Answer::Rooms(wire::RoomPage::default())));
    assert!(matches!(driver.operations()[4].2, Operation::BrowseRooms(_)));
}

#[test]
fn a_read_cursor_is_told_after_a_reconnect_and_by_the_next_leader() {
    let mut driver = unread();
    driver.closed(1006);
    driver.command(1, read(ROOM, 5));
    driver.clear();
    driver.reconnect();
    assert!(matches!(reads(&driver)[..], [(_, ROOM, 5)]));
    // The answer is lost with the connection.
    driver.closed(1006);
    driver.clear();
    driver.pass(1_000);
    driver.opened();
    driver.receive(&welcome("tom"));
    assert!(matches!(reads(&driver)[..], [(_, ROOM, 5)]));
}

#[test]
fn everything_is_marked_as_read_by_one_command() {
    let mut driver = unread();
    driver.command(1, Command::ReadAll);
    let [(number, _, Operation::ReadAll(_))] = driver.operations()[..] else {
        panic!("{:?}", driver.operations())
    };
    let cursors = driver.events.iter().filter(|event| matches!(event, Event::Cursor(..)));
    assert_eq!(cursors.count(), 2, "for the other tabs");
    assert_eq!(driver.client.state().account().rooms().map(|entry| entry.unread()).sum::<u64>(), 0);
    driver.receive(&response(number, done()));
    driver.pass(1_000);
    assert_eq!(reads(&driver), []);
}

#[test]
fn marking_everything_as_read_is_not_repeated_for_messages_that_came_later() {
    // Neither without a connection, nor if the connection ends before the answer.
    for is_connected in [false, true] {
        let mut driver = unread();
        if is_connected {
            driver.command(1, Command::ReadAll);
            driver.closed(1006);
        } else {
            driver.closed(1006);
            driver.command(1, Command::ReadAll);
        }
        driver.clear();
        driver.reconnect();
        driver.pass(1_000);
        assert!(driver.operations().iter().all(|(.., operation)| matches!(operation, Operation::Read(_))));
        let ords: Vec<_> = reads(&driver).into_iter().map(|(_, room, ord)| (room, ord)).collect();
        assert_eq!(ords, [(RoomId::LOBBY, 30), (ROOM, 20)], "one by one");
    }
}
