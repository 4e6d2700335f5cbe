//! The rows, gaps and heights of a timeline.

#[cfg(not(target_arch = "wasm32"))]
use proptest::prelude::*;

use super::*;
use crate::{ranges::Gap, status::Status};

mod days;
mod long;
mod sizes;

const DAY: i64 = 86_400_000;

fn timeline() -> Timeline {
    Timeline::new(1000, |time| time.div_euclid(DAY))
}

fn message(n: u8, nick: &str, seq: u64, time: i64) -> Message {
    let delivery = if seq == 0 { Delivery::Pending } else { Delivery::Sent };
    Message {
        id: MessageId([n; 16]),
        sender: None,
        nick: nick.into(),
        content: format!("m{n}").into(),
        seq,
        time,
        own: nick == "me",
        delivery,
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
fn an_own_message_has_one_row_and_moves_to_its_sequence_number() {
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
fn unacknowledged_messages_are_last_in_their_own_order() {
    let queued = |n, order| Message { seq: order, delivery: Delivery::Queued, ..message(n, "me", 0, 1000) };
    let mut t = timeline();
    for (n, order) in [(7, 70), (6, 60), (8, 80)] {
        t.insert(queued(n, order));
    }
    t.insert(message(1, "tom", 90, 1000));
    assert_eq!(shape(&t), "day m1 m6 +m7 +m8");
    t.set_delivery(MessageId([6; 16]), Delivery::Failed(Status::ContentTooLong));
    t.insert(Message { seq: 91, ..message(8, "me", 91, 1000) });
    assert_eq!(shape(&t), "day m1 m8 +m6 +m7");
    assert_eq!(t.newest(), Some(91), "the order in the queue is not a sequence number");
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

/// The rows in short: a gap's range, or a message's sequence number.
fn short(timeline: &Timeline) -> String {
    let row = |row: Row| match &row.kind {
        RowKind::Gap { gap, .. } => format!("g{}-{}", gap.gap.from, gap.gap.to),
        RowKind::Message { message, .. } => message.seq.to_string(),
        RowKind::Presence(_) | RowKind::Notice(_) => "x".to_owned(),
    };
    timeline.rows().map(row).collect::<Vec<_>>().join(" ")
}

fn at_seq(seq: u64) -> Message {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&seq.to_be_bytes());
    Message { id: MessageId(id), seq, delivery: Delivery::Sent, ..message(1, "tom", 0, 0) }
}

fn fill(timeline: &mut Timeline, seqs: std::ops::Range<u64>) {
    seqs.for_each(|seq| timeline.insert(at_seq(seq)));
}

#[test]
fn a_gap_shrinks_in_place_as_it_is_loaded() {
    let mut timeline = Timeline::new(100, |_| 0);
    for seq in [1, 2, 8, 9] {
        timeline.insert(at_seq(seq));
    }
    timeline.set_gaps(&[state(2, 7, false)]);
    assert_eq!(short(&timeline), "1 2 g2-7 8 9");
    let key = timeline.key(2);
    timeline.set_gaps(&[state(2, 7, true)]);
    assert_eq!((timeline.key(2), timeline.gap_at(2)), (key, Some(state(2, 7, true))));
    timeline.insert_page(vec![at_seq(5), at_seq(6), at_seq(7)]);
    timeline.set_gaps(&[state(2, 4, false)]);
    assert_eq!(short(&timeline), "1 2 g2-4 5 6 7 8 9");
    assert_eq!(timeline.key(2), key, "the row may have the focus");
    timeline.insert_page(vec![at_seq(3), at_seq(4)]);
    timeline.set_gaps(&[]);
    assert_eq!(short(&timeline), "1 2 3 4 5 6 7 8 9");
    let mut first = Timeline::new(100, |_| 0);
    first.set_gaps(&[state(0, 3, false)]);
    first.insert(at_seq(4));
    first.set_gaps(&[state(0, 3, true)]);
    assert_eq!(short(&first), "g0-3 4");
}

#[test]
fn a_gap_that_is_alone_in_the_last_block_is_replaced_by_its_message() {
    let newest = 2 * BLOCK_ROWS as u64 + 1;
    let mut timeline = Timeline::new(1000, |_| 0);
    fill(&mut timeline, 1..newest);
    timeline.set_gaps(&[state(newest - 1, newest, false)]);
    timeline.insert(at_seq(newest));
    let expected: Vec<_> = (1..=newest).map(|seq| seq.to_string()).collect();
    assert_eq!(short(&timeline), expected.join(" "));
}

#[test]
fn a_page_in_the_middle_of_a_gap_splits_it() {
    let mut timeline = Timeline::new(100, |_| 0);
    fill(&mut timeline, 1001..1003);
    timeline.set_gaps(&[state(0, 1000, true)]);
    let (key, height) = (timeline.key(0), timeline.height());
    timeline.insert_page(vec![at_seq(401), at_seq(402)]);
    assert_eq!(short(&timeline), "g0-400 401 402 g402-1000 1001 1002");
    assert_eq!(timeline.key(0), key);
    timeline.set_gaps(&[state(0, 400, false), state(402, 1000, false)]);
    assert_eq!(short(&timeline), "g0-400 401 402 g402-1000 1001 1002");
    let grown = timeline.height() - height;
    assert!(grown.abs() < 2.0 * timeline.height_of(1), "the total height stays about the same: {grown}");
    assert!((timeline.top(1) / timeline.top(4) - 0.4).abs() < 0.01);
    // Load more in both directions.
    timeline.insert_page(vec![at_seq(403), at_seq(404)]);
    timeline.insert_page(vec![at_seq(399), at_seq(400)]);
    timeline.set_gaps(&[state(0, 398, false), state(404, 1000, false)]);
    assert_eq!(short(&timeline), "g0-398 399 400 401 402 403 404 g404-1000 1001 1002");
    assert_eq!(
        (timeline.index_of_seq(401), timeline.index_of_seq(77), timeline.index_of_seq(500)),
        (Some(3), Some(0), Some(7))
    );
    assert_eq!((timeline.index_of_seq(1002), timeline.index_of_seq(2000)), (Some(9), Some(9)));
}

#[test]
fn unacknowledged_messages_stay_when_the_log_is_replaced() {
    let mut timeline = Timeline::new(100, |_| 0);
    timeline.insert(at_seq(3));
    timeline.set_gaps(&[state(0, 2, false)]);
    timeline.insert(Message { delivery: Delivery::Queued, seq: 0, ..at_seq(9) });
    timeline.clear_acknowledged();
    assert_eq!(short(&timeline), "0");
    assert!(timeline.unacknowledged(at_seq(9).id).is_some());
}

#[test]
fn rows_far_from_the_anchor_are_evicted_and_become_a_gap() {
    let mut timeline = Timeline::new(1000, |_| 0);
    fill(&mut timeline, 101..2001);
    assert!(timeline.len() <= 1000 + 2 * BLOCK_ROWS, "{}", timeline.len());
    assert_eq!(timeline.poll_evicted(), None, "without a history the rows are dropped");
    assert_eq!(timeline.dropped_rows() + timeline.len(), 1900);

    let mut timeline = Timeline::new(1000, |_| 0);
    timeline.set_gaps(&[state(0, 100, false)]);
    fill(&mut timeline, 101..1101);
    let anchor = timeline.index_of_seq(150).unwrap();
    timeline.set_anchor(timeline.key(anchor));
    let (top, height) = (timeline.top(anchor), timeline.height());
    fill(&mut timeline, 1101..5001);
    let anchor = timeline.index_of_seq(150).unwrap();
    assert_eq!(timeline.seq(anchor), Some(150), "the row at the anchor stays");
    assert_eq!(timeline.top(anchor), top);
    let single = timeline.height_of(anchor);
    assert_eq!(timeline.height(), height + 3900.0 * single, "the gap is as tall as the evicted rows");
    assert_eq!((timeline.newest(), timeline.dropped_rows()), (Some(5000), 0));
    let mut known: crate::ranges::Ranges = [Range { from: 100, to: 5000 }].into_iter().collect();
    while let Some(range) = timeline.poll_evicted() {
        for seq in range.from + 1..=range.to {
            assert!(
                timeline.index_of_seq(seq).is_some_and(|at| timeline.seq(at) != Some(seq)),
                "{seq} is still shown"
            );
        }
        known = known
            .iter()
            .flat_map(|of| {
                [
                    Range { from: of.from, to: of.to.min(range.from) },
                    Range { from: of.from.max(range.to), to: of.to },
                ]
            })
            .filter(|of| of.from < of.to)
            .collect();
    }
    let gaps: Vec<_> = known.gaps().map(|gap| GapState { gap, loading: false }).collect();
    assert_eq!(gaps.len(), 2, "one gap in the middle: {gaps:?}");
    let before: Vec<_> = timeline.rows().collect();
    timeline.set_gaps(&gaps);
    assert!(timeline.rows().eq(before), "the gaps were shown already");
    // With the anchor back at the end, the other rows are evicted.
    timeline.set_anchor(None);
    fill(&mut timeline, 5001..9001);
    assert_ne!(timeline.index_of_seq(150).and_then(|at| timeline.seq(at)), Some(150));
    assert_eq!(timeline.rows().filter(|row| matches!(row.kind, RowKind::Gap { .. })).count(), 1);
}

#[test]
fn rows_are_found_by_position() {
    let mut timeline = Timeline::new(10_000, |_| 0);
    fill(&mut timeline, 1..501);
    for at in 0..500 {
        timeline.set_measured(at, 10.0 + (at % 7) as f32);
    }
    let mut top = 0.0;
    for at in 0..500 {
        assert_eq!(timeline.top(at), top);
        assert_eq!((timeline.index_at(top), timeline.index_at(top + 9.9)), (at, at));
        top += 10.0 + (at % 7) as f64;
        assert_eq!(timeline.index_of_key(timeline.key(at).unwrap(), 3), Some(at));
    }
    assert_eq!((timeline.height(), timeline.top(500), timeline.top(501)), (top, top, top));
    assert_eq!((timeline.index_at(-5.0), timeline.index_at(top + 5.0)), (0, 499));
    timeline.set_metrics(RowMetrics { message_px: 20.0, line_px: 10.0, bytes_per_line: 1.0 });
    assert_eq!(timeline.height(), 500.0 * 40.0, "two bytes are estimated as three lines");
}

#[test]
fn the_estimated_height_is_that_of_the_last_measured_similar_message() {
    let mut timeline = timeline();
    let add = |timeline: &mut Timeline, n: u8, nick: &str, content: &str| {
        let message = Message { content: content.into(), ..message(n, nick, n.into(), n.into()) };
        timeline.insert(message);
        timeline.height_of(usize::from(n) - 1)
    };
    let long = "two lines ".repeat(10);
    let RowMetrics { message_px: one, line_px: line, .. } = RowMetrics::default();
    let (one, two) = (f64::from(one), f64::from(one + line));
    assert_eq!(add(&mut timeline, 1, "tom", "one"), one);
    timeline.set_measured(0, 99.0);
    assert_eq!(add(&mut timeline, 2, "lili", "another"), one, "the first message has a day heading");
    timeline.set_measured(1, 50.0);
    assert_eq!(add(&mut timeline, 3, "tom", "a third"), 50.0);
    assert_eq!(add(&mut timeline, 4, "tom", "it goes on"), one, "it has no nick above it");
    timeline.set_measured(3, 30.0);
    assert_eq!(add(&mut timeline, 5, "tom", "and on"), 30.0);
    assert_eq!(add(&mut timeline, 6, "lili", &long), two);
    timeline.set_measured(5, 75.0);
    assert_eq!(add(&mut timeline, 7, "tom", &long), 75.0);
    let own = Message { own: true, ..message(8, "ann", 8, 8) };
    timeline.insert(own);
    assert_eq!(timeline.height_of(7), one, "own messages have no nick either");
    timeline.set_metrics(RowMetrics::default());
    assert_eq!(add(&mut timeline, 9, "lili", "as at first"), one);
}

#[test]
fn gaps_are_not_taller_than_browsers_allow() {
    let mut timeline = Timeline::new(100, |_| 0);
    fill(&mut timeline, 1_000_001..1_000_003);
    timeline.set_gaps(&[state(0, 1_000_000, false)]);
    assert!((timeline.height_of(0) - 6_000_000.0).abs() < 1.0);
    // After pages in several places the remaining gaps keep their share of the height until they are rebalanced.
    timeline.insert_page((1..900_000).step_by(1_000).map(at_seq).collect());
    let remaining: Vec<_> = timeline
        .rows()
        .filter_map(|row| match row.kind {
            RowKind::Gap { gap, .. } if gap.gap.to < 1_000_000 => None,
            RowKind::Gap { gap, .. } => Some(gap),
            _ => None,
        })
        .collect();
    timeline.set_gaps(&remaining);
    let (last, left) = (timeline.index_of_seq(999_999).unwrap(), (1_000_000 - remaining[0].gap.from) as f64);
    assert!((timeline.height_of(last) - left * 6.0).abs() < 1.0);
    assert!(timeline.rebalance_gaps() && !timeline.rebalance_gaps());
    assert!((timeline.height_of(last) - left * f64::from(RowMetrics::default().message_px)).abs() < 1.0);
}

/// Random operations, compared with simple models.
#[cfg(not(target_arch = "wasm32"))]
mod model {
    use super::*;
    use crate::ranges::Ranges;

    /// Checks that messages are in order and unique, that none of them is in a gap, and that all sums are right.
    fn check(t: &Timeline) -> Result<(), TestCaseError> {
        let orders: Vec<u64> =
            t.indices_from((0, 0)).filter_map(|index| t.packed(index).sort_key()).collect();
        prop_assert!(orders.is_sorted(), "{:?}", orders);
        let mut ids: Vec<_> =
            t.indices_from((0, 0)).filter(|p| t.packed(*p).is_message()).map(|p| t.packed(p).id).collect();
        let shown = ids.len();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(shown, ids.len());
        prop_assert_eq!(t.rows().count(), t.len());
        prop_assert!(
            t.blocks.iter().all(|block| !block.rows.is_empty() && block.rows.len() <= BLOCK_ROWS + 1)
        );
        let others = t.indices_from((0, 0)).filter(|p| !t.packed(*p).is_message()).count();
        prop_assert_eq!(others, t.others.len());
        let heights: f64 = t.indices_from((0, 0)).map(|p| f64::from(t.packed(p).height)).sum();
        prop_assert!((t.height() - heights).abs() < 1e-3);
        let mut gaps = Ranges::default();
        for row in t.rows() {
            if let RowKind::Gap { gap, .. } = row.kind {
                prop_assert!(gap.gap.from < gap.gap.to);
                gaps.insert(gap.gap.from, gap.gap.to);
            }
        }
        for at in 0..t.len() {
            prop_assert!(
                t.seq(at).is_none_or(|seq| !gaps.contains(seq)),
                "{} is shown and in a gap",
                t.seq(at).unwrap_or(0)
            );
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn rows_are_in_order_and_unique(ops in prop::collection::vec((0u8..40, 0u8..4, 0i64..4), 0..120)) {
            let mut t = timeline();
            for (n, what, day) in ops {
                match what {
                    0 => t.insert(Message { seq: u64::from(n / 2), ..message(n, "me", 0, day * DAY) }),
                    1 => t.discard(MessageId([n; 16])),
                    2 => t.presence_changed(&n.to_string().into(), day % 2 == 0, 0),
                    _ => t.insert(message(n, if n % 3 == 0 { "tom" } else { "me" }, u64::from(n) + 1, i64::from(n / 10) * DAY)),
                }
                check(&t)?;
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// In a room of some thousand messages, the rows and the gaps are together the whole room, whatever is loaded,
        /// appended and evicted.
        #[test]
        fn every_message_is_shown_or_in_a_gap(ops in prop::collection::vec((0u8..5, 0u64..1500, 1u64..150), 1..40)) {
            let mut t = Timeline::new(400, |_| 0);
            let (mut known, mut last) = (Ranges::default(), 1500);
            known.insert(1500, 1500);
            let update_gaps = |t: &mut Timeline, known: &Ranges| {
                let gaps: Vec<_> = known.gaps().map(|gap| GapState { gap, loading: false }).collect();
                t.set_gaps(&gaps);
            };
            update_gaps(&mut t, &known);
            for (what, at, count) in ops {
                match what {
                    0 | 1 => {
                        t.insert_page((at + 1..=at + count).filter(|seq| *seq <= last).map(at_seq).collect());
                        known.insert(at, (at + count).min(last));
                    }
                    2 => for _ in 0..count {
                        t.insert(at_seq(last + 1));
                        known.insert(last, last + 1);
                        last += 1;
                    },
                    3 => t.set_anchor(t.key((at as usize) % t.len().max(1))),
                    _ => t.set_anchor(None),
                }
                while let Some(evicted) = t.poll_evicted() {
                    known = known.iter().flat_map(|of| [
                        Range { from: of.from, to: of.to.min(evicted.from) },
                        Range { from: of.from.max(evicted.to), to: of.to },
                    ]).filter(|of| of.from < of.to).collect();
                    known.insert(last, last);
                }
                update_gaps(&mut t, &known);
                check(&t)?;
                prop_assert!(t.len() <= 400 + 7 * BLOCK_ROWS, "there are {} rows", t.len());
                for seq in 1..=last {
                    let row = t.index_of_seq(seq).unwrap();
                    let missing = t.gap_at(row).is_some_and(|m| m.gap.from < seq && seq <= m.gap.to);
                    prop_assert!(known.contains(seq) != missing, "{seq}");
                    prop_assert!(missing || t.seq(row) == Some(seq), "{seq}");
                }
            }
        }
    }
}
