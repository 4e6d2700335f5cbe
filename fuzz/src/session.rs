//! Target `session`: a client session with a user, a server, a device and a clock that act in any order.
//!
//! A run is a sequence of steps; each is one byte followed by the bytes that this step reads: see [`step`].

mod device;
mod end;
mod pending;
mod server;
mod world;

use parlour_core::{model::SeekTarget, ranges::Range, status::Status};

use self::world::World;
use crate::input::Input;

/// Close codes: some of both ranges, and those that the session treats specially.
const CODES: [u16; 12] = [1000, 1001, 1005, 1006, 1007, 1009, 4001, 4004, 4022, 4400, 4501, 4503];

/// Plays the bytes. A message may leave the send queue only when it is acknowledged, echoed by the server, or discarded
/// by the user. At the end a well-behaved server must receive all remaining messages.
///
/// # Panics
/// If this does not hold.
pub fn session(data: &[u8]) {
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
        1 => world.session.handle_opened(now),
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
        16 => world.session.handle_retry(now, world.message_id(input.byte())),
        17 => world.discard(input.byte()),
        18 => match input.byte() % 8 {
            0 => world.session.handle_list_members(),
            1 => world.session.handle_wake(now),
            2 => world.session.handle_reconnect(now),
            3 => world.session.handle_offline(now),
            4 => world.session.handle_visibility(now, true),
            5 => world.session.handle_visibility(now, false),
            6 => world.session.handle_hidden(),
            _ => world.exit(),
        },
        19 => world.advance(input.ms()),
        20 => world.reload(),
        21 => world.step_device(input.byte()),
        22 => match input.byte() % 8 {
            0 => world.session.handle_evicted(Range { from: input.seq(), to: input.seq() }),
            1 => world.session.handle_load_gap(now, input.seq()),
            2 => world.session.handle_seek(now, SeekTarget::Seq(input.seq())),
            3 => world.session.handle_seek(now, SeekTarget::Time(world.now.unix)),
            4 => world.session.handle_seek_for(now, input.seq(), SeekTarget::Seq(input.seq())),
            5 => world.session.handle_search(now, "hello", input.seq()),
            6 => world.session.handle_search_for(now, input.seq(), "hello", input.seq()),
            _ => world.session.handle_load_gap_for(now, 1, input.seq()),
        },
        _ => match input.byte() % 4 {
            0 => world.session.handle_open_failed(Status::NoAnswer),
            1 => world.set_clock(input.u16()),
            2 => world.adopt_from_tab(input.byte()),
            _ => world.session.handle_adopt(now, input.bytes()),
        },
    }
}
