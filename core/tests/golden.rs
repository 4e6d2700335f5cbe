//! The encoding, byte for byte. The bytes are the contract with existing programs, so a change of a field's number, type
//! or order fails here.

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::MessageId,
    status::Status,
    wire::{self, history_request::Start, server_event::Body},
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check(envelope: &Envelope, golden: &str) {
    let bytes = codec::encode(envelope);
    assert_eq!(hex(&bytes), golden.replace(' ', ""), "{envelope:?}");
    assert_eq!(codec::decode(&bytes).as_ref(), Ok(envelope));
}

fn ext(extension: Extension, golden: &str) {
    check(&codec::extension(extension), golden);
}

#[test]
fn the_basic_dialect() {
    // From the original's schema: 0a userName, 12 type, 1a content, 22 userList {0a key, 12 value}.
    check(&codec::message("tom", None, "hi"), "0a03 746f6d 1204 74616c6b 1a02 6869");
    check(&codec::exit("tom"), "0a03 746f6d 1204 65786974 1a04 65786974");
    check(&codec::user_list_request("tom"), "0a03 746f6d 1208 757365726c697374");
    let list = codec::user_list(["tom", "lili"]);
    let envelope = Envelope { user_list: list, ..codec::message("tom", None, "hi") };
    check(
        &envelope,
        "0a03746f6d 120474616c6b 1a026869 220c 0a046c696c69 12046c696c69 220a 0a03746f6d 1203746f6d",
    );
}

#[test]
fn the_fields_of_a_message() {
    let envelope = Envelope {
        seq: 300,
        time: 1_700_000_000_000,
        reply_to: vec![1],
        thread: vec![2],
        edited: 3,
        attachments: vec![wire::Attachment {
            hash: vec![9],
            name: "n".into(),
            media_type: "m".into(),
            size: 1,
            width: 2,
            height: 3,
        }],
        reactions: vec![wire::Reaction { emoji: "+".into(), count: 2, nicks: vec!["a".into()] }],
        room: vec![0x72],
        ord: 4,
        sender: vec![0xCD],
        ..codec::message("a", Some(MessageId([0xAB; 16])), "b")
    };
    check(
        &envelope,
        "0a0161 120474616c6b 1a0162 2a0172 3210abababababababababababababababab 38ac02 4080d095ffbc31 4a0101 \
         520102 5803 620f 0a0109 12016e 1a016d 2001 2802 3003 6a08 0a012b 1002 1a0161 7004 8201 01cd",
    );
}

#[test]
fn logging_in() {
    let login = wire::Login {
        version: 1,
        capabilities: vec!["batch".into()],
        secret: vec![7],
        positions: vec![wire::RoomPosition { room: vec![0x72], seq: 5, ..wire::RoomPosition::default() }],
        agent: "a".into(),
        password: "p".into(),
        log: vec![8],
        attempt: "a".into(),
        open: vec![9],
        account_version: 10,
        link_code: "l".into(),
    };
    check(
        &codec::login("tom", login),
        "0a03746f6d 12056c6f67696e 7a 27 0801 12056261746368 1a0107 22050a01721005 2a0161 320170 3a0108 420161 \
         4a0109 500a 5a016c",
    );
    let limits = wire::Limits {
        content_bytes: 1,
        frame_bytes: 2,
        nick_chars: 3,
        messages_per_minute: 4,
        burst: 5,
        room_members: 6,
        attachment_bytes: 7,
        rooms: 8,
        subscriptions: 9,
        room_name_chars: 10,
        topic_bytes: 11,
    };
    ext(
        Extension::Welcome(wire::Welcome {
            version: 1,
            capabilities: vec!["b".into()],
            nick: "n".into(),
            secret: vec![7],
            limits: Some(limits),
            server_time: 1,
            resumed: true,
            server_name: "s".into(),
            heartbeat_ms: 9,
            log: vec![8],
            positions: vec![wire::RoomPosition { room: vec![0x72], seq: 5, ..wire::RoomPosition::default() }],
            account: vec![10],
            rows: Some(wire::AccountRows { version: 11, ..wire::AccountRows::default() }),
            window: Some(wire::RoomWindow { seq: 12, ..wire::RoomWindow::default() }),
        }),
        "8a01 41 0801 120162 1a016e 220107 2a16 0801 1002 1803 2004 2805 3006 3807 4008 4809 500a 580b 3001 3801 420173 4809 520108 \
         5a05 0a0172 1005 62010a 6a02 200b 7202 080c",
    );
}

#[test]
fn messages() {
    let accepted = vec![wire::Accepted { id: vec![1], seq: 2, time: 3 }];
    ext(Extension::Ack(wire::Ack { accepted }), "9201 09 0a07 0a0101 1002 1803");
    let mut refusal = codec::refusal(Status::NickTaken, None, 5, Some("t".into()));
    if let Some(Extension::Refusal(refusal)) = &mut refusal.extension {
        refusal.text = "x".into();
        refusal.id = vec![1];
        refusal.request = 6;
    }
    check(&refusal, "aa01 10 08a41f 120178 1a0101 2005 2a0174 3006");
    let frames = vec![vec![1].into(), vec![2, 3].into()];
    ext(Extension::Batch(wire::Batch { frames }), "c201 07 0a0101 0a020203");
}

#[test]
fn presence() {
    let member = wire::Member { nick: "a".into(), state: wire::PresenceState::Away.into() };
    let roster = wire::Roster { members: vec![member.clone()], total: 2, first: true, more: true };
    ext(Extension::Roster(roster), "9a01 0d 0a05 0a0161 1002 1002 1801 2001");
    ext(
        Extension::Presence(wire::Presence { changes: vec![member], time: 4 }),
        "a201 09 0a05 0a0161 1002 1004",
    );
    ext(Extension::RosterRequest(wire::RosterRequest {}), "b202 00");
    ext(Extension::SetAway(wire::SetAway { away: true }), "c202 02 0801");
    assert_eq!([wire::PresenceState::Left, wire::PresenceState::Online].map(|s| s as i32), [0, 1]);
}

#[test]
fn the_connection() {
    ext(Extension::Ping(wire::Ping { nonce: 1 }), "b201 02 0801");
    ext(Extension::Pong(wire::Pong { nonce: 1 }), "ba01 02 0801");
    ext(Extension::Resume(wire::Resume { from: 1 }), "ca01 02 0801");
    ext(Extension::GoingAway(wire::GoingAway { retry_after_ms: 1 }), "ba02 02 0801");
}

#[test]
fn history() {
    let request = |start| wire::HistoryRequest { start: Some(start), count: 2, request: 3 };
    ext(Extension::HistoryRequest(request(Start::Before(1))), "d201 06 0801 2002 2803");
    ext(Extension::HistoryRequest(request(Start::After(1))), "d201 06 1001 2002 2803");
    ext(Extension::HistoryRequest(request(Start::At(1))), "d201 06 1801 2002 2803");
    let page = wire::HistoryPage {
        request: 1,
        frames: vec![vec![2].into()],
        reached_start: true,
        reached_end: true,
        from: 3,
        to: 4,
        partial: false,
    };
    ext(Extension::HistoryPage(page), "da01 0d 0801 120102 1801 2001 2803 3004");
    let search = wire::SearchRequest { query: "q".into(), before: 1, count: 2, request: 3 };
    ext(Extension::SearchRequest(search), "e201 09 0a0171 1001 1802 2003");
}

#[test]
fn acting_on_a_message() {
    ext(Extension::Edit(wire::Edit { target: vec![1], content: "c".into() }), "ea01 06 0a0101 120163");
    ext(Extension::Retract(wire::Retract { target: vec![1] }), "f201 03 0a0101");
    let react = wire::React { target: vec![1], emoji: "+".into(), remove: true };
    ext(Extension::React(react), "fa01 08 0a0101 12012b 1801");
    ext(Extension::Typing(wire::Typing { typing: true }), "8202 02 0801");
}

#[test]
fn rooms() {
    let command = wire::ClientCommand {
        request: 1,
        room: vec![2],
        id: vec![3],
        operation: Some(wire::client_command::Operation::Subscribe(wire::Subscribe { seq: 4, id: vec![5] })),
    };
    ext(Extension::Command(command), "ca02 0f 0801 120102 1a0103 2205 0804 120105");
    let activity = wire::Activity { handles: vec![1, 2], messages: vec![3, 300] };
    let event = wire::ServerEvent { body: Some(Body::Activity(activity)), ..wire::ServerEvent::default() };
    ext(Extension::Event(event), "d202 0b 2209 0a02 0102 1203 03ac02");
}

/// Fields, types and enum values of a later version.
#[test]
fn unknown_fields_types_and_enum_values_are_skipped() {
    // Field 60 (reserved for later), bytes; then a message.
    let mut bytes = vec![0xE2, 0x03, 0x01, 0xFF];
    bytes.extend_from_slice(&codec::encode(&codec::message("tom", None, "hi")));
    assert_eq!(codec::decode(&bytes), Ok(codec::message("tom", None, "hi")));
    let unknown = Envelope { r#type: "dance".into(), ..Envelope::default() };
    assert_eq!(codec::kind(&unknown), codec::Kind::Message);
    let member = wire::Member { nick: "a".into(), state: 77 };
    assert_eq!(member.state(), wire::PresenceState::Left, "an unknown state is the default");
}
