//! Target `client`: a client with a user, other tabs, a server, a device and a clock that act in any order.
//!
//! A run is a sequence of steps; each is one byte followed by the bytes that this step reads: see [`step`].

mod device;
mod end;
mod pending;
mod server;
mod shown;
mod user;
mod world;

use parlour_core::{model::MessageId, status::Status};

use self::world::World;
use crate::input::Input;

/// Close codes: some of both ranges, and those that the client treats specially.
const CODES: [u16; 12] = [1000, 1001, 1005, 1006, 1007, 1009, 4001, 4004, 4022, 4400, 4501, 4503];

/// Plays the bytes. A message may leave the send queue only when it is acknowledged, echoed by the server, or discarded
/// by the user. Each command is answered at most once. At the end a well-behaved server must receive all remaining messages,
/// and every command is answered.
///
/// # Panics
/// If this does not hold.
pub fn client(data: &[u8]) {
    let mut input = Input::new(data);
    let mut world = World::new(input.byte().into());
    while !input.is_empty() {
        step(&mut world, &mut input);
        world.settle();
    }
    world.assert_all_arrive();
}

fn step(world: &mut World, input: &mut Input<'_>) {
    let now = world.now;
    match input.byte() % 24 {
        0 => world.log_in(),
        1 => world.client.handle_opened(now),
        2 => world.close(input.pick(&CODES)),
        3 => world.close(input.u16()),
        4..=8 => {
            let bytes = server::message(world, input);
            world.receive(&bytes);
        }
        9 => {
            let batch = server::batch(world, input);
            world.receive(&batch);
        }
        10 => {
            let joined = server::joined(input);
            world.receive(&joined);
        }
        11 => {
            let mut bytes = server::message(world, input);
            let at = input.index(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = input.byte();
            }
            world.receive(&bytes);
        }
        12 => world.receive(input.bytes()),
        13..=15 => world.send(input.byte()),
        16 => {
            let id = world.message_id(input.byte());
            world.client.handle_retry(now, world.room_of(id), id);
        }
        17 => world.discard(input.byte()),
        18 => match input.byte() % 8 {
            0 => world.client.handle_list_members(now),
            1 => world.client.handle_wake(now),
            2 => world.client.handle_reconnect(now),
            3 => world.client.handle_offline(now),
            4 => world.client.handle_visibility(now, true),
            5 => world.client.handle_visibility(now, false),
            6 => world.client.handle_hidden(),
            _ => world.log_out(),
        },
        19 => world.advance(input.ms()),
        20 => world.reload(),
        21 => world.step_device(input.byte()),
        22 => user::act(world, input),
        _ => match input.byte() % 8 {
            0 => world.client.handle_open_failed(now, Status::NoAnswer),
            1 => world.set_clock(input.u16()),
            2 => world.adopt_from_tab(input.byte()),
            3 => world.receive_text(input.bytes()),
            4 => drop(world.client.handle_rename(now, input.pick(&["tom2", "tom", ""]))),
            5 => world.client.handle_closed_tab(world::TAB),
            6 => {
                let id = world.message_id(input.byte());
                let _ = world.client.handle_settled(now, world.room_of(id), id);
            }
            _ => world.client.handle_retry(now, world::ROOMS[0], MessageId([0; 16])),
        },
    }
}
