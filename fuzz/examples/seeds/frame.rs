//! Seeds of the target `frame`: frames of every kind.

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::MessageId,
    status::Status,
    wire::{self, client_command::Operation, server_event::Body},
};

/// All seeds.
pub fn seeds() -> Vec<Vec<u8>> {
    [frames(), lists()].concat()
}

fn event(body: Body) -> Extension {
    Extension::Event(wire::ServerEvent { room: vec![3; 16], body: Some(body) })
}

fn command(operation: Operation) -> Extension {
    Extension::Command(wire::ClientCommand {
        request: 1,
        room: vec![3; 16],
        operation: Some(operation),
        ..wire::ClientCommand::default()
    })
}

/// Frames of both dialects, batches, joined messages, and truncated ones.
fn frames() -> Vec<Vec<u8>> {
    let id = Some(MessageId([7; 16]));
    let person = wire::Person { account: vec![2; 16], nick: "lili".into(), state: 1 };
    let list = codec::user_list(["tom", "lili"]);
    let talk = codec::message("tom", id, "hi");
    let stored = Envelope { seq: 300, time: 1_700_000_000_000, ..talk.clone() };
    let position = wire::RoomPosition { room: vec![3; 16], seq: 5, id: vec![7; 16] };
    let login = wire::Login {
        version: 1,
        capabilities: vec!["batch".into(), "rooms".into()],
        secret: vec![9; 32],
        positions: vec![position],
        ..wire::Login::default()
    };
    let welcome = wire::Welcome {
        version: 1,
        capabilities: vec!["batch".into()],
        nick: "tom".into(),
        secret: vec![9; 32],
        limits: Some(wire::Limits { content_bytes: 16384, burst: 20, ..wire::Limits::default() }),
        rows: Some(wire::AccountRows { version: 3, ..wire::AccountRows::default() }),
        ..wire::Welcome::default()
    };
    let window = wire::RoomWindow {
        seq: 300,
        frames: vec![codec::encode(&stored).into()],
        ..wire::RoomWindow::default()
    };
    let message = wire::PageMessage { id: vec![7; 16], seq: 300, ord: 299, ..wire::PageMessage::default() };
    let page = wire::MessagePage {
        messages: vec![message],
        people: vec![person.clone()],
        to: 299,
        head_ord: 299,
        ..wire::MessagePage::default()
    };
    let response = wire::Response { request: 1, result: Some(wire::response::Result::Page(page)) };
    let presence = wire::PresenceChanges { people: vec![person], time: -1, partners: true };
    let start = Some(wire::page_request::Start::Before(300));
    let search = wire::RoomSearch { query: "hi".into(), ..wire::RoomSearch::default() };
    let accepted = vec![wire::Accepted { id: vec![7; 16], seq: 300, time: 5 }];
    let attachment =
        wire::Attachment { hash: vec![1; 32], name: "a.png".into(), ..wire::Attachment::default() };
    let reaction = wire::Reaction { emoji: "+".into(), count: 2 };
    let reacted = wire::Reacted { account: vec![1; 16], emoji: vec!["+".into()] };
    let react = wire::React { ord: 300, id: vec![7; 16], emoji: "+".into(), remove: true };
    let change = wire::ChangeMessage { ord: 300, id: vec![7; 16], content: "ho".into() };
    let extensions = [
        Extension::Welcome(welcome),
        Extension::Ack(wire::Ack { accepted }),
        event(Body::Window(window)),
        event(Body::Presence(presence)),
        Extension::Ping(wire::Ping { nonce: u64::MAX }),
        Extension::GoingAway(wire::GoingAway { retry_after_ms: 1000 }),
        command(Operation::Page(wire::PageRequest { start, count: 100 })),
        event(Body::Response(response)),
        command(Operation::Search(search)),
        command(Operation::ChangeMessage(change)),
        command(Operation::React(react)),
    ];
    let mut frames = vec![
        Envelope { user_list: list, ..codec::message("tom", None, "hi") },
        codec::exit("tom"),
        codec::user_list_request("tom"),
        codec::login("tom", login),
        codec::refusal(Status::NickTaken, id, 5, Some("tom2".into())),
        Envelope {
            attachments: vec![attachment],
            reactions: vec![reaction],
            reacted: Some(reacted),
            edited: 1,
            ..stored
        },
        talk,
    ];
    frames.extend(extensions.map(codec::extension));
    let mut all: Vec<Vec<u8>> = frames.iter().map(|frame| codec::encode(frame).into()).collect();
    let joined = all[..3].join(&b'\n');
    let batch = codec::batch(all.iter().map(|bytes| bytes.clone().into()).collect());
    all.push(batch[..batch.len() - 3].into());
    all.extend([joined, batch.into()]);
    all
}

/// Envelopes with long lists of empty elements, which are many times as large after decoding, and damaged ones.
fn lists() -> Vec<Vec<u8>> {
    let talk = codec::message("tom", Some(MessageId([7; 16])), "hi");
    let attachments = vec![wire::Attachment::default(); 200];
    let reaction = wire::Reaction::default();
    let login = wire::Login {
        version: 1,
        capabilities: vec![String::new(); 100],
        positions: vec![wire::RoomPosition::default(); 100],
        ..wire::Login::default()
    };
    let ack = wire::Ack { accepted: vec![wire::Accepted::default(); 200] };
    let people = vec![wire::Person::default(); 200];
    let batch = wire::Batch { frames: vec![codec::encode(&talk); 8] };
    let nested =
        wire::Batch { frames: vec![codec::encode(&codec::extension(Extension::Batch(batch.clone())))] };
    let frames = [
        Envelope { attachments, ..talk.clone() },
        Envelope { reactions: vec![reaction; 300], ..talk },
        codec::login("tom", login),
        codec::extension(Extension::Ack(ack)),
        codec::extension(event(Body::Presence(wire::PresenceChanges {
            people,
            ..wire::PresenceChanges::default()
        }))),
        codec::extension(Extension::Batch(wire::Batch { frames: vec![Default::default(); 200] })),
        codec::extension(Extension::Batch(nested)),
        codec::extension(Extension::Batch(batch)),
    ];
    let mut all: Vec<Vec<u8>> = frames.iter().map(|frame| codec::encode(frame).into()).collect();
    // Groups in groups, an unknown field a hundred times, a text that is not UTF-8, and a list that is cut off.
    all.extend([
        [0xA3, 0x06].repeat(120),
        [0xA2, 0x06, 0].repeat(100),
        vec![0x1A, 1, 0xFF],
        all[0][..99].into(),
    ]);
    all
}
