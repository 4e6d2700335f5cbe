//! Messages and other envelopes.

use parlour_core::{
    codec::{self, Envelope, Extension},
    limits::Limits,
    model::MessageId,
    status::Status,
    wire,
};
use parlour_server::hub::Settings;

use crate::{
    common::{received::changes, sent::talk, world::World},
    world,
};

#[test]
fn message_reaches_all_and_is_acknowledged() {
    let mut w = world();
    let (tom, lili, desk) = (w.rich("tom"), w.rich("lili"), w.basic("desk"));
    w.advance(200);
    w.send_message(tom, 1, "hi");
    w.send_message(lili, 2, "ho  \n");
    for conn in [tom, lili, desk] {
        assert_eq!(w.received(conn).messages(), [("tom", "hi"), ("lili", "ho")]);
    }
    let accepted = w.received(tom).accepted();
    let received = w.received(lili).frames.iter().find(|f| f.content == "hi").unwrap();
    assert_eq!(
        (&accepted[0].id, accepted[0].seq, accepted[0].time),
        (&received.id, received.seq, received.time)
    );
    assert_eq!((received.time, received.r#type.as_str()), (w.unix(), "talk"));
    assert!(w.received(lili).accepted()[0].seq > accepted[0].seq);
    assert!(w.received(desk).accepted().is_empty());
}

#[test]
fn sequence_numbers_increase_across_restarts() {
    let mut w = world();
    let tom = w.rich("tom");
    w.send_message(tom, 1, "one");
    let before = w.received(tom).accepted()[0].seq;
    w.restart();
    let lili = w.rich("lili");
    w.send_message(lili, 2, "two");
    assert!(w.received(lili).accepted()[0].seq > before);
    assert!(before < 1 << 53, "JavaScript numbers are exact up to here");
}

#[test]
fn resend_is_acknowledged_again_and_published_once() {
    let mut w = world();
    let (tom, lili) = (w.rich("tom"), w.rich("lili"));
    w.send_message(tom, 1, "hi");
    w.advance(5000);
    w.send_message(tom, 1, "hi");
    let accepted = w.received(tom).accepted();
    assert_eq!((accepted.len(), accepted[0]), (2, accepted[1]));
    let accepted = accepted[0].clone();
    assert_eq!(w.received(lili).messages().len(), 1);
    // Also from the same account on a new connection.
    let secret = w.received(tom).welcome().unwrap().secret.clone();
    let tom = w.returning("tom", &secret, &[], None);
    w.send_message(tom, 1, "hi");
    assert_eq!(w.received(tom).accepted(), [&accepted]);
    assert_eq!(w.received(lili).messages().len(), 1);
    // Never for another message.
    w.send_message(tom, 1, "hi!");
    assert_eq!(w.received(tom).codes(), [u32::from(Status::MessageIdReused.code())]);
    assert_eq!(w.received(tom).refusals()[0].id, [1; 16]);
}

#[test]
fn login_is_required_first_and_only_once() {
    let mut w = world();
    let unauthenticated = w.connect();
    w.extension(unauthenticated, Extension::Ping(wire::Ping { nonce: 1 }));
    assert_eq!(
        (w.received(unauthenticated).codes(), w.received(unauthenticated).closed),
        (vec![4020], Some(Status::NotLoggedIn))
    );
    let tom = w.rich("tom");
    w.login(tom, "tom2", &[]);
    assert_eq!((w.received(tom).codes(), w.received(tom).closed), (vec![4021], None));
    let old = w.connect();
    w.send(old, &codec::login("old", wire::Login::default()));
    assert_eq!(w.received(old).closed, Some(Status::VersionUnsupported));
    let slow = w.connect();
    w.advance(9_999);
    assert_eq!(w.received(slow).closed, None);
    w.advance(1);
    assert_eq!((w.received(slow).closed, w.received(tom).closed), (Some(Status::LoginTimeout), None));
}

#[test]
fn unknown_fields_are_ignored_and_unknown_requests_refused() {
    let mut w = world();
    let (tom, lili) = (w.rich("tom"), w.rich("lili"));
    w.send(tom, &Envelope { r#type: "wave".into(), ..talk(1, "o/") });
    assert_eq!(w.received(lili).messages(), [("tom", "o/")], "an unknown type is talk");
    // Field 60 is undefined: a future extension.
    w.bytes(tom, &[0xE2, 0x03, 0x02, 0x08, 0x01]);
    w.bytes(tom, &[]);
    // Fields 38 and 26: requests of pages that know only the lobby, for the member list and for history.
    w.bytes(tom, &[0xB2, 0x02, 0]);
    w.bytes(tom, &[0xD2, 0x01, 0x04, 0x08, 0x09, 0x28, 0x01]);
    w.settle();
    assert_eq!((w.hub.counters().ignored, w.received(tom).codes()), (4, vec![]));
    w.extension(tom, Extension::Event(wire::ServerEvent::default()));
    w.extension(tom, Extension::Welcome(wire::Welcome::default()));
    w.extension(tom, Extension::SetAway(wire::SetAway { away: true }));
    assert_eq!((w.received(tom).codes(), w.received(tom).closed), (vec![4024; 3], None));
    let bad = [&[0xFF; 20][..], b"hello there", &[0x0A, 0x05, b'a'], &[0x0A, 0x01, 0xFF]];
    for (nick, bad) in ["eve", "ada", "bob", "zoe"].into_iter().zip(bad) {
        let conn = w.rich(nick);
        w.bytes(conn, bad);
        w.settle();
        assert_eq!(
            (w.received(conn).codes(), w.received(conn).closed),
            (vec![4022], Some(Status::BadFrame)),
            "{bad:?}"
        );
    }
    assert_eq!(w.received(lili).messages().len(), 1);
}

#[test]
fn invalid_messages_are_refused_with_their_id() {
    let mut w = world();
    let (tom, lili) = (w.rich("tom"), w.rich("lili"));
    let long = "x".repeat(16 * 1024 + 1);
    let cases = [
        (talk(1, ""), 4010),
        (talk(1, " \n\u{200B} "), 4010),
        (talk(1, &long), 4011),
        (Envelope { room: "attic".into(), ..talk(1, "hi") }, 4040),
        (Envelope { id: vec![1; 15], ..talk(1, "hi") }, 4012),
        (Envelope { id: vec![], ..talk(1, "hi") }, 4012),
    ];
    for (frame, code) in cases {
        w.clear(tom);
        w.send(tom, &frame);
        assert_eq!(w.received(tom).codes(), [code], "{frame:?}");
        let id = if code == 4012 { vec![] } else { frame.id };
        assert_eq!(w.received(tom).refusals()[0].id, id);
    }
    // A device may not know yet that another one has changed the nick.
    w.send(tom, &Envelope { user_name: "ada".into(), ..talk(2, "x") });
    assert_eq!(w.received(lili).messages(), [("tom", "x")]);
    let desk = w.basic("desk");
    w.send(desk, &codec::message("lili", None, "hi"));
    assert_eq!(w.received(desk).codes(), [4020]);
    w.send(desk, &codec::message(" DESK", None, "y"));
    assert_eq!(w.received(lili).messages(), [("tom", "x"), ("desk", "y")]);
}

#[test]
fn message_rate_is_limited_and_persistent_excess_is_closed() {
    let mut w = World::new(Settings {
        limits: Limits { messages_per_minute: 60, burst: 3, ..Limits::default() },
        ..Settings::default()
    });
    let tom = w.rich("tom");
    for n in 1..=4 {
        w.send_message(tom, n, "hi");
    }
    assert_eq!((w.received(tom).accepted().len(), w.received(tom).codes()), (3, vec![4502]));
    let wait = w.received(tom).refusals()[0].retry_after_ms;
    assert!(wait > 0 && wait <= 1000);
    w.advance(wait.into());
    w.send_message(tom, 4, "hi");
    assert_eq!(w.received(tom).accepted().len(), 4);
    for n in 0..200 {
        w.send_message(tom, 100 + (n % 100), "flood");
    }
    assert_eq!(w.received(tom).closed, Some(Status::RateLimited));
    assert!(w.received(tom).codes().len() < 110);
}

#[test]
fn control_envelope_rate_is_limited() {
    let mut w = world();
    let tom = w.rich("tom");
    for nonce in 0..40 {
        w.extension(tom, Extension::Ping(wire::Ping { nonce }));
    }
    let pong = |e: &Extension| matches!(e, Extension::Pong(_));
    assert_eq!(w.received(tom).extensions().filter(|e| pong(e)).count(), 40);
    w.extension(tom, Extension::Ping(wire::Ping { nonce: 40 }));
    assert_eq!((w.received(tom).codes(), w.received(tom).closed), (vec![4502], None));
    for _ in 0..200 {
        w.extension(tom, Extension::Ping(wire::Ping { nonce: 41 }));
    }
    assert_eq!(w.received(tom).closed, Some(Status::RateLimited));
}

#[test]
fn messages_received_together_are_delivered_together() {
    let mut w = world();
    let plain = w.connect();
    let capabilities = vec!["rooms".into()];
    w.send(plain, &codec::login("plain", wire::Login { version: 1, capabilities, ..wire::Login::default() }));
    let batch = w.connect();
    w.login(batch, "batch", &[]);
    let desk = w.basic("desk");
    w.advance(2000);
    for conn in [plain, batch, desk] {
        w.clear(conn);
    }
    let messages: Vec<_> = (1..=10).map(|n| codec::encode(&talk(n, &format!("m{n}")))).collect();
    w.bytes(plain, &codec::batch(messages));
    w.settle();
    let expected: Vec<_> = (1..=10).map(|n| format!("m{n}")).collect();
    for conn in [plain, batch, desk] {
        let received: Vec<_> = w.received(conn).messages().iter().map(|(_, text)| text.to_string()).collect();
        assert_eq!(received, expected);
    }
    assert_eq!((w.received(batch).messages, w.received(desk).messages), (1, 10));
    assert_eq!((w.received(plain).messages, w.received(plain).accepted().len()), (11, 10), "one ack for all");
    // An invalid batch is a bad frame.
    let inner = codec::batch(vec![codec::encode(&talk(20, "a")), codec::encode(&talk(21, "b"))]);
    w.bytes(plain, &codec::batch(vec![inner.clone(), inner]));
    w.settle();
    assert_eq!(w.received(plain).closed, Some(Status::BadFrame));
}

#[test]
fn continuous_messages_are_delivered_every_5_ms() {
    let limits = Limits { messages_per_minute: 0, ..Limits::default() };
    let mut w = World::new(Settings { limits, ..Settings::default() });
    let (tom, batch) = (w.rich("tom"), w.connect());
    w.login(batch, "batch", &[]);
    w.advance(2000);
    w.clear(batch);
    let mut sent = 0_usize;
    let mut send = |w: &mut World| {
        let id = MessageId::new(w.now, [1; 10]);
        w.send(tom, &codec::message("", Some(id), &sent.to_string()));
        sent += 1;
        assert_eq!(w.received(tom).accepted().len(), sent, "acknowledgements are not postponed");
    };
    for n in 1..=20 {
        send(&mut w);
        assert_eq!(w.received(batch).messages().len(), n, "at a low rate each is delivered at once");
        w.advance(1);
    }
    for n in 21..=1_020_usize {
        send(&mut w);
        w.advance(1);
        let received = w.received(batch).messages().len();
        assert!((n - 5..=n).contains(&received), "{received} of {n}");
    }
    w.advance(5);
    let received: Vec<usize> =
        w.received(batch).messages().iter().map(|(_, text)| text.parse().unwrap()).collect();
    assert_eq!(received, (0..1_020).collect::<Vec<_>>());
    assert!((215..=230).contains(&w.received(batch).messages), "{} deliveries", w.received(batch).messages);
    w.advance(100);
    send(&mut w);
    assert_eq!(w.received(batch).messages().len(), 1_021, "the rate is low again");
    // A new client gets earlier messages from the log, and none twice.
    for _ in 0..30 {
        w.advance(1);
        send(&mut w);
    }
    let lili = w.rich("lili");
    assert_eq!(w.received(batch).messages().len(), 1_051, "all are delivered before a client joins");
    w.advance(100);
    assert_eq!((w.received(batch).messages().len(), w.received(lili).messages().len()), (1_051, 0));
}

#[test]
fn arrival_is_published_before_the_first_message() {
    let mut w = world();
    let lili = w.rich("lili");
    w.rich("eve");
    let tom = w.rich("tom");
    w.send_message(tom, 1, "hi");
    let order: Vec<_> = w
        .received(lili)
        .frames
        .iter()
        .filter_map(|f| match &f.extension {
            Some(Extension::Event(event)) => {
                let changes = changes(event.body.as_ref().unwrap());
                (!changes.is_empty()).then(|| changes.join(" "))
            }
            None => Some(f.content.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["+eve", "+tom", "hi"]);
}

#[test]
fn basic_dialect_has_member_list_and_commands() {
    let mut w = world();
    let lili = w.rich("lili");
    let desk = w.basic("desk");
    assert_eq!(w.received(desk).list(), ["desk", "lili"]);
    assert!(
        w.received(desk).frames.iter().all(|f| f.user_name.is_empty() && f.content.is_empty()),
        "invisible"
    );
    w.send(desk, &codec::user_list_request("desk"));
    let answer = w.received(desk).frames.last().unwrap().clone();
    assert_eq!((answer.user_name.as_str(), answer.r#type.as_str()), ("desk", "userlist"));
    assert_eq!((answer.content.as_str(), answer.user_list.len()), ("desk,lili,", 2));
    w.send(desk, &codec::message("desk", None, "userlist"));
    assert_eq!(w.received(desk).frames.last(), Some(&answer), "a typed command has the same answer");
    assert!(w.received(lili).messages().is_empty());
    w.send(desk, &codec::message("desk", None, "hello"));
    let received = w.received(lili).frames.last().unwrap();
    assert_eq!((received.content.as_str(), received.user_list.len()), ("hello", 0));
    assert_eq!(
        MessageId::from_wire(&received.id).unwrap().0[6] >> 4,
        7,
        "the server generates an id of version 7"
    );
    let long = "x".repeat(20_000);
    w.send(desk, &codec::message("desk", None, &long));
    let refusal = w.received(desk).frames.last().unwrap();
    assert_eq!(
        (refusal.user_name.as_str(), refusal.content.as_str()),
        ("Parlour", Status::ContentTooLong.text())
    );
    assert_eq!(w.received(desk).closed, None);
    w.send(desk, &codec::message("desk", None, "exit"));
    assert_eq!(w.received(desk).closed, Some(Status::Normal));
    // The first envelope may be a message or a request.
    let other = w.connect();
    w.send(other, &codec::message("other", None, "hi all"));
    assert_eq!(w.received(other).messages(), [("other", "hi all")]);
    let requester = w.connect();
    w.send(requester, &codec::user_list_request("asker"));
    assert_eq!(w.received(requester).frames.last().unwrap().content, "asker,lili,other,");
}
