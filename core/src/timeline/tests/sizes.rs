//! The exact number of messages, messages beside gaps, the line above new messages, and senders by account.

use super::*;
use crate::model::UserId;

fn by(sender: u8, nick: &str, ord: u64) -> Message {
    Message { sender: Some(UserId([sender; 16])), nick: nick.into(), ..at_ord(ord) }
}

fn queued(n: u8, order: u64) -> Message {
    Message { delivery: Delivery::Queued, ord: order, ..message(n, "me", 0, 0) }
}

#[test]
fn messages_that_are_not_loaded_count_as_well() {
    let mut t = timeline();
    fill(&mut t, 101..104);
    assert_eq!((t.set_size(), t.position_in_set(0)), (103, Some(101)), "without bounds");
    t.set_bounds(51, 110);
    t.set_gaps(&[state(50, 100, false), state(103, 110, false)]);
    t.presence_changed(&"ann".into(), true, 0);
    t.insert(queued(1, 7));
    t.insert(queued(2, 8));
    assert_eq!(short(&t), "g50-100 101 102 103 g103-110 x 7 8");
    assert_eq!(t.set_size(), 60 + 2);
    let positions: Vec<_> = (0..9).map(|at| t.position_in_set(at)).collect();
    let expected = [Some(1), Some(51), Some(52), Some(53), Some(54), None, Some(61), Some(62), None];
    assert_eq!(positions, expected);
    let mut empty = timeline();
    empty.set_bounds(1, 0);
    assert_eq!(empty.set_size(), 0);
}

#[test]
fn deleted_messages_are_removed_with_what_is_between_them() {
    let mut t = timeline();
    t.presence_changed(&"ann".into(), true, 0);
    fill(&mut t, 1..3);
    t.set_gaps(&[state(2, 5, false)]);
    fill(&mut t, 6..9);
    t.insert(queued(1, 1));
    t.set_bounds(7, 8);
    t.set_gaps(&[]);
    assert_eq!((short(&t).as_str(), t.set_size()), ("7 8 1", 3));
    t.set_bounds(9, 8);
    assert_eq!((short(&t).as_str(), t.set_size(), t.position_in_set(0)), ("1", 1, Some(1)));
}

#[test]
fn a_message_after_a_gap_is_inserted_behind_it() {
    let mut t = timeline();
    t.insert(at_ord(1));
    t.insert(queued(9, 1));
    t.set_gaps(&[state(1, 6, false)]);
    t.insert(Message { content: "seven".into(), ..at_ord(7) });
    assert_eq!(short(&t), "1 g1-6 7 1");
}

#[test]
fn an_own_message_that_is_found_in_a_gap_moves_there() {
    let mut t = timeline();
    t.insert(at_ord(1));
    t.insert(queued(9, 1));
    t.set_gaps(&[state(1, 6, false)]);
    let key = t.key(2);
    t.insert(Message { ord: 4, delivery: Delivery::Sent, ..queued(9, 1) });
    assert_eq!(short(&t), "1 g1-3 4 g4-6");
    assert_eq!(t.key(2), key);
    // One after the gap stays where it is.
    t.insert(queued(8, 2));
    t.insert(Message { ord: 7, delivery: Delivery::Sent, ..queued(8, 2) });
    assert_eq!(short(&t), "1 g1-3 4 g4-6 7");
}

#[test]
fn a_message_of_another_sender_with_the_same_id_is_another_one() {
    let mut t = timeline();
    let own = Message { sender: Some(UserId([1; 16])), ..queued(9, 1) };
    t.insert(own.clone());
    t.insert(Message { id: own.id, ..by(2, "tom", 1) });
    assert_eq!(short(&t), "1 1");
    t.insert(Message { ord: 2, delivery: Delivery::Sent, ..own });
    assert_eq!(short(&t), "1 2");
}

#[test]
fn messages_follow_the_nick_of_their_account() {
    let nicks = |t: &Timeline| {
        let nick = |row: Row| match row.kind {
            RowKind::Message { message, continued } => (message.nick.to_string(), continued),
            _ => panic!("not a message"),
        };
        t.rows().map(nick).collect::<Vec<_>>()
    };
    let mut t = timeline();
    t.insert(by(1, "tom", 1));
    t.insert(by(1, "tomas", 2));
    // Another account that has taken the nick.
    t.insert(by(2, "tom", 3));
    let names = |list: [(&str, bool); 3]| list.map(|(nick, continued)| (nick.to_owned(), continued));
    assert_eq!(nicks(&t), names([("tomas", false), ("tomas", true), ("tom", false)]));
    t.set_nick(UserId([2; 16]), "lili".into());
    t.set_nick(UserId([3; 16]), "nobody".into());
    assert_eq!(nicks(&t), names([("tomas", false), ("tomas", true), ("lili", false)]));
}

#[test]
fn the_line_is_above_the_first_new_message_or_the_gap_that_begins_with_it() {
    let lines = |t: &Timeline| t.rows().map(|row| row.unread_line).collect::<Vec<_>>();
    let mut t = timeline();
    fill(&mut t, 1..5);
    t.insert(queued(9, 2));
    assert_eq!(lines(&t), [false; 5]);
    t.set_unread_line(Some(2));
    assert_eq!(lines(&t), [false, false, true, false, false]);
    let continued = |at: usize| matches!(t.row(at).unwrap().kind, RowKind::Message { continued: true, .. });
    assert!(continued(1) && !continued(2) && continued(3), "the nick is repeated below the line");
    t.set_unread_line(Some(4));
    assert_eq!(lines(&t), [false; 5], "an own message that is not acknowledged is not new");
    t.set_gaps(&[state(4, 9, false)]);
    assert_eq!(lines(&t), [false, false, false, false, true, false]);
    t.set_unread_line(Some(6));
    assert_eq!(lines(&t), [false; 6], "its place is not loaded");
    t.insert_page(vec![at_ord(7)]);
    assert_eq!(short(&t), "1 2 3 4 g4-6 7 g7-9 2");
    assert_eq!(lines(&t), [false, false, false, false, false, true, false, false]);
    t.set_unread_line(None);
    assert_eq!(lines(&t), [false; 8]);
}
