use parlour_core::{
    codec::{self, Extension},
    model::MessageId,
    status::Status,
    wire::{self, server_event::Body},
};

use super::*;

/// A frame as sent by a server.
fn frame(payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x82];
    match payload.len() {
        len @ 0..126 => out.push(len as u8),
        len => {
            out.push(126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
    out
}

/// The events found in a stream that arrives in pieces of this size.
fn events(dialect: Dialect, stream: &[u8], piece: usize) -> Vec<String> {
    let mut scanner = Scanner::new(dialect);
    let mut all = Vec::new();
    let mut carried = Vec::new();
    for piece in stream.chunks(piece) {
        carried.extend_from_slice(piece);
        let done = scanner.scan(&carried, |events| {
            all.push(match events {
                Received::Message(head) => format!("message {}", head.len()),
                Received::Ready(_) => "in".into(),
                other => format!("{other:?}"),
            });
        });
        carried.drain(..done);
    }
    assert_eq!(carried, [0; 0]);
    all
}

fn assert_events(dialect: Dialect, stream: &[u8], expected: &[&str]) {
    for piece in 1..=stream.len() {
        assert_eq!(events(dialect, stream, piece), expected, "in pieces of {piece}");
    }
}

#[test]
fn batches_and_acknowledgements_are_counted() {
    let talk = |len| codec::encode(&codec::message("u1", Some(MessageId([1; 16])), &"x".repeat(len)));
    let accepted = vec![wire::Accepted { id: vec![1; 16], seq: 300, time: 1 << 40 }; 2];
    let ack = codec::encode(&codec::extension(Extension::Ack(wire::Ack { accepted })));
    let welcome = codec::encode(&codec::extension(Extension::Welcome(wire::Welcome::default())));
    let event = |body| {
        let event = wire::ServerEvent { body: Some(body), ..wire::ServerEvent::default() };
        codec::encode(&codec::extension(Extension::Event(event)))
    };
    let presence = event(Body::Presence(wire::PresenceChanges::default()));
    let window = event(Body::Window(wire::RoomWindow { seq: 7, ..wire::RoomWindow::default() }));
    let stream = [
        welcome,
        presence.clone(),
        window.clone(),
        talk(100),
        ack,
        codec::batch(vec![talk(3), talk(500)]),
        talk(0),
        presence,
        window,
    ];
    let stream: Vec<u8> = stream.iter().flat_map(|payload| frame(payload)).chain([0x89, 0]).collect();
    let small = format!("message {}", talk(3).len());
    let empty = format!("message {}", talk(0).len());
    let skipped = format!("{:?}", Received::Unexpected("the server skipped messages for a slow consumer"));
    let expected =
        ["in", "message 64", "Accepted", "Accepted", &small, "message 64", &empty, &skipped, "Ping([])"];
    assert_events(Dialect::Rich, &stream, &expected);
}

#[test]
fn nats_messages_are_counted_across_frames() {
    let stream = [
        frame(b"INFO {\"max_payload\":1048576}\r\n"),
        frame(b"PONG\r\n"),
        frame(b"MSG r 1 5\r\nhello\r\nMSG r 1 0\r\n\r\nPING\r\n"),
        frame(format!("MSG r 1 200\r\n{}\r\n", "x".repeat(200)).as_bytes()),
    ];
    assert_events(
        Dialect::Nats,
        &stream.concat(),
        &["in", "message 5", "message 0", "NatsPing", "message 64"],
    );
}

#[test]
fn refusals_are_passed_on() {
    let refusal = codec::encode(&codec::refusal(Status::Busy, None, 500, None));
    let refused = format!("{:?}", Received::Refused(&refusal));
    assert_events(Dialect::Rich, &frame(&refusal), &[&refused]);
}

#[test]
fn plain_frame_is_a_message_and_close_is_unexpected() {
    let stream = [frame(&[7; 300]), frame(b""), vec![0x88, 0]].concat();
    let close = format!("{:?}", Received::Unexpected("the server closed a connection"));
    assert_events(Dialect::Plain, &stream, &["message 64", "message 0", &close]);
}
