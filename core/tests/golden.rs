//! The encoding, byte for byte. The bytes are the contract with existing programs, so a change of a field's number, type
//! or order fails here.

use parlour_core::{
    codec::{self, Envelope, Extension},
    model::MessageId,
    request::{self, Request},
    status::Status,
    wire::{
        self, client_command::Operation, page_request::Start, response::Result as Answer, server_event::Body,
    },
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    let digit = |digit: char| u8::try_from(digit.to_digit(16)?).ok();
    let digits: Vec<_> = hex.chars().filter_map(digit).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
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
        reactions: vec![wire::Reaction { emoji: "+".into(), count: 2 }],
        reacted: Some(wire::Reacted { account: vec![1], emoji: vec!["+".into()] }),
        room: vec![0x72],
        ord: 4,
        sender: vec![0xCD],
        ..codec::message("a", Some(MessageId([0xAB; 16])), "b")
    };
    check(
        &envelope,
        "0a0161 120474616c6b 1a0162 2a0172 3210abababababababababababababababab 38ac02 4080d095ffbc31 4a0101 \
         520102 5803 620f 0a0109 12016e 1a016d 2001 2802 3003 6a05 0a012b 1002 7004 8201 01cd ea02 06 0a0101 12012b",
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
            account: vec![10],
            rows: Some(wire::AccountRows { version: 11, ..wire::AccountRows::default() }),
            window: Some(wire::RoomWindow { seq: 12, ..wire::RoomWindow::default() }),
        }),
        "8a01 3a 0801 120162 1a016e 220107 2a16 0801 1002 1803 2004 2805 3006 3807 4008 4809 500a 580b 3001 3801 420173 4809 520108 \
         62010a 6a02 200b 7202 080c",
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
    }
    check(&refusal, "aa01 0e 08a41f 120178 1a0101 2005 2a0174");
    let frames = vec![vec![1].into(), vec![2, 3].into()];
    ext(Extension::Batch(wire::Batch { frames }), "c201 07 0a0101 0a020203");
}

#[test]
fn presence() {
    let state = wire::PresenceState::Away.into();
    let person = wire::Person { account: vec![1], nick: "a".into(), state };
    let changes = wire::PresenceChanges { people: vec![person], time: 4, partners: true };
    let event = wire::ServerEvent { body: Some(Body::Presence(changes)), ..wire::ServerEvent::default() };
    ext(Extension::Event(event), "d202 10 3a0e 0a08 0a0101 120161 1802 1004 1801");
    ext(Extension::SetAway(wire::SetAway { away: true }), "c202 02 0801");
    assert_eq!([wire::PresenceState::Left, wire::PresenceState::Online].map(|s| s as i32), [0, 1]);
}

#[test]
fn the_connection() {
    ext(Extension::Ping(wire::Ping { nonce: 1 }), "b201 02 0801");
    ext(Extension::Pong(wire::Pong { nonce: 1 }), "ba01 02 0801");
    ext(Extension::GoingAway(wire::GoingAway { retry_after_ms: 1 }), "ba02 02 0801");
}

#[test]
fn history() {
    let page = |start| {
        let operation = Some(Operation::Page(wire::PageRequest { start: Some(start), count: 2 }));
        Extension::Command(wire::ClientCommand { request: 3, operation, ..wire::ClientCommand::default() })
    };
    ext(page(Start::Before(1)), "ca02 08 0803 3204 0801 2802");
    ext(page(Start::After(1)), "ca02 08 0803 3204 1001 2802");
    ext(page(Start::Around(1)), "ca02 08 0803 3204 1801 2802");
    ext(page(Start::At(1)), "ca02 08 0803 3204 2001 2802");
    let search = Operation::Search(wire::RoomSearch { query: "q".into(), before: 1, count: 2 });
    let command = wire::ClientCommand { operation: Some(search), ..wire::ClientCommand::default() };
    ext(Extension::Command(command), "ca02 09 3a07 0a0171 1001 1802");
    let message = wire::PageMessage {
        id: vec![1],
        seq: 2,
        ord: 3,
        time: 4,
        sender: 5,
        content: "c".into(),
        edited: 6,
        deleted: true,
        reactions: vec![wire::Reaction { emoji: "+".into(), count: 2 }],
        own: vec!["+".into()],
    };
    let page = wire::MessagePage {
        messages: vec![message],
        people: vec![wire::Person { nick: "a".into(), ..wire::Person::default() }],
        from: 3,
        to: 4,
        first_ord: 5,
        head_ord: 6,
        seq: 7,
        complete: true,
        partial: true,
    };
    let response = wire::Response { request: 1, result: Some(Answer::Page(page)) };
    let event = wire::ServerEvent { body: Some(Body::Response(response)), ..wire::ServerEvent::default() };
    ext(
        Extension::Event(event),
        "d202 37 1235 0801 2a31 0a1c 0a0101 1002 1803 2004 2805 320163 3806 4001 4a05 0a012b 1002 52012b 1203 120161 1803 2004 2805 3006 3807 4001 4801",
    );
}

#[test]
fn acting_on_a_message() {
    let command = |operation| {
        Extension::Command(wire::ClientCommand {
            operation: Some(operation),
            ..wire::ClientCommand::default()
        })
    };
    let change = wire::ChangeMessage { ord: 1, id: vec![2], content: "c".into() };
    ext(command(Operation::ChangeMessage(change)), "ca02 0b aa01 08 0801 120102 1a0163");
    let list = wire::ListRevisions { ord: 1, id: vec![2] };
    ext(command(Operation::ListRevisions(list)), "ca02 08 b201 05 0801 120102");
    let react = wire::React { ord: 1, id: vec![2], emoji: "+".into(), remove: true };
    ext(command(Operation::React(react)), "ca02 0d ba01 0a 0801 120102 1a012b 2001");
    let list = wire::ListReactions { ord: 1, id: vec![2], emoji: "+".into() };
    ext(command(Operation::ListReactions(list)), "ca02 0b c201 08 0801 120102 1a012b");
    ext(Extension::Typing(wire::Typing { typing: true }), "8202 02 0801");
}

#[test]
fn rooms() {
    let command = wire::ClientCommand {
        request: 1,
        room: vec![2],
        id: vec![3],
        operation: Some(Operation::Subscribe(wire::Subscribe { seq: 4, id: vec![5] })),
    };
    ext(Extension::Command(command), "ca02 0f 0801 120102 1a0103 2205 0804 120105");
    let activity = wire::Activity { handles: vec![1, 2], messages: vec![3, 300] };
    let event = wire::ServerEvent { body: Some(Body::Activity(activity)), ..wire::ServerEvent::default() };
    ext(Extension::Event(event), "d202 0b 2209 0a02 0102 1203 03ac02");
}

/// The extensions and fields of pages that know only the lobby, as those pages and their servers encoded them. Their numbers are
/// reserved.
#[test]
fn extensions_and_fields_of_pages_without_rooms_are_unknown() {
    let extensions = [
        ("a page of the member list", "9a01 0d 0a05 0a0161 1002 1002 1801 2001"),
        ("changes of the member list", "a201 09 0a05 0a0161 1002 1004"),
        ("a request for the member list", "b202 00"),
        ("the end of skipped messages", "ca01 02 0801"),
        ("a request for history by number", "d201 06 0801 2002 2803"),
        ("a request for history by time", "d201 06 1801 2002 2803"),
        ("a page of history", "da01 0d 0801 120102 1801 2001 2803 3004"),
        ("a search", "e201 09 0a0171 1001 1802 2003"),
    ];
    for (what, golden) in extensions {
        let bytes = unhex(golden);
        assert_eq!(codec::decode(&bytes), Ok(Envelope::default()), "{what}");
        assert_eq!(request::decode(&bytes), Ok(vec![Request::default()]), "{what}");
    }
    let welcome = wire::Welcome { version: 1, ..wire::Welcome::default() };
    let refusal = wire::Refusal { code: 4001, ..wire::Refusal::default() };
    let positions = vec![wire::RoomPosition { seq: 5, ..wire::RoomPosition::default() }];
    let fields = [
        ("positions in a welcome", "8a01 06 0801 5a02 1005", Extension::Welcome(welcome)),
        ("the request of a refusal", "aa01 05 08a11f 3006", Extension::Refusal(refusal)),
        (
            "a position that is reset",
            "7a 08 0801 2204 1005 2001",
            Extension::Login(wire::Login { version: 1, positions, ..wire::Login::default() }),
        ),
    ];
    for (what, golden, extension) in fields {
        assert_eq!(codec::decode(&unhex(golden)), Ok(codec::extension(extension)), "{what}");
    }
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
    let person = wire::Person { state: 77, ..wire::Person::default() };
    assert_eq!(person.state(), wire::PresenceState::Left, "an unknown state is the default");
}
