//! Who is there: coming, going, coming back.

use parlour_core::{
    codec::{self, Extension},
    limits::Limits,
    status::Status,
    wire,
};
use parlour_server::hub::Settings;

use crate::{common::world::World, world};

#[test]
fn a_login_is_welcomed_and_told() {
    let mut w = world();
    let tom = w.rich("tom");
    let lili = w.rich("  lili ");
    let welcome = w.heard(lili).welcome().unwrap().clone();
    assert_eq!((welcome.nick.as_str(), welcome.version, welcome.secret.len()), ("lili", 1, 32));
    assert_eq!(
        (welcome.server_name.as_str(), welcome.heartbeat_ms, welcome.resumed),
        ("Parlour", 15_000, false)
    );
    assert_eq!(welcome.capabilities, ["batch", "secret", "durable", "history", "search"]);
    assert_eq!(Limits::from_wire(&welcome.limits.unwrap()), Limits::default());
    assert_ne!(w.heard(tom).welcome().unwrap().secret, welcome.secret);
    assert_eq!(w.heard(lili).roster(), ["lili", "tom"]);
    w.pass(200);
    assert_eq!(w.heard(tom).presence(), ["+lili"]);
}

#[test]
fn bad_names_are_refused_in_both_dialects() {
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
        w.login(rich, nick, &[], &[]);
        let basic = w.connect();
        w.send(basic, &codec::message(nick, "", None, "hello"));
        for conn in [rich, basic] {
            let heard = w.heard(conn);
            assert_eq!((heard.codes(), heard.closed), (vec![status.code().into()], Some(status)), "{nick:?}");
            let (frame, refusal) = (&heard.frames[0], heard.refusals()[0]);
            assert_eq!((frame.user_name.as_str(), frame.r#type.as_str()), ("Parlour", "talk"));
            assert!(frame.content.starts_with(status.text()), "readable: {}", frame.content);
            let wants = matches!(status, Status::NickTaken | Status::NickConfusable);
            assert_eq!(!refusal.suggestion.is_empty(), wants, "{nick:?}");
            assert!(frame.content.contains(&refusal.suggestion));
            if wants {
                let again = w.connect();
                let suggestion = w.heard(conn).refusals()[0].suggestion.clone();
                w.login(again, &suggestion, &[], &[]);
                assert!(w.heard(again).welcome().is_some(), "{suggestion} would be accepted");
                w.send(again, &codec::exit(&suggestion));
            }
        }
    }
    w.pass(2000);
    assert!(w.heard(tom).talks().is_empty());
    assert_eq!(w.hub.members(), 1);
    w.rich("T");
    w.basic("李");
    assert_eq!(w.hub.members(), 3);
}

#[test]
fn a_departure_is_announced_once() {
    for how in ["exit", "close", "exit and close"] {
        for basic in [false, true] {
            let mut w = world();
            let (lili, desk) = (w.rich("lili"), w.basic("desk"));
            let tom = if basic { w.basic("tom") } else { w.rich("tom") };
            w.pass(2000);
            assert_eq!(w.heard(desk).list(), ["desk", "lili", "tom"]);
            if how != "close" {
                w.send(tom, &codec::exit("tom"));
                assert_eq!(w.heard(tom).closed, Some(Status::Normal));
            }
            if how != "exit" {
                w.lose(tom);
            }
            w.pass(5000);
            w.lose(tom);
            w.pass(5000);
            let told = w.heard(lili).presence();
            assert_eq!(told.iter().filter(|p| *p == "-tom").count(), 1, "{how} {basic}: {told:?}");
            assert_eq!(w.heard(desk).exits(), ["tom"], "{how} {basic}");
            let exit = w.heard(desk).frames.iter().find(|f| f.r#type == "exit").unwrap();
            assert_eq!(exit.content, "exit");
            assert_eq!(exit.user_list, codec::user_list(["desk", "lili"]), "reduced");
            assert_eq!(w.heard(desk).list(), ["desk", "lili"]);
        }
    }
}

#[test]
fn a_secret_takes_the_name_back_at_once() {
    let mut w = world();
    let (lili, desk) = (w.rich("lili"), w.basic("desk"));
    let tom = w.rich("tom");
    let secret = w.heard(tom).welcome().unwrap().secret.clone();
    w.pass(2000);
    // While the old connection still looks alive: nobody sees anything.
    let again = w.connect();
    w.login(again, "tom", &secret, &[]);
    let welcome = w.heard(again).welcome().unwrap();
    assert!(welcome.resumed && welcome.secret == secret);
    assert_eq!((w.heard(tom).codes(), w.heard(tom).closed), (vec![4030], Some(Status::Replaced)));
    w.lose(tom);
    w.pass(5000);
    assert_eq!((w.heard(lili).presence().last().unwrap().as_str(), w.heard(desk).exits()), ("+tom", vec![]));
    w.say(again, 1, "still here");
    assert_eq!(w.heard(lili).talks(), [("tom", "still here")]);
    assert_eq!(w.hub.members(), 3);
    // After the connection is gone.
    w.lose(again);
    w.pass(3_600_000);
    let third = w.connect();
    w.login(third, "Tom", &secret, &[]);
    assert!(w.heard(third).welcome().unwrap().resumed);
    // A wrong secret, or one for another name, takes nothing.
    for (nick, secret) in [("Tom", [9; 32].to_vec()), ("lili", secret.clone()), ("Tom", secret[1..].to_vec())]
    {
        let thief = w.connect();
        w.login(thief, nick, &secret, &[]);
        assert_eq!(w.heard(thief).closed, Some(Status::NickTaken));
    }
    // Not after a goodbye.
    w.send(third, &codec::exit(""));
    let fourth = w.connect();
    w.login(fourth, "Tom", &secret, &[]);
    assert!(!w.heard(fourth).welcome().unwrap().resumed);
}

#[test]
fn a_lost_name_is_kept_for_its_owner_for_a_while_and_then_free() {
    let mut w = world();
    let tom = w.rich("tom");
    let secret = w.heard(tom).welcome().unwrap().secret.clone();
    w.lose(tom);
    w.pass(59_999);
    for hopeful in [w.connect(), w.connect()] {
        w.login(hopeful, "tom", &[7; 32], &[]);
        assert_eq!(w.heard(hopeful).closed, Some(Status::NickTaken));
    }
    let again = w.connect();
    w.login(again, "tom", &secret, &[]);
    assert!(w.heard(again).welcome().unwrap().resumed);
    // Lost once more, the time begins anew.
    w.lose(again);
    w.pass(59_999);
    let hopeful = w.connect();
    w.login(hopeful, "tom", &[], &[]);
    assert_eq!(w.heard(hopeful).closed, Some(Status::NickTaken));
    w.pass(1);
    let other = w.rich("tom");
    let again = w.connect();
    w.login(again, "tom", &secret, &[]);
    assert_eq!(w.heard(again).closed, Some(Status::NickTaken));
    w.send(other, &codec::exit("tom"));
    let again = w.connect();
    w.login(again, "tom", &secret, &[]);
    assert!(w.heard(again).welcome().unwrap().resumed);
}

#[test]
fn a_login_that_was_overtaken_takes_nothing() {
    let mut w = world();
    let secret = [5; 32];
    let login = |attempt: &str| {
        let (secret, attempt) = (secret.to_vec(), attempt.into());
        let login = wire::Login { version: 1, secret, attempt, ..wire::Login::default() };
        codec::login("tom", login)
    };
    let [late, first, second] = [w.connect(), w.connect(), w.connect()];
    w.send(first, &login("07"));
    w.send(second, &login("08"));
    assert_eq!(w.heard(first).closed, Some(Status::Replaced));
    w.send(late, &login("06"));
    assert_eq!((w.heard(late).closed, w.heard(second).closed), (Some(Status::Overtaken), None));
    assert_eq!(w.heard(late).refusals()[0].suggestion, "08");
    let late = w.connect();
    w.send(late, &login("08"));
    assert_eq!(
        (w.heard(late).closed, w.heard(second).closed),
        (Some(Status::Overtaken), None),
        "nor an equal one"
    );
    let [given_up, third] = [w.connect(), w.connect()];
    w.send(third, &login("09"));
    w.send(given_up, &login("77"));
    // It counted further, but its client has opened another since.
    assert_eq!((w.heard(given_up).closed, w.heard(third).closed), (Some(Status::Overtaken), None));
    let second = third;
    w.lose(second);
    let late = w.connect();
    w.send(late, &login("07"));
    assert_eq!(w.heard(late).closed, Some(Status::Overtaken), "also when the later one is lost by now");
}

#[test]
fn a_crowd_is_told_in_few_frames() {
    let mut w = world();
    let (first, desk) = (w.rich("first"), w.basic("desk"));
    w.pass(2000);
    w.clear(first);
    w.clear(desk);
    let crowd: Vec<_> = (0..1200).map(|n| w.rich(&format!("guest-{n}-"))).collect();
    let secret = w.heard(crowd[7]).welcome().unwrap().secret.clone();
    w.pass(1000);
    assert_eq!(w.heard(first).presence().len(), 1200);
    assert!(w.heard(first).messages <= 3, "{}", w.heard(first).messages);
    assert!(w.heard(desk).messages <= 3, "{}", w.heard(desk).messages);
    // Whoever came in the middle of it knows everybody: the snapshot and the changes after it.
    let middle = w.heard(crowd[700]);
    let mut known: std::collections::BTreeSet<_> = middle.roster().iter().map(|n| n.to_string()).collect();
    known.extend(middle.presence().iter().map(|n| n[1..].to_owned()));
    assert_eq!(known.len(), 1202);
    let last = w.heard(*crowd.last().unwrap()).rosters();
    assert!(last.len() >= 2 && last.iter().all(|r| r.members.len() <= 500));
    assert_eq!((last[0].first, last[0].more, last[1].first), (true, true, false));
    assert!(!last.last().unwrap().more);
    // They all go at once, and one comes straight back.
    w.clear(first);
    for conn in &crowd {
        w.lose(*conn);
    }
    let back = w.connect();
    w.login(back, "guest-7-", &secret, &[]);
    w.pass(1000);
    let told = w.heard(first).presence();
    let gone: std::collections::BTreeSet<_> = told.iter().filter(|p| p.starts_with('-')).collect();
    assert!(!told.contains(&"-guest-7-".into()), "it was back before anybody was told");
    assert_eq!((gone.len(), told.len()), (1199, 1200));
    assert!(w.heard(first).messages <= 3, "{}", w.heard(first).messages);
}

#[test]
fn a_snapshot_can_be_asked_for_now_and_then() {
    let mut w = world();
    let tom = w.rich("tom");
    w.rich("lili");
    for _ in 0..3 {
        w.extension(tom, Extension::RosterRequest(wire::RosterRequest {}));
    }
    let rosters = w.heard(tom).rosters();
    assert_eq!((rosters.len(), rosters[2].total, rosters[2].members.len()), (3, 2, 2));
    assert_eq!(w.heard(tom).codes(), [4502]);
}

#[test]
fn a_basic_list_is_told_once_a_second_at_most() {
    let mut w = world();
    let desk = w.basic("desk");
    w.pass(5000);
    w.clear(desk);
    for n in 0..50 {
        w.rich(&format!("guest-{n}-"));
        w.pass(20);
    }
    w.pass(2000);
    assert!((2..=3).contains(&w.heard(desk).messages), "{}", w.heard(desk).messages);
    assert_eq!(w.heard(desk).list().len(), 51);
    w.clear(desk);
    let guest = w.rich("late");
    w.lose(guest);
    w.pass(3000);
    assert_eq!((w.heard(desk).exits(), w.heard(desk).list().len()), (vec!["late"], 51));
}

#[test]
fn a_full_room_is_full() {
    let mut w = World::new(Settings {
        limits: Limits { room_members: 1, ..Limits::default() },
        ..Settings::default()
    });
    let tom = w.rich("tom");
    let late = w.connect();
    w.login(late, "late", &[], &[]);
    assert_eq!((w.heard(late).codes(), w.heard(late).closed), (vec![4504], Some(Status::ServerFull)));
    // Whose place it is gets it back even then.
    let secret = w.heard(tom).welcome().unwrap().secret.clone();
    let again = w.connect();
    w.login(again, "tom", &secret, &[]);
    assert!(w.heard(again).welcome().unwrap().resumed);
}

#[test]
fn a_shutdown_tells_everybody() {
    let mut w = world();
    let (rich, basic, stranger) = (w.rich("tom"), w.basic("desk"), w.connect());
    w.hub.handle_shutdown(w.now, 1000);
    w.settle();
    let going = Extension::GoingAway(wire::GoingAway { retry_after_ms: 1000 });
    assert_eq!(w.heard(rich).extensions().last(), Some(&going));
    assert_eq!(w.heard(rich).closed, Some(Status::ShuttingDown));
    assert_eq!(w.heard(basic).closed, Some(Status::GoingAway));
    assert_eq!(w.heard(stranger).closed, Some(Status::ShuttingDown));
    let late = w.connect();
    w.settle();
    assert_eq!((w.heard(late).closed, w.hub.members()), (Some(Status::ShuttingDown), 0));
}
