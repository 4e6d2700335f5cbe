//! The server's messages: mostly valid ones that refer to what this client has sent and requested.

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::MessageId,
    status::Status,
    wire,
};

use super::world::{NICK, World};
use crate::input::Input;

const NICKS: [&str; 6] = [NICK, "lili", "Tom", "", "a,b", "李丽"];
const TEXTS: [&str; 6] = ["hi", "", "exit", "tom,lili,", "\n", "a text that is a little longer"];

/// One encoded frame.
pub(super) fn message(world: &World, input: &mut Input<'_>) -> Vec<u8> {
    codec::encode(&frame(world, input)).into()
}

/// Several frames batched in one, as a rich server sends them.
pub(super) fn batch(world: &World, input: &mut Input<'_>) -> Vec<u8> {
    codec::batch((0..input.index(8)).map(|_| codec::encode(&frame(world, input))).collect()).into()
}

/// Several frames separated by line feeds, as a basic server sends them.
pub(super) fn joined(input: &mut Input<'_>) -> Vec<u8> {
    let frames: Vec<_> = (0..input.index(5)).map(|_| codec::encode(&basic(input))).collect();
    frames.join(&b'\n')
}

fn frame(world: &World, input: &mut Input<'_>) -> Envelope {
    let extension = match input.byte() % 16 {
        0 | 1 => Extension::Welcome(welcome(input)),
        2 | 3 => Extension::Ack(wire::Ack {
            accepted: (0..=input.index(4)).map(|_| accepted(world, input)).collect(),
        }),
        4 => return talk(world, input),
        5 => return Envelope { user_name: NICK.into(), ..talk(world, input) },
        6 | 7 => Extension::Refusal(refusal(world, input)),
        8 => Extension::Roster(wire::Roster {
            members: members(input),
            total: input.byte().into(),
            first: input.flag(),
            more: input.flag(),
        }),
        9 => Extension::Presence(wire::Presence { changes: members(input), time: input.seq().cast_signed() }),
        10 => Extension::Ping(wire::Ping { nonce: input.seq() }),
        11 => {
            let nonce = if input.flag() { world.nonce } else { input.seq() };
            Extension::Pong(wire::Pong { nonce })
        }
        12 => Extension::HistoryPage(page(world, input)),
        13 => match input.flag() {
            true => Extension::GoingAway(wire::GoingAway { retry_after_ms: u32::from(input.u16()) << 8 }),
            false => Extension::Resume(wire::Resume { from: input.seq() }),
        },
        14 => Extension::Login(wire::Login { version: 1, ..wire::Login::default() }),
        _ => return basic(input),
    };
    codec::extension(extension)
}

fn basic(input: &mut Input<'_>) -> Envelope {
    let list = (0..input.index(4)).map(|_| input.pick(&NICKS));
    Envelope {
        user_list: codec::user_list(list),
        user_name: input.pick(&NICKS).into(),
        r#type: input.pick(&["talk", "", "exit", "userlist", "login"]).into(),
        content: input.pick(&TEXTS).into(),
        ..Envelope::default()
    }
}

/// A message from any nick, with an id of this client, an unknown id, or none.
fn talk(world: &World, input: &mut Input<'_>) -> Envelope {
    let id = match input.byte() {
        0 => None,
        n @ 1..=9 => Some(MessageId([n; 16])),
        n => Some(world.message_id(n)),
    };
    let content = if input.flag() { id.and_then(|id| world.content(id)) } else { None };
    let content = content.unwrap_or_else(|| input.pick(&TEXTS).into());
    Envelope {
        seq: input.seq(),
        time: input.byte().into(),
        ..codec::message(input.pick(&NICKS), id, &content)
    }
}

fn accepted(world: &World, input: &mut Input<'_>) -> wire::Accepted {
    let id = world.message_id(input.byte()).0.to_vec();
    wire::Accepted { id, seq: input.seq(), time: input.byte().into() }
}

fn welcome(input: &mut Input<'_>) -> wire::Welcome {
    let flags = input.byte();
    let has = |bit: u8| flags & bit != 0;
    let mut capabilities: Vec<String> = Vec::new();
    capabilities.extend(has(1).then(|| "batch".into()));
    capabilities.extend(has(2).then(|| "history".into()));
    let small = || wire::Limits {
        content_bytes: 20,
        frame_bytes: 40,
        messages_per_minute: 60,
        burst: 2,
        ..wire::Limits::default()
    };
    wire::Welcome {
        version: if flags & 0x70 == 0x70 { 2 } else { 1 },
        capabilities,
        nick: if has(8) { input.pick(&NICKS).into() } else { String::new() },
        secret: vec![flags; 32],
        limits: has(4).then(small),
        server_time: 0,
        resumed: false,
        server_name: String::new(),
        heartbeat_ms: input.ms().try_into().unwrap_or(0),
        log: if has(2) { vec![1 + (flags >> 7)] } else { vec![] },
        positions: vec![wire::RoomPosition {
            seq: input.seq(),
            reset: flags & 0x70 == 0x10,
            ..wire::RoomPosition::default()
        }],
        ..wire::Welcome::default()
    }
}

fn refusal(world: &World, input: &mut Input<'_>) -> wire::Refusal {
    let status = Status::ALL[input.index(Status::ALL.len())];
    let (id, request) = match input.byte() {
        0 => (vec![], 0),
        1 => (vec![], world.request),
        n => (world.message_id(n).0.to_vec(), 0),
    };
    let retry_after_ms = if input.flag() { input.ms().try_into().unwrap_or(0) } else { 0 };
    wire::Refusal { code: status.code().into(), id, request, retry_after_ms, ..wire::Refusal::default() }
}

fn members(input: &mut Input<'_>) -> Vec<wire::Member> {
    let member = |input: &mut Input<'_>| wire::Member {
        nick: input.pick(&NICKS).into(),
        state: i32::from(input.byte() % 4),
    };
    (0..input.index(5)).map(|_| member(input)).collect()
}

fn page(world: &World, input: &mut Input<'_>) -> wire::HistoryPage {
    let request = if input.flag() { world.request } else { input.byte().into() };
    let (from, to) = (input.seq(), input.seq());
    let frames = (0..input.index(5)).map(|_| codec::encode(&talk(world, input)));
    wire::HistoryPage { request, from, to, frames: frames.collect(), ..wire::HistoryPage::default() }
}
