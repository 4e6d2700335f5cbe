//! Renders the timeline: puts the rows around the viewport into the DOM and keeps the scroll anchor in place.
//!
//! A viewport at the end of the timeline stays at the end when rows are added or resized. Anywhere else the anchor is a
//! message, not a pixel offset. Each render lays out the rows around the anchor, measures them, and resizes the space
//! above them so that the anchor keeps its position on the screen. While the reader scrolls, that space may be larger
//! or smaller than the rows that it replaces, because setting `scrollTop` would end a fling. The difference is called
//! *slack*; it is corrected by setting `scrollTop` once scrolling has stopped.

mod anchoring;
mod layout;

use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use parlour_core::{client::room::ScrollPosition, model::RoomId, timeline::Timeline};
use web_sys::{Element, HtmlElement};

use self::layout::row_heights;
use super::{
    gap_loader::GapLoader,
    render_scheduler::{FrameAction, RenderScheduler},
    row_window::RowWindow,
    scroll_anchor::ScrollAnchor,
    scroller::Scroller,
    viewport::Viewport,
};
use crate::ctrl::Store;

/// A viewport this close to the end, in CSS pixels, is at the end.
const END_TOLERANCE_PX: f64 = 40.0;
/// Scrolling has stopped when there was no scroll event for this long.
const SCROLL_END_MS: u32 = 300;
/// A message of which this much is on the screen is visible, in CSS pixels.
const MIN_VISIBLE_PX: f64 = 24.0;
/// A message next to the edge of the viewport is looked for in this many rows.
const MAX_ROWS_BACK: usize = 50;

/// The imperative part of the timeline: the DOM elements, the rows in them, and their measured sizes.
pub struct Renderer {
    scroller: Scroller,
    store: Store,
    viewport: Viewport,
    rows: RowWindow,
    gaps: GapLoader,
    scheduler: RenderScheduler,
    anchor: ScrollAnchor,
    /// See [`Self::anchor_position`]: its value when the anchor was set, or after the last render.
    anchor_position: f64,
    /// The rows are not where the anchor has them, because something else was resized in the same frame in which the reader
    /// scrolled. The next render moves them.
    is_displaced: bool,
    /// The viewport's `scrollTop` when it was last read or set.
    scroll_top: f64,
    /// The viewport's size at the last render.
    size: (i32, i32),
    /// The viewport's `scrollHeight` after the last render.
    scroll_height: i32,
    /// The range of timeline positions that the rows in the DOM cover.
    rendered: (f64, f64),
    /// Runs while the reader scrolls.
    scroll_end_timer: Option<Timeout>,
    /// The number of pixels by which the space above the rows in the DOM is too high; negative when it is too low.
    slack: f64,
    /// The ord of the message to highlight once it is in the DOM.
    highlight: Option<u64>,
    /// The room whose timeline this is.
    room: Option<RoomId>,
    /// Where the timeline is, to be stored; `None` at its end.
    position: Option<ScrollPosition>,
    /// The message up to which the room is on the screen, and whether that is its end, as reported last.
    visible: Option<(u64, bool)>,
}

impl Renderer {
    /// A renderer at the end of the timeline. It renders when the viewport's size is first observed.
    pub fn new(
        scroller: Scroller,
        store: Store,
        viewport: Viewport,
        rows: RowWindow,
        gaps: GapLoader,
    ) -> Self {
        Self {
            scroller,
            store,
            viewport,
            rows,
            gaps,
            scheduler: RenderScheduler::default(),
            anchor: ScrollAnchor::End,
            anchor_position: 0.0,
            is_displaced: false,
            scroll_top: 0.0,
            size: (0, 0),
            scroll_height: 0,
            rendered: (0.0, 0.0),
            scroll_end_timer: None,
            slack: 0.0,
            highlight: None,
            room: store.open_room.get_untracked(),
            position: None,
            visible: None,
        }
    }

    /// Begins where the timeline of the room was, unless the reader has scrolled meanwhile.
    pub fn restore_position(&mut self) {
        if self.anchor != ScrollAnchor::End || self.scroll_end_timer.is_some() {
            return;
        }
        self.position = self.room.and_then(|room| self.store.scroll(room));
        if let Some(position) = self.position {
            self.scroller.leave_end();
            self.hold(ScrollAnchor::at(position));
            self.render();
        }
    }

    /// Removes the rows, because another room is opened.
    pub fn close(mut self) {
        self.save_position();
        self.rows.clear();
    }

    fn save_position(&self) {
        if let Some(room) = self.room {
            self.store.save_scroll(room, self.position);
        }
    }

    /// Reports which messages are on the screen, if that has changed since the last report. `anew` also if it has not.
    pub fn report_visible(&mut self, anew: bool) {
        let (bottom, at_end) = (self.top() + self.viewport.height(), self.scroller.is_at_end());
        let ord = self.store.with_timeline(|timeline| {
            if at_end {
                return timeline.newest();
            }
            let last = timeline.index_at(bottom);
            let is_visible =
                |at: &usize| timeline.top(*at) + timeline.height_of(*at).min(MIN_VISIBLE_PX) <= bottom;
            let at = (0..=last).rev().find(is_visible)?;
            (0..=at).rev().take(MAX_ROWS_BACK).find_map(|at| timeline.ord(at))
        });
        let visible = ord.map(|ord| (ord, at_end));
        if visible.is_some() && (anew || self.visible != visible) && !self.scroller.is_covered() {
            self.visible = visible;
            if let Some((ord, at_end)) = visible {
                self.store.set_visible(ord, at_end);
            }
        }
        let top = self.top();
        let first = self.store.with_timeline(|timeline| {
            let first = timeline.index_at(top);
            (first..timeline.len()).take(MAX_ROWS_BACK).find_map(|at| timeline.ord(at))
        });
        self.scroller.set_top_ord(first);
    }

    /// Scrolls to the end. As other methods that scroll, it first reads a position that the browser has sent no event of yet.
    pub fn scroll_to_end(&mut self) {
        self.read_scroll_position();
        self.enter_end();
        self.render();
        // No scroll event may follow that would save it.
        self.save_position();
    }

    /// Scrolls to the first message of the timeline.
    pub fn scroll_to_start(&mut self) {
        self.read_scroll_position();
        self.scroller.leave_end();
        self.enter_start();
        self.render();
        self.save_position();
    }

    /// Scrolls to a message, or to the gap that it is in, and highlights it.
    pub fn scroll_to_message(&mut self, ord: u64) {
        self.read_scroll_position();
        self.scroller.leave_end();
        // Exact up to 2^53, which no room reaches.
        #[allow(clippy::cast_precision_loss)]
        let position = ord as f64;
        self.hold(ScrollAnchor::Ord { ord: position, offset: (self.viewport.height() / 3.0).round() });
        self.highlight = Some(ord);
        self.render();
        if self.store.with_timeline(|timeline| self.anchor.is_loaded(timeline)) {
            self.update_anchor();
        } else {
            self.handle_new_top();
        }
    }

    /// Expands or collapses a long message. Its beginning stays in view: where it is, or at the upper edge of the viewport.
    pub fn set_expanded(&mut self, key: u32, expanded: bool) {
        self.read_scroll_position();
        let Some(anchor) = self.rows.anchor_at(key, self.viewport.top()) else { return };
        self.store.with_timeline(|timeline| timeline.set_expanded(key, expanded));
        self.scroller.leave_end();
        self.hold(anchor);
        self.render();
        if self.scroll_top + self.viewport.height() >= f64::from(self.scroll_height) - 1.0 {
            self.enter_end();
        } else {
            self.update_anchor();
        }
    }

    /// The ord of the message of a row, if the server has stored it.
    pub fn stored_message(&self, item: &Element) -> Option<u64> {
        self.rows.find(item)?.stored_message()
    }

    /// The element of the row of a message that the server has stored, if it is in the document.
    pub fn element_of(&self, ord: u64) -> Option<HtmlElement> {
        self.rows.element_of(ord)
    }

    /// Handles a scroll event.
    pub fn handle_scroll(&mut self) {
        if !self.read_scroll_position() {
            return;
        }
        let (from, to) = self.rendered;
        let (top, height) = (self.top(), self.viewport.height());
        if self.is_displaced || top - height / 2.0 < from || top + height * 1.5 > to {
            self.render();
        } else {
            self.load_gaps();
            self.report_visible(false);
        }
    }

    /// Handles rows that were added, removed or changed.
    pub fn handle_change(&mut self) {
        if self.scheduler.handle_change() {
            self.render();
            self.scroller.request_frame();
        }
    }

    /// Handles the start of an animation frame that was requested.
    pub fn handle_frame(&mut self) {
        let action = self.scheduler.handle_frame();
        if action == FrameAction::Render {
            self.render();
        }
        if action != FrameAction::Stop {
            self.scroller.request_frame();
        }
    }

    /// Handles a change of any observed size. Rows that were just inserted are reported too; those were measured already.
    pub fn handle_resize(&mut self) {
        let is_rendered =
            (self.viewport.size(), self.viewport.scroll_height()) == (self.size, self.scroll_height);
        if !is_rendered || self.rows.is_resized() {
            self.render();
        }
    }

    /// Handles the end of scrolling: corrects the space above the rows, and the height of gaps. A viewport that is
    /// still near the end returns to the end.
    pub fn handle_scroll_end(&mut self) {
        self.scroll_end_timer = None;
        self.save_position();
        let back_at_end = self.scroller.is_at_end() && self.anchor != ScrollAnchor::End;
        if back_at_end {
            self.enter_end();
        }
        if self.store.with_timeline(Timeline::rebalance_gaps) || self.slack != 0.0 || back_at_end {
            self.render();
        }
    }

    /// Loads the gaps near the viewport.
    pub fn load_gaps(&self) {
        self.gaps.load_near(self.top(), self.viewport.height());
    }

    /// The timeline position of the viewport's upper edge.
    fn top(&self) -> f64 {
        self.viewport.top() - self.rows.top() - self.slack
    }

    /// Puts the rows around the viewport into the DOM.
    fn render(&mut self) {
        // The browser sends the scroll event only before it paints, so the last known position may be out of date.
        self.read_scroll_position();
        let size = self.viewport.size();
        if size.1 == 0 {
            // Not in the document yet, or not laid out.
            return;
        }
        if self.size != size && self.scroller.is_at_end() {
            self.enter_end();
        }
        if self.size.0 != size.0 {
            self.store.with_timeline(|timeline| timeline.set_metrics(row_heights(size.0)));
        }
        self.size = size;
        let newest = self.rows.newest();
        self.lay_out_rows(f64::from(size.1));
        // While rows that are lower than estimated are measured, the browser scrolls by itself when there is less to scroll.
        self.scroll_top = self.viewport.scroll_top();
        self.scroll_height = self.viewport.scroll_height();
        if newest.is_some_and(|newest| !self.rows.contains(newest)) {
            self.scheduler.mark_replaced_all();
        }
        if self.rows.take_stale() {
            // Their effects run in an earlier microtask and may change their heights. Until then the anchor stays: rows above
            // it that are lower afterwards must not move it.
            let scroller = self.scroller;
            queue_microtask(move || scroller.with_renderer(Self::render));
        } else if std::mem::take(&mut self.is_displaced) {
            self.update_anchor();
        } else {
            self.follow_anchor();
        }
        self.anchor_position = self.anchor_position();
        if matches!(self.anchor, ScrollAnchor::Row { .. }) {
            // Rows were measured or loaded, so another one may be at the upper edge than when the reader scrolled.
            self.handle_new_top();
        }
        self.highlight_target();
        self.load_gaps();
        self.report_visible(false);
    }

    /// Highlights the target of the last seek once it is in the timeline.
    fn highlight_target(&mut self) {
        let Some(ord) = self.highlight else { return };
        let key = self.store.with_timeline(|timeline| {
            let index = timeline.index_of_ord(ord)?;
            timeline.ord(index)?;
            timeline.key(index)
        });
        if let Some(key) = key {
            self.highlight = None;
            self.rows.highlight(key);
            // No scroll event follows that would keep the position over a reload.
            self.handle_new_top();
            self.save_position();
        }
    }
}
