//! Target `hub`: connections that open, send arbitrary frames and close, with an event log that may be slow or fail.
//!
//! A run is a sequence of steps; each is one byte followed by the bytes that this step reads: see [`step`].

mod memory_log;
mod peers;
mod world;

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::MessageId,
    wire::{self, client_command::Operation},
};

use self::world::World;
use crate::input::Input;

/// Nicks: valid ones, some equal after normalisation or confusable, and invalid ones.
const NICKS: [&str; 10] = ["tom", "Tom", "lili", "tom2", "t0m", "Parlour", "", "two  words", "a,b", "李丽"];
/// Message contents.
const TEXTS: [&str; 7] = ["hi", "", " ", "exit", "userlist", "one\ntwo", "a text that is a little longer"];
/// Maximum number of simultaneous connections.
const PEERS: usize = 6;

/// Plays the bytes. After each round of polling the hub's outputs: outputs name only open connections, each connection is
/// closed at most once, every member receives all messages in order, only stored messages are delivered or
/// acknowledged, whoever is welcomed holds the nick in the log, and the hub counts as many members as were admitted.
///
/// # Panics
/// If one of these properties does not hold.
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
            world.log_in(peer, nick, login);
        }
        5..=8 => {
            let peer = input.index(PEERS);
            let frame = frame(input);
            world.receive(peer, &codec::encode(&frame));
        }
        9 => {
            let peer = input.index(PEERS);
            let frames = (0..input.index(12)).map(|_| codec::encode(&frame(input))).collect();
            world.receive(peer, &codec::batch(frames));
        }
        10 => {
            let (peer, mut bytes) = (input.index(PEERS), codec::encode(&frame(input)).to_vec());
            let at = input.index(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = input.byte();
            }
            world.receive(peer, &bytes);
        }
        11 => {
            let peer = input.index(PEERS);
            world.receive(peer, input.bytes());
        }
        12 => world.advance(input.ms()),
        13 => world.set_clock(input.u16()),
        // Not after each step: input between two rounds is delivered as one batch.
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
        capabilities: if flags & 4 == 0 { vec![] } else { vec!["batch".into(), "rooms".into()] },
        secret: match flags >> 3 & 3 {
            0 => vec![],
            1 => vec![input.byte(); 32],
            2 => input.bytes().into(),
            _ => world.peers.secret(input.index(PEERS)),
        },
        positions: match flags >> 5 & 1 {
            0 => vec![],
            _ => vec![position(world, input, flags & 0x80 != 0)],
        },
        log: vec![flags >> 6 & 1; 16],
        ..wire::Login::default()
    }
}

/// A position of a client, which has the id of the message there, of another message, or none.
fn position(world: &World, input: &mut Input<'_>, has_id: bool) -> wire::RoomPosition {
    let seq = input.seq();
    let id = match if has_id { input.byte() } else { 1 } {
        0 => world.log.id(seq).map(|id| id.0.to_vec()).unwrap_or_default(),
        1 => Vec::new(),
        n => vec![n % 8; usize::from(n).min(16)],
    };
    wire::RoomPosition { seq, id, ..wire::RoomPosition::default() }
}

/// A command in the lobby.
fn command(request: u8, operation: Operation) -> Envelope {
    let (request, operation) = (request.into(), Some(operation));
    codec::extension(Extension::Command(wire::ClientCommand {
        request,
        operation,
        ..wire::ClientCommand::default()
    }))
}

/// Any frame that a peer may send.
fn frame(input: &mut Input<'_>) -> Envelope {
    let nick = |input: &mut Input<'_>| if input.flag() { input.pick(&NICKS) } else { "" };
    match input.byte() % 13 {
        0..=4 => {
            let id = match input.byte() {
                0 => None,
                n => Some(MessageId([n % 8; 16])),
            };
            codec::message(nick(input), id, input.pick(&TEXTS))
        }
        5 => codec::exit(nick(input)),
        6 => codec::user_list_request(nick(input)),
        7 => codec::extension(Extension::Ping(wire::Ping { nonce: input.seq() })),
        8 => command(1, Operation::ListMembers(wire::ListMembers::default())),
        9 => {
            let room = if input.flag() { Vec::new() } else { vec![1; 16] };
            let message = codec::message(nick(input), Some(MessageId([9; 16])), &input.text());
            codec::Envelope { room, ..message }
        }
        10 => {
            use wire::page_request::Start;
            let start = match input.byte() % 4 {
                0 => None,
                1 => Some(Start::Before(input.seq())),
                2 => Some(Start::After(input.seq())),
                _ => Some(Start::At(input.seq().cast_signed())),
            };
            let page = wire::PageRequest { start, count: input.byte().into() };
            command(input.byte(), Operation::Page(page))
        }
        11 => {
            let (query, before) = (input.pick(&["", "hi", "o"]).to_owned(), input.seq());
            let search = wire::RoomSearch { query, before, count: input.byte().into() };
            command(input.byte(), Operation::Search(search))
        }
        _ => codec::extension(Extension::SetAway(wire::SetAway { away: input.flag() })),
    }
}
