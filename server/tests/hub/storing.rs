//! Nothing is acknowledged or said before the log has it.

use parlour_core::{codec, status::Status};
use parlour_server::log::LogError;

use crate::{common::world::talk, world};

const FULL: u32 = 4507;

fn full() -> Option<LogError> {
    Some(LogError::Full("here".into()))
}

#[test]
fn a_message_is_acknowledged_and_said_when_the_log_has_it() {
    let mut w = world();
    let (tom, lili, desk) = (w.rich("tom"), w.rich("lili"), w.basic("desk"));
    w.holding = true;
    w.say(tom, 1, "hi");
    w.say(lili, 2, "ho");
    w.pass(5_000);
    for conn in [tom, lili, desk] {
        assert_eq!((w.heard(conn).talks(), w.heard(conn).accepted().len()), (vec![], 0));
    }
    w.release();
    for conn in [tom, lili, desk] {
        assert_eq!(w.heard(conn).talks(), [("tom", "hi"), ("lili", "ho")]);
    }
    assert_eq!((w.heard(tom).accepted().len(), w.heard(lili).accepted().len()), (1, 1));
}

#[test]
fn what_the_log_does_not_take_is_refused_for_a_while_and_keeps_its_order() {
    let mut w = world();
    let (tom, lili, desk) = (w.rich("tom"), w.rich("lili"), w.basic("desk"));
    w.failing = full();
    w.say(tom, 1, "one");
    let refusals = w.heard(tom).refusals();
    assert_eq!((refusals[0].code, refusals[0].id.len(), refusals[0].retry_after_ms), (FULL, 16, 3_000));
    // The disk has room again, and nothing is tried for a moment.
    w.failing = None;
    w.say(tom, 2, "two");
    w.say(lili, 3, "hers");
    w.send(desk, &codec::message("desk", "", None, "mine"));
    assert_eq!((w.heard(tom).codes().len(), w.heard(lili).codes()), (2, vec![FULL]));
    let words = Status::LogUnavailable.text();
    assert!(w.heard(desk).frames.iter().any(|f| f.user_name == "Parlour" && f.content == words));
    w.pass(3_000);
    w.say(tom, 2, "two");
    assert!(w.heard(tom).accepted().is_empty(), "the first is waited for");
    w.say(tom, 1, "one");
    w.say(tom, 2, "two");
    assert_eq!(w.heard(lili).talks(), [("tom", "one"), ("tom", "two")]);
}

#[test]
fn what_the_log_took_and_said_it_had_not_is_said_before_anything_else() {
    let mut w = world();
    let (tom, lili) = (w.rich("tom"), w.rich("lili"));
    w.failing = full();
    w.takes_all_the_same = true;
    w.say(tom, 1, "one");
    assert_eq!((w.heard(tom).codes(), w.heard(lili).talks()), (vec![FULL], vec![]));
    w.failing = None;
    w.say(lili, 2, "two");
    assert_eq!(w.heard(lili).codes(), [FULL]);
    w.pass(3_000);
    assert_eq!(w.heard(lili).talks(), [("tom", "one")]);
    w.say(lili, 2, "two");
    // Tom has heard himself, and goes on.
    w.say(tom, 3, "three");
    assert_eq!(w.heard(lili).talks(), [("tom", "one"), ("lili", "two"), ("tom", "three")]);
}

#[test]
fn what_was_on_its_way_when_the_log_failed_is_not_stored_behind_it() {
    let mut w = world();
    let tom = w.rich("tom");
    w.holding = true;
    w.failing = full();
    for id in 1..=3 {
        w.say(tom, id, &id.to_string());
    }
    w.release();
    assert_eq!(w.heard(tom).codes(), [FULL; 3]);
    w.failing = None;
    w.pass(3_000);
    for id in [2, 3, 1, 2, 3] {
        w.say(tom, id, &id.to_string());
    }
    assert_eq!(w.heard(tom).talks(), [("tom", "1"), ("tom", "2"), ("tom", "3")]);
}

#[test]
fn a_last_word_is_said_before_the_departure() {
    for how in ["exit", "close"] {
        let mut w = world();
        let (tom, lili, desk) = (w.rich("tom"), w.rich("lili"), w.basic("desk"));
        w.pass(2_000);
        w.holding = true;
        w.say(tom, 1, "goodbye");
        if how == "exit" {
            w.send(tom, &codec::exit("tom"))
        } else {
            w.lose(tom)
        }
        w.pass(2_000);
        assert!(w.heard(lili).presence().iter().all(|p| p != "-tom"), "{how}");
        assert!(w.heard(desk).exits().is_empty(), "{how}");
        w.release();
        w.pass(2_000);
        assert_eq!(w.heard(lili).presence().last().unwrap(), "-tom", "{how}");
        let frames = &w.heard(desk).frames;
        let at = |kind: &str| frames.iter().position(|f| f.r#type == kind && f.user_name == "tom");
        assert!(at("talk").unwrap() < at("exit").unwrap(), "{how}");
    }
}

#[test]
fn who_is_back_before_their_last_word_was_said_never_left() {
    let mut w = world();
    let (tom, lili) = (w.rich("tom"), w.rich("lili"));
    let secret = w.heard(tom).welcome().unwrap().secret.clone();
    w.pass(2_000);
    w.holding = true;
    w.say(tom, 1, "brb");
    w.lose(tom);
    let again = w.connect();
    w.login(again, "tom", &secret, &[]);
    w.release();
    w.pass(2_000);
    assert!(w.heard(lili).presence().iter().all(|p| p != "-tom"));
    assert_eq!(w.heard(again).talks(), [("tom", "brb")]);
    assert_eq!(w.heard(lili).talks(), [("tom", "brb")]);
    assert_eq!(w.hub.members(), 2);
}

#[test]
fn a_server_that_stops_says_what_it_has_taken_and_takes_no_more() {
    let mut w = world();
    let (tom, lili) = (w.rich("tom"), w.rich("lili"));
    w.holding = true;
    w.say(tom, 1, "taken");
    w.hub.handle_shutdown(w.now, 1_000);
    w.settle();
    w.send(lili, &talk(2, "too late"));
    assert_eq!(w.heard(tom).closed, None);
    w.release();
    assert_eq!((w.heard(lili).talks(), w.heard(tom).accepted().len()), (vec![("tom", "taken")], 1));
    assert_eq!(
        (w.heard(tom).closed, w.heard(lili).closed),
        (Some(Status::ShuttingDown), Some(Status::ShuttingDown))
    );
}

#[test]
fn an_id_is_known_after_the_server_was_killed() {
    let mut w = world();
    let tom = w.rich("tom");
    w.say(tom, 1, "once");
    let place = w.heard(tom).accepted()[0].clone();
    w.restart();
    let lili = w.rich("lili");
    let tom = w.returning("tom", &[1; 32], &[], None);
    assert_eq!(w.heard(tom).closed, Some(Status::NickTaken), "the name is still its owner's");
    w.pass(60_000);
    let tom = w.returning("tom", &[1; 32], &[], None);
    w.say(tom, 1, "once");
    assert_eq!(w.heard(tom).accepted(), [&place]);
    assert!(w.heard(lili).talks().is_empty());
}

#[test]
fn after_the_server_was_killed_everybody_has_their_name_back() {
    let mut w = world();
    let tom = w.rich("tom");
    let secret = w.heard(tom).welcome().unwrap().secret.clone();
    w.pass(1_000);
    w.restart();
    let thief = w.connect();
    w.login(thief, "tom", &[], &[]);
    assert_eq!(w.heard(thief).closed, Some(Status::NickTaken));
    let tom = w.returning("tom", &secret, &[], None);
    let welcome = w.heard(tom).welcome().unwrap();
    assert!(welcome.resumed && welcome.secret == secret);
    // Who has left for good has left.
    w.send(tom, &codec::exit("tom"));
    w.restart();
    let other = w.rich("tom");
    assert!(w.heard(other).welcome().is_some());
}
