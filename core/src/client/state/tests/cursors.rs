//! Read cursors of the rooms in the list, and telling the server.

use super::{
    list::{add, room, row, rows, state},
    peer::Peer,
    server::{Server, room_id, user},
};
use crate::{
    client::{account::Totals, cursor::Cursor, state::ClientState},
    model::MessageId,
    wire,
};

#[test]
fn cursors_that_the_server_may_have_lost_are_told_again() {
    let mut state = state(vec![row(1, "a", 9, 9), row(2, "b", 9, 9), row(3, "c", 9, 0)]);
    let untold = |state: &ClientState| {
        state.account().untold_cursors().map(|(room, cursor)| (room.0[0], cursor.ord)).collect::<Vec<_>>()
    };
    assert_eq!(untold(&state), []);
    state.mark_read(room(1));
    state.mark_read(room(2));
    assert_eq!(untold(&state), [(1, 9), (2, 9)]);
    let cursor = Cursor { version: 0, ord: 9 };
    state.cursor_acknowledged(room(1), cursor, 1_000);
    state.cursor_acknowledged(room(2), cursor, 60_000);
    assert_eq!(untold(&state), []);
    state.server_lived(61_500);
    state.handle_disconnected();
    assert_eq!(untold(&state), [(2, 9)], "the other one was stored meanwhile");
    add(&mut state, row(2, "b", 9, 0));
    assert_eq!(untold(&state), [], "the server has it");
}

#[test]
fn a_cursor_that_the_server_has_not_stored_before_the_login_is_told_again() {
    let unsaved = |row| wire::RoomRow { cursor_unsaved: true, ..row };
    let mut state = state(vec![row(1, "a", 9, 9), row(2, "b", 9, 0)]);
    let untold = |state: &ClientState| {
        state.account().untold_cursors().map(|(room, cursor)| (room.0[0], cursor.ord)).collect::<Vec<_>>()
    };
    // The rows that have changed, and one that is new.
    let changed =
        vec![unsaved(row(1, "a", 9, 4)), row(2, "b", 9, 0), unsaved(row(3, "c", 9, 2)), row(4, "d", 9, 0)];
    let changed = wire::AccountRows { complete: false, version: 9, ..rows(changed) };
    let body = Some(wire::server_event::Body::Rows(changed));
    state.handle_event(wire::ServerEvent { room: Vec::new(), body }, 0);
    state.rows_received(1_000);
    assert_eq!(untold(&state), []);
    state.handle_disconnected();
    assert_eq!(untold(&state), [(1, 5), (3, 7)]);
}

#[test]
fn a_cursor_outlives_a_list_that_lacks_its_room() {
    let mut state = state(vec![row(1, "a", 60, 3), row(2, "b", 9, 0)]);
    state.mark_unread(room(1), 42);
    let list = |list| {
        let body = Some(wire::server_event::Body::Rows(rows(list)));
        wire::ServerEvent { room: Vec::new(), body }
    };
    // A tab without the newest rows has become the leader, and then gets them from the server.
    state.handle_event(list(vec![row(2, "b", 9, 0)]), 0);
    assert!(state.account().room(room(1)).is_none());
    add(&mut state, row(1, "a", 60, 3));
    let cursor = Cursor { version: 1, ord: 41 };
    assert_eq!(state.account().room(room(1)).unwrap().cursor(), cursor);
    assert_eq!(state.account().untold_cursors().collect::<Vec<_>>(), [(room(1), cursor)]);
    assert!(!state.account.seen(room(1), 60), "the room was not opened again");
}

#[test]
fn all_rooms_are_marked_as_read_by_one_command() {
    let mut state = state(vec![row(1, "a", 9, 9), row(2, "b", 9, 9)]);
    state.mark_unread(room(2), 3);
    state.mark_all_read();
    let untold =
        |state: &ClientState| state.account().untold_cursors().map(|(room, _)| room.0[0]).collect::<Vec<_>>();
    assert_eq!(untold(&state), [2], "the server does not know that messages were marked as unread");
    state.all_read_answered(false, 0);
    assert_eq!(untold(&state), [1, 2], "the command was refused");
    state.mark_all_read();
    assert_eq!(untold(&state), [1, 2], "nothing was read since");
    state.cursor_acknowledged(room(1), Cursor { version: 0, ord: 9 }, 0);
    state.cursor_acknowledged(room(2), Cursor { version: 1, ord: 9 }, 0);
    assert_eq!(untold(&state), []);
}

#[test]
fn reading_on_another_device_clears_the_counters_here() {
    let (mut peer, mut server) = (Peer::new(), Server::new());
    peer.connect(&mut server);
    for n in 0..5 {
        server.post(room_id(1), user(2), MessageId::new(n, [1; 10]), "hello");
        server.post(room_id(2), user(2), MessageId::new(n, [2; 10]), "hello");
    }
    server.flush_activity();
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(peer.state.account().totals(), Totals { attention: 5, unread: 10, rooms: 2 });
    server.tell_cursor(room_id(2), Cursor { version: 0, ord: 5 });
    peer.deliver(&mut server, usize::MAX);
    assert_eq!(peer.state.account().totals(), Totals { attention: 0, unread: 5, rooms: 1 });
}
