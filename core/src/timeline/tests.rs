#[cfg(not(target_arch = "wasm32"))]
use proptest::prelude::*;

use super::*;

const DAY: i64 = 86_400_000;

fn timeline() -> Timeline {
    Timeline::new(1000, |time| time.div_euclid(DAY))
}

fn message(n: u8, nick: &str, seq: u64, time: i64) -> Message {
    let delivery = if seq == 0 { Delivery::Pending } else { Delivery::Sent };
    Message {
        id: MessageId([n; 16]),
        nick: nick.into(),
        content: format!("m{n}").into(),
        seq,
        time,
        own: nick == "me",
        delivery,
    }
}

/// A row in one word: `day`, `+` before a message that continues.
fn shape(timeline: &Timeline) -> String {
    let mut words = Vec::new();
    for row in timeline.rows() {
        words.push(match &row.kind {
            RowKind::Day(_) => "day".to_owned(),
            RowKind::Message { message, continued } => {
                format!("{}{}", if *continued { "+" } else { "" }, message.content)
            }
            RowKind::Movement(m) => format!("[+{}-{}]", m.joined.len(), m.left.len()),
            RowKind::Notice(_) => "notice".to_owned(),
            RowKind::Gap(_) => "gap".to_owned(),
        });
    }
    words.join(" ")
}

#[test]
fn days_are_apart_and_one_persons_messages_go_on() {
    let mut t = timeline();
    t.message(message(1, "tom", 1, 1000));
    t.message(message(2, "tom", 2, 2000));
    t.message(message(3, "lili", 3, 3000));
    t.message(message(4, "lili", 4, 3000 + CONTINUES_WITHIN));
    t.message(message(5, "lili", 5, DAY + 1));
    assert_eq!(shape(&t), "day m1 +m2 m3 m4 day m5");
}

#[test]
fn a_late_message_goes_to_its_place_and_its_neighbours_adjust() {
    let mut t = timeline();
    t.message(message(1, "tom", 1, 1000));
    t.message(message(3, "tom", 3, 3000));
    assert_eq!(shape(&t), "day m1 +m3");
    t.message(message(2, "lili", 2, 2000));
    assert_eq!(shape(&t), "day m1 m2 m3");
    t.message(message(4, "tom", 9, DAY + 5));
    t.message(message(5, "tom", 8, DAY + 4));
    assert_eq!(shape(&t), "day m1 m2 m3 day m5 +m4");
}

#[test]
fn an_own_message_is_shown_once_and_settles_where_the_server_put_it() {
    let mut t = timeline();
    t.message(message(7, "me", 0, 1000));
    t.message(message(1, "tom", 5, 1001));
    assert_eq!(shape(&t), "day m1 m7", "what is pending stays last");
    t.message(message(7, "me", 4, 1002));
    assert_eq!(shape(&t), "day m7 m1");
    let again = t.message(message(7, "me", 4, 1002));
    assert_eq!(again, [], "the same again changes nothing");
}

#[test]
fn what_is_acknowledged_does_not_wait_again() {
    let mut t = timeline();
    t.message(message(7, "me", 4, 1002));
    t.message(message(1, "tom", 5, 1003));
    assert_eq!(t.message(message(7, "me", 0, 1000)), [], "an outbox that is behind the room");
    assert_eq!(t.delivery(MessageId([7; 16]), Delivery::Pending), []);
    assert_eq!(t.get(MessageId([7; 16])), Some(&message(7, "me", 4, 1002)));
    assert_eq!(shape(&t), "day m7 m1");
}

#[test]
fn what_waits_is_in_the_order_of_its_places_behind_all_else() {
    let waits = |n, place| Message { seq: place, delivery: Delivery::Queued, ..message(n, "me", 0, 1000) };
    let mut t = Timeline::new(6, |_| 0);
    for (n, place) in [(7, 70), (6, 60), (8, 80)] {
        t.message(waits(n, place));
    }
    t.message(message(1, "tom", 90, 1000));
    assert_eq!(shape(&t), "day m1 m6 +m7 +m8");
    t.delivery(MessageId([6; 16]), Delivery::Failed(crate::status::Status::ContentTooLong));
    t.message(Message { seq: 91, ..message(8, "me", 91, 1000) });
    assert_eq!(shape(&t), "day m1 m8 +m6 +m7");
    (2..6).for_each(|n| drop(t.message(message(n, "tom", 90 + u64::from(n), 1000))));
    assert_eq!(t.dropped_seq(), 91);
    (9..15).for_each(|n| drop(t.message(waits(n, u64::from(n) * 10))));
    assert_eq!(t.dropped_seq(), 95, "a place among what waits is none in the room");
}

#[test]
fn delivery_changes_one_row_and_discard_takes_it() {
    let mut t = timeline();
    t.message(message(1, "tom", 5, 1001));
    t.message(message(7, "me", 0, 1000));
    assert_eq!(
        t.delivery(MessageId([7; 16]), Delivery::Failed(crate::status::Status::ContentTooLong)),
        [Change::Updated(2)]
    );
    assert_eq!(t.delivery(MessageId([9; 16]), Delivery::Sent), []);
    t.discard(MessageId([7; 16]));
    assert_eq!(shape(&t), "day m1");
    t.discard(MessageId([1; 16]));
    assert_eq!(shape(&t), "", "a day without messages has no line");
}

#[test]
fn movements_group_and_cancel() {
    let mut t = timeline();
    t.message(message(1, "tom", 5, 1001));
    t.moved(&"a".into(), true, 1);
    t.moved(&"b".into(), true, 2);
    t.moved(&"c".into(), false, 3);
    assert_eq!(shape(&t), "day m1 [+2-1]");
    t.moved(&"a".into(), false, 4);
    t.moved(&"b".into(), false, 4);
    t.moved(&"c".into(), true, 4);
    assert_eq!(shape(&t), "day m1");
    for n in 0..80 {
        t.moved(&n.to_string().into(), true, 5);
    }
    let RowKind::Movement(m) = &t.rows()[2].kind else { panic!("no movement") };
    assert_eq!((m.joined.len(), m.more_joined), (NAMES_KEPT, 80 - NAMES_KEPT));
}

#[test]
fn only_so_many_rows_are_kept() {
    let mut t = Timeline::new(10, |time| time.div_euclid(DAY));
    for n in 0..30 {
        t.message(message(n, "tom", u64::from(n) + 1, i64::from(n)));
    }
    assert_eq!((t.rows().len(), t.dropped()), (10, 21));
    assert!(t.get(MessageId([0; 16])).is_none());
}

#[cfg(not(target_arch = "wasm32"))]
proptest! {
    /// Whatever arrives in whatever order, often twice: the rows are in order, each message once, and the
    /// changes told are the changes made.
    #[test]
    fn rows_follow_the_changes(ops in prop::collection::vec((0u8..40, 0u8..4, 0i64..4), 0..120)) {
        let mut t = timeline();
        let mut mirror: Vec<u64> = Vec::new();
        for (n, what, day) in ops {
            let changes = match what {
                0 => t.message(Message { seq: u64::from(n / 2), ..message(n, "me", 0, day * DAY) }),
                1 => t.discard(MessageId([n; 16])),
                2 => t.moved(&n.to_string().into(), day % 2 == 0, 0),
                _ => t.message(message(n, if n % 3 == 0 { "tom" } else { "me" }, u64::from(n) + 1, i64::from(n / 10) * DAY)),
            };
            // Replay the changes by index; keys are read from the end state, so only shapes are followed here.
            for change in changes {
                match change {
                    Change::Inserted(at) => mirror.insert(at, 0),
                    Change::Updated(at) => prop_assert!(at < mirror.len()),
                    Change::Removed(at) => { mirror.remove(at); }
                }
            }
            prop_assert_eq!(mirror.len(), t.rows().len());
            let orders: Vec<u64> = t.rows().iter().filter_map(|r| match &r.kind {
                RowKind::Message { message, .. } => Some(order(message)), _ => None }).collect();
            prop_assert!(orders.is_sorted(), "{:?}", orders);
            let mut ids: Vec<_> = t.rows().iter().filter_map(|r| match &r.kind {
                RowKind::Message { message, .. } => Some(message.id), _ => None }).collect();
            let shown = ids.len();
            ids.sort_unstable();
            ids.dedup();
            prop_assert_eq!(shown, ids.len());
        }
    }
}

fn gap(from: u64, to: u64, loading: bool) -> Missing {
    Missing { gap: crate::ranges::Gap { from, to }, loading }
}

/// The rows in short: `d` a day, `g` a gap, a number a message's place.
fn short(timeline: &Timeline) -> String {
    let row = |row: &Row| match &row.kind {
        RowKind::Day(_) => "d".to_owned(),
        RowKind::Gap(missing) => format!("g{}-{}", missing.gap.from, missing.gap.to),
        RowKind::Message { message, .. } => message.seq.to_string(),
        RowKind::Movement(_) | RowKind::Notice(_) => "x".to_owned(),
    };
    timeline.rows().iter().map(row).collect::<Vec<_>>().join(" ")
}

fn at_seq(seq: u64) -> Message {
    let id = MessageId([u8::try_from(seq).unwrap(); 16]);
    Message { id, seq, delivery: Delivery::Sent, ..message(1, "tom", 0, 0) }
}

#[test]
fn a_gap_stands_between_what_is_known_and_moves_as_it_is_filled() {
    let mut timeline = Timeline::new(100, |_| 0);
    for seq in [1, 2, 8, 9] {
        timeline.message(at_seq(seq));
    }
    timeline.gaps(&[gap(2, 7, false)]);
    assert_eq!(short(&timeline), "d 1 2 g2-7 8 9");
    let key = timeline.rows()[3].key;
    assert_eq!(timeline.gaps(&[gap(2, 7, true)]), [Change::Updated(3)]);
    assert_eq!(timeline.rows()[3].key, key);
    timeline.page(vec![at_seq(5), at_seq(6), at_seq(7)]);
    assert_eq!(timeline.gaps(&[gap(2, 4, false)]), [Change::Updated(3)]);
    assert_eq!(short(&timeline), "d 1 2 g2-4 5 6 7 8 9");
    assert_eq!(timeline.rows()[3].key, key, "it may have the focus in it");
    timeline.page(vec![at_seq(3), at_seq(4)]);
    timeline.gaps(&[gap(0, 0, false)]);
    timeline.gaps(&[]);
    assert_eq!(short(&timeline), "d 1 2 3 4 5 6 7 8 9");
    let mut first = Timeline::new(100, |_| 0);
    first.gaps(&[gap(0, 3, false)]);
    first.message(at_seq(4));
    first.gaps(&[gap(0, 3, true)]);
    assert_eq!(short(&first), "g0-3 d 4");
}

#[test]
fn another_log_leaves_what_was_not_acknowledged() {
    let mut timeline = Timeline::new(100, |_| 0);
    timeline.message(at_seq(3));
    timeline.gaps(&[gap(0, 2, false)]);
    timeline.message(Message { delivery: Delivery::Queued, seq: 0, ..at_seq(9) });
    timeline.forget();
    assert_eq!(short(&timeline), "d 0");
    assert!(timeline.get(MessageId([9; 16])).is_some() && timeline.get(MessageId([3; 16])).is_none());
}

#[test]
fn what_is_let_go_of_is_told_and_what_was_asked_for_is_not_let_go_of() {
    let mut timeline = Timeline::new(3, |_| 0);
    for seq in 10..15 {
        timeline.message(at_seq(seq));
    }
    assert_eq!((short(&timeline).as_str(), timeline.dropped_seq()), ("12 13 14", 11));
    timeline.page(vec![at_seq(8), at_seq(9)]);
    assert_eq!(short(&timeline), "d 8 9 12 13 14");
    timeline.gaps(&[gap(0, 7, false)]);
    (15..18).for_each(|seq| drop(timeline.message(at_seq(seq))));
    assert_eq!(short(&timeline), "g0-7 12 13 14 15 16 17", "what is missing stays missing");
    timeline.gaps(&[gap(0, timeline.dropped_seq(), false)]);
    assert_eq!(short(&timeline), "g0-11 12 13 14 15 16 17");
}

#[test]
fn what_comes_again_makes_no_more_rows_be_held() {
    let mut timeline = Timeline::new(4, |_| 0);
    let kept: Vec<_> = [7, 8, 9].map(at_seq).into();
    for _ in 0..5 {
        timeline.page(kept.clone());
    }
    (10..30).for_each(|seq| drop(timeline.message(at_seq(seq))));
    assert_eq!(timeline.rows().len(), 4 + 2 * kept.len());
}
