//! State and events equal state that is loaded afresh, in whatever order things happen.

use parlour_core::model::{Role, RoomId, RoomKind};
use proptest::prelude::*;

use super::{
    super::cursor::Cursor,
    model::{World, room, user},
};

/// One step: what, and two choices.
type Step = (u8, u8, u8);

/// Steps that are shown on one line.
#[derive(Clone)]
struct Steps(Vec<Step>);

impl std::fmt::Debug for Steps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

fn steps(most: usize) -> impl Strategy<Value = Steps> {
    prop::collection::vec((0..40_u8, any::<u8>(), any::<u8>()), 0..most).prop_map(Steps)
}

fn step(world: &mut World, (what, a, b): Step) {
    let account = user(1 + a % 3);
    let of = [RoomId::LOBBY, room(1), room(2), room(3)][usize::from(b % 4)];
    let n = u32::from(a % 6) + 1;
    match what {
        0..=6 => world.post(of, account),
        7 | 8 => {
            let role = [Role::None, Role::Member, Role::Invited, Role::Owner][usize::from(b / 4 % 4)];
            // In a DIRECT room nobody may change a role.
            if of != room(3) {
                world.set_role(of, account, role);
            }
        }
        9 => world.archive(of, b >= 128),
        10 => world.rename(of, &format!("name {b}")),
        11..=15 => drop(world.publish()),
        16..=18 => world.connect(n, user((1 + n % 3) as u8)),
        19 => world.disconnect(n),
        20..=22 => world.subscribe(n, of),
        23 => world.unsubscribe(n, of),
        24..=26 => {
            let row = world.clients.get(&n).and_then(|client| client.rows.get(&of)).cloned();
            if let Some(row) = row {
                let ord = u64::from(b).min(row.head);
                let version = row.version + u32::from(b % 7 == 0);
                world.read(n, of, Cursor { version, ord });
            }
        }
        27 => {
            if world.clients.contains_key(&n) {
                world.read_all(n);
            }
        }
        28 => world.mute(n, of, b >= 128),
        29 | 30 => world.execute_readings(),
        31..=33 => drop(world.answer_reading()),
        34 => world.submit_rows(),
        35 => world.commit_rows(),
        36 => world.overflow(n),
        37 => world.drained(n),
        38 => world.advance(u64::from(b) * 10),
        _ => world.advance(30_000),
    }
}

fn world() -> World {
    let mut world = World::new();
    world.add_room(room(1), RoomKind::Public, &[user(1), user(2)]);
    world.add_room(room(2), RoomKind::Private, &[user(1), user(3)]);
    world.add_room(room(3), RoomKind::Direct, &[user(2), user(3)]);
    world
}

/// Checks after these steps that each client has the rows that it would be sent if it logged in for the first time.
fn check_all_clients(steps: impl IntoIterator<Item = Step>) {
    let mut world = world();
    steps.into_iter().for_each(|choices| step(&mut world, choices));
    world.settle();
    world.save_cursors();
    for (n, client) in &world.clients {
        let fresh = world.fresh_rows(client.user.unwrap());
        assert_eq!(client.rows, fresh, "connection {n}");
        for (room, position) in &client.subscribed {
            assert_eq!(*position, Some(world.log[room].state.head_seq), "{room:?}");
        }
    }
    let connected: Vec<_> = world.clients.keys().copied().collect();
    connected.into_iter().for_each(|n| world.disconnect(n));
    world.settle();
    assert_eq!(world.rooms.table_size(), 0);
}

/// Found at random.
#[test]
fn cursor_moves_after_a_window_with_own_messages() {
    check_all_clients([
        (16, 135, 0),
        (0, 0, 0),
        (0, 52, 11),
        (11, 0, 0),
        (0, 68, 42),
        (0, 1, 19),
        (0, 0, 0),
        (0, 98, 74),
        (0, 80, 74),
        (11, 0, 0),
        (0, 65, 42),
        (11, 0, 0),
        (0, 0, 4),
        (11, 0, 0),
        (7, 164, 13),
        (11, 0, 0),
        (0, 0, 4),
        (0, 0, 60),
        (11, 0, 0),
        (11, 0, 0),
        (29, 0, 0),
        (11, 0, 0),
        (31, 0, 0),
        (0, 4, 31),
        (20, 171, 4),
        (11, 0, 0),
        (11, 0, 0),
        (0, 8, 0),
        (11, 0, 0),
        (29, 0, 0),
        (0, 0, 0),
        (0, 136, 212),
        (11, 0, 0),
        (0, 92, 60),
        (11, 0, 0),
        (0, 136, 128),
        (11, 0, 0),
        (11, 0, 0),
        (31, 0, 0),
        (11, 0, 0),
        (11, 0, 0),
        (11, 0, 0),
        (24, 129, 44),
    ]);
}

/// Found at random: the room came into memory with a list that was read before the account's role changed.
#[test]
fn subscription_begins_after_a_change_of_the_own_role_during_the_login() {
    check_all_clients([
        (16, 255, 0),
        (16, 1, 0),
        (29, 0, 0),
        (7, 20, 110),
        (31, 0, 0),
        (11, 0, 0),
        (31, 0, 0),
        (20, 91, 182),
    ]);
}

/// Found at random: an own message is marked as unread, and the next one follows it.
#[test]
fn own_message_does_not_pass_over_one_that_is_marked_as_unread() {
    let mut world = world();
    world.connect(1, user(2));
    world.settle();
    world.post(RoomId::LOBBY, user(2));
    world.settle();
    let cursor = |world: &World| world.clients[&1].rows[&RoomId::LOBBY].cursor();
    assert_eq!(cursor(&world), Cursor { version: 0, ord: 1 });
    world.read(1, RoomId::LOBBY, Cursor { version: 1, ord: 0 });
    world.subscribe(1, RoomId::LOBBY);
    world.settle();
    world.post(RoomId::LOBBY, user(2));
    world.settle();
    world.save_cursors();
    assert_eq!(cursor(&world), Cursor { version: 1, ord: 0 });
    assert_eq!(world.clients[&1].rows, world.fresh_rows(user(2)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn state_and_events_equal_state_that_is_loaded_afresh(
        steps in steps(250),
    ) {
        check_all_clients(steps.0);
    }

    #[test]
    fn changed_rows_on_resume_are_all_that_a_client_needs(
        before in steps(100),
        after in steps(100),
    ) {
        let mut world = world();
        before.0.into_iter().for_each(|choices| step(&mut world, choices));
        world.connect(7, user(1));
        world.settle();
        let log = world.log.clone();
        let rows = world.clients[&7].rows.clone();
        world.disconnect(7);
        after.0.into_iter().for_each(|choices| step(&mut world, choices));
        world.resume(7, user(1), &log, rows);
        world.settle();
        world.save_cursors();
        prop_assert_eq!(&world.clients[&7].rows, &world.fresh_rows(user(1)));
    }
}
