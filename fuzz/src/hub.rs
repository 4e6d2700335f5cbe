//! The server's rooms: connections that come, say anything, and go, and a log that is slow or fails, in any order.
//!
//! The run is a sequence of steps, each a byte and what that step reads: see [`step`].

mod log;
mod peers;
mod world;

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::MessageId,
    wire,
};

use self::world::World;
use crate::input::Input;

/// Names, some of which are the same or look it, and some of which nobody may have.
const NICKS: [&str; 10] = ["tom", "Tom", "lili", "tom2", "t0m", "Parlour", "", "two  words", "a,b", "李丽"];
/// What is said.
const TEXTS: [&str; 7] = ["hi", "", " ", "exit", "userlist", "one\ntwo", "a text that is a little longer"];
/// The most connections at once.
const PEERS: usize = 6;

/// Plays the bytes. After each round of asking the hub what it wants: it wants something only of those who are there,
/// nobody is closed twice, everybody hears all of the room in order, nothing is said or acknowledged that the log does
/// not have, and as many are there as have been let in.
///
/// # Panics
/// When it does not hold.
pub fn hub(data: &[u8]) {
    let mut input = Input::new(data);
    let mut world = World::new(&mut input);
    while !input.is_empty() {
        step(&mut world, &mut input);
    }
    world.settle();
    world.shut_down();
}

fn step(world: &mut World, input: &mut Input<'_>) {
    match input.byte() % 20 {
        0 | 1 => world.connect(input.index(PEERS)),
        2 => world.disconnect(input.index(PEERS)),
        3 | 4 => {
            let (peer, nick) = (input.index(PEERS), input.pick(&NICKS));
            let login = login(world, input);
            world.give(peer, &codec::encode(&codec::login(nick, login)));
        }
        5..=8 => {
            let peer = input.index(PEERS);
            let frame = frame(input);
            world.give(peer, &codec::encode(&frame));
        }
        9 => {
            let peer = input.index(PEERS);
            let frames = (0..input.index(12)).map(|_| codec::encode(&frame(input))).collect();
            world.give(peer, &codec::batch(frames));
        }
        10 => {
            let (peer, mut bytes) = (input.index(PEERS), codec::encode(&frame(input)).to_vec());
            let at = input.index(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = input.byte();
            }
            world.give(peer, &bytes);
        }
        11 => {
            let peer = input.index(PEERS);
            world.give(peer, input.bytes());
        }
        12 => world.pass(input.ms()),
        13 => world.set_clock(input.u16()),
        // Only now and then: what comes in between two rounds is delivered together.
        14 | 15 => world.settle(),
        16 => world.log(input.byte()),
        17 => world.overflow(input.index(PEERS)),
        18 => world.drain(input.index(PEERS)),
        _ => match input.byte() {
            0..0x80 => world.restart(),
            0xFF => world.shut_down(),
            _ => {}
        },
    }
}

fn login(world: &World, input: &mut Input<'_>) -> wire::Login {
    let flags = input.byte();
    wire::Login {
        version: (flags & 3).into(),
        capabilities: if flags & 4 == 0 { vec![] } else { vec!["batch".into(), "history".into()] },
        secret: match flags >> 3 & 3 {
            0 => vec![],
            1 => vec![input.byte(); 32],
            2 => input.bytes().into(),
            _ => world.peers.secret(input.index(PEERS)),
        },
        positions: match flags >> 5 & 1 {
            0 => vec![],
            _ => vec![wire::RoomPosition { room: String::new(), seq: input.seq() }],
        },
        log: vec![flags >> 6 & 1; 16],
        ..wire::Login::default()
    }
}

/// Something that a peer may send.
fn frame(input: &mut Input<'_>) -> Envelope {
    let nick = |input: &mut Input<'_>| if input.flag() { input.pick(&NICKS) } else { "" };
    match input.byte() % 13 {
        0..=4 => {
            let id = match input.byte() {
                0 => None,
                n => Some(MessageId([n % 8; 16])),
            };
            codec::message(nick(input), "", id, input.pick(&TEXTS))
        }
        5 => codec::exit(nick(input)),
        6 => codec::user_list_request(nick(input)),
        7 => codec::extension("", Extension::Ping(wire::Ping { nonce: input.seq() })),
        8 => codec::extension("", Extension::RosterRequest(wire::RosterRequest {})),
        9 => codec::message(nick(input), input.pick(&["", "other"]), Some(MessageId([9; 16])), &input.text()),
        10 => {
            use wire::history_request::Start;
            let start = match input.byte() % 4 {
                0 => None,
                1 => Some(Start::Before(input.seq())),
                2 => Some(Start::After(input.seq())),
                _ => Some(Start::At(input.seq().cast_signed())),
            };
            let request =
                wire::HistoryRequest { start, count: input.byte().into(), request: input.byte().into() };
            codec::extension("", Extension::HistoryRequest(request))
        }
        11 => {
            let (query, before) = (input.pick(&["", "hi", "o"]).to_owned(), input.seq());
            let search = wire::SearchRequest {
                query,
                before,
                count: input.byte().into(),
                request: input.byte().into(),
            };
            codec::extension("", Extension::SearchRequest(search))
        }
        _ => codec::extension("", Extension::SetAway(wire::SetAway { away: input.flag() })),
    }
}
