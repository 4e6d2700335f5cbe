//! The window of rows that are in the DOM: those in the viewport, some above and below it, and those that contain the
//! focus or an end of the selection.
//!
//! The rows are in normal flow, so the browser lays them out. A margin above a row, and a padding below the last one,
//! replace the rows that are not in the DOM; they are as high as those rows are, or are estimated to be.
//!
//! This is imperative rather than a `<For>` because each render measures the rows it has just inserted, moves as few as
//! possible, and has to stay within a frame's budget under a flood of messages (see
//! docs/adr/0044-imperative-timeline-window.md).

use std::collections::VecDeque;

use leptos::prelude::*;
use parlour_core::timeline::Row;
use web_sys::{Element, HtmlElement, Node, ResizeObserver};

use super::{
    mounted_row::{MountedRow, differs, set_style},
    render_plan::RenderPlan,
    scroll_anchor::ScrollAnchor,
    viewport::top_of,
};

/// A row whose measured height differs from the height that the timeline has recorded.
pub struct Measured {
    /// Index in the timeline.
    pub index: usize,
    /// The measured height in CSS pixels.
    pub height: f64,
}

/// The rows in the DOM.
pub struct RowWindow {
    list: HtmlElement,
    /// The reactive owner of the rows' components.
    owner: Owner,
    /// Observes every row; `None` in a browser without `ResizeObserver`.
    observer: Option<ResizeObserver>,
    /// The rows in the order of the DOM.
    rows: Vec<MountedRow>,
    /// Height of the rows below the last one in the DOM, in CSS pixels.
    padding_bottom: f64,
    /// A row's signal was set, and the DOM has not been updated yet.
    is_stale: bool,
}

impl RowWindow {
    /// An empty window in `list`. The rows' components find the contexts of `owner`.
    pub fn new(list: HtmlElement, owner: Owner, observer: Option<ResizeObserver>) -> Self {
        Self { list, owner, observer, rows: Vec::new(), padding_bottom: 0.0, is_stale: false }
    }

    /// Removes all rows.
    pub fn clear(&mut self) {
        for row in std::mem::take(&mut self.rows) {
            self.unmount(row);
        }
        self.padding_bottom = 0.0;
        set_style(&self.list, "padding-bottom", 0.0);
    }

    /// Returns `true` if a row's signal was set since the last call, so that the DOM is not up to date yet.
    pub fn take_stale(&mut self) -> bool {
        std::mem::take(&mut self.is_stale)
    }

    /// The row with this element.
    pub fn find(&self, item: &Element) -> Option<&MountedRow> {
        self.rows.iter().find(|row| row.element() == item)
    }

    /// The element of the row of a message that the server has stored.
    pub fn element_of(&self, ord: u64) -> Option<HtmlElement> {
        let row = self.rows.iter().find(|row| row.stored_message() == Some(ord))?;
        Some(row.html_element().clone())
    }

    /// The keys of the rows that have to stay in the DOM wherever the viewport is: those with the focus or with an end of
    /// the selection.
    pub fn pinned(&self) -> Vec<u32> {
        let document = document();
        let mut nodes: Vec<Node> = document.active_element().map(Node::from).into_iter().collect();
        if let Ok(Some(selection)) = document.get_selection()
            && !selection.is_collapsed()
        {
            nodes.extend(selection.anchor_node().into_iter().chain(selection.focus_node()));
        }
        nodes.retain(|node| self.list.contains(Some(node)));
        if nodes.is_empty() {
            return Vec::new();
        }
        let is_pinned = |row: &&MountedRow| nodes.iter().any(|node| row.element().contains(Some(node)));
        self.rows.iter().filter(is_pinned).map(|row| row.key).collect()
    }

    /// Updates the DOM to the rows of the plan, all of them `slack` pixels lower than planned. Returns the rows whose
    /// height differs from the plan.
    pub fn show(&mut self, plan: RenderPlan, slack: f64) -> Vec<Measured> {
        let RenderPlan { rows: planned, total_height, set_size, .. } = plan;
        let is_planned = |row: &MountedRow| planned.iter().any(|planned| planned.row.key == row.key);
        let (stay, go): (Vec<_>, Vec<_>) = self.rows.drain(..).partition(is_planned);
        go.into_iter().for_each(|row| self.unmount(row));

        let mut old = VecDeque::from(stay);
        let mut planned_heights = Vec::with_capacity(planned.len());
        let (mut end, mut moved) = (-slack, false);
        for planned in planned {
            let known = old.iter().position(|row| row.key == planned.row.key);
            let mut row = if let Some(row) = known.and_then(|at| old.remove(at)) {
                if known != Some(0) || moved {
                    // The row has moved, for example an own message that was acknowledged after another user's message.
                    self.insert(&row, old.front());
                    moved = true;
                }
                self.is_stale |= row.update(planned.row);
                row
            } else {
                self.mount(planned.row, old.front())
            };
            row.set_margin_top(planned.top - end);
            row.index = planned.index;
            row.set_aria_position(planned.position_in_set, set_size);
            end = planned.top + planned.height;
            planned_heights.push(planned.height);
            self.rows.push(row);
        }
        let padding = if self.rows.is_empty() { total_height } else { total_height - end };
        if differs(self.padding_bottom, padding) {
            self.padding_bottom = padding;
            set_style(&self.list, "padding-bottom", padding);
        }
        self.measure(&planned_heights)
    }

    /// Measures all rows. Called after all changes, because a measurement between two changes would cause an additional
    /// layout.
    fn measure(&mut self, planned_heights: &[f64]) -> Vec<Measured> {
        let mut measured = Vec::new();
        self.rows.iter_mut().for_each(MountedRow::fold);
        for (row, planned) in self.rows.iter_mut().zip(planned_heights) {
            row.height = row.measure();
            if !row.is_gap && differs(row.height, *planned) {
                measured.push(Measured { index: row.index, height: row.height });
            }
        }
        measured
    }

    /// The key of the newest row in the DOM.
    pub fn newest(&self) -> Option<u32> {
        self.rows.last().map(|row| row.key)
    }

    /// Returns `true` if a row is in the DOM.
    pub fn contains(&self, key: u32) -> bool {
        self.rows.iter().any(|row| row.key == key)
    }

    /// Returns `true` if any row's height has changed since it was measured.
    pub fn is_resized(&self) -> bool {
        self.rows.iter().any(|row| differs(row.measure(), row.height))
    }

    /// An anchor at the first row that begins between two positions on the screen, with an offset from the upper one. The
    /// positions are those in the DOM; the timeline may have changed since it was rendered.
    pub fn first_row_between(&self, from: f64, to: f64) -> Option<ScrollAnchor> {
        let tops = self.rows.iter().filter(|row| !row.is_gap).map(|row| (row, top_of(row.element())));
        let (row, top) = tops.into_iter().find(|(_, top)| *top >= from)?;
        (top < to).then(|| row_anchor(row, from))
    }

    /// An anchor at the row that is at a position on the screen, with an offset from `from`; `None` if that is a gap.
    pub fn row_at(&self, at: f64, from: f64) -> Option<ScrollAnchor> {
        let is_there = |row: &&MountedRow| {
            let top = top_of(row.element());
            !row.is_gap && top <= at && at < top + row.measure()
        };
        self.rows.iter().find(is_there).map(|row| row_anchor(row, from))
    }

    /// An anchor that keeps a message where it is on the screen, or brings it to `top`, the upper edge of the viewport, if it
    /// begins above. `None` when the row is not in the DOM.
    pub fn anchor_at(&self, key: u32, top: f64) -> Option<ScrollAnchor> {
        let row = self.rows.iter().find(|row| row.key == key)?;
        let day_line = row.day_line_height();
        let begin = (top_of(row.element()) + day_line - top).max(0.0);
        Some(ScrollAnchor::Row { key, index: row.index, offset: begin + row.content_offset() - day_line })
    }

    /// Distance in CSS pixels from the top of a row to the top of its content; 0 when the row is not in the DOM. The
    /// day line and the sender's name between the two may disappear, and then the position of the content must not change.
    pub fn content_offset(&self, key: u32) -> f64 {
        self.rows.iter().find(|row| row.key == key).map_or(0.0, MountedRow::content_offset)
    }

    /// The upper edge of the content of a row on the screen; `None` when the row is not in the DOM.
    pub fn content_top(&self, key: u32) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.key == key)?;
        Some(top_of(row.element()) + row.content_offset())
    }

    /// Highlights a row for a moment, as the target of a seek, and ends any other highlight.
    pub fn highlight(&self, key: u32) {
        for row in &self.rows {
            row.set_highlighted(row.key == key);
        }
    }

    /// The position of the top of the timeline on the screen, in CSS pixels.
    pub fn top(&self) -> f64 {
        top_of(&self.list)
    }

    fn mount(&self, row: Row, before: Option<&MountedRow>) -> MountedRow {
        let row = MountedRow::new(&self.owner, row);
        self.insert(&row, before);
        if let Some(observer) = &self.observer {
            observer.observe(row.element());
        }
        row
    }

    fn unmount(&self, row: MountedRow) {
        if let Some(observer) = &self.observer {
            observer.unobserve(row.element());
        }
        row.unmount();
    }

    /// Inserts a row's element before another row, or at the end.
    fn insert(&self, row: &MountedRow, before: Option<&MountedRow>) {
        let before: Option<&Element> = before.map(MountedRow::element);
        // Cannot fail: `before` is a child of the list.
        let _ = self.list.insert_before(row.element(), before.map(AsRef::as_ref));
    }
}

/// An anchor at a row that stays where it is, with an offset from a position on the screen.
fn row_anchor(row: &MountedRow, from: f64) -> ScrollAnchor {
    let offset = top_of(row.element()) + row.content_offset() - from;
    ScrollAnchor::Row { key: row.key, index: row.index, offset }
}
