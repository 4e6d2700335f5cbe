//! The work for accounts that are offline: none.

use parlour_core::model::{Role, RoomKind};

use super::model::{World, conn, room, user};

#[test]
fn post_touches_only_members_that_are_online() {
    let mut world = World::new();
    // Ten of the members log in; the log has 250.
    let members: Vec<_> = (1..=250).map(user).collect();
    world.add_room(room(1), RoomKind::Public, &members);
    for n in 1..=10 {
        world.connect(n, user(n as u8));
    }
    world.settle();
    world.subscribe(1, room(1));
    world.settle();
    world.rooms.steps = 0;
    let activity = |world: &World, n| world.clients[&n].activity.len();
    let before = activity(&world, 2);
    (0..1_000).for_each(|_| world.post(room(1), user(1)));
    while world.publish() {}
    assert_eq!(world.rooms.steps, 0, "a post only marks its room");
    world.advance(0);
    world.advance(2_000);
    assert_eq!(world.rooms.steps, 20, "ten accounts with a connection each");
    assert_eq!((activity(&world, 1), activity(&world, 2)), (0, before + 1), "nothing for a subscribed room");
    assert_eq!(world.clients[&2].rows[&room(1)].head, 1_000);
}

#[test]
fn busy_rooms_are_one_frame_a_second() {
    let mut world = World::new();
    for n in 1..=200 {
        world.add_room(room(n), RoomKind::Public, &[user(1), user(2)]);
    }
    world.connect(1, user(1));
    world.settle();
    let before = world.clients[&1].activity.len();
    for step in 0..600 {
        (1..=200).filter(|n| (n + step) % 7 == 0).for_each(|n| world.post(room(n as u8), user(2)));
        while world.publish() {}
        world.advance(10);
    }
    let frames = &world.clients[&1].activity[before..];
    assert!((6..=7).contains(&frames.len()), "{frames:?}");
    assert!(frames.iter().all(|size| *size <= 2_048), "{frames:?}");
    world.settle();
    assert_eq!(world.clients[&1].rows, world.fresh_rows(user(1)));
}

#[test]
fn reading_on_one_connection_reaches_the_others_at_once_and_the_log_in_time() {
    let mut world = World::new();
    world.add_room(room(1), RoomKind::Public, &[user(1), user(2)]);
    for n in [1, 2] {
        world.connect(n, user(1));
    }
    world.settle();
    (0..5).for_each(|_| world.post(room(1), user(2)));
    world.settle();
    let saved = |world: &World| world.log[&room(1)].members[&user(1)].cursor.ord;
    world.read(1, room(1), super::super::cursor::Cursor { version: 0, ord: 3 });
    assert_eq!(world.clients[&2].rows[&room(1)].read, 3);
    world.read(2, room(1), super::super::cursor::Cursor { version: 0, ord: 99 });
    assert_eq!(world.clients[&1].rows[&room(1)].read, 5, "never beyond the newest message");
    assert_eq!(saved(&world), 0);
    for _ in 0..30 {
        world.advance(1_000);
        world.submit_rows();
        world.commit_rows();
    }
    assert_eq!(saved(&world), 5);
}

#[test]
fn rows_say_whether_the_log_has_the_cursor() {
    let mut world = World::new();
    world.add_room(room(1), RoomKind::Public, &[user(1), user(2)]);
    world.connect(1, user(1));
    world.settle();
    (0..5).for_each(|_| world.post(room(1), user(2)));
    world.settle();
    let is_unsaved = |world: &World| world.rooms.row_of(conn(1), room(1)).unwrap().cursor_unsaved;
    assert!(!is_unsaved(&world));
    world.read(1, room(1), super::super::cursor::Cursor { version: 0, ord: 3 });
    assert!(is_unsaved(&world));
    world.advance(30_000);
    world.submit_rows();
    assert!(is_unsaved(&world), "it is being written");
    // The user reads on meanwhile, and that is written too.
    world.read(1, room(1), super::super::cursor::Cursor { version: 0, ord: 4 });
    world.advance(30_000);
    world.submit_rows();
    world.commit_rows();
    assert!(is_unsaved(&world), "the log has the first position only");
    world.fail_rows();
    assert!(is_unsaved(&world));
    world.commit_rows();
    assert!(!is_unsaved(&world));
}

#[test]
fn removed_member_gets_the_event_that_removes_it_and_no_later_one() {
    let mut world = World::new();
    world.add_room(room(1), RoomKind::Private, &[user(1), user(2)]);
    for n in [1, 2] {
        world.connect(n, user(n as u8));
    }
    world.settle();
    for n in [1, 2] {
        world.subscribe(n, room(1));
    }
    world.settle();
    world.post(room(1), user(1));
    world.set_role(room(1), user(2), Role::None);
    world.post(room(1), user(1));
    let frames = world.clients[&2].frames;
    while world.publish() {}
    world.advance(10);
    // The message and the removal together, and the row. The model checks that no later event is among them.
    assert_eq!(world.clients[&2].frames, frames + 2);
    assert!(!world.clients[&2].rows.contains_key(&room(1)));
    assert_eq!(world.clients[&1].subscribed[&room(1)], Some(3));
}
