#[cfg(not(target_arch = "wasm32"))]
use proptest::prelude::*;

use super::*;
use crate::{ranges::Gap, status::Status};

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

/// The rows in a word each: `day` before a message that begins one, `+` before one that continues.
fn shape(timeline: &Timeline) -> String {
    let mut words = Vec::new();
    for row in timeline.rows() {
        words.extend(row.day.map(|_| "day".to_owned()));
        words.push(match &row.kind {
            RowKind::Message { message, continued } => {
                format!("{}{}", if *continued { "+" } else { "" }, message.content)
            }
            RowKind::Movement(m) => format!("[+{}-{}]", m.joined.len(), m.left.len()),
            RowKind::Notice(_) => "notice".to_owned(),
            RowKind::Gap { .. } => "gap".to_owned(),
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
    let key = t.key(0);
    t.message(message(1, "tom", 5, 1001));
    assert_eq!(shape(&t), "day m1 m7", "what is pending stays last");
    t.message(message(7, "me", 4, 1002));
    assert_eq!(shape(&t), "day m7 m1");
    assert_eq!(t.key(0), key, "it is the same row");
    let before: Vec<_> = t.rows().collect();
    t.message(message(7, "me", 4, 1002));
    assert!(t.rows().eq(before), "the same again changes nothing");
}

#[test]
fn what_is_acknowledged_does_not_wait_again() {
    let mut t = timeline();
    t.message(message(7, "me", 4, 1002));
    t.message(message(1, "tom", 5, 1003));
    let before: Vec<_> = t.rows().collect();
    t.message(message(7, "me", 0, 1000));
    assert!(t.rows().eq(before.clone()), "an outbox that is behind the room");
    t.delivery(MessageId([7; 16]), Delivery::Pending);
    assert!(t.rows().eq(before));
    assert_eq!(shape(&t), "day m7 m1");
}

#[test]
fn what_waits_is_in_the_order_of_its_places_behind_all_else() {
    let waits = |n, place| Message { seq: place, delivery: Delivery::Queued, ..message(n, "me", 0, 1000) };
    let mut t = timeline();
    for (n, place) in [(7, 70), (6, 60), (8, 80)] {
        t.message(waits(n, place));
    }
    t.message(message(1, "tom", 90, 1000));
    assert_eq!(shape(&t), "day m1 m6 +m7 +m8");
    t.delivery(MessageId([6; 16]), Delivery::Failed(Status::ContentTooLong));
    t.message(Message { seq: 91, ..message(8, "me", 91, 1000) });
    assert_eq!(shape(&t), "day m1 m8 +m6 +m7");
    assert_eq!(t.newest(), Some(91), "a place among what waits is none in the room");
}

#[test]
fn delivery_changes_one_row_and_discard_takes_it() {
    let mut t = timeline();
    t.message(message(1, "tom", 5, 1001));
    t.message(message(7, "me", 0, 1000));
    let failed = Delivery::Failed(Status::ContentTooLong);
    t.delivery(MessageId([7; 16]), failed);
    assert_eq!(t.get(MessageId([7; 16])).unwrap().delivery, failed);
    let before: Vec<_> = t.rows().collect();
    t.delivery(MessageId([9; 16]), Delivery::Sent);
    assert!(t.rows().eq(before));
    t.discard(MessageId([7; 16]));
    assert_eq!(shape(&t), "day m1");
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
    let RowKind::Movement(m) = t.row(1).unwrap().kind else { panic!("no movement") };
    assert_eq!((m.joined.len(), m.more_joined), (NAMES_KEPT, 80 - NAMES_KEPT));
}

fn gap(from: u64, to: u64, loading: bool) -> Missing {
    Missing { gap: Gap { from, to }, loading }
}

/// The rows in short: a gap, or a message's place.
fn short(timeline: &Timeline) -> String {
    let row = |row: Row| match &row.kind {
        RowKind::Gap { missing, .. } => format!("g{}-{}", missing.gap.from, missing.gap.to),
        RowKind::Message { message, .. } => message.seq.to_string(),
        RowKind::Movement(_) | RowKind::Notice(_) => "x".to_owned(),
    };
    timeline.rows().map(row).collect::<Vec<_>>().join(" ")
}

fn at_seq(seq: u64) -> Message {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&seq.to_be_bytes());
    Message { id: MessageId(id), seq, delivery: Delivery::Sent, ..message(1, "tom", 0, 0) }
}

fn say(timeline: &mut Timeline, seqs: std::ops::Range<u64>) {
    seqs.for_each(|seq| timeline.message(at_seq(seq)));
}

#[test]
fn a_gap_stands_between_what_is_known_and_moves_as_it_is_filled() {
    let mut timeline = Timeline::new(100, |_| 0);
    for seq in [1, 2, 8, 9] {
        timeline.message(at_seq(seq));
    }
    timeline.gaps(&[gap(2, 7, false)]);
    assert_eq!(short(&timeline), "1 2 g2-7 8 9");
    let key = timeline.key(2);
    timeline.gaps(&[gap(2, 7, true)]);
    assert_eq!((timeline.key(2), timeline.missing(2)), (key, Some(gap(2, 7, true))));
    timeline.page(vec![at_seq(5), at_seq(6), at_seq(7)]);
    timeline.gaps(&[gap(2, 4, false)]);
    assert_eq!(short(&timeline), "1 2 g2-4 5 6 7 8 9");
    assert_eq!(timeline.key(2), key, "it may have the focus in it");
    timeline.page(vec![at_seq(3), at_seq(4)]);
    timeline.gaps(&[]);
    assert_eq!(short(&timeline), "1 2 3 4 5 6 7 8 9");
    let mut first = Timeline::new(100, |_| 0);
    first.gaps(&[gap(0, 3, false)]);
    first.message(at_seq(4));
    first.gaps(&[gap(0, 3, true)]);
    assert_eq!(short(&first), "g0-3 4");
}

#[test]
fn what_is_found_in_the_midst_of_a_gap_splits_it_where_it_is() {
    let mut timeline = Timeline::new(100, |_| 0);
    say(&mut timeline, 1001..1003);
    timeline.gaps(&[gap(0, 1000, true)]);
    let (key, height) = (timeline.key(0), timeline.height());
    timeline.page(vec![at_seq(401), at_seq(402)]);
    assert_eq!(short(&timeline), "g0-400 401 402 g402-1000 1001 1002");
    assert_eq!(timeline.key(0), key);
    timeline.gaps(&[gap(0, 400, false), gap(402, 1000, false)]);
    assert_eq!(short(&timeline), "g0-400 401 402 g402-1000 1001 1002");
    let grown = timeline.height() - height;
    assert!(grown.abs() < 2.0 * timeline.height_of(1), "what was missing was as tall as it is: {grown}");
    assert!((timeline.top(1) / timeline.top(4) - 0.4).abs() < 0.01);
    // Read on from there, upwards and down.
    timeline.page(vec![at_seq(403), at_seq(404)]);
    timeline.page(vec![at_seq(399), at_seq(400)]);
    timeline.gaps(&[gap(0, 398, false), gap(404, 1000, false)]);
    assert_eq!(short(&timeline), "g0-398 399 400 401 402 403 404 g404-1000 1001 1002");
    assert_eq!(
        (timeline.find_seq(401), timeline.find_seq(77), timeline.find_seq(500)),
        (Some(3), Some(0), Some(7))
    );
    assert_eq!((timeline.find_seq(1002), timeline.find_seq(2000)), (Some(9), Some(9)));
}

#[test]
fn another_log_leaves_what_was_not_acknowledged() {
    let mut timeline = Timeline::new(100, |_| 0);
    timeline.message(at_seq(3));
    timeline.gaps(&[gap(0, 2, false)]);
    timeline.message(Message { delivery: Delivery::Queued, seq: 0, ..at_seq(9) });
    timeline.forget();
    assert_eq!(short(&timeline), "0");
    assert!(timeline.get(at_seq(9).id).is_some());
}

#[test]
fn what_is_far_from_the_reader_is_let_go_of_and_missing_then() {
    let mut timeline = Timeline::new(1000, |_| 0);
    say(&mut timeline, 101..2001);
    assert!(timeline.len() <= 1000 + 2 * ROWS, "{}", timeline.len());
    assert_eq!(timeline.poll_let_go(), None, "nobody has it: it is gone");
    assert_eq!(timeline.dropped() + timeline.len(), 1900);

    let mut timeline = Timeline::new(1000, |_| 0);
    timeline.gaps(&[gap(0, 100, false)]);
    say(&mut timeline, 101..1101);
    let reader = timeline.find_seq(150).unwrap();
    timeline.reads(timeline.key(reader));
    let (top, height) = (timeline.top(reader), timeline.height());
    say(&mut timeline, 1101..5001);
    let reader = timeline.find_seq(150).unwrap();
    assert_eq!(timeline.seq(reader), Some(150), "it is being read");
    assert_eq!(timeline.top(reader), top);
    let single = timeline.height_of(reader);
    assert_eq!(timeline.height(), height + 3900.0 * single, "what is missing is as tall as it was");
    assert_eq!((timeline.newest(), timeline.dropped()), (Some(5000), 0));
    let mut known: crate::ranges::Ranges = [Range { from: 100, to: 5000 }].into_iter().collect();
    while let Some(range) = timeline.poll_let_go() {
        for seq in range.from + 1..=range.to {
            assert!(timeline.find_seq(seq).is_some_and(|at| timeline.seq(at) != Some(seq)), "{seq} is shown");
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
    let gaps: Vec<_> = known.gaps().map(|gap| Missing { gap, loading: false }).collect();
    assert_eq!(gaps.len(), 2, "one part in the midst: {gaps:?}");
    let before: Vec<_> = timeline.rows().collect();
    timeline.gaps(&gaps);
    assert!(timeline.rows().eq(before), "it was shown already");
    // Back at the end, the rest goes.
    timeline.reads(None);
    say(&mut timeline, 5001..9001);
    assert_ne!(timeline.find_seq(150).and_then(|at| timeline.seq(at)), Some(150));
    assert_eq!(timeline.rows().filter(|row| matches!(row.kind, RowKind::Gap { .. })).count(), 1);
}

#[test]
fn a_row_is_found_by_where_it_is() {
    let mut timeline = Timeline::new(10_000, |_| 0);
    say(&mut timeline, 1..501);
    for at in 0..500 {
        timeline.measured(at, 10.0 + (at % 7) as f32);
    }
    let mut top = 0.0;
    for at in 0..500 {
        assert_eq!(timeline.top(at), top);
        assert_eq!((timeline.at(top), timeline.at(top + 9.9)), (at, at));
        top += 10.0 + (at % 7) as f64;
        assert_eq!(timeline.find(timeline.key(at).unwrap(), 3), Some(at));
    }
    assert_eq!((timeline.height(), timeline.top(500), timeline.top(501)), (top, top, top));
    assert_eq!((timeline.at(-5.0), timeline.at(top + 5.0)), (0, 499));
    timeline.reshape(Measure { message: 20.0, line: 10.0, bytes: 1.0 });
    assert_eq!(timeline.height(), 500.0 * 40.0, "two bytes are three lines then");
}

#[test]
fn a_message_is_thought_to_be_as_tall_as_one_like_it_was() {
    let mut timeline = timeline();
    let say = |timeline: &mut Timeline, n: u8, nick: &str, content: &str| {
        let message = Message { content: content.into(), ..message(n, nick, n.into(), n.into()) };
        timeline.message(message);
        timeline.height_of(usize::from(n) - 1)
    };
    let long = "two lines ".repeat(10);
    let Measure { message: one, line, .. } = Measure::default();
    let (one, two) = (f64::from(one), f64::from(one + line));
    assert_eq!(say(&mut timeline, 1, "tom", "one"), one);
    timeline.measured(0, 99.0);
    assert_eq!(say(&mut timeline, 2, "lili", "another"), one, "the first has a day above it");
    timeline.measured(1, 50.0);
    assert_eq!(say(&mut timeline, 3, "tom", "a third"), 50.0);
    assert_eq!(say(&mut timeline, 4, "tom", "it goes on"), one, "it has no name above it");
    timeline.measured(3, 30.0);
    assert_eq!(say(&mut timeline, 5, "tom", "and on"), 30.0);
    assert_eq!(say(&mut timeline, 6, "lili", &long), two);
    timeline.measured(5, 75.0);
    assert_eq!(say(&mut timeline, 7, "tom", &long), 75.0);
    let own = Message { own: true, ..message(8, "ann", 8, 8) };
    timeline.message(own);
    assert_eq!(timeline.height_of(7), one, "an own one has no name above it either");
    timeline.reshape(Measure::default());
    assert_eq!(say(&mut timeline, 9, "lili", "as at first"), one);
}

#[test]
fn gaps_are_no_taller_than_a_browser_can_show() {
    let mut timeline = Timeline::new(100, |_| 0);
    say(&mut timeline, 1_000_001..1_000_003);
    timeline.gaps(&[gap(0, 1_000_000, false)]);
    assert!((timeline.height_of(0) - 6_000_000.0).abs() < 1.0);
    // Read here and there, what is left keeps its share of that until it is told to be as tall as it should.
    timeline.page((1..900_000).step_by(1_000).map(at_seq).collect());
    let told: Vec<_> = timeline
        .rows()
        .filter_map(|row| match row.kind {
            RowKind::Gap { missing, .. } if missing.gap.to < 1_000_000 => None,
            RowKind::Gap { missing, .. } => Some(missing),
            _ => None,
        })
        .collect();
    timeline.gaps(&told);
    let (last, left) = (timeline.find_seq(999_999).unwrap(), (1_000_000 - told[0].gap.from) as f64);
    assert!((timeline.height_of(last) - left * 6.0).abs() < 1.0);
    assert!(timeline.rebalance() && !timeline.rebalance());
    assert!((timeline.height_of(last) - left * f64::from(Measure::default().message)).abs() < 1.0);
}

/// Whatever comes in whatever order, often twice.
#[cfg(not(target_arch = "wasm32"))]
mod model {
    use super::*;
    use crate::ranges::Ranges;

    /// In order, each message once, none of it in what is said to be missing, and all sums right.
    fn check(t: &Timeline) -> Result<(), TestCaseError> {
        let orders: Vec<u64> = t.places(0).filter_map(|place| t.packed(place).order()).collect();
        prop_assert!(orders.is_sorted(), "{:?}", orders);
        let mut ids: Vec<_> =
            t.places(0).filter(|p| t.packed(*p).is_message()).map(|p| t.packed(p).id).collect();
        let shown = ids.len();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(shown, ids.len());
        prop_assert_eq!(t.rows().count(), t.len());
        prop_assert!(t.blocks.iter().all(|block| !block.rows.is_empty() && block.rows.len() <= ROWS + 1));
        let others = t.places(0).filter(|p| !t.packed(*p).is_message()).count();
        prop_assert_eq!(others, t.others.len());
        let heights: f64 = t.places(0).map(|p| f64::from(t.packed(p).height)).sum();
        prop_assert!((t.height() - heights).abs() < 1e-3);
        let mut gaps = Ranges::default();
        for row in t.rows() {
            if let RowKind::Gap { missing, .. } = row.kind {
                prop_assert!(missing.gap.from < missing.gap.to);
                gaps.insert(missing.gap.from, missing.gap.to);
            }
        }
        for at in 0..t.len() {
            prop_assert!(
                t.seq(at).is_none_or(|seq| !gaps.contains(seq)),
                "{} is there and missing",
                t.seq(at).unwrap_or(0)
            );
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn rows_are_in_order_and_each_message_is_one(ops in prop::collection::vec((0u8..40, 0u8..4, 0i64..4), 0..120)) {
            let mut t = timeline();
            for (n, what, day) in ops {
                match what {
                    0 => t.message(Message { seq: u64::from(n / 2), ..message(n, "me", 0, day * DAY) }),
                    1 => t.discard(MessageId([n; 16])),
                    2 => t.moved(&n.to_string().into(), day % 2 == 0, 0),
                    _ => t.message(message(n, if n % 3 == 0 { "tom" } else { "me" }, u64::from(n) + 1, i64::from(n / 10) * DAY)),
                }
                check(&t)?;
            }
        }

    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// A room of some thousand messages that is read here and there: what is shown and what is shown as missing are
        /// together the whole room, whatever is loaded, said and let go of.
        #[test]
        fn what_is_not_shown_is_missing(ops in prop::collection::vec((0u8..5, 0u64..1500, 1u64..150), 1..40)) {
            let mut t = Timeline::new(400, |_| 0);
            let (mut known, mut last) = (Ranges::default(), 1500);
            known.insert(1500, 1500);
            let tell = |t: &mut Timeline, known: &Ranges| {
                let gaps: Vec<_> = known.gaps().map(|gap| Missing { gap, loading: false }).collect();
                t.gaps(&gaps);
            };
            tell(&mut t, &known);
            for (what, at, count) in ops {
                match what {
                    0 | 1 => {
                        t.page((at + 1..=at + count).filter(|seq| *seq <= last).map(at_seq).collect());
                        known.insert(at, (at + count).min(last));
                    }
                    2 => for _ in 0..count {
                        t.message(at_seq(last + 1));
                        known.insert(last, last + 1);
                        last += 1;
                    },
                    3 => t.reads(t.key((at as usize) % t.len().max(1))),
                    _ => t.reads(None),
                }
                while let Some(gone) = t.poll_let_go() {
                    known = known.iter().flat_map(|of| [
                        Range { from: of.from, to: of.to.min(gone.from) },
                        Range { from: of.from.max(gone.to), to: of.to },
                    ]).filter(|of| of.from < of.to).collect();
                    known.insert(last, last);
                }
                tell(&mut t, &known);
                check(&t)?;
                prop_assert!(t.len() <= 400 + 7 * ROWS, "{} rows are held", t.len());
                for seq in 1..=last {
                    let row = t.find_seq(seq).unwrap();
                    let missing = t.missing(row).is_some_and(|m| m.gap.from < seq && seq <= m.gap.to);
                    prop_assert!(known.contains(seq) != missing, "{seq}");
                    prop_assert!(missing || t.seq(row) == Some(seq), "{seq}");
                }
            }
        }
    }
}
