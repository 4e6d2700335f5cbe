//! Nothing is acknowledged or published before it is committed.

use parlour_core::{codec, limits::Limits, model::MessageId, status::Status};
use parlour_server::{
    hub::{
        Settings,
        append_queue::{MAX_PENDING_BYTES, MAX_PENDING_PROPOSALS_PER_ADDRESS},
    },
    store::LogError,
};

use crate::{
    common::{sent::talk, world::World},
    world,
};

const FULL: u32 = 4507;

fn full() -> Option<LogError> {
    Some(LogError::Full("here".into()))
}

#[test]
fn message_is_acknowledged_and_published_after_commit() {
    let mut w = world();
    let (tom, lili, desk) = (w.rich("tom"), w.rich("lili"), w.basic("desk"));
    w.hold_requests = true;
    w.send_message(tom, 1, "hi");
    w.send_message(lili, 2, "ho");
    w.advance(5_000);
    for conn in [tom, lili, desk] {
        assert_eq!((w.received(conn).messages(), w.received(conn).accepted().len()), (vec![], 0));
    }
    w.release();
    for conn in [tom, lili, desk] {
        assert_eq!(w.received(conn).messages(), [("tom", "hi"), ("lili", "ho")]);
    }
    assert_eq!((w.received(tom).accepted().len(), w.received(lili).accepted().len()), (1, 1));
}

#[test]
fn failed_append_is_refused_with_retry_in_order() {
    let mut w = world();
    let (tom, lili, desk) = (w.rich("tom"), w.rich("lili"), w.basic("desk"));
    w.failing = full();
    w.send_message(tom, 1, "one");
    let refusals = w.received(tom).refusals();
    assert_eq!((refusals[0].code, refusals[0].id.len(), refusals[0].retry_after_ms), (FULL, 16, 3_000));
    // The disk has space again, but appends are refused for 3 s.
    w.failing = None;
    w.send_message(tom, 2, "two");
    w.send_message(lili, 3, "hers");
    w.send(desk, &codec::message("desk", None, "mine"));
    assert_eq!((w.received(tom).codes().len(), w.received(lili).codes()), (2, vec![FULL]));
    let text = Status::LogUnavailable.text();
    assert!(w.received(desk).frames.iter().any(|f| f.user_name == "Parlour" && f.content == text));
    w.advance(3_000);
    w.send_message(tom, 2, "two");
    assert!(w.received(tom).accepted().is_empty(), "the first message must come before it");
    w.send_message(tom, 1, "one");
    w.send_message(tom, 2, "two");
    assert_eq!(w.received(lili).messages(), [("tom", "one"), ("tom", "two")]);
}

#[test]
fn ambiguous_append_is_published_before_anything_else() {
    let mut w = world();
    let (tom, lili) = (w.rich("tom"), w.rich("lili"));
    w.failing = full();
    w.append_before_failing = true;
    w.send_message(tom, 1, "one");
    assert_eq!((w.received(tom).codes(), w.received(lili).messages()), (vec![FULL], vec![]));
    w.failing = None;
    w.send_message(lili, 2, "two");
    assert_eq!(w.received(lili).codes(), [FULL]);
    w.advance(3_000);
    assert_eq!(w.received(lili).messages(), [("tom", "one")]);
    w.send_message(lili, 2, "two");
    // The sender has received the message and continues.
    w.send_message(tom, 3, "three");
    assert_eq!(w.received(lili).messages(), [("tom", "one"), ("lili", "two"), ("tom", "three")]);
}

#[test]
fn batches_behind_a_failed_append_are_not_stored() {
    let mut w = world();
    let tom = w.rich("tom");
    w.hold_requests = true;
    w.failing = full();
    for id in 1..=3 {
        w.send_message(tom, id, &id.to_string());
    }
    w.release();
    assert_eq!(w.received(tom).codes(), [FULL; 3]);
    w.failing = None;
    w.advance(3_000);
    for id in [2, 3, 1, 2, 3] {
        w.send_message(tom, id, &id.to_string());
    }
    assert_eq!(w.received(tom).messages(), [("tom", "1"), ("tom", "2"), ("tom", "3")]);
}

#[test]
fn last_message_is_published_before_the_departure() {
    for how in ["exit", "close"] {
        let mut w = world();
        let (tom, lili, desk) = (w.rich("tom"), w.rich("lili"), w.basic("desk"));
        w.advance(2_000);
        w.hold_requests = true;
        w.send_message(tom, 1, "goodbye");
        if how == "exit" {
            w.send(tom, &codec::exit("tom"))
        } else {
            w.disconnect(tom)
        }
        w.advance(2_000);
        assert!(w.received(lili).presence().iter().all(|p| p != "-tom"), "{how}");
        assert!(w.received(desk).exits().is_empty(), "{how}");
        w.release();
        w.advance(2_000);
        assert_eq!(w.received(lili).presence().last().unwrap(), "-tom", "{how}");
        let frames = &w.received(desk).frames;
        let at = |kind: &str| frames.iter().position(|f| f.r#type == kind && f.user_name == "tom");
        assert!(at("talk").unwrap() < at("exit").unwrap(), "{how}");
    }
}

#[test]
fn member_that_returns_before_its_last_message_does_not_depart() {
    let mut w = world();
    let (tom, lili) = (w.rich("tom"), w.rich("lili"));
    let secret = w.received(tom).welcome().unwrap().secret.clone();
    w.advance(2_000);
    w.hold_appends = true;
    w.send_message(tom, 1, "brb");
    w.disconnect(tom);
    let again = w.connect();
    w.login(again, "tom", &secret);
    w.release();
    w.advance(2_000);
    assert!(w.received(lili).presence().iter().all(|p| p != "-tom"));
    assert_eq!(w.received(again).messages(), [("tom", "brb")]);
    assert_eq!(w.received(lili).messages(), [("tom", "brb")]);
    assert_eq!(w.hub.members(), 2);
}

#[test]
fn one_address_does_not_fill_the_queue_for_the_log() {
    let limits = Limits { messages_per_minute: 0, ..Limits::default() };
    let mut w = World::new(Settings { limits, ..Settings::default() });
    let (tom, lili) = (w.rich("tom"), w.connect_from([10, 0, 0, 2]));
    w.login(lili, "lili", &[]);
    w.hold_requests = true;
    let id = |n: usize| Some(MessageId::new(n as u64, [1; 10]));
    for n in 0..=MAX_PENDING_PROPOSALS_PER_ADDRESS {
        w.handle(tom, &codec::message("", id(n), "x"));
    }
    w.settle();
    assert_eq!(w.received(tom).codes(), [FULL], "the last one");
    w.send_message(lili, 1, "of another address");
    assert!(w.received(lili).codes().is_empty());
    w.release();
    assert_eq!(w.received(lili).messages().last(), Some(&("lili", "of another address")));
    w.advance(500);
    w.send(tom, &codec::message("", id(MAX_PENDING_PROPOSALS_PER_ADDRESS), "x"));
    assert_eq!(w.received(tom).accepted().len(), MAX_PENDING_PROPOSALS_PER_ADDRESS + 1);
}

#[test]
fn bytes_that_wait_for_the_log_are_bounded() {
    let limits = Limits { messages_per_minute: 0, ..Limits::default() };
    let mut w = World::new(Settings { limits, ..Settings::default() });
    let guest = |w: &mut World, address: u8| {
        let conn = w.connect_from([10, 0, 1, address]);
        w.login(conn, &format!("guest-{address}-"), &[]);
        conn
    };
    let guests: Vec<_> = (1..=10).map(|address| guest(&mut w, address)).collect();
    w.hold_requests = true;
    let text = "x".repeat(Limits::default().content_bytes);
    let flood = |w: &mut World, address: u8| {
        let conn = guests[usize::from(address) - 1];
        let sent = (0_u64..).take_while(|n| {
            w.handle(conn, &codec::message("", Some(MessageId::new(*n, [address; 10])), &text));
            w.settle();
            w.received(conn).codes().is_empty()
        });
        sent.count() * text.len()
    };
    assert_eq!(flood(&mut w, 1), MAX_PENDING_BYTES / 2);
    let all: usize = (2..=9).map(|address| flood(&mut w, address)).sum();
    assert!(all < MAX_PENDING_BYTES / 2, "{all}");
    let lili = guests[9];
    w.send_message(lili, 1, "of another address");
    assert!(w.received(lili).codes().is_empty());
    w.release();
    assert_eq!(w.received(lili).accepted().len(), 1);
}

#[test]
fn stopping_server_publishes_accepted_messages_only() {
    let mut w = world();
    let (tom, lili) = (w.rich("tom"), w.rich("lili"));
    w.hold_requests = true;
    w.send_message(tom, 1, "accepted");
    w.hub.handle_shutdown(w.now, 1_000);
    w.settle();
    w.send(lili, &talk(2, "too late"));
    assert_eq!(w.received(tom).closed, None);
    w.release();
    assert_eq!(
        (w.received(lili).messages(), w.received(tom).accepted().len()),
        (vec![("tom", "accepted")], 1)
    );
    assert_eq!(
        (w.received(tom).closed, w.received(lili).closed),
        (Some(Status::ShuttingDown), Some(Status::ShuttingDown))
    );
}

#[test]
fn id_is_known_after_a_server_kill() {
    let mut w = world();
    let tom = w.rich("tom");
    w.send_message(tom, 1, "once");
    let accepted = w.received(tom).accepted()[0].clone();
    let secret = w.received(tom).welcome().unwrap().secret.clone();
    w.restart();
    let lili = w.rich("lili");
    let other = w.returning("tom", &[1; 32], &[], None);
    assert_eq!(w.received(other).closed, Some(Status::NickTaken), "the nick is still reserved");
    w.advance(60_000);
    let tom = w.returning("tom", &secret, &[], None);
    w.send_message(tom, 1, "once");
    assert_eq!(w.received(tom).accepted(), [&accepted]);
    assert!(w.received(lili).messages().is_empty());
}

#[test]
fn sessions_resume_after_a_server_kill() {
    let mut w = world();
    let tom = w.rich("tom");
    let secret = w.received(tom).welcome().unwrap().secret.clone();
    w.advance(1_000);
    w.restart();
    let other = w.connect();
    w.login(other, "tom", &[]);
    assert_eq!(w.received(other).closed, Some(Status::NickTaken));
    let tom = w.returning("tom", &secret, &[], None);
    let welcome = w.received(tom).welcome().unwrap();
    assert!(welcome.resumed && welcome.secret == secret);
    // A client that has left can't resume.
    w.send(tom, &codec::exit("tom"));
    w.restart();
    let again = w.rich("tom");
    assert!(w.received(again).welcome().is_some());
}
