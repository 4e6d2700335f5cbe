//! The room list: order, totals, search.

use super::server::user;
use crate::{
    client::{
        account::{Direction, Section, Totals},
        cursor::Cursor,
        state::{Change, ClientState},
    },
    model::{PresenceState, RoomId},
    room_rows, validate, wire,
};

pub(super) fn row(number: u8, name: &str, head: u64, unread: u64) -> wire::RoomRow {
    wire::RoomRow {
        room: room(number).to_wire(),
        handle: number.into(),
        kind: wire::RoomKind::Public.into(),
        name: name.into(),
        role: wire::Role::Member.into(),
        head_ord: head,
        unread,
        ..wire::RoomRow::default()
    }
}

fn direct(number: u8, nick: &str, active: u32, unread: u64) -> wire::RoomRow {
    let person = wire::Person { account: user(number).0.to_vec(), nick: nick.into(), ..Default::default() };
    wire::RoomRow {
        kind: wire::RoomKind::Direct.into(),
        active,
        people: vec![person],
        attention: u32::try_from(unread).unwrap(),
        ..row(number, "", 100, unread)
    }
}

pub(super) fn room(number: u8) -> RoomId {
    RoomId([number; 16])
}

pub(super) fn rows(rows: Vec<wire::RoomRow>) -> wire::AccountRows {
    wire::AccountRows {
        rows: room_rows::pack(rows),
        complete: true,
        version: 7,
        ..wire::AccountRows::default()
    }
}

pub(super) fn state(list: Vec<wire::RoomRow>) -> ClientState {
    let mut state = ClientState::new(fold);
    state.restore(user(1), &[1; 16], &rows(list), &[]);
    state
}

/// Folds case, width and the accents of these tests.
fn fold(name: &str) -> String {
    validate::nick_key(name).replace('é', "e").replace('ü', "u")
}

pub(super) fn add(state: &mut ClientState, row: wire::RoomRow) {
    let rows = wire::AccountRows { rows: room_rows::pack([row]), ..wire::AccountRows::default() };
    let body = Some(wire::server_event::Body::Rows(rows));
    state.handle_event(wire::ServerEvent { room: Vec::new(), body }, 0);
}

/// The list in one letter for the section and the number of the room.
fn list(state: &ClientState) -> String {
    let letter = |section| match section {
        Section::Invitations => 'i',
        Section::Unread => 'u',
        Section::Direct => 'd',
        Section::Rooms => 'r',
        Section::Archived => 'a',
    };
    let items = state.account().list();
    let items: Vec<_> =
        items.iter().map(|item| format!("{}{}", letter(item.section), item.room.0[0])).collect();
    items.join(" ")
}

#[test]
fn rooms_are_listed_by_section_attention_activity_and_name() {
    let invited = wire::RoomRow { role: wire::Role::Invited.into(), ..row(9, "Secret", 5, 5) };
    let muted = wire::RoomRow { muted: true, ..row(5, "Noise", 50, 50) };
    let muted_direct = wire::RoomRow { muted: true, ..direct(10, "bob", 5, 9) };
    let mut state = state(vec![
        row(1, "zoo", 3, 0),
        row(2, "Éclair", 3, 0),
        row(3, "ｅａｓｔ", 9, 2),
        row(4, "apple", 9, 1),
        muted,
        direct(6, "tom", 10, 0),
        direct(7, "ann", 20, 0),
        direct(8, "zoe", 1, 3),
        muted_direct,
        invited,
    ]);
    assert_eq!(list(&state), "i9 u8 u4 u3 d7 d6 d10 r2 r5 r1");
    assert_eq!(state.account().totals(), Totals { attention: 4, unread: 6, rooms: 4 });
    // Rooms with the same name keep their order, whatever changes in them.
    add(&mut state, row(2, "zoo", 3, 0));
    assert_eq!(list(&state), "i9 u8 u4 u3 d7 d6 d10 r5 r1 r2");
}

#[test]
fn archived_rooms_are_last_and_passed_over() {
    let archived = |number, name, unread| wire::RoomRow { archived: true, ..row(number, name, 9, unread) };
    let mut state =
        state(vec![archived(1, "a", 0), row(2, "b", 9, 0), archived(3, "c", 2), row(4, "d", 9, 0)]);
    assert_eq!(list(&state), "u3 r2 r4 a1", "something unread is not hidden");
    let neighbour = |state: &ClientState, from: u8, direction| {
        state.account().neighbour(Some(room(from)), direction).map(|room| room.0[0])
    };
    assert_eq!(neighbour(&state, 4, Direction::Next), Some(3));
    assert_eq!(neighbour(&state, 3, Direction::Previous), Some(4));
    assert_eq!(neighbour(&state, 1, Direction::Next), Some(3));
    // The open room keeps its place.
    state.open_room(Some(room(2)));
    add(&mut state, archived(2, "b", 0));
    assert_eq!(list(&state), "u3 r2 r4 a1");
    state.open_room(Some(room(4)));
    assert_eq!(list(&state), "u3 r4 a1 a2");
    let found: Vec<_> = state.account().search("a").iter().map(|item| item.room).collect();
    assert_eq!(found, [room(1)]);
}

#[test]
fn the_open_room_keeps_its_place_until_another_one_is_opened() {
    let mut state = state(vec![row(1, "a", 9, 2), row(2, "b", 9, 0), direct(3, "tom", 1, 4)]);
    state.open_room(Some(room(3)));
    state.handle_visible(room(3), 100, true);
    assert_eq!(list(&state), "u3 u1 r2");
    assert_eq!(state.account().totals().attention, 0);
    state.open_room(Some(room(2)));
    assert_eq!(list(&state), "u1 d3 r2");
    state.open_room(None);
    state.mark_all_read();
    assert_eq!(list(&state), "d3 r1 r2");
}

#[test]
fn search_ignores_case_width_and_accents_and_prefers_beginnings() {
    let state = state(vec![
        row(1, "Old News", 1, 0),
        row(2, "newcomers", 1, 0),
        row(3, "Renew", 1, 0),
        row(4, "Müsli", 1, 0),
        direct(5, "Newt", 1, 0),
    ]);
    let found =
        |text: &str| state.account().search(text).iter().map(|item| item.room.0[0]).collect::<Vec<_>>();
    assert_eq!(found(" ＮＥＷ"), [5, 2, 1, 3]);
    assert_eq!(found("musli"), [4]);
    assert_eq!(found("MÜS"), [4]);
    assert_eq!(found("x"), []);
    assert_eq!(found("").len(), 5);
}

#[test]
fn direct_rooms_follow_the_nicks_of_their_people() {
    let mut state = state(vec![direct(5, "tom", 1, 0), direct(6, "ann", 1, 0)]);
    assert_eq!(list(&state), "d6 d5");
    let people =
        vec![wire::Person { account: user(5).0.to_vec(), nick: "abe".into(), ..wire::Person::default() }];
    let body =
        Some(wire::server_event::Body::Presence(wire::PresenceChanges { people, time: 0, partners: false }));
    state.handle_event(wire::ServerEvent { room: Vec::new(), body }, 0);
    assert_eq!(list(&state), "d5 d6");
    let found = |text: &str| state.account().search(text).iter().map(|item| item.room).collect::<Vec<_>>();
    assert_eq!(found("abe"), [room(5)]);
    assert_eq!(found("tom"), []);
}

#[test]
fn people_of_direct_rooms_who_are_not_told_after_a_login_have_left() {
    let mut state = state(vec![direct(5, "tom", 1, 0), direct(6, "ann", 1, 0), row(7, "a", 1, 0)]);
    let mut tell = |accounts: &[u8], partners| {
        let online = wire::PresenceState::Online.into();
        let person =
            |n: &u8| wire::Person { account: user(*n).0.to_vec(), state: online, nick: String::new() };
        let people = accounts.iter().map(person).collect();
        let body = wire::server_event::Body::Presence(wire::PresenceChanges { people, time: 0, partners });
        state.handle_event(wire::ServerEvent { room: Vec::new(), body: Some(body) }, 0);
        [5, 6, 9].map(|n| state.people().get(user(n)).state == PresenceState::Online)
    };
    assert_eq!(tell(&[5, 6, 9], false), [true; 3]);
    assert_eq!(tell(&[6], true), [false, true, true], "others may share another room");
    assert_eq!(tell(&[], true), [false, false, true]);
    assert_eq!(&*state.people().nick(user(6)), "ann");
}

#[test]
fn moving_through_the_list_wraps_around_and_prefers_attention() {
    let mut state =
        state(vec![row(1, "a", 9, 2), row(2, "b", 9, 0), direct(3, "tom", 1, 4), row(4, "c", 9, 1)]);
    assert_eq!(list(&state), "u3 u1 u4 r2");
    let next = |state: &ClientState, from: u8, direction| {
        state.account().next_unread(Some(room(from)), direction).map(|room| room.0[0])
    };
    assert_eq!(next(&state, 2, Direction::Next), Some(3));
    assert_eq!(next(&state, 1, Direction::Next), Some(3), "attention first");
    assert_eq!(next(&state, 3, Direction::Next), Some(1), "there is no other attention");
    assert_eq!(next(&state, 3, Direction::Previous), Some(4));
    let neighbour =
        |from: u8, direction| state.account().neighbour(Some(room(from)), direction).unwrap().0[0];
    assert_eq!((neighbour(3, Direction::Previous), neighbour(2, Direction::Next)), (2, 3));
    assert_eq!((neighbour(1, Direction::Previous), neighbour(1, Direction::Next)), (3, 4));
    assert_eq!(state.account().neighbour(None, Direction::Previous), Some(room(2)));
    state.mark_all_read();
    assert_eq!(state.account().next_unread(None, Direction::Next), None);
}

#[test]
fn a_complete_list_removes_other_rooms_and_a_part_of_one_does_not() {
    let mut state = state(vec![row(1, "a", 1, 0), row(2, "b", 1, 0), row(3, "c", 1, 0)]);
    assert_eq!(state.account().version(), 7);
    let welcome = wire::Welcome {
        account: user(1).0.to_vec(),
        log: vec![1; 16],
        rows: Some(wire::AccountRows {
            rows: room_rows::pack([row(1, "a", 1, 0)]),
            more: true,
            ..Default::default()
        }),
        ..wire::Welcome::default()
    };
    state.handle_welcome(&welcome);
    assert_eq!((list(&state).as_str(), state.account().version()), ("r1 r2 r3", 7));
    let rest = wire::AccountRows { version: 9, ..rows(vec![row(3, "c", 1, 0)]) };
    let body = Some(wire::server_event::Body::Rows(rest));
    state.handle_event(wire::ServerEvent { room: Vec::new(), body }, 0);
    assert_eq!((list(&state).as_str(), state.account().version()), ("r1 r3", 9));
    add(&mut state, wire::RoomRow { role: wire::Role::None.into(), ..row(1, "a", 1, 0) });
    assert_eq!(list(&state), "r3");
}

#[test]
fn a_list_is_complete_with_its_last_frame_also_without_a_version() {
    let mut state = ClientState::new(fold);
    let frame =
        |more: bool| wire::AccountRows { more, complete: !more, version: 0, ..rows(vec![row(1, "a", 1, 0)]) };
    let welcome = wire::Welcome {
        account: user(1).0.to_vec(),
        log: vec![1; 16],
        rows: Some(frame(true)),
        ..wire::Welcome::default()
    };
    state.handle_welcome(&welcome);
    let is_complete = |state: &ClientState| (state.account().is_complete(), state.account_rows().complete);
    assert_eq!(is_complete(&state), (false, false));
    let body = Some(wire::server_event::Body::Rows(frame(false)));
    state.handle_event(wire::ServerEvent { room: Vec::new(), body }, 0);
    assert_eq!((is_complete(&state), state.account().version()), ((true, true), 0));
    // The list of another log is not that of this one.
    state.handle_welcome(&wire::Welcome { log: vec![2; 16], ..welcome });
    assert_eq!(is_complete(&state), (false, false));
}

#[test]
fn seeing_messages_does_not_undo_marking_them_as_unread() {
    let mut state = state(vec![row(1, "a", 9, 0), row(2, "b", 9, 0)]);
    state.open_room(Some(room(1)));
    state.handle_visible(room(1), 9, true);
    state.mark_unread(room(1), 7);
    state.handle_visible(room(1), 9, true);
    assert_eq!(state.account().room(room(1)).unwrap().unread(), 3);
    state.open_room(Some(room(2)));
    state.handle_visible(room(1), 9, true);
    assert_eq!(state.account().room(room(1)).unwrap().unread(), 3, "the room is not open");
    state.open_room(Some(room(1)));
    assert_eq!(state.room(room(1)).unwrap().unread_line(), Some(6));
    state.handle_visible(room(1), 8, false);
    assert_eq!(state.account().room(room(1)).unwrap().unread(), 1);
    // Another device marks them as unread, while they are on the screen of this one.
    add(&mut state, wire::RoomRow { cursor_version: 2, ..row(1, "a", 9, 5) });
    state.handle_visible(room(1), 9, true);
    assert_eq!(state.account().room(room(1)).unwrap().unread(), 5);
    state.mark_read(room(1));
    assert_eq!(state.account().room(room(1)).unwrap().unread(), 0);
}

#[test]
fn an_invitation_has_no_messages_of_an_earlier_membership() {
    let mut state = state(vec![wire::RoomRow { active: 7, ..row(1, "a", 9, 4) }]);
    let heads = |state: &ClientState| {
        let entry = state.account().room(room(1)).unwrap();
        (entry.head(), entry.active, entry.unread(), entry.cursor().ord)
    };
    assert_eq!(heads(&state), (9, 7, 4, 5));
    // It was removed, and invited again.
    add(&mut state, wire::RoomRow { role: wire::Role::Invited.into(), ..row(1, "a", 0, 0) });
    assert_eq!(heads(&state), (0, 0, 0, 5));
    add(&mut state, row(1, "a", 11, 6));
    assert_eq!(heads(&state), (11, 0, 6, 5));
}

#[test]
fn another_tab_has_the_same_list() {
    let mut state = state(vec![direct(5, "tom", 1, 2), row(2, "b", 9, 3)]);
    state.mark_unread(room(2), 4);
    let mut other = ClientState::new(fold);
    let unconfirmed: Vec<_> = state.account().unconfirmed_cursors().collect();
    assert_eq!(unconfirmed.len(), 1);
    // The rows have the cursor of the server.
    other.restore(user(1), state.log(), &state.account_rows(), &[]);
    assert_eq!(other.account().totals(), Totals { attention: 2, unread: 5, rooms: 2 });
    other.restore(user(1), state.log(), &state.account_rows(), &unconfirmed);
    assert_eq!(list(&other), list(&state));
    assert_eq!(other.account().totals(), state.account().totals());
    let cursor = |state: &ClientState| state.account().room(room(2)).map(|entry| entry.cursor());
    assert_eq!(cursor(&other), cursor(&state));
    // A cursor that the server has not acknowledged is told by the tab that has it from the device.
    other.restore(
        user(1),
        state.log(),
        &rows(vec![row(2, "b", 9, 3)]),
        &[(room(2), Cursor { version: 3, ord: 1 })],
    );
    assert_eq!(other.account().untold_cursors().count(), 1);
}

#[test]
fn rooms_of_another_log_are_removed_when_the_list_is_complete() {
    let mut state = state(vec![row(1, "a", 9, 0), row(2, "b", 9, 0)]);
    state.open_room(Some(room(2)));
    let part = wire::AccountRows { more: true, ..rows(vec![row(1, "a", 3, 0)]) };
    let welcome = wire::Welcome {
        account: user(1).0.to_vec(),
        log: vec![2; 16],
        rows: Some(part),
        ..wire::Welcome::default()
    };
    state.handle_welcome(&welcome);
    let removed = |state: &mut ClientState| -> Vec<_> {
        let changes = std::iter::from_fn(|| state.poll_change());
        changes.filter(|change| matches!(change, Change::Removed(_))).collect()
    };
    assert_eq!(removed(&mut state), []);
    let body = Some(wire::server_event::Body::Rows(rows(vec![row(3, "c", 1, 0)])));
    state.handle_event(wire::ServerEvent { room: Vec::new(), body }, 0);
    assert_eq!(removed(&mut state), [Change::Removed(room(2))]);
    assert!(state.room(room(2)).is_none());
    assert_eq!(list(&state), "r1 r3");
}
