//! Loads the messages of gaps near the viewport.
//!
//! A gap whose end is near continues the loaded messages below it; a gap whose beginning is near continues those above it.
//! In the middle of a large gap the page around the viewport itself is loaded.

use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use parlour_core::{limits::HISTORY_PAGE_MESSAGES, model::Connection, ranges::Gap};

use crate::ctrl::Store;

/// Approximate height of a page of messages, in CSS pixels. Loaded messages that are within this distance are continued.
const PAGE_HEIGHT_PX: f64 = 4_000.0;
/// Number of messages that a seek loads before its target, and from the target on.
const HALF_PAGE: u64 = HISTORY_PAGE_MESSAGES as u64 / 2;
/// Delay before a request is repeated that has not changed its gap, in ms: after the first failure, and the maximum.
const REPEAT_MS: std::ops::RangeInclusive<u32> = 500..=16_000;
/// The viewport has to stay in the middle of a gap for this long before anything is loaded there, so that a fling past it
/// loads nothing.
const SETTLE_MS: u32 = 80;

/// A request for messages of a gap.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Request {
    /// The page that ends with this ord, which is the last of the gap.
    Before(u64),
    /// The page around this ord.
    Around(u64),
}

/// Requests the messages of gaps near the viewport. Dropped with the owner that it was made under.
#[derive(Clone, Copy)]
pub struct GapLoader {
    store: Store,
    /// The gap that was requested last. It is requested again when the reader scrolls, or some time after the request has
    /// ended without changing it.
    requested: StoredValue<Option<Gap>>,
    /// The number of requests for this gap that ended without changing it.
    failures: StoredValue<u32>,
    settle_timer: StoredValue<Option<Timeout>, LocalStorage>,
    repeat_timer: StoredValue<Option<Timeout>, LocalStorage>,
}

impl GapLoader {
    pub fn new(store: Store) -> Self {
        Self {
            store,
            requested: StoredValue::new(None),
            failures: StoredValue::new(0),
            settle_timer: StoredValue::new_local(None),
            repeat_timer: StoredValue::new_local(None),
        }
    }

    /// Allows a gap that could not be loaded to be requested again, as after scrolling.
    pub fn reset(self) {
        self.requested.set_value(None);
        self.failures.set_value(0);
        self.settle_timer.set_value(None);
        self.repeat_timer.set_value(None);
    }

    /// Handles the end of a request: calls `load_near` to load what is near the viewport now. If the request has not
    /// changed its gap, this happens after a delay. A request of another tab may have changed the gap first.
    pub fn handle_finished(self, load_near: impl Fn() + 'static) {
        let Some(gap) = self.requested.get_value() else { return load_near() };
        let is_unchanged = self.store.with_timeline(|timeline| timeline.has_gap(gap));
        let failures = if is_unchanged { self.failures.get_value() } else { 0 };
        self.failures.set_value(failures + 1);
        let delay = REPEAT_MS.start().saturating_mul(1 << failures.min(10)).min(*REPEAT_MS.end());
        let repeat = move || {
            self.requested.set_value(None);
            load_near();
        };
        if is_unchanged {
            self.repeat_timer.set_value(Some(Timeout::new(delay, repeat)));
        } else {
            repeat();
        }
    }

    /// Loads a gap that is within one viewport height of the viewport, if there is one. `top` is the timeline position of
    /// the viewport's upper edge, `height` its height, both in CSS pixels.
    pub fn load_near(self, top: f64, height: f64) {
        if !matches!(self.store.connection.get_untracked(), Connection::Online { .. }) {
            // This is called again when there is a connection.
            self.reset();
            return;
        }
        let found = self.store.with_timeline(|timeline| {
            let (first, last) = (timeline.index_at(top - height), timeline.index_at(top + 2.0 * height));
            let is_visible =
                |index: &usize| timeline.top(*index) < top + height && timeline.top(*index + 1) > top;
            let mut gaps = (first..=last).filter(|index| timeline.gap_at(*index).is_some());
            let index = gaps.clone().find(is_visible).or_else(|| gaps.next_back())?;
            let missing = timeline.gap_at(index)?;
            let (begins, ends) = (timeline.top(index) - top, timeline.top(index + 1) - top);
            Some((missing, plan(missing.gap, begins, ends, height)))
        });
        let Some((missing, (request, at_once))) = found else { return };
        if missing.loading || self.requested.get_value() == Some(missing.gap) {
            return;
        }
        if at_once {
            self.send(missing.gap, request);
        } else if self.settle_timer.with_value(Option::is_none) {
            let timer = Timeout::new(SETTLE_MS, move || self.send(missing.gap, request));
            self.settle_timer.set_value(Some(timer));
        }
    }

    fn send(self, gap: Gap, request: Request) {
        self.settle_timer.set_value(None);
        self.requested.set_value(Some(gap));
        match request {
            Request::Before(ord) => self.store.load_gap(ord),
            Request::Around(ord) => self.store.load_around(ord),
        }
    }
}

/// The part to load of a gap that begins and ends at these offsets from the upper edge of the viewport, and whether to load it
/// at once.
fn plan(gap: Gap, begins: f64, ends: f64, height: f64) -> (Request, bool) {
    let (to_end, to_beginning) = (ends, height - begins);
    if ends <= height || to_end <= PAGE_HEIGHT_PX || gap.to - gap.from <= HALF_PAGE {
        (Request::Before(gap.to), true)
    } else if begins >= 0.0 || to_beginning <= PAGE_HEIGHT_PX {
        (Request::Around(gap.from + HALF_PAGE), true)
    } else {
        let part = (height / 2.0 - begins) / (ends - begins);
        // The position in the gap is an estimate, so rounding to a message does no harm.
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let ord = gap.from + (part * (gap.to - gap.from) as f64) as u64 + 1;
        (Request::Around(ord.min(gap.to)), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Gap = Gap { from: 1000, to: 901_000 };

    #[test]
    fn loaded_messages_are_continued_when_near_and_the_viewport_is_loaded_otherwise() {
        // The gap's end is in the viewport, or below it by less than the height of a page.
        assert_eq!(plan(GAP, -9e6, 300.0, 800.0), (Request::Before(901_000), true));
        assert_eq!(plan(GAP, -9e6, 3_000.0, 800.0), (Request::Before(901_000), true));
        // The same for its beginning.
        assert_eq!(plan(GAP, 300.0, 9e6, 800.0), (Request::Around(1050), true));
        assert_eq!(plan(GAP, -2_000.0, 9e6, 800.0), (Request::Around(1050), true));
        // The viewport is in the middle of the gap.
        assert_eq!(plan(GAP, -9_000.0, 9_800.0, 800.0), (Request::Around(451_001), false));
        assert_eq!(plan(Gap { from: 5, to: 20 }, -9_000.0, 9_800.0, 800.0), (Request::Before(20), true));
    }
}
