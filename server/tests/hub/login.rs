//! Login, session resumption, departure and presence.

use parlour_core::{
    codec::{self, Extension},
    limits::Limits,
    status::Status,
    wire,
};
use parlour_server::hub::Settings;

use crate::{
    common::{sent::login_of, world::World},
    world,
};

#[test]
fn login_is_welcomed_and_announced() {
    let mut w = world();
    let tom = w.rich("tom");
    let lili = w.rich("  lili ");
    let welcome = w.received(lili).welcome().unwrap().clone();
    assert_eq!((welcome.nick.as_str(), welcome.version, welcome.secret.len()), ("lili", 1, 32));
    assert_eq!(
        (welcome.server_name.as_str(), welcome.heartbeat_ms, welcome.resumed),
        ("Parlour", 15_000, false)
    );
    assert_eq!(welcome.capabilities, ["batch", "secret", "durable", "rooms"]);
    assert_eq!(Limits::from_wire(&welcome.limits.unwrap()), Limits::default());
    assert_ne!(w.received(tom).welcome().unwrap().secret, welcome.secret);
    assert_eq!(w.members(lili), ["lili", "tom"]);
    w.advance(200);
    assert_eq!(w.received(tom).presence().last().unwrap(), "+lili");
}

#[test]
fn invalid_nicks_are_refused_in_both_dialects() {
    let cases = [
        ("", Status::NickEmpty),
        ("   \u{3000} ", Status::NickEmpty),
        (&*"x".repeat(200), Status::NickTooLong),
        ("a\u{7}b", Status::NickForbidden),
        ("a\nb", Status::NickForbidden),
        ("\u{202E}mot", Status::NickForbidden),
        ("to\u{200B}m", Status::NickForbidden),
        ("Tom", Status::NickTaken),
        ("ｔｏｍ", Status::NickTaken),
        ("tоm", Status::NickConfusable),
        ("parlour", Status::NickTaken),
        ("Pаrlour", Status::NickConfusable),
    ];
    let mut w = world();
    let tom = w.rich("tom");
    for (nick, status) in cases {
        let rich = w.connect();
        w.login(rich, nick, &[]);
        let basic = w.connect();
        w.send(basic, &codec::message(nick, None, "hello"));
        for conn in [rich, basic] {
            let received = w.received(conn);
            assert_eq!(
                (received.codes(), received.closed),
                (vec![status.code().into()], Some(status)),
                "{nick:?}"
            );
            let (frame, refusal) = (&received.frames[0], received.refusals()[0]);
            assert_eq!((frame.user_name.as_str(), frame.r#type.as_str()), ("Parlour", "talk"));
            assert!(frame.content.starts_with(status.text()), "readable: {}", frame.content);
            let has_suggestion = matches!(status, Status::NickTaken | Status::NickConfusable);
            assert_eq!(!refusal.suggestion.is_empty(), has_suggestion, "{nick:?}");
            assert!(frame.content.contains(&refusal.suggestion));
            if has_suggestion {
                let again = w.connect();
                let suggestion = w.received(conn).refusals()[0].suggestion.clone();
                w.login(again, &suggestion, &[]);
                assert!(w.received(again).welcome().is_some(), "{suggestion} would be accepted");
                w.send(again, &codec::exit(&suggestion));
            }
        }
    }
    w.advance(2000);
    assert!(w.received(tom).messages().is_empty());
    assert_eq!(w.hub.members(), 1);
    w.rich("T");
    w.basic("李");
    assert_eq!(w.hub.members(), 3);
}

#[test]
fn departure_is_announced_once() {
    for how in ["exit", "close", "exit and close"] {
        for basic in [false, true] {
            let mut w = world();
            let (lili, desk) = (w.rich("lili"), w.basic("desk"));
            let tom = if basic { w.basic("tom") } else { w.rich("tom") };
            w.advance(2000);
            assert_eq!(w.received(desk).list(), ["desk", "lili", "tom"]);
            if how != "close" {
                w.send(tom, &codec::exit("tom"));
                assert_eq!(w.received(tom).closed, Some(Status::Normal));
            }
            if how != "exit" {
                w.disconnect(tom);
            }
            w.advance(5000);
            w.disconnect(tom);
            w.advance(5000);
            let changes = w.received(lili).presence();
            assert_eq!(changes.iter().filter(|p| *p == "-tom").count(), 1, "{how} {basic}: {changes:?}");
            assert_eq!(w.received(desk).exits(), ["tom"], "{how} {basic}");
            let exit = w.received(desk).frames.iter().find(|f| f.r#type == "exit").unwrap();
            assert_eq!(exit.content, "exit");
            assert_eq!(
                exit.user_list,
                codec::user_list(["desk", "lili"]),
                "without the member that has left"
            );
            assert_eq!(w.received(desk).list(), ["desk", "lili"]);
        }
    }
}

#[test]
fn session_secret_resumes_the_nick_at_once() {
    let mut w = world();
    let (lili, desk) = (w.rich("lili"), w.basic("desk"));
    let tom = w.rich("tom");
    let secret = w.received(tom).welcome().unwrap().secret.clone();
    w.advance(2000);
    // While the old connection seems alive: no presence change.
    let again = w.connect();
    w.login(again, "tom", &secret);
    let welcome = w.received(again).welcome().unwrap();
    assert!(welcome.resumed && welcome.secret == secret);
    assert_eq!(w.received(tom).closed, None, "it may be another tab");
    w.disconnect(tom);
    w.advance(5000);
    assert_eq!(
        (w.received(lili).presence().last().unwrap().as_str(), w.received(desk).exits()),
        ("+tom", vec![])
    );
    w.send_message(again, 1, "still here");
    assert_eq!(w.received(lili).messages(), [("tom", "still here")]);
    assert_eq!(w.hub.members(), 3);
    // After the connection was lost.
    w.disconnect(again);
    w.advance(3_600_000);
    let third = w.connect();
    w.login(third, "Tom", &secret);
    assert!(w.received(third).welcome().unwrap().resumed);
    // Not with a wrong secret.
    for secret in [[9; 32].to_vec(), secret[1..].to_vec()] {
        let other = w.connect();
        w.login(other, "Tom", &secret);
        assert_eq!(w.received(other).closed, Some(Status::NickTaken));
    }
    // Not after leaving.
    w.send(third, &codec::exit(""));
    let fourth = w.connect();
    w.login(fourth, "Tom", &secret);
    assert!(!w.received(fourth).welcome().unwrap().resumed);
}

#[test]
fn lost_nick_is_reserved_for_a_while() {
    let mut w = world();
    let tom = w.rich("tom");
    let secret = w.received(tom).welcome().unwrap().secret.clone();
    w.disconnect(tom);
    w.advance(59_999);
    for other in [w.connect(), w.connect()] {
        w.login(other, "tom", &[7; 32]);
        assert_eq!(w.received(other).closed, Some(Status::NickTaken));
    }
    let again = w.connect();
    w.login(again, "tom", &secret);
    assert!(w.received(again).welcome().unwrap().resumed);
    // Lost again: the reservation starts anew.
    w.disconnect(again);
    w.advance(59_999);
    let other = w.connect();
    w.login(other, "tom", &[]);
    assert_eq!(w.received(other).closed, Some(Status::NickTaken));
    w.advance(1);
    let other = w.rich("tom");
    let again = w.connect();
    w.login(again, "tom", &secret);
    assert_eq!(w.received(again).closed, Some(Status::NickTaken));
    w.send(other, &codec::exit("tom"));
    let again = w.connect();
    w.login(again, "tom", &secret);
    assert!(w.received(again).welcome().unwrap().resumed);
}

#[test]
fn wrong_clock_at_a_restart_ends_no_session() {
    let mut w = world();
    let (tom, lili) = (w.rich("tom"), w.rich("lili"));
    w.send_message(lili, 1, "the log knows the time");
    let secret = w.received(tom).welcome().unwrap().secret.clone();
    w.disconnect(tom);
    w.advance(10_000);
    for days_ahead in [365, 0] {
        w.clock_error = days_ahead * 86_400_000;
        w.restart();
        let other = w.connect();
        w.login(other, "tom", &[7; 32]);
        assert_eq!(w.received(other).closed, Some(Status::NickTaken), "{days_ahead}");
    }
    w.clock_error = 365 * 86_400_000;
    w.restart();
    let again = w.connect();
    w.login(again, "tom", &secret);
    assert!(w.received(again).welcome().unwrap().resumed);
}

#[test]
fn overtaken_login_is_refused() {
    let mut w = world();
    let secret = [5; 32];
    let login = |attempt: &str| {
        let (secret, attempt) = (secret.to_vec(), attempt.into());
        login_of("tom", wire::Login { secret, attempt, ..wire::Login::default() })
    };
    let [late, first, second] = [w.connect(), w.connect(), w.connect()];
    w.send(first, &login("07"));
    w.send(second, &login("08"));
    w.disconnect(first);
    w.send(late, &login("06"));
    assert_eq!((w.received(late).closed, w.received(second).closed), (Some(Status::Overtaken), None));
    assert_eq!(w.received(late).refusals()[0].suggestion, "08");
    let late = w.connect();
    w.send(late, &login("08"));
    assert_eq!(
        (w.received(late).closed, w.received(second).closed),
        (Some(Status::Overtaken), None),
        "nor an equal one"
    );
    let [given_up, third] = [w.connect(), w.connect()];
    w.send(third, &login("09"));
    w.send(given_up, &login("77"));
    // A higher attempt counter, but the client has opened another connection since.
    assert_eq!((w.received(given_up).closed, w.received(third).closed), (Some(Status::Overtaken), None));
    let second = third;
    w.disconnect(second);
    let late = w.connect();
    w.send(late, &login("07"));
    assert_eq!(w.received(late).closed, Some(Status::Overtaken), "also when the later connection was lost");
}

#[test]
fn presence_of_many_is_sent_in_few_frames() {
    let mut w = world();
    let (first, desk) = (w.rich("first"), w.basic("desk"));
    w.advance(2000);
    w.clear(first);
    w.clear(desk);
    let crowd: Vec<_> = (0..1200).map(|n| w.rich(&format!("guest-{n}-"))).collect();
    let secret = w.received(crowd[1_190]).welcome().unwrap().secret.clone();
    w.advance(1000);
    assert_eq!(w.received(first).presence().len(), 1200);
    assert!(w.received(first).messages <= 3, "{}", w.received(first).messages);
    assert!(w.received(desk).messages <= 3, "{}", w.received(desk).messages);
    // All are lost at once, and one returns immediately.
    w.clear(first);
    for conn in &crowd {
        w.disconnect(*conn);
    }
    let back = w.connect();
    w.login(back, "guest-1190-", &secret);
    w.advance(1000);
    let changes = w.received(first).presence();
    let departed: std::collections::BTreeSet<_> = changes.iter().filter(|p| p.starts_with('-')).collect();
    assert!(!changes.contains(&"-guest-1190-".into()), "it returned before the departure was published");
    assert_eq!((departed.len(), changes.len()), (1199, 1200));
    assert!(w.received(first).messages <= 3, "{}", w.received(first).messages);
}

#[test]
fn basic_member_list_is_sent_at_most_once_a_second() {
    let mut w = world();
    let desk = w.basic("desk");
    w.advance(5000);
    w.clear(desk);
    for n in 0..50 {
        w.rich(&format!("guest-{n}-"));
        w.advance(20);
    }
    w.advance(2000);
    assert!((2..=3).contains(&w.received(desk).messages), "{}", w.received(desk).messages);
    assert_eq!(w.received(desk).list().len(), 51);
    w.clear(desk);
    let guest = w.rich("late");
    w.disconnect(guest);
    w.advance(3000);
    assert_eq!((w.received(desk).exits(), w.received(desk).list().len()), (vec!["late"], 51));
}

#[test]
fn full_room_refuses_new_members() {
    let mut w = World::new(Settings {
        limits: Limits { room_members: 1, ..Limits::default() },
        ..Settings::default()
    });
    let tom = w.rich("tom");
    let late = w.connect();
    w.login(late, "late", &[]);
    assert_eq!((w.received(late).codes(), w.received(late).closed), (vec![4504], Some(Status::ServerFull)));
    // A session of a full room can be resumed.
    let secret = w.received(tom).welcome().unwrap().secret.clone();
    let again = w.connect();
    w.login(again, "tom", &secret);
    assert!(w.received(again).welcome().unwrap().resumed);
}

#[test]
fn shutdown_notifies_all_clients() {
    let mut w = world();
    let (rich, basic, unauthenticated) = (w.rich("tom"), w.basic("desk"), w.connect());
    w.hub.handle_shutdown(w.now, 1000);
    w.settle();
    let going = Extension::GoingAway(wire::GoingAway { retry_after_ms: 1000 });
    assert_eq!(w.received(rich).extensions().last(), Some(&going));
    assert_eq!(w.received(rich).closed, Some(Status::ShuttingDown));
    assert_eq!(w.received(basic).closed, Some(Status::GoingAway));
    assert_eq!(w.received(unauthenticated).closed, Some(Status::ShuttingDown));
    let late = w.connect();
    w.settle();
    assert_eq!((w.received(late).closed, w.hub.members()), (Some(Status::ShuttingDown), 0));
}
