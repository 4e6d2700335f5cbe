//! State and events equal state that is loaded afresh, with the real log.

use parlour_core::{
    model::RoomId,
    wire::{self, client_command::Operation},
};
use proptest::prelude::*;

use super::client::Client;
use crate::world;

const NICKS: [&str; 3] = ["tom", "lili", "tim"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn state_and_events_equal_state_loaded_afresh(
        steps in prop::collection::vec((0..12_u8, 0..6_usize, any::<u8>()), 1..60),
    ) {
        let mut w = world();
        let mut clients: Vec<_> = NICKS.iter().map(|nick| Client::login(&mut w, nick, &[])).collect();
        for at in 0..3 {
            let second = Client::login(&mut w, NICKS[at], &clients[at].secret.clone());
            clients.push(second);
        }
        let mut rooms = vec![RoomId::LOBBY];
        for kind in [wire::RoomKind::Public, wire::RoomKind::Private] {
            let [tom, lili, ..] = &mut clients[..] else { unreachable!() };
            rooms.push(tom.create(&mut w, kind, "room", &[lili]));
        }
        for (n, (what, at, choice)) in steps.into_iter().enumerate() {
            let room = rooms[usize::from(choice) % rooms.len()];
            let target = clients[usize::from(choice / 3) % 3].account.clone();
            let client = &mut clients[at];
            let operation = match what {
                0..=3 => {
                    client.post(&mut w, room, n as u8 + 1, "x");
                    continue;
                }
                4 => Operation::Subscribe(wire::Subscribe::default()),
                5 => Operation::Unsubscribe(wire::Unsubscribe {}),
                6 => Operation::Join(wire::Join {}),
                7 => Operation::Leave(wire::Leave {}),
                8 => {
                    let role = [wire::Role::None, wire::Role::Invited, wire::Role::Owner];
                    let role = role[usize::from(choice / 9) % 3].into();
                    Operation::ChangeMember(wire::ChangeMember { account: target, role })
                }
                9 => {
                    client.update(&w);
                    client.read_up_to(&mut w, room, u64::from(choice % 8), u32::from(choice / 200));
                    continue;
                }
                10 => Operation::ReadAll(wire::ReadAll {}),
                _ => {
                    w.advance(u64::from(choice) * 20);
                    continue;
                }
            };
            client.update(&w);
            let is_unsubscribe = matches!(operation, Operation::Unsubscribe(_));
            client.command(&mut w, room, operation);
            if is_unsubscribe {
                client.positions.remove(&room);
            }
        }
        w.advance(40_000);
        for client in &mut clients {
            client.update(&w);
        }
        for at in 0..6 {
            let fresh = Client::login(&mut w, NICKS[at % 3], &clients[at].secret.clone());
            prop_assert_eq!(&clients[at].rows, &fresh.rows, "{}", at);
        }
        // And from the log alone.
        w.restart();
        for at in 0..3 {
            let fresh = Client::login(&mut w, NICKS[at], &clients[at].secret.clone());
            prop_assert_eq!(&clients[at].rows, &fresh.rows, "{}", at);
        }
    }
}
