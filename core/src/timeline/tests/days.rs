//! The headings of days: each day has one, and they never go backwards.

#[cfg(not(target_arch = "wasm32"))]
use proptest::prelude::*;

use super::*;

fn at(n: u8, ord: u64, time: i64) -> Message {
    message(n, "tom", ord, time)
}

fn queued(n: u8, time: i64) -> Message {
    Message { delivery: Delivery::Queued, ord: u64::from(n), ..message(n, "me", 0, time) }
}

/// The days of the headings, in order.
fn headings(timeline: &Timeline) -> Vec<i64> {
    timeline.rows().filter_map(|row| row.day).map(|time| time.div_euclid(DAY)).collect()
}

#[test]
fn messages_queued_yesterday_stay_under_todays_heading() {
    let mut t = timeline();
    t.insert(queued(1, DAY + 1));
    assert_eq!(shape(&t), "day m1", "alone they have their own day");
    t.insert(at(2, 1, 2 * DAY));
    t.insert(queued(3, 2 * DAY + 5));
    assert_eq!(shape(&t), "day m2 m1 m3");
    assert_eq!(headings(&t), [2]);
    // The server acknowledges it with today's time.
    t.insert(Message { delivery: Delivery::Sent, ord: 2, ..message(1, "me", 2, 2 * DAY + 6) });
    assert_eq!(shape(&t), "day m2 m1 +m3");
}

#[test]
fn no_day_appears_twice_when_the_servers_clock_went_back() {
    let mut t = timeline();
    for (n, day) in [(1, 5), (2, 4), (3, 5), (4, 3), (5, 6), (6, 5)] {
        t.insert(at(n, n.into(), day * DAY + i64::from(n)));
    }
    assert_eq!(shape(&t), "day m1 m2 m3 m4 day m5 m6");
    assert_eq!(headings(&t), [5, 6]);
    let shown: Vec<_> = (0..6).map(|row| t.day_time(row).unwrap() / DAY).collect();
    assert_eq!(shown, [5, 5, 5, 5, 6, 6], "the day that each message is shown under");
}

#[test]
fn a_day_has_one_heading_above_and_below_a_gap() {
    let mut t = timeline();
    t.insert(at(1, 1, DAY));
    t.insert(at(2, 8, DAY + 8));
    t.insert(at(3, 9, 2 * DAY));
    t.set_gaps(&[state(1, 7, false)]);
    assert_eq!(shape(&t), "day m1 gap m2 day m3");
    t.insert_page(vec![at(4, 7, DAY + 7)]);
    t.set_gaps(&[state(1, 6, false)]);
    assert_eq!(shape(&t), "day m1 gap m4 +m2 day m3");
    // Nothing is known about what is above the first gap.
    let mut t = timeline();
    t.set_gaps(&[state(0, 7, false)]);
    t.insert(at(2, 8, DAY + 8));
    assert_eq!(shape(&t), "gap day m2");
}

#[test]
fn headings_follow_the_time_zone() {
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    };
    let zone = Arc::new(AtomicI64::new(0));
    let offset = zone.clone();
    let mut t = Timeline::new(1000, move |time| (time + offset.load(Ordering::Relaxed)).div_euclid(DAY));
    t.insert(at(1, 1, DAY - 3_600_000));
    t.insert(at(2, 2, DAY + 3_600_000));
    assert_eq!(shape(&t), "day m1 day m2");
    zone.store(2 * 3_600_000, Ordering::Relaxed);
    assert_eq!(shape(&t), "day m1 m2");
}

#[cfg(not(target_arch = "wasm32"))]
proptest! {
    #[test]
    fn days_only_go_forwards(
        ops in prop::collection::vec((0u8..40, 0u64..30, 0i64..6, any::<bool>()), 0..80),
    ) {
        let mut t = Timeline::new(1000, |time| time.div_euclid(DAY));
        for (n, ord, day, remove) in ops {
            let message = if ord == 0 { queued(n, day * DAY) } else { at(n, ord, day * DAY) };
            if remove { t.discard(message.id) } else { t.insert(message) }
            let days = headings(&t);
            prop_assert!(days.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", days);
            prop_assert_eq!(days.is_empty(), t.is_empty());
            for row in 0..t.len() {
                let latest = (0..=row).filter_map(|at| t.row(at)).filter_map(|row| match row.kind {
                    RowKind::Message { message, .. } => Some(message.time),
                    _ => None,
                });
                prop_assert_eq!(t.day_time(row), latest.max());
            }
        }
    }
}
