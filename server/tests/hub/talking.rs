//! What is said, and what else frames may ask for.

use parlour_core::{
    codec::{self, Envelope, Extension},
    limits::Limits,
    model::MessageId,
    status::Status,
    wire,
};
use parlour_server::hub::Settings;

use crate::{
    common::world::{World, talk},
    world,
};

#[test]
fn a_message_reaches_all_and_is_acknowledged() {
    let mut w = world();
    let (tom, lili, desk) = (w.rich("tom"), w.rich("lili"), w.basic("desk"));
    w.pass(200);
    w.say(tom, 1, "hi");
    w.say(lili, 2, "ho  \n");
    for conn in [tom, lili, desk] {
        assert_eq!(w.heard(conn).talks(), [("tom", "hi"), ("lili", "ho")]);
    }
    let accepted = w.heard(tom).accepted();
    let heard = w.heard(lili).frames.iter().find(|f| f.content == "hi").unwrap();
    assert_eq!((&accepted[0].id, accepted[0].seq, accepted[0].time), (&heard.id, heard.seq, heard.time));
    assert_eq!((heard.time, heard.r#type.as_str()), (w.unix(), "talk"));
    assert!(w.heard(lili).accepted()[0].seq > accepted[0].seq);
    assert!(w.heard(desk).accepted().is_empty());
}

#[test]
fn sequence_numbers_rise_across_restarts() {
    let mut w = world();
    let tom = w.rich("tom");
    w.say(tom, 1, "one");
    let before = w.heard(tom).accepted()[0].seq;
    w.restart();
    let lili = w.rich("lili");
    w.say(lili, 2, "two");
    assert!(w.heard(lili).accepted()[0].seq > before);
    assert!(before < 1 << 53, "a browser counts exactly up to here");
}

#[test]
fn a_resend_is_acknowledged_again_and_said_once() {
    let mut w = world();
    let (tom, lili) = (w.rich("tom"), w.rich("lili"));
    w.say(tom, 1, "hi");
    w.pass(5000);
    w.say(tom, 1, "hi");
    let accepted = w.heard(tom).accepted();
    assert_eq!((accepted.len(), accepted[0]), (2, accepted[1]));
    assert_eq!(w.heard(lili).talks().len(), 1);
    // Also by the same person on a new connection.
    w.send(tom, &codec::exit("tom"));
    let tom = w.rich("tom");
    w.say(tom, 1, "hi");
    assert_eq!(w.heard(tom).accepted().len(), 1);
    assert_eq!(w.heard(lili).talks().len(), 1);
    // Never for another message or another sender.
    w.say(tom, 1, "hi!");
    w.say(lili, 1, "hi");
    let code = u32::from(Status::MessageIdReused.code());
    assert_eq!((w.heard(tom).codes(), w.heard(lili).codes()), (vec![code], vec![code]));
    assert_eq!(w.heard(lili).refusals()[0].id, [1; 16]);
}

#[test]
fn frames_at_the_wrong_time() {
    let mut w = world();
    let stranger = w.connect();
    w.extension(stranger, Extension::Ping(wire::Ping { nonce: 1 }));
    assert_eq!(
        (w.heard(stranger).codes(), w.heard(stranger).closed),
        (vec![4020], Some(Status::NotLoggedIn))
    );
    let tom = w.rich("tom");
    w.login(tom, "tom2", &[], &[]);
    assert_eq!((w.heard(tom).codes(), w.heard(tom).closed), (vec![4021], None));
    let old = w.connect();
    w.send(old, &codec::login("old", wire::Login::default()));
    assert_eq!(w.heard(old).closed, Some(Status::VersionUnsupported));
    let slow = w.connect();
    w.pass(9_999);
    assert_eq!(w.heard(slow).closed, None);
    w.pass(1);
    assert_eq!((w.heard(slow).closed, w.heard(tom).closed), (Some(Status::LoginTimeout), None));
}

#[test]
fn what_is_not_known_is_ignored_and_what_is_not_done_is_refused() {
    let mut w = world();
    let (tom, lili) = (w.rich("tom"), w.rich("lili"));
    w.send(tom, &Envelope { r#type: "wave".into(), ..talk(1, "o/") });
    assert_eq!(w.heard(lili).talks(), [("tom", "o/")], "an unknown type is talk");
    // Field 60, which nobody has defined: an extension of the future.
    w.bytes(tom, &[0xE2, 0x03, 0x02, 0x08, 0x01]);
    w.bytes(tom, &[]);
    w.settle();
    assert_eq!(w.hub.counters().ignored, 2);
    w.extension(tom, Extension::JoinRoom(wire::JoinRoom::default()));
    w.extension(tom, Extension::Welcome(wire::Welcome::default()));
    w.extension(tom, Extension::SetAway(wire::SetAway { away: true }));
    assert_eq!((w.heard(tom).codes(), w.heard(tom).closed), (vec![4024; 3], None));
    let bad = [&[0xFF; 20][..], b"hello there", &[0x0A, 0x05, b'a'], &[0x0A, 0x01, 0xFF]];
    for (nick, bad) in ["eve", "ada", "bob", "zoe"].into_iter().zip(bad) {
        let conn = w.rich(nick);
        w.bytes(conn, bad);
        w.settle();
        assert_eq!(
            (w.heard(conn).codes(), w.heard(conn).closed),
            (vec![4022], Some(Status::BadFrame)),
            "{bad:?}"
        );
    }
    assert_eq!(w.heard(lili).talks().len(), 1);
}

#[test]
fn bad_messages_are_refused_under_their_id() {
    let mut w = world();
    let (tom, lili) = (w.rich("tom"), w.rich("lili"));
    let long = "x".repeat(16 * 1024 + 1);
    let cases = [
        (talk(1, ""), 4010),
        (talk(1, " \n\u{200B} "), 4010),
        (talk(1, &long), 4011),
        (Envelope { room: "attic".into(), ..talk(1, "hi") }, 4040),
        (Envelope { user_name: "lili".into(), ..talk(1, "hi") }, 4020),
        (Envelope { id: vec![1; 15], ..talk(1, "hi") }, 4012),
        (Envelope { id: vec![], ..talk(1, "hi") }, 4012),
    ];
    for (frame, code) in cases {
        w.clear(tom);
        w.send(tom, &frame);
        assert_eq!(w.heard(tom).codes(), [code], "{frame:?}");
        let id = if code == 4012 { vec![] } else { frame.id };
        assert_eq!(w.heard(tom).refusals()[0].id, id);
    }
    w.send(tom, &Envelope { user_name: " TOM".into(), ..talk(2, "x") });
    assert_eq!(w.heard(lili).talks(), [("tom", "x")]);
}

#[test]
fn messages_have_a_rate_and_persistence_is_closed() {
    let mut w = World::new(Settings {
        limits: Limits { messages_per_minute: 60, burst: 3, ..Limits::default() },
        ..Settings::default()
    });
    let tom = w.rich("tom");
    for n in 1..=4 {
        w.say(tom, n, "hi");
    }
    assert_eq!((w.heard(tom).accepted().len(), w.heard(tom).codes()), (3, vec![4502]));
    let wait = w.heard(tom).refusals()[0].retry_after_ms;
    assert!(wait > 0 && wait <= 1000);
    w.pass(wait.into());
    w.say(tom, 4, "hi");
    assert_eq!(w.heard(tom).accepted().len(), 4);
    for n in 0..200 {
        w.say(tom, 100 + (n % 100), "flood");
    }
    assert_eq!(w.heard(tom).closed, Some(Status::RateLimited));
    assert!(w.heard(tom).codes().len() < 110);
}

#[test]
fn other_frames_have_a_rate_too() {
    let mut w = world();
    let tom = w.rich("tom");
    for nonce in 0..40 {
        w.extension(tom, Extension::Ping(wire::Ping { nonce }));
    }
    let pong = |e: &Extension| matches!(e, Extension::Pong(_));
    assert_eq!(w.heard(tom).extensions().filter(|e| pong(e)).count(), 40);
    w.extension(tom, Extension::Ping(wire::Ping { nonce: 40 }));
    assert_eq!((w.heard(tom).codes(), w.heard(tom).closed), (vec![4502], None));
    for _ in 0..200 {
        w.extension(tom, Extension::Ping(wire::Ping { nonce: 41 }));
    }
    assert_eq!(w.heard(tom).closed, Some(Status::RateLimited));
}

#[test]
fn what_comes_together_goes_out_together() {
    let mut w = world();
    let plain = w.rich("plain");
    let batch = w.connect();
    w.login(batch, "batch", &[], &["durable", "batch"]);
    let desk = w.basic("desk");
    w.pass(2000);
    for conn in [plain, batch, desk] {
        w.clear(conn);
    }
    let outbox: Vec<_> = (1..=10).map(|n| codec::encode(&talk(n, &format!("m{n}")))).collect();
    w.bytes(plain, &codec::batch(outbox));
    w.settle();
    let expected: Vec<_> = (1..=10).map(|n| format!("m{n}")).collect();
    for conn in [plain, batch, desk] {
        let heard: Vec<_> = w.heard(conn).talks().iter().map(|(_, text)| text.to_string()).collect();
        assert_eq!(heard, expected);
    }
    assert_eq!((w.heard(batch).messages, w.heard(desk).messages), (1, 10));
    assert_eq!((w.heard(plain).messages, w.heard(plain).accepted().len()), (11, 10), "one ack for all");
    // Bad batches are bad frames.
    let inner = codec::batch(vec![codec::encode(&talk(20, "a")), codec::encode(&talk(21, "b"))]);
    w.bytes(plain, &codec::batch(vec![inner.clone(), inner]));
    w.settle();
    assert_eq!(w.heard(plain).closed, Some(Status::BadFrame));
}

#[test]
fn what_comes_all_the_time_goes_out_every_5_ms() {
    let limits = Limits { messages_per_minute: 0, ..Limits::default() };
    let mut w = World::new(Settings { limits, ..Settings::default() });
    let (tom, batch) = (w.rich("tom"), w.connect());
    w.login(batch, "batch", &[], &["durable", "batch"]);
    w.pass(2000);
    w.clear(batch);
    let mut said = 0_usize;
    let mut say = |w: &mut World| {
        let id = MessageId::new(w.now, [1; 10]);
        w.send(tom, &codec::message("", "", Some(id), &said.to_string()));
        said += 1;
        assert_eq!(w.heard(tom).accepted().len(), said, "acknowledgements don't wait");
    };
    for n in 1..=20 {
        say(&mut w);
        assert_eq!(w.heard(batch).talks().len(), n, "it is calm");
        w.pass(1);
    }
    for n in 21..=1_020_usize {
        say(&mut w);
        w.pass(1);
        let heard = w.heard(batch).talks().len();
        assert!((n - 5..=n).contains(&heard), "{heard} of {n}");
    }
    w.pass(5);
    let heard: Vec<usize> = w.heard(batch).talks().iter().map(|(_, text)| text.parse().unwrap()).collect();
    assert_eq!(heard, (0..1_020).collect::<Vec<_>>());
    assert!((215..=230).contains(&w.heard(batch).messages), "{} times", w.heard(batch).messages);
    w.pass(100);
    say(&mut w);
    assert_eq!(w.heard(batch).talks().len(), 1_021, "it is calm again");
    // Who comes is told what they were not there for by the log, and nothing twice.
    for _ in 0..30 {
        w.pass(1);
        say(&mut w);
    }
    let lili = w.rich("lili");
    assert_eq!(w.heard(batch).talks().len(), 1_051, "before somebody comes");
    w.pass(100);
    assert_eq!((w.heard(batch).talks().len(), w.heard(lili).talks().len()), (1_051, 0));
}

#[test]
fn nobody_speaks_before_they_came() {
    let mut w = world();
    let lili = w.rich("lili");
    w.rich("eve");
    let tom = w.rich("tom");
    w.say(tom, 1, "hi");
    let order: Vec<_> = w
        .heard(lili)
        .frames
        .iter()
        .filter_map(|f| match &f.extension {
            Some(Extension::Presence(p)) => {
                Some(p.changes.iter().map(|m| m.nick.clone()).collect::<Vec<_>>().join(" "))
            }
            None => Some(f.content.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["eve tom", "hi"], "though who comes so soon after another is told later");
}

#[test]
fn the_basic_dialect_has_its_list_and_its_commands() {
    let mut w = world();
    let lili = w.rich("lili");
    let desk = w.basic("desk");
    assert_eq!(w.heard(desk).list(), ["desk", "lili"]);
    assert!(w.heard(desk).frames.iter().all(|f| f.user_name.is_empty() && f.content.is_empty()), "invisible");
    w.send(desk, &codec::user_list_request("desk"));
    let answer = w.heard(desk).frames.last().unwrap().clone();
    assert_eq!((answer.user_name.as_str(), answer.r#type.as_str()), ("desk", "userlist"));
    assert_eq!((answer.content.as_str(), answer.user_list.len()), ("desk,lili,", 2));
    w.send(desk, &codec::message("desk", "", None, "userlist"));
    assert_eq!(w.heard(desk).frames.last(), Some(&answer), "the bare word does it too");
    assert!(w.heard(lili).talks().is_empty());
    w.send(desk, &codec::message("desk", "", None, "hello"));
    let said = w.heard(lili).frames.last().unwrap();
    assert_eq!((said.content.as_str(), said.user_list.len()), ("hello", 0));
    assert_eq!(MessageId::from_wire(&said.id).unwrap().0[6] >> 4, 7, "an id of ours, of version 7");
    let long = "x".repeat(20_000);
    w.send(desk, &codec::message("desk", "", None, &long));
    let told = w.heard(desk).frames.last().unwrap();
    assert_eq!((told.user_name.as_str(), told.content.as_str()), ("Parlour", Status::ContentTooLong.text()));
    assert_eq!(w.heard(desk).closed, None);
    w.send(desk, &codec::message("desk", "", None, "exit"));
    assert_eq!(w.heard(desk).closed, Some(Status::Normal));
    // A first frame may be a message or a question at once.
    let other = w.connect();
    w.send(other, &codec::message("other", "", None, "hi all"));
    assert_eq!(w.heard(other).talks(), [("other", "hi all")]);
    let asker = w.connect();
    w.send(asker, &codec::user_list_request("asker"));
    assert_eq!(w.heard(asker).frames.last().unwrap().content, "asker,lili,other,");
}
