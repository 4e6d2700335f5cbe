//! The content of messages: envelopes with more fields, elements and levels than any client sends. The RFC does not
//! know them; section 10.4 asks for limits.

use parlour_core::codec::{self, BATCH_FRAMES};

use crate::{
    bytes::{BINARY, CONTINUE, FIN, fragments, frame, talk},
    case::Case,
};

/// The size of the messages, in bytes; the server accepts 64 KiB.
const SIZE: usize = 60_000;
/// The code for an envelope that can't be decoded.
const BAD_FRAME: u16 = 4022;

pub fn cases() -> Vec<Case> {
    [many_elements(), batches(), broken(), many_fragments()].into_iter().flatten().collect()
}

/// Repeats some bytes as often as they fit.
fn fill(bytes: &[u8]) -> Vec<u8> {
    bytes.repeat(SIZE / bytes.len())
}

/// An element of a list, or any other field of bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    // Fields from 16 on have a tag of two bytes.
    let tag = u16::from(number) << 3 | 2;
    let mut out = match number {
        0..16 => vec![tag as u8],
        _ => vec![tag as u8 | 0x80, (tag >> 7) as u8],
    };
    assert!(content.len() < 1 << 21);
    let len = content.len();
    out.extend([0x80 | len as u8, 0x80 | (len >> 7) as u8, (len >> 14 & 0x7F) as u8]);
    out.extend(content);
    out
}

fn many_elements() -> Vec<Case> {
    let with = |what: &str, more: Vec<u8>| {
        let payload = [talk(what), more].concat();
        Case::new("10.4", what).send(frame(FIN | BINARY, &payload)).expect_message(what)
    };
    vec![
        with("30,000 empty attachments", fill(&[0x62, 0])),
        with("30,000 empty reactions", fill(&[0x6A, 0])),
        with("30,000 empty names in the member list", fill(&[0x22, 0])),
        with("20,000 unknown fields", fill(&[0xA2, 0x06, 0])),
        with("30,000 times the time", fill(&[0x40, 1])),
    ]
}

fn batches() -> Vec<Case> {
    let batch = |count: usize| field(24, &field(1, &talk("one of a batch")).repeat(count));
    let bad = |what: &str, payload: Vec<u8>| {
        Case::new("10.4", what).send(frame(FIN | BINARY, &payload)).closed(BAD_FRAME)
    };
    vec![
        Case::new("10.4", "a batch of one")
            .send(frame(FIN | BINARY, &batch(1)))
            .expect_message("one of a batch"),
        bad("a batch of too many", field(24, &[0x0A, 0].repeat(BATCH_FRAMES + 1))),
        bad("a batch that fills the message", field(24, &fill(&[0x0A, 0]))),
        bad("a batch in a batch", field(24, &field(1, &batch(1)))),
    ]
}

fn broken() -> Vec<Case> {
    let bad = |what: &str, payload: &[u8]| {
        Case::new("10.4", what).send(frame(FIN | BINARY, payload)).closed(BAD_FRAME)
    };
    let message = codec::encode(&codec::message("", None, "cut off"));
    // The start of a group inside a group, and so on.
    let levels = fill(&[0xA3, 0x06]);
    vec![
        bad("an envelope that is cut off", &message[..message.len() - 1]),
        bad("an envelope of 30,000 levels", &levels),
        bad("a field longer than its envelope", &[0x1A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]),
        bad("a text that is not UTF-8", &[0x1A, 1, 0xFF]),
        bad("a tag of eleven bytes", &[0xFF; 11]),
    ]
}

fn many_fragments() -> Vec<Case> {
    let payload = talk("after ten thousand");
    let empty = [frame(BINARY, b""), frame(CONTINUE, b"").repeat(9_999)].concat();
    let ones =
        fragments(BINARY, &[talk("in fragments of a byte"), fill(&[0x40, 1])].concat(), &vec![1; 10_000]);
    vec![
        Case::new("5.4", "ten thousand empty fragments")
            .send([empty, frame(FIN | CONTINUE, &payload)].concat())
            .expect_message("after ten thousand"),
        Case::new("5.4", "ten thousand fragments of one byte")
            .send(ones)
            .expect_message("in fragments of a byte"),
    ]
}
