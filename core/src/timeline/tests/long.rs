//! Messages that are taller than a screenful.

use super::*;

fn lines(n: u8, count: usize) -> Message {
    Message { content: vec!["x"; count].join("\n").into(), ..message(n, "tom", n.into(), n.into()) }
}

#[test]
fn line_breaks_count_in_the_estimated_height() {
    let mut timeline = timeline();
    timeline.insert(lines(1, 1));
    timeline.insert(lines(2, 11));
    let RowMetrics { message_px, line_px, .. } = RowMetrics::default();
    assert_eq!(timeline.height_of(0), f64::from(message_px));
    assert_eq!(timeline.height_of(1), f64::from(message_px + 10.0 * line_px));
}

#[test]
fn a_message_taller_than_a_screenful_is_collapsed_until_it_is_expanded() {
    let mut timeline = timeline();
    timeline.insert(lines(1, 1));
    timeline.insert(lines(2, 16_000));
    let RowMetrics { message_px, line_px, .. } = RowMetrics::default();
    let (collapsed, expanded) =
        (f64::from(message_px + COLLAPSED_PX), f64::from(message_px + 15_999.0 * line_px));
    assert_eq!(timeline.height_of(1), collapsed);
    let key = timeline.key(1).unwrap();
    assert!(!timeline.row(1).unwrap().expanded);
    timeline.set_expanded(key, true);
    assert!(timeline.row(1).unwrap().expanded && !timeline.row(0).unwrap().expanded);
    timeline.set_measured(1, 400_000.0);
    // It says nothing about others, and is not lost when the width changes.
    timeline.insert(lines(3, 16_000));
    assert_eq!(timeline.height_of(2), collapsed);
    timeline.set_metrics(RowMetrics::default());
    assert_eq!(timeline.height_of(1), expanded);
    timeline.set_expanded(key, false);
    timeline.set_metrics(RowMetrics::default());
    assert_eq!(timeline.height_of(1), collapsed);
}

#[test]
fn a_message_stays_expanded_when_its_row_moves_and_not_when_it_is_evicted() {
    let mut timeline = Timeline::new(300, |_| 0);
    timeline.insert(Message { content: lines(1, 100).content, ..message(7, "me", 0, 1) });
    let key = timeline.key(0).unwrap();
    timeline.set_expanded(key, true);
    timeline.insert(message(1, "tom", 5, 1));
    timeline.insert(Message { content: lines(1, 100).content, ..message(7, "me", 4, 2) });
    assert_eq!((timeline.key(0), timeline.row(0).unwrap().expanded), (Some(key), true));
    fill(&mut timeline, 6..2000);
    assert!(timeline.expanded.is_empty(), "nothing of evicted rows is left");
}
