//! The rows to render and their positions.

use parlour_core::timeline::{Row, Timeline};

/// The rows to put into the DOM for one position of the viewport. Positions are in CSS pixels from the top of the first row.
pub struct RenderPlan {
    /// The position of the upper edge of the viewport.
    pub top: f64,
    /// The rows, in timeline order.
    pub rows: Vec<PlannedRow>,
    /// The height of all rows of the timeline.
    pub total_height: f64,
    /// The number of messages in the room, for `aria-setsize`.
    pub set_size: u64,
}

/// A row to put into the DOM.
pub struct PlannedRow {
    /// Index in the timeline.
    pub index: usize,
    /// The position of its upper edge.
    pub top: f64,
    /// Its height as recorded by the timeline: measured if possible, otherwise estimated.
    pub height: f64,
    /// Its number among the messages of the room, for `aria-posinset`; `None` if it is not one of them.
    pub position_in_set: Option<u64>,
    /// Its content.
    pub row: Row,
}

impl RenderPlan {
    /// Plans the rows from `above` pixels over the viewport to one viewport height below it, and in addition the rows with
    /// the keys in `pinned`, wherever they are.
    pub fn new(timeline: &Timeline, top: f64, height: f64, above: f64, pinned: &[u32]) -> Self {
        let first = timeline.index_at(top - above);
        let nearby = (first..timeline.len()).take_while(|index| timeline.top(*index) < top + 2.0 * height);
        let mut indices: Vec<usize> = nearby.collect();
        for index in pinned.iter().filter_map(|key| timeline.index_of_key(*key, first)) {
            if let Err(place) = indices.binary_search(&index) {
                indices.insert(place, index);
            }
        }
        let planned = |index| {
            let (top, height) = (timeline.top(index), timeline.height_of(index));
            let position_in_set = timeline.position_in_set(index);
            Some(PlannedRow { index, top, height, position_in_set, row: timeline.row(index)? })
        };
        Self {
            top,
            rows: indices.into_iter().filter_map(planned).collect(),
            total_height: timeline.height(),
            set_size: timeline.set_size(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_rows::timeline_with_gap;
    use super::*;

    #[test]
    fn planned_rows_are_in_order_and_unique() {
        let timeline = timeline_with_gap();
        let pinned = [timeline.key(90).unwrap(), timeline.key(31).unwrap(), timeline.key(0).unwrap()];
        let plan = RenderPlan::new(&timeline, 5300.0, 50.0, 50.0, &pinned);
        let indices: Vec<_> = plan.rows.iter().map(|row| row.index).collect();
        let expected: Vec<_> = [0].into_iter().chain(26..=40).chain([90]).collect();
        assert_eq!((indices, plan.set_size), (expected, 600));
        let positions: Vec<_> = plan.rows.iter().filter_map(|row| row.position_in_set).collect();
        let expected: Vec<_> = [1].into_iter().chain(526..=540).chain([590]).collect();
        assert_eq!(positions, expected, "a gap has that of its first message");
        assert!(plan.rows.iter().all(|row| row.top == timeline.top(row.index)));
    }
}
