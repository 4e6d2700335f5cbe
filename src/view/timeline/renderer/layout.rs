//! Layout: puts the rows around the anchor into the DOM and measures them.

use parlour_core::timeline::RowMetrics;

use super::Renderer;
use crate::view::timeline::{render_plan::RenderPlan, scroll_anchor::ScrollAnchor};

/// Limit of passes in one render that measure rows. Where they are lower than estimated, the next pass adds more.
const MAX_PASSES: usize = 8;

impl Renderer {
    /// Shows and measures rows until their heights are as recorded, then scrolls to the anchor.
    pub(super) fn lay_out_rows(&mut self, height: f64) {
        let pinned = self.rows.pinned();
        // In a flood every render replaces all rows, and nobody scrolls up to those above the viewport.
        let floods = self.scroller.is_at_end() && self.scheduler.in_burst();
        let above = if floods { height / 4.0 } else { height };
        let mut may_scroll = self.scroll_end_timer.is_none();
        if may_scroll || self.scroller.is_at_end() || self.anchor == ScrollAnchor::Start {
            self.slack = 0.0;
        }
        // One more, in which rows that were measured in the last pass are moved.
        for pass in 1..=MAX_PASSES + 1 {
            let key = self.store.with_timeline(|timeline| self.anchor.key(timeline));
            let content_offset = key.map_or(0.0, |key| self.rows.content_offset(key));
            let (mut anchor, top) = (self.anchor, self.top());
            let plan = self.store.with_timeline(|timeline| {
                let top = anchor.resolve(timeline, height).map_or(top, |top| top + content_offset);
                RenderPlan::new(timeline, top, height, above, &pinned)
            });
            self.anchor = anchor;
            let top = plan.top;
            self.rendered = (top - above, top + 2.0 * height);
            let space_above = plan.rows.first().map_or(0.0, |first| first.top);
            if space_above + self.slack < 0.0 {
                // The space above is smaller than the slack to take from it.
                self.slack = 0.0;
                may_scroll = true;
            }
            let measured = self.rows.show(plan, self.slack);
            if !measured.is_empty() {
                self.store.with_timeline(|timeline| {
                    for row in &measured {
                        // As f32, half a million pixels are exact to a hundredth.
                        #[allow(clippy::cast_possible_truncation)]
                        timeline.set_measured(row.index, row.height as f32);
                    }
                });
                if pass < MAX_PASSES {
                    continue;
                }
            }
            if self.anchor == ScrollAnchor::End {
                // The scroll height includes the padding below the rows.
                self.scroll_to(f64::from(self.viewport.scroll_height()));
                break;
            }
            if self.anchor == ScrollAnchor::Start {
                self.scroll_to(0.0);
                break;
            }
            // From the rows where they are: the heights in the timeline are rounded, and the differences add up.
            let displaced = self.store.with_timeline(|timeline| self.anchor.offset_of_content(timeline));
            let displaced = displaced
                .and_then(|(key, offset)| Some(offset + self.viewport.top() - self.rows.content_top(key)?));
            let error = displaced.unwrap_or_else(|| self.top() - top);
            if error.abs() <= 0.5 {
                break;
            }
            if !may_scroll && space_above + self.slack + error >= 0.0 {
                self.slack += error;
                // If that does not suffice, scrolling has to.
                may_scroll = true;
                continue;
            }
            self.scroll_to(self.viewport.scroll_top() - error);
            break;
        }
    }

    fn scroll_to(&mut self, top: f64) {
        self.scroll_top = self.viewport.set_scroll_top(top);
    }
}

/// The metrics for estimating row heights in a viewport of this width. They match the stylesheet.
pub(super) fn row_heights(width: i32) -> RowMetrics {
    // Exact for any width that a screen has.
    #[allow(clippy::cast_precision_loss)]
    let text = (width as f32 - 200.0).clamp(160.0, 580.0);
    RowMetrics { message_px: 56.0, line_px: 22.5, bytes_per_line: text / 8.0 }
}
