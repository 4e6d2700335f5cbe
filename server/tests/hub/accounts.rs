//! Accounts: how they are created, who holds a nick, and who owns a message.

mod basic;
mod nicks;

use parlour_core::{
    codec::{self, Envelope},
    limits::Limits,
    model::UserId,
    status::Status,
    wire,
};
use parlour_server::{
    hub::Settings,
    store::{Change, LogError},
};

use crate::{
    common::{
        sent::{login_of, talk},
        world::{Conn, World},
    },
    world,
};

const LOG_UNAVAILABLE: Option<Status> = Some(Status::LogUnavailable);
const MINUTE: u64 = 60_000;

/// Logs in with a secret.
fn login(w: &mut World, nick: &str, secret: u8) -> Conn {
    let conn = w.connect();
    w.login(conn, nick, &[secret; 32]);
    conn
}

fn is_welcome(w: &World, conn: Conn) -> bool {
    w.received(conn).welcome().is_some()
}

/// The messages of a client with their senders.
fn senders(w: &World, conn: Conn) -> Vec<(UserId, &str)> {
    let talks = w.received(conn).frames.iter().filter(|frame| frame.ord > 0);
    talks.map(|frame| (UserId::from_wire(&frame.sender).unwrap(), frame.content.as_str())).collect()
}

fn full() -> Option<LogError> {
    Some(LogError::Full("here".into()))
}

#[test]
fn guest_is_welcomed_when_its_account_is_stored() {
    let mut w = world();
    let lili = w.rich("lili");
    w.hold_requests = true;
    let tom = login(&mut w, "tom", 1);
    w.advance(5_000);
    assert!(w.received(tom).frames.is_empty() && w.received(lili).presence().is_empty());
    assert_eq!(w.hub.members(), 1);
    assert!(matches!(&w.held_proposals()[0].change, Change::CreateAccount { nick, .. } if **nick == *"tom"));
    w.release();
    w.advance(1_000);
    assert_eq!(
        (w.members(tom), w.received(lili).presence().last().unwrap().as_str()),
        (vec!["lili".to_owned(), "tom".into()], "+tom")
    );
    // A session that is known enters without the log.
    w.disconnect(tom);
    w.hold_requests = true;
    w.advance(2 * MINUTE);
    let tom = login(&mut w, "tom", 1);
    assert!(w.held_proposals().is_empty());
    w.release();
    assert!(w.received(tom).welcome().unwrap().resumed);
}

#[test]
fn frames_before_the_welcome_are_refused_and_the_account_waits_for_its_client() {
    let mut w = world();
    w.hold_requests = true;
    let hasty = login(&mut w, "tom", 1);
    w.send(hasty, &talk(1, "before the welcome"));
    assert_eq!(w.received(hasty).closed, Some(Status::NotLoggedIn));
    let gone = login(&mut w, "lili", 2);
    w.disconnect(gone);
    let slow = login(&mut w, "ada", 3);
    w.advance(10_000);
    assert_eq!(w.received(slow).closed, Some(Status::LoginTimeout));
    w.release();
    assert_eq!(w.hub.members(), 0);
    // Their nicks are reserved, and their clients find their sessions.
    for (nick, secret) in [("tom", 1), ("lili", 2), ("ada", 3)] {
        let other = login(&mut w, nick, 9);
        assert_eq!(w.received(other).closed, Some(Status::NickTaken), "{nick}");
        let again = login(&mut w, nick, secret);
        assert!(w.received(again).welcome().unwrap().resumed, "{nick}");
    }
}

#[test]
fn login_that_is_repeated_before_the_log_answers_takes_the_place_of_the_first() {
    let mut w = world();
    let late = w.connect();
    w.hold_requests = true;
    let first = login(&mut w, "tom", 1);
    let second = login(&mut w, "Tom", 1);
    assert_eq!(w.received(first).closed, Some(Status::Replaced));
    w.login(late, "tom", &[1; 32]);
    assert_eq!(w.received(late).closed, Some(Status::Overtaken));
    w.disconnect(second);
    let third = login(&mut w, "tom", 1);
    assert_eq!(w.held_proposals().len(), 1, "one account");
    w.release();
    assert!(is_welcome(&w, third) && w.hub.members() == 1);
}

#[test]
fn two_logins_race_for_one_nick() {
    let mut w = world();
    w.hold_requests = true;
    let (first, look_alike) = (login(&mut w, "tom", 1), login(&mut w, "tоm", 3));
    let second = login(&mut w, "TOM", 2);
    assert_eq!(w.received(second).closed, Some(Status::NickTaken));
    assert_eq!(w.received(second).refusals()[0].suggestion, "TOM2");
    assert_eq!(w.received(look_alike).closed, Some(Status::NickConfusable));
    let third = login(&mut w, "TOM2", 2);
    w.release();
    assert!(is_welcome(&w, first) && is_welcome(&w, third));
    assert_ne!(w.holder("tom"), w.holder("tom2"));
}

#[test]
fn thousand_guests_are_created_in_one_append() {
    let mut w = world();
    w.hold_requests = true;
    let address = |n: u32| std::net::Ipv4Addr::from_bits(0x0A00_0000 + n);
    let crowd: Vec<_> = (0..1_000).map(|n| (w.connect_from(address(n)), format!("guest-{n}-"))).collect();
    for (conn, nick) in &crowd {
        w.handle(*conn, &login_of(nick, wire::Login::default()));
    }
    w.settle();
    assert_eq!((w.held_requests.len(), w.held_proposals().len()), (1, 1_000));
    w.release();
    assert!(crowd.iter().all(|(conn, nick)| w.received(*conn).welcome().unwrap().nick == *nick));
    assert_eq!(w.hub.members(), 1_000);
    assert_eq!(w.hub.table_sizes().pending_logins, 0);
}

#[test]
fn pending_logins_take_seats() {
    let limits = Limits { room_members: 2, ..Limits::default() };
    let mut w = World::new(Settings { limits, ..Settings::default() });
    w.rich("lili");
    w.hold_requests = true;
    let (tom, late) = (login(&mut w, "tom", 1), login(&mut w, "late", 2));
    assert_eq!(w.received(late).closed, Some(Status::ServerFull));
    w.release();
    assert!(is_welcome(&w, tom));
}

#[test]
fn server_killed_between_the_append_and_the_welcome_knows_the_account() {
    let mut w = world();
    w.hold_requests = true;
    let tom = login(&mut w, "tom", 1);
    w.append_and_restart();
    assert!(!is_welcome(&w, tom));
    let account = w.holder("tom").unwrap();
    let tom = login(&mut w, "tom", 1);
    assert!(w.received(tom).welcome().unwrap().resumed);
    w.send_message(tom, 1, "hi");
    assert_eq!(senders(&w, tom), [(account, "hi")]);
}

#[test]
fn guest_cannot_log_in_while_the_log_fails() {
    for stored in [false, true] {
        let mut w = world();
        let lili = login(&mut w, "lili", 2);
        w.failing = full();
        w.append_before_failing = stored;
        let tom = login(&mut w, "tom", 1);
        assert_eq!(
            (w.received(tom).closed, w.received(tom).refusals()[0].retry_after_ms),
            (LOG_UNAVAILABLE, 3_000)
        );
        // The outcome of the append is not known yet.
        let again = login(&mut w, "tom", 1);
        assert_eq!(w.received(again).closed, LOG_UNAVAILABLE);
        w.failing = None;
        // A session that is known can.
        w.disconnect(lili);
        let lili = login(&mut w, "lili", 2);
        assert!(is_welcome(&w, lili));
        w.advance(3_000);
        let tom = login(&mut w, "tom", 1);
        assert!(!w.received(tom).welcome().unwrap().resumed, "the nick is free");
        w.send_message(tom, 1, "hi");
        assert_eq!(Some(senders(&w, lili)[0].0), w.holder("tom"));
    }
}

#[test]
fn new_holder_of_a_nick_does_not_own_the_messages_of_the_former_one() {
    let mut w = world();
    let witness = w.rich("witness");
    let tom = login(&mut w, "tom", 1);
    w.send_message(tom, 1, "mine");
    let (account, accepted) = (w.holder("tom").unwrap(), w.received(tom).accepted()[0].clone());
    w.disconnect(tom);
    w.advance(MINUTE);
    let other = login(&mut w, "tom", 2);
    w.send_message(other, 1, "mine");
    let new = w.holder("tom").unwrap();
    assert_eq!(senders(&w, witness), [(account, "mine"), (new, "mine")]);
    assert_ne!(w.received(other).accepted()[0].seq, accepted.seq);
    // The former holder returns when the nick is free, and its message is recognised.
    let tom = login(&mut w, "tom", 1);
    assert_eq!(w.received(tom).closed, Some(Status::NickTaken));
    assert!(!w.received(tom).refusals()[0].suggestion.is_empty());
    w.send(other, &codec::exit("tom"));
    let tom = login(&mut w, "tom", 1);
    w.send_message(tom, 1, "mine");
    assert_eq!(w.received(tom).accepted(), [&accepted]);
    assert_eq!((senders(&w, witness).len(), w.holder("tom")), (2, Some(account)));
}

#[test]
fn senders_may_use_the_same_message_id() {
    let mut w = world();
    let (tom, lili) = (w.rich("tom"), w.rich("lili"));
    for content in ["one", "two"] {
        let both = [tom, lili].map(|conn| {
            w.send_message(conn, 1, "one");
            w.received(conn).accepted()[0].seq
        });
        assert_eq!(both, [1, 2], "{content}");
    }
    let of = |nick: &str, w: &mut World| w.holder(nick).unwrap();
    let expected = [(of("tom", &mut w), "one"), (of("lili", &mut w), "one")];
    assert_eq!(senders(&w, lili), expected);
    w.send_message(lili, 1, "another text");
    assert_eq!(w.received(lili).codes(), [u32::from(Status::MessageIdReused.code())]);
}

#[test]
fn account_is_one_member_with_several_connections() {
    let mut w = world();
    let lili = w.rich("lili");
    w.advance(1_000);
    w.clear(lili);
    let (first, second) = (login(&mut w, "tom", 1), login(&mut w, "tom", 1));
    assert!(w.received(second).welcome().unwrap().resumed && w.received(first).closed.is_none());
    assert_eq!(w.hub.members(), 2);
    w.send_message(second, 1, "hi");
    for conn in [first, second, lili] {
        assert_eq!(w.received(conn).messages(), [("tom", "hi")]);
    }
    w.disconnect(second);
    w.advance(1_000);
    assert!(!w.received(lili).presence().contains(&"-tom".into()));
    w.disconnect(first);
    w.advance(1_000);
    assert_eq!(w.received(lili).presence().last().unwrap(), "-tom");
    // The user leaves on all of them.
    let (first, second) = (login(&mut w, "tom", 1), login(&mut w, "tom", 1));
    w.send(first, &codec::exit("tom"));
    assert_eq!([first, second].map(|conn| w.received(conn).closed), [Some(Status::Normal); 2]);
    let again = login(&mut w, "tom", 1);
    assert!(!w.received(again).welcome().unwrap().resumed);
}

#[test]
fn connections_of_an_account_share_its_rate_but_not_the_order_of_resends() {
    let limits = Limits { messages_per_minute: 60, burst: 3, ..Limits::default() };
    let mut w = World::new(Settings { limits, ..Settings::default() });
    let (first, second) = (login(&mut w, "tom", 1), login(&mut w, "tom", 1));
    for id in 1..=4 {
        w.send_message(first, id, "first");
    }
    w.send_message(second, 5, "second");
    let limited = u32::from(Status::RateLimited.code());
    assert_eq!([first, second].map(|conn| w.received(conn).codes()), [vec![limited], vec![limited]]);
    w.advance(1_000);
    w.send_message(second, 5, "second");
    assert_eq!(w.received(second).accepted().len(), 1, "it does not wait for the other client");
}

#[test]
fn message_carries_its_sender_and_its_number() {
    let mut w = world();
    let (tom, desk) = (w.rich("tom"), w.basic("desk"));
    w.send_message(tom, 1, "hi");
    let account = w.holder("tom").unwrap();
    for conn in [tom, desk] {
        let frame = w.received(conn).frames.iter().find(|frame| frame.content == "hi").unwrap();
        let expected = Envelope { seq: 1, ord: 1, sender: account.0.to_vec(), ..frame.clone() };
        assert_eq!(*frame, expected);
    }
    let log = w.received(tom).welcome().unwrap().log.clone();
    w.restart();
    let late = w.returning("late", &[], &log, None);
    let window = w.received(late).welcome().unwrap().window.clone().unwrap();
    let page = window.page.unwrap();
    let sender = &page.people[page.messages[0].sender as usize].account;
    assert_eq!((page.messages[0].seq, page.messages[0].ord, &sender[..]), (1, 1, &account.0[..]));
}
