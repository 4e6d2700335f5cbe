//! Positions and heights of rows.

use super::*;

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
    timeline.insert_page((1..900_000).step_by(1_000).map(at_ord).collect());
    let remaining: Vec<_> = timeline
        .rows()
        .filter_map(|row| match row.kind {
            RowKind::Gap { gap, .. } if gap.gap.to < 1_000_000 => None,
            RowKind::Gap { gap, .. } => Some(gap),
            _ => None,
        })
        .collect();
    timeline.set_gaps(&remaining);
    let (last, left) = (timeline.index_of_ord(999_999).unwrap(), (1_000_000 - remaining[0].gap.from) as f64);
    assert!((timeline.height_of(last) - left * 6.0).abs() < 1.0);
    assert!(timeline.rebalance_gaps() && !timeline.rebalance_gaps());
    assert!((timeline.height_of(last) - left * f64::from(RowMetrics::default().message_px)).abs() < 1.0);
}
