//! The server's messages: mostly valid ones that refer to what this client has sent and requested.

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::{MessageId, RoomId, UserId},
    room_rows,
    status::Status,
    wire::{self, response::Result as Answer, room_event::Change, server_event::Body},
};

use super::world::{NICK, ROOMS, World};
use crate::input::Input;

/// The account of the client, unless a server assigns another one.
pub(super) const ME: UserId = UserId([1; 16]);
/// Another account.
pub(super) const OTHER: UserId = UserId([2; 16]);

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
    let extension = match input.byte() % 20 {
        0 | 1 => Extension::Welcome(welcome(world, input)),
        2 | 3 => Extension::Ack(wire::Ack {
            accepted: (0..=input.index(4)).map(|_| accepted(world, input)).collect(),
        }),
        4 => return talk(world, input),
        5 => return Envelope { sender: ME.0.to_vec(), ..talk(world, input) },
        6 | 7 => Extension::Refusal(refusal(world, input)),
        8 | 9 => return answer(world, input),
        10 => Extension::Ping(wire::Ping { nonce: input.seq() }),
        11 => {
            let nonce = if input.flag() { world.nonce } else { input.seq() };
            Extension::Pong(wire::Pong { nonce })
        }
        12 => return event(input.pick(&ROOMS), Body::Window(window(world, input))),
        13 => match input.flag() {
            true => Extension::GoingAway(wire::GoingAway { retry_after_ms: u32::from(input.u16()) << 8 }),
            false => return event(RoomId::LOBBY, Body::Activity(activity(input))),
        },
        14 => Extension::Login(wire::Login { version: 1, ..wire::Login::default() }),
        15 => return basic(input),
        16 => return event(input.pick(&ROOMS), Body::Event(room_event(input))),
        17 => return event(RoomId::LOBBY, Body::Rows(rows(input))),
        18 => {
            let (people, time, partners) = (people(input), input.seq().cast_signed(), input.flag());
            return event(RoomId::LOBBY, Body::Presence(wire::PresenceChanges { people, time, partners }));
        }
        _ => Extension::Typing(wire::Typing { typing: true }),
    };
    codec::extension(extension)
}

fn event(room: RoomId, body: Body) -> Envelope {
    codec::extension(Extension::Event(wire::ServerEvent { room: room.to_wire(), body: Some(body) }))
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

/// The id of a message: of this client, an unknown one, or none.
fn id(world: &World, input: &mut Input<'_>) -> Option<MessageId> {
    match input.byte() {
        0 => None,
        n @ 1..=9 => Some(MessageId([n; 16])),
        n => Some(world.message_id(n)),
    }
}

fn content(world: &World, id: Option<MessageId>, input: &mut Input<'_>) -> String {
    let own = if input.flag() { id.and_then(|id| world.content(id)) } else { None };
    own.unwrap_or_else(|| input.pick(&TEXTS).into())
}

/// A message of any room and account.
fn talk(world: &World, input: &mut Input<'_>) -> Envelope {
    let id = id(world, input);
    let content = content(world, id, input);
    let seq = input.seq();
    let (room, ord) = (input.pick(&ROOMS).to_wire(), seq.saturating_sub(u64::from(input.flag())));
    let (time, sender) = (i64::from(input.byte()), input.pick(&[OTHER, ME]).0.to_vec());
    let changed = time > 200;
    let reacted = changed.then(|| wire::Reacted { account: sender.clone(), emoji: vec!["+".into()] });
    Envelope {
        room,
        seq,
        ord,
        time,
        sender,
        changed,
        reactions: if changed { reactions(seq) } else { Vec::new() },
        reacted,
        ..codec::message(input.pick(&NICKS), id, &content)
    }
}

fn accepted(world: &World, input: &mut Input<'_>) -> wire::Accepted {
    let id = world.message_id(input.byte()).0.to_vec();
    wire::Accepted { id, seq: input.seq(), time: input.byte().into() }
}

fn welcome(world: &World, input: &mut Input<'_>) -> wire::Welcome {
    let flags = input.byte();
    let has = |bit: u8| flags & bit != 0;
    let mut capabilities: Vec<String> = Vec::new();
    capabilities.extend(has(1).then(|| "batch".into()));
    capabilities.extend((flags & 0x70 != 0x60).then(|| "rooms".into()));
    let small = || wire::Limits {
        content_bytes: 20,
        frame_bytes: 40,
        messages_per_minute: 60,
        burst: 2,
        subscriptions: 2,
        ..wire::Limits::default()
    };
    let account = if flags & 0x70 == 0x50 { OTHER } else { world.client.account().unwrap_or(ME) };
    wire::Welcome {
        version: if flags & 0x70 == 0x70 { 2 } else { 1 },
        capabilities,
        nick: if has(8) { input.pick(&NICKS).into() } else { String::new() },
        secret: vec![flags; 32],
        limits: has(4).then(small),
        heartbeat_ms: input.ms().try_into().unwrap_or(0),
        log: vec![1 + (flags >> 7); 16],
        account: account.0.to_vec(),
        rows: has(2).then(|| rows(input)),
        window: (flags & 0x70 == 0x10).then(|| window(world, input)),
        ..wire::Welcome::default()
    }
}

fn refusal(world: &World, input: &mut Input<'_>) -> wire::Refusal {
    let status = Status::ALL[input.index(Status::ALL.len())];
    let id = match input.byte() {
        0 | 1 => vec![],
        n => world.message_id(n).0.to_vec(),
    };
    let retry_after_ms = if input.flag() { input.ms().try_into().unwrap_or(0) } else { 0 };
    wire::Refusal { code: status.code().into(), id, retry_after_ms, ..wire::Refusal::default() }
}

/// The answer to the last command, or to another one.
fn answer(world: &World, input: &mut Input<'_>) -> Envelope {
    let request = if input.flag() { input.byte().into() } else { world.request };
    let result = match input.byte() % 8 {
        0 => Answer::Done(wire::Done { seq: input.seq(), time: 5 }),
        1 => Answer::Refusal(refusal(world, input)),
        2 => Answer::Window(window(world, input)),
        3 => Answer::Page(page(world, input)),
        4 => Answer::Room(row(input)),
        5 => Answer::Rooms(wire::RoomPage::default()),
        6 => Answer::People(wire::PeoplePage { people: people(input), ..wire::PeoplePage::default() }),
        _ => Answer::Link(wire::DeviceLink { code: "abc".into(), expires: 6 }),
    };
    event(input.pick(&ROOMS), Body::Response(wire::Response { request, result: Some(result) }))
}

fn window(world: &World, input: &mut Input<'_>) -> wire::RoomWindow {
    let flags = input.byte();
    let frames = (0..input.index(4)).map(|_| codec::encode(&replayed(world, input)).to_vec()).collect();
    wire::RoomWindow {
        seq: input.seq(),
        reset: flags & 1 != 0,
        behind: flags & 2 != 0,
        frames,
        page: (flags & 4 != 0).then(|| page(world, input)),
        topic: "tea".into(),
        members: flags.into(),
        people: Vec::new(),
    }
}

/// An event of a replay.
fn replayed(world: &World, input: &mut Input<'_>) -> Envelope {
    if input.flag() { event(RoomId::LOBBY, Body::Event(room_event(input))) } else { talk(world, input) }
}

/// The reactions to some of the messages.
fn reactions(seq: u64) -> Vec<wire::Reaction> {
    let reaction = |count| wire::Reaction { emoji: "+".into(), count };
    (0..).take(seq as usize % 3).map(reaction).collect()
}

fn page(world: &World, input: &mut Input<'_>) -> wire::MessagePage {
    let (from, to) = (input.seq(), input.seq());
    let message = |input: &mut Input<'_>| {
        let id = id(world, input);
        let content = content(world, id, input);
        let id = id.map(|id| id.0.to_vec()).unwrap_or_default();
        let (seq, ord) = (input.seq(), input.seq());
        let (edited, deleted) = (i64::from(input.byte() % 2), input.byte() == 0);
        let content = if deleted { String::new() } else { content };
        let sender = input.byte().into();
        let (reactions, own) = (reactions(seq), vec!["+".to_owned(); seq as usize % 2]);
        wire::PageMessage { id, seq, ord, time: 5, sender, content, edited, deleted, reactions, own }
    };
    wire::MessagePage {
        messages: (0..input.index(5)).map(|_| message(input)).collect(),
        people: people(input),
        from,
        to,
        first_ord: input.seq(),
        head_ord: input.seq(),
        seq: input.seq(),
        complete: input.flag(),
        partial: input.flag(),
    }
}

fn person(input: &mut Input<'_>) -> wire::Person {
    let account = input.pick(&[ME, OTHER, UserId([5; 16])]).0.to_vec();
    wire::Person { account, nick: input.pick(&NICKS).into(), state: i32::from(input.byte() % 4) }
}

fn people(input: &mut Input<'_>) -> Vec<wire::Person> {
    (0..input.index(5)).map(|_| person(input)).collect()
}

fn room_event(input: &mut Input<'_>) -> wire::RoomEvent {
    let change = match input.byte() % 4 {
        0 => Change::Name("name".into()),
        1 => Change::Topic("topic".into()),
        2 => Change::Archived(input.flag()),
        _ => Change::Member(wire::MemberChange {
            person: Some(person(input)),
            role: i32::from(input.byte() % 6),
            members: Some(3),
        }),
    };
    wire::RoomEvent { seq: input.seq(), time: 5, sender: Some(person(input)), change: Some(change) }
}

fn activity(input: &mut Input<'_>) -> wire::Activity {
    let count = input.index(4);
    wire::Activity {
        handles: (0..count).map(|_| u32::from(input.byte() % 4)).collect(),
        messages: (0..count).map(|_| input.seq()).collect(),
    }
}

fn rows(input: &mut Input<'_>) -> wire::AccountRows {
    let rows: Vec<_> = (0..input.index(4)).map(|_| row(input)).collect();
    wire::AccountRows {
        rows: room_rows::pack(rows),
        more: input.flag(),
        complete: input.flag(),
        version: input.seq(),
        nick: if input.flag() { input.pick(&NICKS).into() } else { String::new() },
    }
}

fn row(input: &mut Input<'_>) -> wire::RoomRow {
    let at = input.index(ROOMS.len());
    wire::RoomRow {
        room: ROOMS[at].to_wire(),
        handle: u32::try_from(at).unwrap_or(0),
        kind: i32::from(input.byte() % 5),
        name: "tea".into(),
        role: i32::from(input.byte() % 6),
        head_ord: input.seq(),
        unread: input.seq(),
        cursor_version: input.byte().into(),
        attention: input.byte().into(),
        people: people(input),
        ..wire::RoomRow::default()
    }
}
