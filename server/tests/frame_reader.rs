//! The rules of RFC 6455 for client frames, one by one.

#![allow(clippy::expect_used)] // A panic is how a test fails.

use parlour_server::conn::frame_reader::{FrameReader, ReadError, Received};
use proptest::prelude::*;

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
const LIMIT: usize = 1000;

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        n @ 0..=125 => out.push(0x80 | n as u8),
        n @ 126..=0xFFFF => {
            out.push(0xFE);
            out.extend((n as u16).to_be_bytes());
        }
        n => {
            out.push(0xFF);
            out.extend((n as u64).to_be_bytes());
        }
    }
    out.extend(MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(a, b)| a ^ b));
    out
}

/// Parses in chunks of this size.
fn read(bytes: &[u8], chunk: usize) -> (Vec<Received>, Option<ReadError>, bool) {
    let mut reader = FrameReader::new(LIMIT);
    let mut items = Vec::new();
    for mut part in bytes.chunks(chunk.max(1)) {
        loop {
            match reader.read(&mut part) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(error) => return (items, Some(error), false),
            }
        }
    }
    let partial = reader.is_partial();
    (items, None, partial)
}

fn whole(bytes: &[u8]) -> Vec<Received> {
    let results: Vec<_> = [1, 2, 3, 7, bytes.len()].into_iter().map(|chunk| read(bytes, chunk)).collect();
    for (items, error, partial) in &results {
        assert_eq!((error, *partial), (&None, false));
        assert_eq!(items, &results[0].0);
    }
    read(bytes, bytes.len()).0
}

#[track_caller]
fn broken(bytes: &[u8]) -> u16 {
    let codes: Vec<_> =
        [1, 3, bytes.len()].into_iter().map(|chunk| read(bytes, chunk).1.expect("an error").code()).collect();
    assert!(codes.iter().all(|code| *code == codes[0]));
    codes[0]
}

fn message(payload: &[u8]) -> Received {
    Received::Message(payload.to_vec())
}

#[test]
fn examples_of_rfc_6455_are_parsed() {
    // 5.7: a single-frame masked text message, "Hello".
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(whole(&hello), [message(b"Hello")]);
    let mut parts = frame(0x01, b"Hel");
    parts.extend(frame(0x80, b"lo"));
    assert_eq!(whole(&parts), [message(b"Hello")]);
    assert_eq!(whole(&frame(0x82, &[7; 256])), [message(&[7; 256])]);
}

#[test]
fn text_need_not_be_utf_8() {
    assert_eq!(whole(&frame(0x81, &[0xC3, 0x28, 0xFF])), [message(&[0xC3, 0x28, 0xFF])]);
    assert_eq!(whole(&frame(0x82, &[])), [message(b"")]);
}

#[test]
fn control_frames_come_between_fragments() {
    let mut bytes = frame(0x02, b"ab");
    bytes.extend(frame(0x89, b"are you there"));
    bytes.extend(frame(0x00, b""));
    bytes.extend(frame(0x8A, b""));
    bytes.extend(frame(0x80, b"cd"));
    bytes.extend(frame(0x88, &[0x03, 0xE8]));
    let expected = [
        Received::Ping(b"are you there".to_vec()),
        Received::Pong,
        message(b"abcd"),
        Received::Close(Some(1000)),
    ];
    assert_eq!(whole(&bytes), expected);
}

#[test]
fn rule_violations_are_refused() {
    let unmasked = vec![0x82, 0x01, 0x41];
    let long_ping = frame(0x89, &[0; 126]);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("no mask", unmasked),
        ("no mask on a ping", vec![0x89, 0x00]),
        ("reserved bit 1", frame(0xC2, b"a")),
        ("reserved bit 2", frame(0xA2, b"a")),
        ("reserved bit 3", frame(0x92, b"a")),
        ("reserved opcode 3", frame(0x83, b"a")),
        ("reserved opcode 7", frame(0x87, b"a")),
        ("reserved opcode 11", frame(0x8B, b"a")),
        ("reserved opcode 15", frame(0x8F, b"a")),
        ("a fragmented ping", frame(0x09, b"a")),
        ("a fragmented close", frame(0x08, b"")),
        ("a ping over 125 bytes", long_ping),
        ("a continuation of nothing", frame(0x80, b"a")),
        ("a message inside a message", [frame(0x02, b"a"), frame(0x82, b"b")].concat()),
        ("a continuation after the end", [frame(0x82, b"a"), frame(0x80, b"b")].concat()),
        ("half a close code", frame(0x88, &[3])),
        ("a length of 16 bits that needs 7", vec![0x82, 0xFE, 0, 125]),
        ("a length of 64 bits that needs 16", vec![0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]),
        ("a length with the highest bit", vec![0x82, 0xFF, 0x80, 0, 0, 0, 0, 1, 0, 0]),
    ];
    for (name, bytes) in cases {
        assert_eq!(broken(&bytes), 1002, "{name}");
    }
}

#[test]
fn close_codes() {
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999_u16] {
        assert_eq!(whole(&frame(0x88, &code.to_be_bytes())), [Received::Close(Some(code))], "{code}");
    }
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535_u16] {
        assert_eq!(broken(&frame(0x88, &code.to_be_bytes())), 1002, "{code}");
    }
    assert_eq!(whole(&frame(0x88, b"")), [Received::Close(None)]);
    assert_eq!(whole(&frame(0x88, b"\x03\xE8goodbye \xE2\x82\xAC")), [Received::Close(Some(1000))]);
    assert_eq!(broken(&frame(0x88, b"\x03\xE8\xFF")), 1007);
}

#[test]
fn messages_over_the_limit_are_refused_by_their_header() {
    assert_eq!(whole(&frame(0x82, &[1; LIMIT])), [message(&[1; LIMIT])]);
    // The header alone is refused; no payload is needed.
    assert_eq!(broken(&frame(0x82, &[1; LIMIT + 1])[..8]), 1009);
    let endless = [&[0x82, 0xFF][..], &(u64::MAX >> 1).to_be_bytes(), &MASK].concat();
    assert_eq!(broken(&endless), 1009);
    let parts = [frame(0x02, &[1; 600]), frame(0x00, &[1; 400]), frame(0x80, &[1])].concat();
    assert_eq!(broken(&parts), 1009);
    let parts = [frame(0x02, &[1; 600]), frame(0x89, &[2; 125]), frame(0x80, &[1; 400])].concat();
    assert_eq!(whole(&parts).len(), 2);
}

#[test]
fn unfinished_input_is_partial() {
    let bytes = frame(0x82, b"hello");
    for end in 1..bytes.len() {
        assert_eq!(read(&bytes[..end], end), (vec![], None, true), "{end} bytes");
    }
    assert!(read(&frame(0x02, b"a"), 100).2, "a fragment");
    assert!(!FrameReader::new(LIMIT).is_partial());
}

proptest! {
    #[test]
    fn chunking_makes_no_difference(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6),
        cut in 1_usize..50,
    ) {
        let bytes: Vec<u8> = payloads.iter().flat_map(|payload| frame(0x82, payload)).collect();
        let expected: Vec<_> = payloads.iter().map(|payload| message(payload)).collect();
        prop_assert_eq!(read(&bytes, cut), (expected, None, false));
    }

    #[test]
    fn random_bytes_never_panic_and_buffers_stay_small(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        cut in 1_usize..200,
    ) {
        let (items, _, _) = read(&bytes, cut);
        let fits = items.iter().all(|item| match item {
            Received::Message(payload) | Received::Ping(payload) => payload.len() <= LIMIT,
            _ => true,
        });
        prop_assert!(fits);
    }
}
