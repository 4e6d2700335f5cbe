//! Decoding on the server: it agrees with the complete schema about what it accepts, and its memory is bounded.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![cfg(not(target_arch = "wasm32"))] // counts allocations with an allocator of its own

mod allocator;

use allocator::measure;
use parlour_core::{
    codec::{self, BATCH_FRAMES, DecodeError, Envelope, Extension, Kind},
    model::MessageId,
    request::{self, COMMAND_PEOPLE, LOGIN_ELEMENTS, Request},
    wire,
};
use proptest::{collection::vec, prelude::*};

/// The default size limit of a frame from a client.
const FRAME_BYTES: usize = 64 * 1024;

/// A tag and the length of its content.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(u64::from(number) << 3 | 2, &mut bytes);
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    bytes.extend(content);
    bytes
}

/// Repeats an element as often as it fits into `size` bytes.
fn fill(element: &[u8], size: usize) -> Vec<u8> {
    element.repeat(size / element.len())
}

/// All extensions except Login and Batch, and whether the server accepts them.
fn extensions() -> Vec<(Extension, bool)> {
    vec![
        (Extension::Ping(wire::Ping { nonce: 7 }), true),
        (Extension::Pong(wire::Pong { nonce: 8 }), true),
        (Extension::Welcome(wire::Welcome { nick: "tom".into(), ..wire::Welcome::default() }), false),
        (Extension::Ack(wire::Ack { accepted: vec![wire::Accepted::default(); 3] }), false),
        (Extension::Refusal(wire::Refusal { code: 4000, ..wire::Refusal::default() }), false),
        (Extension::Typing(wire::Typing { typing: true }), false),
        (Extension::GoingAway(wire::GoingAway { retry_after_ms: 1 }), false),
        (Extension::SetAway(wire::SetAway { away: true }), false),
        (Extension::Event(wire::ServerEvent { room: vec![1; 16], ..wire::ServerEvent::default() }), false),
    ]
}

fn login() -> wire::Login {
    wire::Login {
        version: 1,
        capabilities: vec!["batch".into()],
        secret: vec![3; 32],
        positions: vec![wire::RoomPosition { seq: 4, id: vec![5; 16], ..wire::RoomPosition::default() }],
        agent: "agent".into(),
        log: vec![6; 16],
        attempt: "07".into(),
        ..wire::Login::default()
    }
}

fn only(envelope: &Envelope) -> Request {
    let mut requests = request::decode(&codec::encode(envelope)).unwrap();
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

/// The fields of a request, as an envelope has them.
fn common(request: &Request) -> (&str, &str, &str, &[u8], &[u8], Kind) {
    let Request { user_name, r#type, content, room, id, .. } = request;
    (user_name, r#type, content, room, id, request.kind())
}

#[test]
fn accepted_extensions_are_those_of_the_schema() {
    for (extension, is_accepted) in extensions() {
        let envelope = Envelope { room: vec![1; 16], ..codec::extension(extension.clone()) };
        let request = only(&envelope);
        assert_eq!(
            (request.room.as_slice(), request.kind()),
            (&[1; 16][..], Kind::Extension),
            "{extension:?}"
        );
        let same = match (request.extension.unwrap(), extension) {
            (request::Extension::Ping(a), Extension::Ping(b)) => a == b,
            (request::Extension::Pong(a), Extension::Pong(b)) => a == b,
            (refused, _) => {
                assert_eq!(codec_size(&refused), 0, "nothing of it is stored");
                false
            }
        };
        assert_eq!(same, is_accepted);
    }
    let request = only(&codec::login("tom", login()));
    assert_eq!((request.user_name.as_str(), request.kind()), ("tom", Kind::Login));
    let Some(request::Extension::Login(bytes)) = request.extension else { panic!("{request:?}") };
    assert_eq!(request::decode_login(&bytes), Ok(login()));
    let command = create_room(2);
    let request = only(&codec::extension(Extension::Command(command.clone())));
    let Some(request::Extension::Command(bytes)) = request.extension else { panic!("{request:?}") };
    assert_eq!(request::decode_command(&bytes), Ok(command));
}

/// A command with this number of people.
fn create_room(people: usize) -> wire::ClientCommand {
    let operation = wire::client_command::Operation::CreateRoom(wire::CreateRoom {
        kind: wire::RoomKind::Private.into(),
        name: "name".into(),
        topic: "topic".into(),
        people: vec![vec![2; 16]; people],
    });
    wire::ClientCommand { request: 1, room: vec![3; 16], id: vec![4; 16], operation: Some(operation) }
}

/// The size of an extension's content after decoding.
fn codec_size(extension: &request::Extension) -> usize {
    let request = Request { extension: Some(extension.clone()), ..Request::default() };
    // Without a tag of two bytes and a length of one.
    prost::Message::encoded_len(&request) - 3
}

#[test]
fn batches_are_decoded_one_by_one() {
    let message = |n: u8| codec::message("", Some(MessageId([n; 16])), "hi");
    let batch = codec::batch((0..9).map(|n| codec::encode(&message(n))).collect());
    let requests = request::decode(&batch).unwrap();
    assert_eq!(requests.iter().map(|r| r.id[0]).collect::<Vec<_>>(), (0..9).collect::<Vec<_>>());
    let nested = field(24, &field(1, &batch));
    assert_eq!(request::decode(&nested), Err(DecodeError::BadBatch));
    let frames = |n| field(24, &field(1, &[]).repeat(n));
    assert_eq!(request::decode(&frames(BATCH_FRAMES)).map(|r| r.len()), Ok(BATCH_FRAMES));
    assert_eq!(request::decode(&frames(BATCH_FRAMES + 1)), Err(DecodeError::BadBatch));
    assert_eq!(request::decode(&frames(0)).map(|r| r.len()), Ok(1), "it counts against the rate limit");
    assert!(request::decode(&field(24, &[0x0A, 5, 0])).is_err(), "truncated");
}

#[test]
fn lists_of_a_login_are_bounded() {
    let login = |n| [field(2, b"a").repeat(n / 2), field(4, b"").repeat(n - n / 2)].concat();
    assert!(request::decode_login(&login(LOGIN_ELEMENTS)).is_ok());
    assert_eq!(request::decode_login(&login(LOGIN_ELEMENTS + 1)), Err(DecodeError::TooManyElements));
}

#[test]
fn lists_of_a_command_are_bounded() {
    let command = |n| prost::Message::encode_to_vec(&create_room(n));
    assert!(request::decode_command(&command(COMMAND_PEOPLE)).is_ok());
    assert_eq!(request::decode_command(&command(COMMAND_PEOPLE + 1)), Err(DecodeError::TooManyElements));
    // The operation may be encoded in several parts, which prost merges.
    let half = field(10, &field(4, &[2; 16]).repeat(COMMAND_PEOPLE / 2 + 1));
    assert!(request::decode_command(&half).is_ok());
    assert_eq!(request::decode_command(&half.repeat(2)), Err(DecodeError::TooManyElements));
}

#[test]
fn decoding_allocates_a_small_multiple_of_its_input() {
    let element = field(12, b"");
    let map_entry = field(4, b"");
    let list = |number, inner| field(number, &fill(&field(inner, b""), FRAME_BYTES - 16));
    let cases = [
        ("empty attachments", fill(&element, FRAME_BYTES)),
        ("empty reactions", fill(&field(13, b""), FRAME_BYTES)),
        ("empty members of the list", fill(&map_entry, FRAME_BYTES)),
        ("capabilities in a login", list(15, 2)),
        ("positions in a login", list(15, 4)),
        ("many logins", fill(&field(15, &field(4, b"")), FRAME_BYTES)),
        ("frames in a batch", list(24, 1)),
        ("people of a command", field(41, &list(10, 4))),
        ("as many frames as are allowed", field(24, &field(1, &[0; 0]).repeat(BATCH_FRAMES))),
        ("acks", list(18, 1)),
        ("people of presence changes", field(42, &list(7, 1))),
        ("frames of a window", field(42, &list(6, 4))),
        ("an unknown list in an unknown extension", list(19, 1)),
        ("rows of an event", field(42, &list(5, 1))),
        ("an unknown field", fill(&field(60, b""), FRAME_BYTES)),
        ("an unknown field in a batch", field(24, &field(1, &fill(&element, FRAME_BYTES - 12)))),
        ("one long text", field(3, &[b'x'; FRAME_BYTES - 4])),
    ];
    for (what, bytes) in cases {
        let allocated = measure(|| {
            let requests = request::decode(&bytes).unwrap_or_default();
            let logins = requests.iter().filter_map(|request| match &request.extension {
                Some(request::Extension::Login(login)) => Some(request::decode_login(login)),
                _ => None,
            });
            let logins: Vec<_> = logins.collect();
            let commands = requests.iter().filter_map(|request| match &request.extension {
                Some(request::Extension::Command(command)) => Some(request::decode_command(command)),
                _ => None,
            });
            let commands: Vec<_> = commands.collect();
            (requests, logins, commands)
        });
        assert!(allocated.peak <= 8 * FRAME_BYTES, "{what}: {allocated:?}");
        assert_eq!(allocated.retained, 0, "{what}");
    }
}

proptest! {
    #[test]
    fn requests_are_the_accepted_part_of_an_envelope(
        nick in ".{0,40}", kind in "talk|exit|userlist|wave|", content in ".{0,200}", room in vec(any::<u8>(), 0..20),
        id in vec(any::<u8>(), 0..20), extension in 0usize..40, seq: u64, names in vec("[a-z]{1,9}", 0..4),
    ) {
        let extension = extensions().into_iter().nth(extension).map(|(extension, _)| extension);
        let envelope = Envelope {
            user_name: nick, r#type: kind, content, room, id, seq, extension,
            user_list: codec::user_list(names),
            attachments: vec![wire::Attachment::default(); 3],
            ..Envelope::default()
        };
        let request = only(&envelope);
        let Envelope { user_name, r#type, content, room, id, .. } = &envelope;
        prop_assert_eq!(
            common(&request),
            (user_name.as_str(), r#type.as_str(), content.as_str(), room.as_slice(), id.as_slice(), codec::kind(&envelope))
        );
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..600)) {
        let _ = request::decode(&bytes);
        let _ = request::decode_login(&bytes);
        let _ = request::decode_command(&bytes);
    }
}
