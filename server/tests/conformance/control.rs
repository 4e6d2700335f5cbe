//! Sections 5.5 and 7: Ping, Pong, Close.

use crate::{
    bytes::{BINARY, CLOSE, CONTINUE, FIN, Form, PING, PONG, close, frame, header, talk},
    case::Case,
};

/// The number of Pings that are sent together.
const FLOOD: u8 = 200;

pub fn cases() -> Vec<Case> {
    [pings(), broken(), closes(), codes()].into_iter().flatten().collect()
}

fn pings() -> Vec<Case> {
    let ping =
        |what: &str, payload: &[u8]| Case::new("5.5.2", what).send(frame(FIN | PING, payload)).pong(payload);
    let largest: Vec<u8> = (0..125).map(|n| n * 2).collect();
    let flood = (0..FLOOD).flat_map(|n| frame(FIN | PING, &[n])).collect();
    vec![
        ping("a Ping without payload", b""),
        ping("a Ping with one byte", b"1"),
        ping("a Ping with 125 bytes, of any value", &largest),
        Case::new("5.5.3", "of many Pings the last is answered").send(flood).pong_at_last(&[FLOOD - 1]),
        Case::new("5.5.3", "an unsolicited Pong").send(frame(FIN | PONG, b"unasked")),
        Case::new("5.5.3", "a Pong without payload").send(frame(FIN | PONG, b"")),
    ]
}

fn broken() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, opcode) in [("Ping", PING), ("Pong", PONG), ("Close", CLOSE)] {
        let bad = |what: &str, bytes| Case::new("5.5", what.to_owned()).send(bytes).closed(1002);
        cases.push(bad(&format!("a {name} with 126 bytes"), frame(FIN | opcode, &[0; 126])));
        cases.push(bad(
            &format!("only the header of a {name} with 65,536 bytes"),
            header(FIN | opcode, Form::SixtyFour, 65_536),
        ));
        cases.push(bad(&format!("a {name} that is a fragment"), frame(opcode, b"")));
        let between = [frame(BINARY, b"a"), frame(opcode, b""), frame(FIN | CONTINUE, b"b")].concat();
        cases.push(bad(&format!("a {name} that is a fragment, between fragments"), between));
    }
    cases
}

fn closes() -> Vec<Case> {
    let then = |what: &str, more: Vec<u8>| {
        Case::new("5.5.1", what).send([close(1000, b""), more].concat()).closed(1000)
    };
    let begun = [frame(BINARY, &talk("begun")[..5]), close(1001, b"")].concat();
    vec![
        Case::new("5.5.1", "a Close without payload").send(frame(FIN | CLOSE, b"")).closed_empty(),
        Case::new("5.5.1", "a Close with one byte").send(frame(FIN | CLOSE, &[3])).closed(1002),
        Case::new("5.5.1", "a Close with a reason").send(close(1000, "再见".as_bytes())).closed(1000),
        Case::new("5.5.1", "a Close with 123 bytes of reason").send(close(1000, &[b'x'; 123])).closed(1000),
        then("a message after a Close", frame(FIN | BINARY, &talk("too late"))),
        then("a Ping after a Close", frame(FIN | PING, b"too late")),
        then("a second Close", close(1001, b"")),
        then("a broken frame after a Close", frame(0x7F, b"")),
        then("200 KB after a Close", frame(FIN | BINARY, &[0; 60_000]).repeat(4)),
        Case::new("5.5.1", "a Close between fragments").send(begun).closed(1001),
        Case::new("5.5.1", "a message before a Close")
            .send([frame(FIN | BINARY, &talk("in time")), close(1000, b"")].concat())
            .expect_message("in time")
            .closed(1000),
        Case::new("8.1", "a Close with a reason that is not UTF-8").send(close(1000, &[0xFF])).closed(1007),
        Case::new("8.1", "a Close with a reason cut inside a character")
            .send(close(1000, &"é".as_bytes()[..1]))
            .closed(1007),
        Case::new("8.1", "a Close with a surrogate in its reason")
            .send(close(1000, &[0xED, 0xA0, 0x80]))
            .closed(1007),
    ]
}

/// 1012, 1013 and 1014 were added later by the registry of 11.7.
fn codes() -> Vec<Case> {
    let mut cases = Vec::new();
    for code in
        [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
    {
        let section = if code < 3000 { "7.4.1" } else { "7.4.2" };
        let case = Case::new(section, format!("Close {code} is echoed"));
        cases.push(case.send(close(code, b"")).closed(code));
    }
    for (code, section, why) in [
        (0, "7.4.2", "not used"),
        (999, "7.4.2", "not used"),
        (1004, "7.4.1", "reserved"),
        (1005, "7.4.1", "reserved for: no code"),
        (1006, "7.4.1", "reserved for: no Close"),
        (1015, "7.4.1", "reserved for: a failed TLS handshake"),
        (1016, "7.4.2", "not registered"),
        (2999, "7.4.2", "not registered"),
        (5000, "7.4.2", "out of range"),
        (65_535, "7.4.2", "out of range"),
    ] {
        let case = Case::new(section, format!("Close {code}: {why}"));
        cases.push(case.send(close(code, b"")).closed(1002));
    }
    cases
}
