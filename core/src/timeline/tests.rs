//! The rows, gaps and heights of a timeline.

use super::*;
use crate::{
    model::{Reactions, TextState},
    ranges::{Gap, Ranges},
    status::Status,
};

mod days;
mod gaps;
mod heights;
mod long;
#[cfg(not(target_arch = "wasm32"))]
mod model;
mod sizes;

const DAY: i64 = 86_400_000;

fn timeline() -> Timeline {
    Timeline::new(1000, |time| time.div_euclid(DAY))
}

fn message(n: u8, nick: &str, ord: u64, time: i64) -> Message {
    let delivery = if ord == 0 { Delivery::Pending } else { Delivery::Sent };
    Message {
        id: MessageId([n; 16]),
        sender: None,
        nick: nick.into(),
        content: format!("m{n}").into(),
        ord,
        time,
        own: nick == "me",
        delivery,
        text: TextState::Original,
        reactions: Reactions::default(),
    }
}

/// The rows in one word each, `day` for the heading of a day, and `+` before a message shown without its nick.
fn shape(timeline: &Timeline) -> String {
    let mut words = Vec::new();
    for row in timeline.rows() {
        words.extend(row.day.map(|_| "day".to_owned()));
        words.push(match &row.kind {
            RowKind::Message { message, continued } => {
                format!("{}{}", if *continued { "+" } else { "" }, message.content)
            }
            RowKind::Presence(m) => format!("[+{}-{}]", m.joined.len(), m.left.len()),
            RowKind::Notice(_) => "notice".to_owned(),
            RowKind::Gap { .. } => "gap".to_owned(),
        });
    }
    words.join(" ")
}

#[test]
fn messages_are_grouped_by_day_and_sender() {
    let mut t = timeline();
    t.insert(message(1, "tom", 1, 1000));
    t.insert(message(2, "tom", 2, 2000));
    t.insert(message(3, "lili", 3, 3000));
    t.insert(message(4, "lili", 4, 3000 + CONTINUES_WITHIN_MS));
    t.insert(message(5, "lili", 5, DAY + 1));
    assert_eq!(shape(&t), "day m1 +m2 m3 m4 day m5");
}

#[test]
fn a_late_message_is_inserted_in_order() {
    let mut t = timeline();
    t.insert(message(1, "tom", 1, 1000));
    t.insert(message(3, "tom", 3, 3000));
    assert_eq!(shape(&t), "day m1 +m3");
    t.insert(message(2, "lili", 2, 2000));
    assert_eq!(shape(&t), "day m1 m2 m3");
    t.insert(message(4, "tom", 9, DAY + 5));
    t.insert(message(5, "tom", 8, DAY + 4));
    assert_eq!(shape(&t), "day m1 m2 m3 day m5 +m4");
}

#[test]
fn a_message_under_another_nick_gets_a_new_row() {
    let mut t = timeline();
    t.insert(message(1, "me", 0, 1000));
    let key = t.key(0);
    t.insert(Message { nick: "me2".into(), ..message(1, "me", 0, 1000) });
    let nick = t.rows().find_map(|row| match row.kind {
        RowKind::Message { message, .. } => Some(message.nick.to_string()),
        _ => None,
    });
    assert_eq!((t.len(), nick.as_deref()), (1, Some("me2")));
    assert_ne!(t.key(0), key, "a row's element keeps its nick");
}

#[test]
fn an_own_message_has_one_row_and_moves_to_its_ord() {
    let mut t = timeline();
    t.insert(message(7, "me", 0, 1000));
    let key = t.key(0);
    t.insert(message(1, "tom", 5, 1001));
    assert_eq!(shape(&t), "day m1 m7", "pending messages are last");
    t.insert(message(7, "me", 4, 1002));
    assert_eq!(shape(&t), "day m7 m1");
    assert_eq!(t.key(0), key, "it is the same row");
    let before: Vec<_> = t.rows().collect();
    t.insert(message(7, "me", 4, 1002));
    assert!(t.rows().eq(before), "inserting it again changes nothing");
}

#[test]
fn acknowledged_messages_stay_acknowledged() {
    let mut t = timeline();
    t.insert(message(7, "me", 4, 1002));
    t.insert(message(1, "tom", 5, 1003));
    let before: Vec<_> = t.rows().collect();
    t.insert(message(7, "me", 0, 1000));
    assert!(t.rows().eq(before.clone()), "an outdated send queue");
    t.set_delivery(MessageId([7; 16]), Delivery::Pending);
    assert!(t.rows().eq(before));
    assert_eq!(shape(&t), "day m7 m1");
}

#[test]
fn message_of_another_sender_with_the_same_id_hides_no_own_message() {
    let mut t = timeline();
    t.insert(message(7, "tom", 4, 1002));
    t.insert(message(7, "me", 0, 1003));
    assert_eq!(shape(&t), "day m7 m7");
    let failed = Delivery::Failed(Status::ContentTooLong);
    t.set_delivery(MessageId([7; 16]), failed);
    assert_eq!(t.unacknowledged(MessageId([7; 16])).unwrap().delivery, failed);
    t.discard(MessageId([7; 16]));
    assert_eq!(shape(&t), "day m7");
}

#[test]
fn unacknowledged_messages_are_last_in_their_own_order() {
    let queued = |n, order| Message { ord: order, delivery: Delivery::Queued, ..message(n, "me", 0, 1000) };
    let mut t = timeline();
    for (n, order) in [(7, 70), (6, 60), (8, 80)] {
        t.insert(queued(n, order));
    }
    t.insert(message(1, "tom", 90, 1000));
    assert_eq!(shape(&t), "day m1 m6 +m7 +m8");
    t.set_delivery(MessageId([6; 16]), Delivery::Failed(Status::ContentTooLong));
    t.insert(Message { ord: 91, ..message(8, "me", 91, 1000) });
    assert_eq!(shape(&t), "day m1 m8 +m6 +m7");
    assert_eq!(t.newest(), Some(91), "the order in the queue is not an ord");
}

#[test]
fn setting_the_delivery_changes_one_row_and_discarding_removes_it() {
    let mut t = timeline();
    t.insert(message(1, "tom", 5, 1001));
    t.insert(message(7, "me", 0, 1000));
    let failed = Delivery::Failed(Status::ContentTooLong);
    t.set_delivery(MessageId([7; 16]), failed);
    assert_eq!(t.unacknowledged(MessageId([7; 16])).unwrap().delivery, failed);
    let before: Vec<_> = t.rows().collect();
    t.set_delivery(MessageId([9; 16]), Delivery::Sent);
    assert!(t.rows().eq(before));
    t.discard(MessageId([7; 16]));
    assert_eq!(shape(&t), "day m1");
}

#[test]
fn presence_changes_are_combined_and_cancel_out() {
    let mut t = timeline();
    t.insert(message(1, "tom", 5, 1001));
    t.presence_changed(&"a".into(), true, 1);
    t.presence_changed(&"b".into(), true, 2);
    t.presence_changed(&"c".into(), false, 3);
    assert_eq!(shape(&t), "day m1 [+2-1]");
    t.presence_changed(&"a".into(), false, 4);
    t.presence_changed(&"b".into(), false, 4);
    t.presence_changed(&"c".into(), true, 4);
    assert_eq!(shape(&t), "day m1");
    for n in 0..80 {
        t.presence_changed(&n.to_string().into(), true, 5);
    }
    let RowKind::Presence(m) = t.row(1).unwrap().kind else { panic!("not a presence row") };
    assert_eq!((m.joined.len(), m.more_joined), (PRESENCE_NAMES, 80 - PRESENCE_NAMES));
}

fn state(from: u64, to: u64, loading: bool) -> GapState {
    GapState { gap: Gap { from, to }, loading }
}

/// The gaps in a room whose newest message has the ord `head`.
fn gaps_of(known: &Ranges, head: u64) -> Vec<GapState> {
    let ends = std::iter::once(0).chain(known.iter().map(|range| range.to));
    let starts = known.iter().map(|range| range.from).chain([head]);
    ends.zip(starts).filter(|(from, to)| from < to).map(|(from, to)| state(from, to, false)).collect()
}

/// The rows in short: a gap's range, or a message's ord.
fn short(timeline: &Timeline) -> String {
    let row = |row: Row| match &row.kind {
        RowKind::Gap { gap, .. } => format!("g{}-{}", gap.gap.from, gap.gap.to),
        RowKind::Message { message, .. } => message.ord.to_string(),
        RowKind::Presence(_) | RowKind::Notice(_) => "x".to_owned(),
    };
    timeline.rows().map(row).collect::<Vec<_>>().join(" ")
}

fn at_ord(ord: u64) -> Message {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&ord.to_be_bytes());
    Message { id: MessageId(id), ord, delivery: Delivery::Sent, ..message(1, "tom", 0, 0) }
}

fn fill(timeline: &mut Timeline, ords: std::ops::Range<u64>) {
    ords.for_each(|ord| timeline.insert(at_ord(ord)));
}

#[test]
fn unacknowledged_messages_stay_when_the_log_is_replaced() {
    let mut timeline = Timeline::new(100, |_| 0);
    timeline.insert(at_ord(3));
    timeline.set_gaps(&[state(0, 2, false)]);
    timeline.insert(Message { delivery: Delivery::Queued, ord: 0, ..at_ord(9) });
    timeline.clear_acknowledged();
    assert_eq!(short(&timeline), "0");
    assert!(timeline.unacknowledged(at_ord(9).id).is_some());
}
