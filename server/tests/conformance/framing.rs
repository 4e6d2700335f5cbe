//! Section 5 without control frames: headers, masks, lengths, fragments.

use crate::{
    bytes::{
        BINARY, CONTINUE, FIN, Form, PING, PONG, TEXT, fragments, frame, frame_as, header, talk, talk_of,
        unmasked,
    },
    case::Case,
};

/// The largest message the server accepts by default.
const LIMIT: usize = 64 * 1024;

pub fn cases() -> Vec<Case> {
    [messages(), masks(), reserved(), lengths(), fragmented(), broken_fragments(), limits()]
        .into_iter()
        .flatten()
        .collect()
}

fn messages() -> Vec<Case> {
    let flurry = (0..50).flat_map(|n| frame(FIN | BINARY, &talk(&format!("message {n}")))).collect();
    let many = Case::new("5.2", "fifty messages in one write").send(flurry);
    // Lengths over 127 are encoded in protobuf with bytes that are not UTF-8.
    let long = "not UTF-8 as protobuf: ".to_owned() + &"x".repeat(200);
    let payload = talk(&long);
    assert!(std::str::from_utf8(&payload).is_err());
    vec![
        Case::new("5.6", "a Binary message")
            .send(frame(FIN | BINARY, &talk("hello")))
            .expect_message("hello"),
        Case::new("5.6", "a Text message").send(frame(FIN | TEXT, &talk("hello"))).expect_message("hello"),
        (0..50).fold(many, |case, n| case.expect_message(&format!("message {n}"))),
        // The one deliberate violation: the original desktop client sends protobuf in Text frames, and a
        // server that closes on them cannot serve it.
        Case::new("8.1", "Text that is not UTF-8: accepted, for desktop clients")
            .send(frame(FIN | TEXT, &payload))
            .expect_message(&long),
        Case::new("8.1", "the same in fragments")
            .send(fragments(TEXT, &talk(&long), &[5, 30]))
            .expect_message(&long),
    ]
}

fn masks() -> Vec<Case> {
    let plain = talk("plain");
    let zeros = [vec![FIN | BINARY, 0x80 | plain.len() as u8, 0, 0, 0, 0], plain].concat();
    let mut cases =
        vec![Case::new("5.3", "a mask of four zeros is a mask").send(zeros).expect_message("plain")];
    for (what, first) in [
        ("a Text frame", FIN | TEXT),
        ("a Binary frame", FIN | BINARY),
        ("a first fragment", BINARY),
        ("a Ping", FIN | PING),
        ("a Pong", FIN | PONG),
        ("a Close", FIN | 8),
    ] {
        let case = Case::new("5.1", format!("{what} without a mask"));
        cases.push(case.send(unmasked(first, b"")).closed(1002));
    }
    let huge = [vec![FIN | BINARY, 127], (1_u64 << 40).to_be_bytes().to_vec()].concat();
    cases.push(Case::new("5.1", "a frame over the limit without a mask").send(huge).closed(1002));
    let second = [frame(BINARY, b"a"), unmasked(FIN | CONTINUE, b"b")].concat();
    cases.push(Case::new("5.1", "a second fragment without a mask").send(second).closed(1002));
    cases
}

fn reserved() -> Vec<Case> {
    let mut cases = Vec::new();
    for (bit, name) in [(0x40, "RSV1"), (0x20, "RSV2"), (0x10, "RSV3"), (0x70, "all RSV bits")] {
        let bad = |what: &str, first: u8| {
            Case::new("5.2", format!("{name} in {what}")).send(frame(first | bit, b"a")).closed(1002)
        };
        cases.push(bad("a message", FIN | BINARY));
        cases.push(bad("a Ping", FIN | PING));
        let later = [frame(TEXT, b"a"), frame(FIN | CONTINUE | bit, b"b")].concat();
        cases.push(Case::new("5.2", format!("{name} in a second fragment")).send(later).closed(1002));
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        let case = Case::new("5.2", format!("reserved opcode {opcode:X}"));
        cases.push(case.send(frame(FIN | opcode, b"a")).closed(1002));
    }
    let inside = [frame(BINARY, b"a"), frame(FIN | 3, b""), frame(FIN | CONTINUE, b"b")].concat();
    cases.push(Case::new("5.2", "a reserved opcode between fragments").send(inside).closed(1002));
    cases
}

fn lengths() -> Vec<Case> {
    let mut cases = Vec::new();
    for len in [125, 126, 127, 65_535, 65_536] {
        let payload = if len < 200 { talk_at(len) } else { talk_of(len, "long") };
        let text = if len < 200 { "x".repeat(text_at(len)) } else { "long".into() };
        let case = Case::new("5.2", format!("a message of {len} bytes")).send(frame(FIN | BINARY, &payload));
        cases.push(case.expect_message(&text));
    }
    for (form, len) in [
        (Form::Sixteen, 0),
        (Form::Sixteen, 125),
        (Form::SixtyFour, 0),
        (Form::SixtyFour, 125),
        (Form::SixtyFour, 126),
        (Form::SixtyFour, 65_535),
    ] {
        let bits = if matches!(form, Form::Sixteen) { 16 } else { 64 };
        let payload = if len < 200 { vec![0; len] } else { talk_of(len, "too long a form") };
        let case = Case::new("5.2", format!("{len} written as a length of {bits} bits"));
        cases.push(case.send(frame_as(FIN | BINARY, form, &payload)).closed(1002));
    }
    let ping = frame_as(FIN | PING, Form::Sixteen, b"ping");
    cases.push(Case::new("5.5", "a Ping of 4 bytes with a length of 16 bits").send(ping).closed(1002));
    for (what, len) in [("the highest bit alone", 1 << 63), ("all bits", u64::MAX)] {
        let case = Case::new("5.2", format!("a length of 64 bits with {what} set"));
        cases.push(case.send(header(FIN | BINARY, Form::SixtyFour, len)).closed(1002));
    }
    cases
}

/// The text length that makes a message of this size, up to 127.
fn text_at(len: usize) -> usize {
    len - talk("").len() - 2
}

fn talk_at(len: usize) -> Vec<u8> {
    let payload = talk(&"x".repeat(text_at(len)));
    assert_eq!(payload.len(), len);
    payload
}

fn fragmented() -> Vec<Case> {
    let case = |what: &str, first, lens: &[usize]| {
        let case = Case::new("5.4", what);
        case.send(fragments(first, &talk("in fragments"), lens)).expect_message("in fragments")
    };
    let len = talk("in fragments").len();
    let two = [fragments(TEXT, &talk("one"), &[3]), fragments(BINARY, &talk("two"), &[4])].concat();
    let around = talk("around");
    let between = [
        frame(BINARY, &around[..7]),
        frame(FIN | PONG, b"unasked"),
        frame(CONTINUE, b""),
        frame(FIN | PING, b"ping"),
        frame(FIN | CONTINUE, &around[7..]),
    ];
    let begun = talk("begun");
    vec![
        case("a Binary message in two fragments", BINARY, &[4]),
        case("a Text message in two fragments", TEXT, &[4]),
        case("in three", BINARY, &[1, 10]),
        case("a fragment for each byte", BINARY, &vec![1; len - 1]),
        case("the first fragment empty", BINARY, &[0]),
        case("the last fragment empty", BINARY, &[len]),
        case("all but one of a thousand empty", BINARY, &[vec![0; 500], vec![len], vec![0; 499]].concat()),
        Case::new("5.4", "one fragmented message after the other")
            .send(two)
            .expect_message("one")
            .expect_message("two"),
        Case::new("5.4", "an empty message in fragments is not published").send(fragments(
            BINARY,
            b"",
            &[0, 0, 0],
        )),
        Case::new("5.4", "a Ping and a Pong between fragments")
            .send(between.concat())
            .expect_message("around")
            .pong(b"ping"),
        Case::new("5.4", "a Ping between fragments is answered before the last fragment")
            .send([frame(BINARY, &begun[..3]), frame(FIN | PING, b"now")].concat())
            .pong_at_once(b"now")
            .send(frame(FIN | CONTINUE, &begun[3..]))
            .expect_message("begun"),
    ]
}

fn broken_fragments() -> Vec<Case> {
    let bad = |what: &str, frames: &[Vec<u8>]| Case::new("5.4", what).send(frames.concat()).closed(1002);
    let whole = frame(FIN | BINARY, &talk("whole"));
    vec![
        bad("a Text message inside a fragmented one", &[frame(TEXT, b"a"), frame(FIN | TEXT, b"b")]),
        bad("a Binary message inside a fragmented one", &[frame(TEXT, b"a"), frame(FIN | BINARY, b"b")]),
        bad("a second first fragment", &[frame(BINARY, b"a"), frame(BINARY, b"b")]),
        bad("a last fragment of nothing", &[frame(FIN | CONTINUE, b"a")]),
        bad("a middle fragment of nothing", &[frame(CONTINUE, b"a")]),
        bad("an empty fragment of nothing", &[frame(FIN | CONTINUE, b"")]),
        bad("a fragment after a whole message", &[whole, frame(FIN | CONTINUE, b"a")])
            .expect_message("whole"),
        bad(
            "a fragment after the last one",
            &[fragments(BINARY, &talk("whole"), &[3]), frame(FIN | CONTINUE, b"")],
        )
        .expect_message("whole"),
    ]
}

/// The RFC leaves limits to the implementation (10.4) and defines the close code (7.4.1).
fn limits() -> Vec<Case> {
    let bad = |what: &str, bytes: Vec<u8>| Case::new("10.4", what).send(bytes).closed(1009);
    let only_header = |first, len: u64| header(first, Form::SixtyFour, len);
    vec![
        Case::new("10.4", "fragments as large as the limit together")
            .send(fragments(BINARY, &talk_of(LIMIT, "just"), &[30_000, 30_000]))
            .expect_message("just"),
        bad("a frame one byte over the limit", frame(FIN | BINARY, &vec![0; LIMIT + 1])),
        bad("only the header of such a frame", only_header(FIN | BINARY, LIMIT as u64 + 1)),
        bad("only the header of the largest frame", only_header(FIN | BINARY, (1 << 63) - 1)),
        bad(
            "fragments over the limit together",
            fragments(BINARY, &vec![0; LIMIT + 1], &[30_000, 30_000, 5_536]),
        ),
        bad(
            "only the header of a fragment over the limit together",
            [frame(TEXT, &vec![0; LIMIT]), header(CONTINUE, Form::Seven, 1)].concat(),
        ),
        Case::new("10.4", "a Ping when a message is at the limit")
            .send([frame(TEXT, &talk_of(LIMIT, "full")), frame(FIN | PING, &[1; 125])].concat())
            .pong_at_once(&[1; 125])
            .send(frame(FIN | CONTINUE, b""))
            .expect_message("full"),
    ]
}
