//! How the renderer reads the scroll position and chooses the scroll anchor.

use gloo_timers::callback::Timeout;
use parlour_core::{client::room::ScrollPosition, timeline::Timeline};

use super::{END_TOLERANCE_PX, MAX_ROWS_BACK, Renderer, SCROLL_END_MS};
use crate::view::timeline::scroll_anchor::ScrollAnchor;

/// A position before the first message of a room, also if it is in a gap.
const BEFORE_FIRST: f64 = 0.01;

impl Renderer {
    /// Sets the anchor for the next render, wherever the rows are now.
    pub(super) fn hold(&mut self, anchor: ScrollAnchor) {
        self.anchor = anchor;
        self.is_displaced = false;
    }

    /// Reads the scroll position, and updates the anchor from it; `false` when it has not changed. Only scrolling up
    /// leaves the end. Rows that are added between two events also increase the distance to the end, but do not leave
    /// it.
    pub(super) fn read_scroll_position(&mut self) -> bool {
        let (top, before) = (self.viewport.scroll_top(), self.scroll_top);
        let below = f64::from(self.viewport.scroll_height()) - self.viewport.height() - top;
        // The browser scrolls by itself when the viewport grows at the end, even if it shrinks again before the next frame, and
        // when there is less to scroll. The next render corrects it.
        let has_shrunk = self.viewport.scroll_height() < self.scroll_height;
        let by_browser = self.is_resized() && (self.anchor == ScrollAnchor::End || below < 1.0)
            || has_shrunk && below < 1.0;
        if by_browser || (top - before).abs() < 0.01 {
            return false;
        }
        self.scroll_top = top;
        let near_end = below <= END_TOLERANCE_PX;
        if below < 1.0 || top >= before && (near_end || self.scroller.is_at_end()) {
            self.enter_end();
        } else {
            // Near the end, a row is the anchor although the viewport still counts as at the end until scrolling stops.
            // Otherwise each new row would undo a slow scroll up.
            if !near_end {
                self.scroller.leave_end();
            }
            self.move_anchor(top - before);
        }
        self.gaps.reset();
        let scroller = self.scroller;
        let timer = Timeout::new(SCROLL_END_MS, move || scroller.with_renderer(Self::handle_scroll_end));
        // Above the first row the viewport is empty, so the correction is not delayed.
        self.scroll_end_timer = (self.top() >= -END_TOLERANCE_PX).then_some(timer);
        true
    }

    /// Returns `true` if sizes that may make the browser scroll have changed since the last render.
    fn is_resized(&self) -> bool {
        self.size != self.viewport.size()
            || self.anchor == ScrollAnchor::End && self.scroll_height != self.viewport.scroll_height()
    }

    /// Updates the anchor after the reader has scrolled down by this many pixels; negative when up.
    ///
    /// Rows, and whatever is above them, may have been resized since the last render: the browser sends the scroll event first.
    /// Then the rows are not where they should be on the screen, and the anchor moves by the scrolled distance only.
    ///
    /// After a jump to the very top no text is in the viewport that was there before, and the rows at the top may not have been
    /// measured yet: the start is the anchor, so that it is still in view when they are.
    fn move_anchor(&mut self, by: f64) {
        if self.is_at_top() && -by >= self.viewport.height() {
            self.enter_start();
            return;
        }
        let expected = self.anchor_position - by;
        self.is_displaced =
            self.anchor != ScrollAnchor::End && (self.anchor_position() - expected).abs() > 1.0;
        if self.is_displaced {
            self.anchor_position = expected;
            match &mut self.anchor {
                ScrollAnchor::End => {}
                ScrollAnchor::Start => {
                    self.anchor = ScrollAnchor::Ord { ord: BEFORE_FIRST, offset: expected };
                }
                // The anchor's own offset may be one that could not be scrolled to.
                ScrollAnchor::Row { offset, .. } => *offset = expected,
                ScrollAnchor::Ord { offset, .. } => *offset -= by,
            }
        } else {
            self.update_anchor();
        }
    }

    /// The distance of the anchor's text on the screen from the upper edge of the viewport; that of the timeline's top if the
    /// anchor is not a row in the DOM.
    pub(super) fn anchor_position(&self) -> f64 {
        let content = match self.anchor {
            ScrollAnchor::Row { key, .. } => self.rows.content_top(key),
            ScrollAnchor::End | ScrollAnchor::Start | ScrollAnchor::Ord { .. } => None,
        };
        content.unwrap_or_else(|| self.rows.top()) - self.viewport.top()
    }

    /// Sets the anchor to a row that is in the viewport.
    pub(super) fn update_anchor(&mut self) {
        let (top, height) = (self.top(), self.viewport.height());
        let visible_row = self.first_row().or_else(|| self.other_row());
        self.anchor = visible_row.unwrap_or_else(|| {
            self.store.with_timeline(|timeline| ScrollAnchor::in_middle(timeline, top, height))
        });
        self.anchor_position = self.anchor_position();
        self.handle_new_top();
    }

    /// Tells the timeline and the overlay which row is at the upper edge of the viewport, and keeps the anchor as the scroll
    /// position of the room.
    pub(super) fn handle_new_top(&mut self) {
        let top = self.top();
        let (time, position) = self.store.with_timeline(|timeline| {
            let first = timeline.index_at(top);
            timeline.set_anchor(timeline.key(first));
            let position = self.anchor.position(timeline).or_else(|| self.nearest_position(timeline, first));
            // At the very top the first row's own day line is in view.
            (timeline.day_time(first).filter(|_| top > 0.0), position)
        });
        self.position = position;
        self.scroller.set_top_time(time);
    }

    /// The position by the first message from a row on, or else by the last one before it; for an anchor that is not a message
    /// of the server.
    fn nearest_position(&self, timeline: &Timeline, from: usize) -> Option<ScrollPosition> {
        let from_there = (from..timeline.len()).take(MAX_ROWS_BACK);
        from_there.chain((0..from).rev().take(MAX_ROWS_BACK)).find_map(|at| {
            let ord = timeline.ord(at)?;
            let offset = self.rows.content_top(timeline.key(at)?)? - self.viewport.top();
            // No viewport is so high that this is not exact to a hundredth of a pixel.
            #[allow(clippy::cast_possible_truncation)]
            let offset_px = offset as f32;
            Some(ScrollPosition { ord, offset_px })
        })
    }

    /// Moves the anchor to the first row in the viewport, which may be another one after rows above were resized, or after
    /// messages were loaded. As long as it is the same row its offset is not updated, which would add a rounding error each
    /// time.
    pub(super) fn follow_anchor(&mut self) {
        let anchor = self.anchor;
        if anchor == ScrollAnchor::Start {
            self.handle_new_top();
            return;
        }
        if anchor == ScrollAnchor::End || !self.store.with_timeline(|timeline| anchor.is_loaded(timeline)) {
            return;
        }
        if let Some(ScrollAnchor::Row { key, index, offset: at }) = self.first_row() {
            let offset_of_same = |(anchored, offset)| (anchored == key).then_some(offset);
            let kept = self.store.with_timeline(|timeline| anchor.offset_of_content(timeline));
            let kept = kept.and_then(offset_of_same);
            // The message of a seek, or that of a stored position, may be where it could not be scrolled to.
            let is_reached =
                |offset: &f64| matches!(anchor, ScrollAnchor::Row { .. }) || (at - offset).abs() <= 1.0;
            self.anchor = ScrollAnchor::Row { key, index, offset: kept.filter(is_reached).unwrap_or(at) };
        }
    }

    /// An anchor at the first row that begins in the upper three quarters of the viewport.
    fn first_row(&self) -> Option<ScrollAnchor> {
        let top = self.viewport.top();
        self.rows.first_row_between(top, top + self.viewport.height() * 0.75)
    }

    /// An anchor at a row in the viewport when none begins in its upper three quarters: the row in its middle, or else one
    /// next to the gap there. In a gap at the very top the room's first message is to be shown, whatever is below it.
    fn other_row(&self) -> Option<ScrollAnchor> {
        let (top, height) = (self.viewport.top(), self.viewport.height());
        let middle = self.rows.row_at(top + height / 2.0, top);
        let start = || (self.is_at_top() || self.top() <= 0.0).then_some(ScrollAnchor::Start);
        let beside = || self.rows.first_row_between(top, top + height).or_else(|| self.rows.row_at(top, top));
        middle.or_else(start).or_else(beside)
    }

    /// Returns `true` if the reader can't scroll further up.
    fn is_at_top(&self) -> bool {
        self.scroll_top < 1.0
    }

    /// Makes the start of the timeline the anchor.
    pub(super) fn enter_start(&mut self) {
        self.hold(ScrollAnchor::Start);
        self.anchor_position = self.anchor_position();
        self.handle_new_top();
    }

    /// Makes the end of the timeline the anchor.
    pub(super) fn enter_end(&mut self) {
        self.hold(ScrollAnchor::End);
        self.position = None;
        self.store.with_timeline(|timeline| timeline.set_anchor(None));
        self.scroller.enter_end();
    }
}
