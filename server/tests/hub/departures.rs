//! A departure is published once, after the messages that the member has sent before.

use std::collections::BTreeSet;

use parlour_core::codec;
use parlour_server::store::LogError;

use crate::{
    common::{
        received::changes,
        world::{Conn, World},
    },
    world,
};

const SECRET: [u8; 32] = [7; 32];

/// A way in which tom may depart, with its name.
type Way = (&'static str, fn(&mut Room));

/// The ways in which tom may depart.
const WAYS: [Way; 2] = [("exit", Room::exit), ("drop", Room::drop)];

/// A room with tom, who is logged in with [`SECRET`], and with others who watch.
struct Room {
    w: World,
    tom: Conn,
    lili: Conn,
    desk: Conn,
}

fn room() -> Room {
    let mut w = world();
    let (lili, desk) = (w.rich("lili"), w.basic("desk"));
    let tom = w.returning("tom", &SECRET, &[], None);
    w.advance(2_000);
    w.clear(lili);
    w.clear(desk);
    Room { w, tom, lili, desk }
}

impl Room {
    /// Logs in again; the connection before is lost.
    fn login(&mut self) {
        let before = std::mem::replace(&mut self.tom, self.w.returning("tom", &SECRET, &[], None));
        assert!(self.w.received(self.tom).welcome().is_some());
        self.w.disconnect(before);
    }

    fn exit(&mut self) {
        self.w.send(self.tom, &codec::exit("tom"));
    }

    fn drop(&mut self) {
        self.w.disconnect(self.tom);
    }

    /// The messages and changes of presence that a rich and a basic client have received, in order. A login of somebody who is
    /// online is no change.
    fn events(&self) -> (Vec<String>, Vec<String>) {
        let events = |conn| {
            let mut online = BTreeSet::from(["tom".to_owned()]);
            let mut is_change = move |event: &String| match event.split_at_checked(1) {
                Some(("+", nick)) => online.insert(nick.into()),
                Some(("-", nick)) => {
                    online.remove(nick);
                    true
                }
                _ => true,
            };
            let frames = &self.w.received(conn).frames;
            let events = frames.iter().flat_map(|frame| match (&frame.extension, frame.r#type.as_str()) {
                (Some(codec::Extension::Event(event)), _) => changes(event.body.as_ref().unwrap()),
                (None, "exit") => vec![format!("-{}", frame.user_name)],
                (None, "talk") if !frame.content.is_empty() => vec![frame.content.clone()],
                _ => vec![],
            });
            events.filter(&mut is_change).collect()
        };
        (events(self.lili), events(self.desk))
    }

    #[track_caller]
    fn expect(&mut self, rich: &[&str], basic: &[&str], when: &str) {
        self.w.advance(1_000);
        let owned = |events: &[&str]| events.iter().map(|event| (*event).to_owned()).collect::<Vec<_>>();
        assert_eq!(self.events(), (owned(rich), owned(basic)), "{when}");
    }
}

#[test]
fn departure_after_a_takeover_follows_the_message() {
    for (how, depart) in WAYS {
        let mut room = room();
        room.w.hold_appends = true;
        room.w.send_message(room.tom, 1, "last");
        room.login();
        depart(&mut room);
        room.expect(&[], &[], how);
        room.w.release();
        room.expect(&["last", "-tom"], &["last", "-tom"], how);
    }
}

#[test]
fn member_that_drops_and_returns_before_its_message_is_stored_departs_once() {
    for (how, depart) in WAYS {
        let mut room = room();
        let late = room.w.returning("late", &[8; 32], &[], None);
        room.w.disconnect(late);
        room.w.advance(1_000);
        room.w.clear(room.lili);
        room.w.clear(room.desk);
        room.w.hold_appends = true;
        room.w.send_message(room.tom, 1, "last");
        for _ in 0..3 {
            room.drop();
            room.w.advance(1_000);
            room.login();
            room.w.advance(1_000);
        }
        depart(&mut room);
        room.expect(&[], &[], how);
        let late = room.w.returning("late", &[8; 32], &[], None);
        room.w.advance(1_000);
        let list: Vec<_> = room.w.received(room.desk).list().into_iter().map(ToOwned::to_owned).collect();
        assert_eq!(list, ["desk", "late", "lili", "tom"], "tom has not departed yet");
        assert_eq!(room.w.members(late), list, "for a rich client neither");
        room.w.release();
        room.expect(&["+late", "last", "-tom"], &["last", "-tom"], how);
        assert_eq!(room.w.received(late).presence().last().unwrap(), "-tom");
        assert_eq!(room.w.received(room.desk).list(), ["desk", "late", "lili"]);
        let latest = room.w.rich("latest");
        assert_eq!(room.w.members(latest), ["desk", "late", "latest", "lili"]);
    }
}

#[test]
fn member_that_has_returned_when_its_message_is_stored_does_not_depart() {
    let mut room = room();
    room.w.hold_appends = true;
    room.w.send_message(room.tom, 1, "brb");
    room.drop();
    room.w.advance(1_000);
    room.login();
    room.w.release();
    room.expect(&["brb"], &["brb"], "back");
    room.exit();
    room.expect(&["brb", "-tom"], &["brb", "-tom"], "left for good");
}

#[test]
fn member_that_left_and_logs_in_again_is_a_new_one() {
    let mut room = room();
    room.w.hold_appends = true;
    room.w.send_message(room.tom, 1, "brb");
    room.exit();
    room.w.advance(1_000);
    room.tom = room.w.connect();
    room.w.login(room.tom, "tom", &[]);
    room.expect(&[], &[], "waits for its account");
    while !room.w.held_requests.is_empty() {
        room.w.release_one();
        room.w.advance(1_000);
    }
    room.expect(&["brb", "-tom", "+tom"], &["brb", "-tom"], "back");
    room.exit();
    room.w.release();
    room.expect(&["brb", "-tom", "+tom", "-tom"], &["brb", "-tom", "-tom"], "left for good");
}

#[test]
fn departure_follows_a_message_whose_append_was_ambiguous() {
    for how in ["before the failure", "after the failure"] {
        let mut room = room();
        room.w.hold_appends = true;
        room.w.failing = Some(LogError::Full("here".into()));
        room.w.append_before_failing = true;
        room.w.send_message(room.tom, 1, "last");
        if how == "before the failure" {
            room.exit();
        }
        room.w.release();
        room.w.failing = None;
        room.exit();
        room.expect(&[], &[], how);
        room.w.advance(3_000);
        room.expect(&["last", "-tom"], &["last", "-tom"], how);
    }
}

#[test]
fn departure_without_a_message_is_published_at_once() {
    let mut room = room();
    room.w.send_message(room.tom, 1, "stored");
    room.w.hold_appends = true;
    room.w.send_message(room.lili, 2, "of another");
    room.exit();
    room.expect(&["stored", "-tom"], &["stored", "-tom"], "exit");
    room.w.release();
    room.expect(&["stored", "-tom", "of another"], &["stored", "-tom", "of another"], "exit");
}
