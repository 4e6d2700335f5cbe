//! What the device has, written from one state and read into another.

use std::ops::RangeInclusive;

use super::*;
use crate::{
    Clocks,
    client::{Event, Origin},
    codec::Extension,
    limits::Limits,
    model::{Dialect, Identity},
    persist::{KeyRange, Rows},
    validate::nick_key,
    wire::server_event::Body,
};

const ME: UserId = UserId([1; 16]);
const ROOM: RoomId = RoomId([7; 16]);

fn record() -> AccountRecord {
    let identity = Identity {
        nick: "tom".into(),
        dialect: Dialect::Rich,
        limits: Limits::default(),
        server_name: None,
        search: true,
        echoes_text: false,
    };
    AccountRecord { identity, account: Some(ME), secret: vec![1; 32], attempt: 1 }
}

fn receive(state: &mut ClientState, extension: Extension) {
    let event = Event::Received(Box::new(codec::extension(extension)));
    state.apply(Clocks::default(), Origin::LOCAL, &event);
}

fn row(unread: u64, head_ord: u64) -> wire::RoomRow {
    let (room, kind) = (ROOM.to_wire(), wire::RoomKind::Public.into());
    let (name, role) = ("garden".into(), wire::Role::Member.into());
    wire::RoomRow { room, kind, name, role, handle: 1, unread, head_ord, ..wire::RoomRow::default() }
}

fn welcome(log: u8, head_ord: u64) -> Extension {
    let rows = wire::AccountRows {
        rows: room_rows::pack([row(head_ord, head_ord)]),
        complete: true,
        version: 9,
        ..wire::AccountRows::default()
    };
    let (account, log, nick) = (ME.0.to_vec(), vec![log; 16], "tom".into());
    Extension::Welcome(wire::Welcome { account, log, nick, rows: Some(rows), ..wire::Welcome::default() })
}

fn window(ords: RangeInclusive<u64>) -> Extension {
    let message = |ord: u64| wire::PageMessage {
        id: [ord as u8 | 0x80; 16].to_vec(),
        seq: ord,
        ord,
        time: 1_000 + ord as i64,
        sender: 0,
        content: format!("message {ord}"),
        ..wire::PageMessage::default()
    };
    let person = wire::Person { account: vec![2; 16], nick: "lili".into(), state: 0 };
    let (from, to) = (*ords.start() - 1, *ords.end());
    let page = wire::MessagePage {
        messages: ords.map(message).collect(),
        people: vec![person],
        from,
        to,
        first_ord: 1,
        head_ord: to,
        seq: to,
        ..wire::MessagePage::default()
    };
    let topic = "flowers".into();
    let window = wire::RoomWindow { seq: to, page: Some(page), topic, ..wire::RoomWindow::default() };
    let body = Some(Body::Window(window));
    Extension::Event(wire::ServerEvent { room: ROOM.to_wire(), body })
}

/// Passes the changes of the state on, and writes them.
fn write(device: &mut DeviceRooms, state: &mut ClientState, rows: &mut Rows) {
    while let Some(change) = state.poll_change() {
        device.handle_change(state, &change);
    }
    device.encode(state, Some(&record()), Vec::new()).iter().for_each(|change| rows.apply(change));
}

fn restored(rows: &Rows) -> (ClientState, DeviceRooms) {
    let mut state = ClientState::new(nick_key);
    let device = DeviceRooms::restore(&mut state, &Stored::of(rows));
    let values = |table| rows.values(&KeyRange::of_room(table, ROOM));
    restore_room(&mut state, ROOM, &values(Table::Rooms), &values(Table::Messages));
    (state, device)
}

fn contents(state: &mut ClientState) -> Vec<String> {
    let mut contents = Vec::new();
    while let Some(change) = state.poll_change() {
        if let state::Change::Timeline(ROOM, TimelineUpdate::Page(page)) = change {
            contents.extend(page.into_iter().map(|message| message.content.to_string()));
        }
    }
    contents
}

/// A client with these messages, the newest of the open room, and a device that does not have them yet.
fn with_messages(ords: RangeInclusive<u64>) -> (ClientState, DeviceRooms, Rows) {
    let mut state = ClientState::new(nick_key);
    state.open_room(Some(ROOM));
    receive(&mut state, welcome(5, *ords.end()));
    receive(&mut state, window(ords));
    (state, DeviceRooms::default(), Rows::default())
}

#[test]
fn room_list_and_messages_are_shown_before_the_connection() {
    let (mut state, mut device, mut rows) = with_messages(1..=3);
    state.handle_visible(ROOM, 2, false);
    write(&mut device, &mut state, &mut rows);

    let (mut state, mut device) = restored(&rows);
    let entry = state.account().room(ROOM).unwrap();
    assert_eq!((&*entry.name, entry.unread(), state.account().version()), ("garden", 1, 9));
    let untold: Vec<_> = state.account().untold_cursors().map(|(room, cursor)| (room, cursor.ord)).collect();
    assert_eq!(untold, [(ROOM, 2)], "the server has not acknowledged it");
    let loaded = state.room(ROOM).unwrap();
    assert_eq!((loaded.position(), &**loaded.topic(), loaded.is_outdated()), (3, "flowers", true));
    assert_eq!(contents(&mut state), ["message 1", "message 2", "message 3"]);
    // Nothing has changed.
    let before = rows.clone();
    write(&mut device, &mut state, &mut rows);
    assert_eq!(rows, before);
}

#[test]
fn what_a_tab_has_seen_as_a_follower_is_told_again_after_a_reload() {
    let (mut state, mut device, mut rows) = with_messages(1..=3);
    write(&mut device, &mut state, &mut rows);
    // It writes nothing, and the leader is closed before it writes.
    receive(&mut state, window(4..=6));
    while state.poll_change().is_some() {}
    let mut device = DeviceRooms::restore(&mut state, &Stored::of(&rows));
    receive(&mut state, window(7..=7));
    write(&mut device, &mut state, &mut rows);
    let (restored, _) = restored(&rows);
    assert_eq!((state.room(ROOM).unwrap().position(), restored.room(ROOM).unwrap().position()), (7, 3));
}

#[test]
fn a_position_is_written_with_its_messages() {
    let (mut state, mut device, mut rows) = with_messages(1..=3);
    write(&mut device, &mut state, &mut rows);
    receive(&mut state, window(4..=6));
    // A login is written before the page has shown what came with it.
    let login = vec![persistence::Change::PutAccount(Box::new(record()))];
    device.encode(&state, Some(&record()), login).iter().for_each(|change| rows.apply(change));
    assert_eq!(restored(&rows).0.room(ROOM).unwrap().position(), 3);
    write(&mut device, &mut state, &mut rows);
    let (mut restored, _) = restored(&rows);
    assert_eq!(restored.room(ROOM).unwrap().position(), 6);
    assert_eq!(contents(&mut restored).len(), 6);
}

#[test]
fn the_room_list_is_written_with_the_login() {
    let (mut state, mut device, mut rows) = with_messages(1..=3);
    let login = vec![persistence::Change::PutAccount(Box::new(record()))];
    device.encode(&state, None, login).iter().for_each(|change| rows.apply(change));
    let (before, _) = restored(&rows);
    let entry = before.account().room(ROOM).map(|entry| entry.head());
    let position = before.room(ROOM).map_or(0, RoomState::position);
    assert_eq!((entry, before.account().version(), position), (Some(3), 9, 0));
    write(&mut device, &mut state, &mut rows);
    assert_eq!(restored(&rows).0.room(ROOM).unwrap().position(), 3);
}

#[test]
fn messages_of_a_log_that_was_replaced_are_deleted() {
    let (mut state, mut device, mut rows) = with_messages(1..=3);
    write(&mut device, &mut state, &mut rows);
    receive(&mut state, welcome(6, 1));
    receive(&mut state, window(1..=1));
    write(&mut device, &mut state, &mut rows);
    assert_eq!(contents(&mut restored(&rows).0), ["message 1"]);
    assert_eq!(rows.keys(Table::Messages).count(), 1);
}

#[test]
fn old_messages_are_deleted_and_a_gap_stays_one() {
    let (mut state, mut device, mut rows) = with_messages(51..=100);
    write(&mut device, &mut state, &mut rows);
    for last in (100..=1_000).step_by(50) {
        receive(&mut state, window(last - 49..=last));
        write(&mut device, &mut state, &mut rows);
    }
    assert_eq!(rows.keys(Table::Messages).next(), Some(&crate::persist::Key::Message(ROOM, 301)));
    // A write has failed.
    rows.apply(&Change::Delete(crate::persist::Key::Message(ROOM, 900)));
    let known: Vec<_> =
        restored(&rows).0.room(ROOM).unwrap().known().iter().map(|r| (r.from, r.to)).collect();
    assert_eq!(known, [(300, 899), (900, 1_000)]);
}

#[test]
fn messages_that_are_evicted_from_memory_stay_on_the_device() {
    let (mut state, mut device, mut rows) = with_messages(1..=9);
    write(&mut device, &mut state, &mut rows);
    let before: Vec<_> = rows.keys(Table::Messages).cloned().collect();
    // By the timeline of the room, and because too many rooms are in memory.
    state.handle_evicted(ROOM, Range { from: 0, to: 4 });
    let gaps: Vec<_> =
        state.room(ROOM).unwrap().gaps().iter().map(|gap| (gap.gap.from, gap.gap.to)).collect();
    assert_eq!(gaps, [(0, 4)]);
    state.open_room(None);
    state.set_memory_limit(0);
    write(&mut device, &mut state, &mut rows);
    assert_eq!((state.room(ROOM).unwrap().held_messages(), before.len()), (0, 9));
    assert!(rows.keys(Table::Messages).eq(&before));
}

#[test]
fn nothing_stays_after_a_logout() {
    let (mut state, mut device, mut rows) = with_messages(1..=3);
    write(&mut device, &mut state, &mut rows);
    assert!(!rows.is_empty());
    let forgotten = device.encode(&state, None, vec![persistence::Change::Forget]);
    forgotten.iter().for_each(|change| rows.apply(change));
    assert!(rows.is_empty());
}

#[test]
fn line_is_above_the_messages_of_a_window_that_are_not_read() {
    let (mut state, ..) = with_messages(1..=3);
    assert_eq!(state.room(ROOM).unwrap().unread_line(), Some(0));
    // It stays where it was.
    state.handle_visible(ROOM, 2, false);
    receive(&mut state, window(1..=3));
    assert_eq!(state.room(ROOM).unwrap().unread_line(), Some(0));
}
