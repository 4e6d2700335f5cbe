//! The scroll anchor: the row that stays where it is on the screen while rows around it are added, removed or resized.
//!
//! All positions are in CSS pixels. A *timeline position* is measured from the top of the first row, with the heights that
//! the timeline has recorded; an *offset* is measured down from the upper edge of the viewport.

use parlour_core::{client::room::ScrollPosition, ranges::Gap, timeline::Timeline};

/// A position in the timeline that stays where it is on the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScrollAnchor {
    /// The end of the timeline stays at the lower edge of the viewport.
    End,
    /// The start of the timeline, with the lines above the rows, stays at the upper edge of the viewport.
    Start,
    /// The content of a row stays at an offset.
    Row {
        /// Identifies the row.
        key: u32,
        /// Its last known index, at which the search for the key begins.
        index: usize,
        /// Distance of the row's content, such as the text of a message, from the upper edge of the viewport.
        offset: f64,
    },
    /// A message that is not loaded, or was not when it was requested, stays at an offset.
    Ord {
        /// The message's ord. It has a fraction because a gap is one row for many messages.
        ord: f64,
        /// Distance of the message's content from the upper edge of the viewport; while it is not loaded, that of its place in
        /// the gap.
        offset: f64,
    },
}

impl ScrollAnchor {
    /// The anchor for a viewport in which no row is visible: the row or gap that belongs in its middle. `top` is the timeline position
    /// of the viewport's upper edge, `height` the viewport's height.
    pub fn in_middle(timeline: &Timeline, top: f64, height: f64) -> Self {
        let middle = timeline.index_at(top + height / 2.0);
        match timeline.gap_at(middle) {
            Some(missing) => {
                let part = (top + height / 2.0 - timeline.top(middle)) / timeline.height_of(middle);
                let (from, to) = bounds(missing.gap);
                // Not `clamp`: its panic formats the numbers, with 6 KB of code after compression.
                let ord = (from + part * (to - from)).max(from + 0.01).min(to);
                Self::Ord { ord, offset: height / 2.0 }
            }
            None => Self::Row {
                key: timeline.key(middle).unwrap_or(0),
                index: middle,
                offset: timeline.top(middle) - top,
            },
        }
    }

    /// The anchor at a stored position. [`Self::position`] of it is the same one.
    pub fn at(position: ScrollPosition) -> Self {
        let ScrollPosition { ord, offset_px } = position;
        if ord == 0 {
            return Self::Start;
        }
        // Exact up to 2^53, which no room reaches.
        #[allow(clippy::cast_precision_loss)]
        let ord = ord as f64;
        Self::Ord { ord, offset: offset_px.into() }
    }

    /// The position to store; `None` at the end, and when the anchor is not a message of the server.
    pub fn position(&self, timeline: &Timeline) -> Option<ScrollPosition> {
        let (ord, offset) = match *self {
            Self::End => return None,
            Self::Start => (0, 0.0),
            Self::Row { key, index, offset } => (timeline.ord(timeline.index_of_key(key, index)?)?, offset),
            Self::Ord { ord, offset } => (ord_at(ord), offset),
        };
        // No viewport is so high that this is not exact to a hundredth of a pixel.
        #[allow(clippy::cast_possible_truncation)]
        let offset_px = offset as f32;
        Some(ScrollPosition { ord, offset_px })
    }

    /// Returns `true` unless the anchor is a message that is not loaded.
    pub fn is_loaded(&self, timeline: &Timeline) -> bool {
        match *self {
            Self::End | Self::Start | Self::Row { .. } => true,
            Self::Ord { ord, .. } => {
                message_index(timeline, ord).is_some_and(|index| timeline.gap_at(index).is_none())
            }
        }
    }

    /// The key of the row whose content stays at the anchor's offset; `None` when it is not a row, or not loaded.
    pub fn key(&self, timeline: &Timeline) -> Option<u32> {
        match *self {
            Self::End | Self::Start => None,
            Self::Row { key, .. } => Some(key),
            Self::Ord { ord, .. } => {
                let index = message_index(timeline, ord)?;
                timeline.key(index).filter(|_| timeline.gap_at(index).is_none())
            }
        }
    }

    /// The key of the row of [`Self::key`], and the offset at which its content is to stay.
    pub fn offset_of_content(&self, timeline: &Timeline) -> Option<(u32, f64)> {
        match *self {
            Self::End | Self::Start => None,
            Self::Row { offset, .. } | Self::Ord { offset, .. } => Some((self.key(timeline)?, offset)),
        }
    }

    /// The timeline position of the upper edge of a viewport of this height that keeps the anchor in place, if the content of
    /// its row begins with the row; `None` when the anchor is no longer in the timeline.
    pub fn resolve(&mut self, timeline: &Timeline, height: f64) -> Option<f64> {
        match *self {
            Self::End => Some(timeline.height() - height),
            Self::Start => Some(0.0),
            Self::Row { key, index, offset } => {
                let index = timeline.index_of_key(key, index)?;
                *self = Self::Row { key, index, offset };
                Some(timeline.top(index) - offset)
            }
            Self::Ord { ord, offset } => {
                let index = message_index(timeline, ord)?;
                let Some(missing) = timeline.gap_at(index) else {
                    return Some(timeline.top(index) - offset);
                };
                let (from, to) = bounds(missing.gap);
                let part = ((ord - from) / (to - from)).clamp(0.0, 1.0);
                Some(timeline.top(index) + part * timeline.height_of(index) - offset)
            }
        }
    }
}

/// The index of the row or gap of a message.
fn message_index(timeline: &Timeline, ord: f64) -> Option<usize> {
    timeline.index_of_ord(ord_at(ord))
}

/// The number of the message that a fraction lies in.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn ord_at(ord: f64) -> u64 {
    ord.ceil() as u64
}

/// Both ends of a gap. Ords stay far below 2^53, so they are exact.
#[allow(clippy::cast_precision_loss)]
fn bounds(gap: Gap) -> (f64, f64) {
    (gap.from as f64, gap.to as f64)
}

#[cfg(test)]
mod tests {
    use parlour_core::timeline::Notice;

    use super::super::test_rows::{message, timeline_with_gap};
    use super::*;

    #[test]
    fn anchor_is_in_the_middle_when_no_row_begins_in_the_viewport() {
        let mut timeline = timeline_with_gap();
        let key = timeline.key(8).unwrap();
        let mut anchor = ScrollAnchor::in_middle(&timeline, 5025.0, 100.0);
        assert_eq!(anchor, ScrollAnchor::Row { key, index: 8, offset: 45.0 });
        assert_eq!(anchor.resolve(&timeline, 100.0), Some(5025.0));
        timeline.set_measured(2, 30.0);
        assert_eq!(anchor.resolve(&timeline, 100.0), Some(5045.0), "the row that grew is above it");
        let mut anchor = ScrollAnchor::in_middle(&timeline, 1950.0, 100.0);
        assert_eq!(anchor, ScrollAnchor::Ord { ord: 200.0, offset: 50.0 });
        assert_eq!(anchor.resolve(&timeline, 100.0), Some(1950.0));
        assert!(!anchor.is_loaded(&timeline));
        assert_eq!(anchor.key(&timeline), None);
        // The page around it is loaded: the message is in the middle, as before.
        timeline.insert_page((190..=210).map(message).collect());
        let top = anchor.resolve(&timeline, 100.0).unwrap();
        let index = timeline.index_of_ord(200).unwrap();
        assert_eq!((anchor.is_loaded(&timeline), top), (true, timeline.top(index) - 50.0));
        assert_eq!(anchor.key(&timeline), timeline.key(index));
        assert_eq!(ScrollAnchor::Start.resolve(&timeline, 100.0), Some(0.0));
        assert_eq!(ScrollAnchor::End.resolve(&timeline, 100.0), Some(timeline.height() - 100.0));
    }

    #[test]
    fn position_is_that_of_the_anchors_message() {
        let mut timeline = timeline_with_gap();
        let position = |ord, offset_px| Some(ScrollPosition { ord, offset_px });
        let index = timeline.len() - 3;
        let ord = timeline.ord(index).unwrap();
        let row = ScrollAnchor::Row { key: timeline.key(index).unwrap(), index: 0, offset: 45.25 };
        assert_eq!(row.position(&timeline), position(ord, 45.25));
        let in_gap = ScrollAnchor::Ord { ord: 200.5, offset: -3.5 };
        assert_eq!(in_gap.position(&timeline), position(201, -3.5));
        assert_eq!(ScrollAnchor::Start.position(&timeline), position(0, 0.0));
        assert_eq!(ScrollAnchor::End.position(&timeline), None);
        for at in [(ord, 45.25), (201, -3.5), (0, 0.0)] {
            let position = position(at.0, at.1);
            assert_eq!(ScrollAnchor::at(position.unwrap()).position(&timeline), position);
        }
        // A row that the server does not have is gone after a reload.
        timeline.push_notice(Notice::Help);
        let last = timeline.len() - 1;
        let notice = ScrollAnchor::Row { key: timeline.key(last).unwrap(), index: last, offset: 0.0 };
        assert_eq!(notice.position(&timeline), None);
    }
}
