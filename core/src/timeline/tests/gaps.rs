//! Gaps: messages that are not loaded, or were evicted.

use super::*;

#[test]
fn a_gap_shrinks_in_place_as_it_is_loaded() {
    let mut timeline = Timeline::new(100, |_| 0);
    for ord in [1, 2, 8, 9] {
        timeline.insert(at_ord(ord));
    }
    timeline.set_gaps(&[state(2, 7, false)]);
    assert_eq!(short(&timeline), "1 2 g2-7 8 9");
    let key = timeline.key(2);
    timeline.set_gaps(&[state(2, 7, true)]);
    assert_eq!((timeline.key(2), timeline.gap_at(2)), (key, Some(state(2, 7, true))));
    timeline.insert_page(vec![at_ord(5), at_ord(6), at_ord(7)]);
    timeline.set_gaps(&[state(2, 4, false)]);
    assert_eq!(short(&timeline), "1 2 g2-4 5 6 7 8 9");
    assert_eq!(timeline.key(2), key, "the row may have the focus");
    timeline.insert_page(vec![at_ord(3), at_ord(4)]);
    timeline.set_gaps(&[]);
    assert_eq!(short(&timeline), "1 2 3 4 5 6 7 8 9");
    let mut first = Timeline::new(100, |_| 0);
    first.set_gaps(&[state(0, 3, false)]);
    first.insert(at_ord(4));
    first.set_gaps(&[state(0, 3, true)]);
    assert_eq!(short(&first), "g0-3 4");
}

#[test]
fn a_gap_that_is_alone_in_the_last_block_is_replaced_by_its_message() {
    let newest = 2 * BLOCK_ROWS as u64 + 1;
    let mut timeline = Timeline::new(1000, |_| 0);
    fill(&mut timeline, 1..newest);
    timeline.set_gaps(&[state(newest - 1, newest, false)]);
    timeline.insert(at_ord(newest));
    let expected: Vec<_> = (1..=newest).map(|ord| ord.to_string()).collect();
    assert_eq!(short(&timeline), expected.join(" "));
}

#[test]
fn a_page_in_the_middle_of_a_gap_splits_it() {
    let mut timeline = Timeline::new(100, |_| 0);
    fill(&mut timeline, 1001..1003);
    timeline.set_gaps(&[state(0, 1000, true)]);
    let (key, height) = (timeline.key(0), timeline.height());
    timeline.insert_page(vec![at_ord(401), at_ord(402)]);
    assert_eq!(short(&timeline), "g0-400 401 402 g402-1000 1001 1002");
    assert_eq!(timeline.key(0), key);
    timeline.set_gaps(&[state(0, 400, false), state(402, 1000, false)]);
    assert_eq!(short(&timeline), "g0-400 401 402 g402-1000 1001 1002");
    let grown = timeline.height() - height;
    assert!(grown.abs() < 2.0 * timeline.height_of(1), "the total height stays about the same: {grown}");
    assert!((timeline.top(1) / timeline.top(4) - 0.4).abs() < 0.01);
    // Load more in both directions.
    timeline.insert_page(vec![at_ord(403), at_ord(404)]);
    timeline.insert_page(vec![at_ord(399), at_ord(400)]);
    timeline.set_gaps(&[state(0, 398, false), state(404, 1000, false)]);
    assert_eq!(short(&timeline), "g0-398 399 400 401 402 403 404 g404-1000 1001 1002");
    assert_eq!(
        (timeline.index_of_ord(401), timeline.index_of_ord(77), timeline.index_of_ord(500)),
        (Some(3), Some(0), Some(7))
    );
    assert_eq!((timeline.index_of_ord(1002), timeline.index_of_ord(2000)), (Some(9), Some(9)));
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
    let anchor = timeline.index_of_ord(150).unwrap();
    timeline.set_anchor(timeline.key(anchor));
    let (top, height) = (timeline.top(anchor), timeline.height());
    fill(&mut timeline, 1101..5001);
    let anchor = timeline.index_of_ord(150).unwrap();
    assert_eq!(timeline.ord(anchor), Some(150), "the row at the anchor stays");
    assert_eq!(timeline.top(anchor), top);
    let single = timeline.height_of(anchor);
    assert_eq!(timeline.height(), height + 3900.0 * single, "the gap is as tall as the evicted rows");
    assert_eq!((timeline.newest(), timeline.dropped_rows()), (Some(5000), 0));
    let mut known = Ranges::default();
    known.insert(100, 5000);
    while let Some(range) = timeline.poll_evicted() {
        for ord in range.from + 1..=range.to {
            assert!(
                timeline.index_of_ord(ord).is_some_and(|at| timeline.ord(at) != Some(ord)),
                "{ord} is still shown"
            );
        }
        known.remove(range.from, range.to);
    }
    let gaps = gaps_of(&known, 5000);
    assert_eq!(gaps.len(), 2, "one gap in the middle: {gaps:?}");
    let before: Vec<_> = timeline.rows().collect();
    timeline.set_gaps(&gaps);
    assert!(timeline.rows().eq(before), "the gaps were shown already");
    // With the anchor back at the end, the other rows are evicted.
    timeline.set_anchor(None);
    fill(&mut timeline, 5001..9001);
    assert_ne!(timeline.index_of_ord(150).and_then(|at| timeline.ord(at)), Some(150));
    assert_eq!(timeline.rows().filter(|row| matches!(row.kind, RowKind::Gap { .. })).count(), 1);
}
