//! Invalid input over real sockets. In each case two other clients exchange messages without interruption, and
//! the server's state is unchanged afterwards.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod common;

use std::io::Write as _;

use common::{Client, Desktop, Message, TestServer, desktop::Basic, undisturbed};
use parlour_core::{
    codec::{self, Envelope, Extension},
    status::Status,
    wire::{self, client_command::Operation},
};

const NAMES: &[(&str, &str, Status)] = &[
    ("empty", "", Status::NickEmpty),
    ("all spaces", "     ", Status::NickEmpty),
    ("a control character", "to\u{1}m", Status::NickForbidden),
    ("a line break", "to\nm", Status::NickForbidden),
    ("a right-to-left override", "\u{202E}mot", Status::NickForbidden),
    ("a character of no width", "to\u{200B}m", Status::NickForbidden),
    ("taken", "Witness", Status::NickTaken),
    ("confusable", "wіtness", Status::NickConfusable),
];

#[test]
fn invalid_nicks_in_the_rich_dialect() {
    let server = TestServer::start();
    undisturbed(&server, || {
        let long = "x".repeat(200);
        for (what, nick, status) in NAMES.iter().chain(&[("200 characters", &*long, Status::NickTooLong)]) {
            let mut client = Client::connect(server.address);
            client.send_login(nick, &[]);
            assert_eq!(client.until_closed(), Some(status.code()), "{what}");
            assert!(client.refused(*status), "{what}");
            assert!(client.welcome.is_none(), "{what}");
        }
        let mut short = Client::login(server.address, "x");
        short.send_message("one character is a name");
        let mut twice = Client::connect(server.address);
        twice.send_login("x", &[]);
        assert_eq!(twice.until_closed(), Some(4004));
        let suggestion = &twice.refusals()[0].suggestion;
        Client::login(server.address, suggestion).send_message("the suggested name is accepted");
    });
}

#[test]
fn invalid_nicks_in_the_basic_dialect() {
    let server = TestServer::start();
    undisturbed(&server, || {
        let long = "x".repeat(200);
        for (what, nick, status) in NAMES.iter().chain(&[("200 characters", &*long, Status::NickTooLong)]) {
            let mut desktop = Desktop::connect(server.address, nick).unwrap();
            desktop.talk("").unwrap();
            assert_eq!(desktop.until_closed().unwrap(), Message::Close(Some(status.code())), "{what}");
            let wanted = format!("Parlour:{}", status.text());
            assert!(desktop.lines.iter().any(|l| l.starts_with(&wanted)), "{what}: {:?}", desktop.lines);
        }
        let mut short = Desktop::join(server.address, "x").unwrap();
        short.talk("one character is a name").unwrap();
        short.until(|d| d.shows("x:one character is a name")).unwrap();
    });
}

#[test]
fn empty_and_too_long_content() {
    let server = TestServer::start();
    undisturbed(&server, || {
        let mut client = Client::login(server.address, "tom");
        client.talk("");
        client.talk(" \n ");
        client.talk(&"x".repeat(16 * 1024 + 1));
        client.until(|c| c.refusals().len() == 3);
        let codes: Vec<_> = client.refusals().iter().map(|r| r.code).collect();
        assert_eq!(codes, [4010, 4010, 4011]);
        assert!(client.refusals().iter().all(|r| r.id.len() == 16));
        client.send_message(&"x".repeat(16 * 1024));
        let mut desktop = Desktop::join(server.address, "desk").unwrap();
        desktop.talk("").unwrap();
        desktop.talk(&"y".repeat(16 * 1024 + 1)).unwrap();
        desktop.until(|d| d.shows(&format!("Parlour:{}", Status::ContentTooLong.text()))).unwrap();
    });
}

#[test]
fn malformed_envelopes() {
    let server = TestServer::start();
    let whole = codec::encode(&codec::message("tom", None, "hello"));
    let mut random: Vec<u8> = Vec::new();
    let mut state = 7_u32;
    for _ in 0..500 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        random.push((state >> 24) as u8);
    }
    let cases: [(&str, u8, &[u8]); 4] = [
        ("cut short", 2, &whole[..whole.len() - 2]),
        ("random bytes", 2, &random),
        ("text that is no protobuf", 1, b"{\"type\":\"talk\"}"),
        ("a truncated field", 1, &[0x0A, 0x7F]),
    ];
    undisturbed(&server, || {
        for (what, opcode, payload) in cases {
            for logged_in in [false, true] {
                let mut client = Client::connect(server.address);
                if logged_in {
                    client = Client::login(server.address, "tom");
                }
                client.socket.send(opcode, payload).unwrap();
                assert_eq!(client.until_closed(), Some(4022), "{what}");
                assert!(client.refused(Status::BadFrame), "{what}");
            }
        }
    });
}

#[test]
fn oversized_frames_are_not_read() {
    let server = TestServer::start();
    undisturbed(&server, || {
        // In one frame, in fragments, and with only a header that states four exabytes.
        let mut client = Client::login(server.address, "tom");
        let frame = client.socket.frame(0x82, &vec![0; 65_537]);
        let _ = client.socket.stream.write_all(&frame);
        assert_eq!(client.until_closed(), Some(1009));
        let mut client = Client::login(server.address, "tim");
        for first in [0x02, 0x00, 0x00] {
            let frame = client.socket.frame(first, &[0; 30_000]);
            let _ = client.socket.stream.write_all(&frame);
        }
        assert_eq!(client.until_closed(), Some(1009));
        let mut client = Client::login(server.address, "tam");
        let header = [&[0x82, 0xFF][..], &(1_u64 << 62).to_be_bytes(), &[1, 2, 3, 4]].concat();
        client.socket.stream.write_all(&header).unwrap();
        assert_eq!(client.until_closed(), Some(1009));
    });
}

#[test]
fn violations_of_websocket_rules() {
    let server = TestServer::start();
    undisturbed(&server, || {
        for (what, bytes, code) in [
            ("no mask", &[0x82, 0x01, 0x41][..], 1002),
            ("a reserved opcode", &[0x83, 0x80, 0, 0, 0, 0], 1002),
            ("a bad close code", &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xED], 1002),
            ("a bad close reason", &[0x88, 0x83, 0, 0, 0, 0, 0x03, 0xE8, 0xFF], 1007),
        ] {
            let mut client = Client::login(server.address, "tom");
            client.socket.stream.write_all(bytes).unwrap();
            assert_eq!(client.until_closed(), Some(code), "{what}");
        }
        let mut client = Client::login(server.address, "tom");
        client.socket.send(8, &[]).unwrap();
        client.until(|c| c.closed.is_some());
        assert_eq!(client.closed, Some(Message::Close(None)), "an empty Close is answered with one");
        let mut client = Client::login(server.address, "tom");
        client.socket.send(8, &4321_u16.to_be_bytes()).unwrap();
        assert_eq!(client.until_closed(), Some(4321));
    });
}

#[test]
fn client_member_list_of_a_hundred_thousand() {
    let list = (0..100_000).map(|n| (format!("u{n}"), "x".into())).collect();
    let frame =
        Basic { user_name: "tom".into(), kind: "talk".into(), content: "hi".into(), user_list: Some(list) };
    // Over the limit it is not parsed; under the limit it is ignored.
    let server = TestServer::start();
    undisturbed(&server, || {
        let mut client = Client::connect(server.address);
        let _ = client.socket.send(1, &frame.encode());
        assert_eq!(client.until_closed(), Some(1009));
    });
    let server = TestServer::with(|config| config.frame_bytes = 4 << 20);
    undisturbed(&server, || {
        let mut desktop = Desktop::connect(server.address, "tom").unwrap();
        desktop.socket.send(1, &frame.encode()).unwrap();
        desktop.until(|d| d.shows("tom:hi")).unwrap();
        assert_eq!(desktop.list.len(), 3);
    });
}

#[test]
fn fields_that_only_the_server_sends_are_skipped() {
    let server = TestServer::start();
    undisturbed(&server, || {
        let mut client = Client::login(server.address, "tom");
        let id = client.new_id();
        let message = codec::encode(&codec::message("tom", Some(id), "with attachments"));
        // Empty attachments and reactions, and a field of the basic dialect that is not protobuf inside.
        let frame = [&message[..], &[0x62, 0, 0x6A, 0].repeat(16_000), &[0x22, 1, 0xFF]].concat();
        client.socket.send(2, &frame).unwrap();
        client.until(|c| c.acked(id).is_some() && c.has_received("with attachments"));
        let received = &client.received_with("with attachments")[0];
        assert!(received.attachments.is_empty() && received.reactions.is_empty());
        // The lists of a login are bounded: field 15 with 30,000 positions.
        let mut client = Client::connect(server.address);
        let positions = [0x22, 0].repeat(30_000);
        let login = [&[0x7A, 0xE0, 0xD4, 0x03][..], &positions].concat();
        client.socket.send(2, &login).unwrap();
        assert_eq!(client.until_closed(), Some(4022));
    });
}

#[test]
fn login_is_required_first_and_only_once() {
    let server = TestServer::start();
    undisturbed(&server, || {
        let mut early = Client::connect(server.address);
        early.command(Operation::ReadAll(wire::ReadAll {}));
        assert_eq!(early.until_closed(), Some(4020));
        assert!(early.refused(Status::NotLoggedIn));
        let mut twice = Client::login(server.address, "tom");
        twice.send_login("tim", &[]);
        twice.until(|c| c.refused(Status::AlreadyLoggedIn));
        twice.nick = "tom".into();
        twice.send_message("still tom");
    });
}

#[test]
fn unknown_types_and_extensions() {
    let server = TestServer::start();
    undisturbed(&server, || {
        let mut client = Client::login(server.address, "tom");
        let id = client.new_id();
        client.send(&Envelope { r#type: "shout".into(), ..codec::message("tom", Some(id), "HELLO") });
        client.until(|c| c.has_received("HELLO"));
        assert_eq!(client.received_with("HELLO")[0].r#type, "talk");
        // Field 100, of a future version.
        client.socket.send(2, &[0xA2, 0x06, 0x02, 0x08, 0x01]).unwrap();
        client.extension(Extension::Typing(wire::Typing { typing: true }));
        client.until(|c| c.refused(Status::Unsupported));
        client.settle();
        assert_eq!(client.refusals().len(), 1, "unknown fields are ignored, unsupported extensions refused");
        let mut desktop = Desktop::join(server.address, "desk").unwrap();
        desktop.send("", "no type at all").unwrap();
        desktop.send("login", "no extension").unwrap();
        desktop.until(|d| d.shows("desk:no type at all") && d.shows("desk:no extension")).unwrap();
    });
    assert_eq!(
        server.stats.ignored.load(std::sync::atomic::Ordering::Relaxed),
        2,
        "the unknown field and the greeting of the desktop client"
    );
}
