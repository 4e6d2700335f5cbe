//! What stays where it is on the screen, whatever else changes: the line being read. Places are in CSS pixels, from the
//! beginning of the rows as the timeline counts, or from the frame's upper edge.

use parlour_core::{ranges::Gap, timeline::Timeline};

use super::window::Wanted;

/// What stays where it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Line {
    /// The end of all.
    End,
    /// What the row of this key shows, last seen at this place among all, is so far below the frame's upper edge.
    Row(u32, usize, f64),
    /// This message, which is missing, or was when it was asked for, is so far below it. What is missing has no rows, so
    /// the number has a fraction.
    Seq(f64, f64),
}

/// The rows around a line.
pub struct Around {
    /// Where the frame's upper edge belongs.
    pub y: f64,
    /// The rows, in their order.
    pub rows: Vec<Wanted>,
    /// The height of all rows.
    pub height: f64,
    /// How many messages the room has.
    pub newest: u64,
}

impl Line {
    /// Where no row is seen whole in a frame of this height whose upper edge is at `y`: what is in its middle.
    pub fn of(timeline: &Timeline, y: f64, height: f64) -> Self {
        let middle = timeline.index_at(y + height / 2.0);
        match timeline.gap_at(middle) {
            // At the very top: the room's first message belongs there.
            Some(missing) if y <= 0.0 => Self::Seq(missing.gap.from as f64 + 0.01, -y),
            Some(missing) => {
                let part = (y + height / 2.0 - timeline.top(middle)) / timeline.height_of(middle);
                let (from, to) = numbers(missing.gap);
                // Not clamped, which would take along all that writes fractions.
                Self::Seq((from + part * (to - from)).max(from + 0.01).min(to), height / 2.0)
            }
            None => Self::Row(timeline.key(middle).unwrap_or(0), middle, timeline.top(middle) - y),
        }
    }

    /// Where the upper edge of a frame of this height belongs for it; `None` when it is gone. What was missing and is there
    /// is from now on a row like any other.
    pub fn place(&mut self, timeline: &Timeline, height: f64) -> Option<f64> {
        match *self {
            Self::End => Some(timeline.height() - height),
            Self::Row(key, near, offset) => {
                let at = timeline.index_of_key(key, near)?;
                *self = Self::Row(key, at, offset);
                Some(timeline.top(at) - offset)
            }
            Self::Seq(seq, offset) => {
                // The number of the message it is in.
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let at = timeline.index_of_seq(seq.ceil() as u64)?;
                let Some(missing) = timeline.gap_at(at) else {
                    *self = Self::Row(timeline.key(at)?, at, offset);
                    return Some(timeline.top(at) - offset);
                };
                let (from, to) = numbers(missing.gap);
                let part = ((seq - from) / (to - from)).clamp(0.0, 1.0);
                Some(timeline.top(at) + part * timeline.height_of(at) - offset)
            }
        }
    }
}

impl Around {
    /// Those from `above` over a frame at `y` to its own height under it, and the rows of these keys, wherever they are.
    pub fn new(timeline: &Timeline, y: f64, height: f64, above: f64, held: &[u32]) -> Self {
        let first = timeline.index_at(y - above);
        let near = (first..timeline.len()).take_while(|at| timeline.top(*at) < y + 2.0 * height);
        let mut rows: Vec<usize> = near.collect();
        for at in held.iter().filter_map(|key| timeline.index_of_key(*key, first)) {
            let place = rows.partition_point(|row| *row < at);
            if rows.get(place) != Some(&at) {
                rows.insert(place, at);
            }
        }
        let wanted = |at| {
            let (top, height) = (timeline.top(at), timeline.height_of(at));
            Some(Wanted { at, top, height, row: timeline.row(at)? })
        };
        // Where there are no numbers, all there is.
        let newest = timeline.newest().filter(|newest| *newest > 0).unwrap_or(timeline.len() as u64);
        Self { y, rows: rows.into_iter().filter_map(wanted).collect(), height: timeline.height(), newest }
    }
}

/// The ends of what is missing. No room has so many messages that they are not exact.
#[allow(clippy::cast_precision_loss)]
fn numbers(gap: Gap) -> (f64, f64) {
    (gap.from as f64, gap.to as f64)
}

#[cfg(test)]
mod tests {
    use parlour_core::{
        event::GapState,
        model::{Delivery, Message, MessageId},
    };

    use super::*;

    /// Messages 501 to 600 of a room, each ten pixels tall, and 5,000 pixels for those before.
    fn timeline() -> Timeline {
        let mut timeline = Timeline::new(1000, |_| 0);
        timeline.insert_page((501..=600).map(message).collect());
        timeline.set_gaps(&[GapState { gap: Gap { from: 0, to: 500 }, loading: false }]);
        timeline.set_measured(0, 5000.0);
        (1..=100).for_each(|at| timeline.set_measured(at, 10.0));
        timeline
    }

    fn message(seq: u64) -> Message {
        let (id, nick, content) = (MessageId([0; 16]), "tom".into(), "hello".into());
        Message { id, nick, content, seq, time: 0, own: false, delivery: Delivery::Sent }
    }

    #[test]
    fn the_line_is_in_the_middle_where_no_row_is_whole() {
        let mut timeline = timeline();
        let key = timeline.key(8).unwrap();
        let mut line = Line::of(&timeline, 5025.0, 100.0);
        assert_eq!(line, Line::Row(key, 8, 45.0));
        assert_eq!(line.place(&timeline, 100.0), Some(5025.0));
        timeline.set_measured(2, 30.0);
        assert_eq!(line.place(&timeline, 100.0), Some(5045.0), "what grew is above it");
        let mut line = Line::of(&timeline, 1950.0, 100.0);
        assert_eq!(line, Line::Seq(200.0, 50.0));
        assert_eq!(line.place(&timeline, 100.0), Some(1950.0));
        // The page around it comes: there it is, in the middle as before.
        timeline.insert_page((190..=210).map(message).collect());
        let place = line.place(&timeline, 100.0).unwrap();
        let at = timeline.index_of_seq(200).unwrap();
        assert_eq!((line, place), (Line::Row(timeline.key(at).unwrap(), at, 50.0), timeline.top(at) - 50.0));
        assert_eq!(Line::of(&timeline, 0.0, 100.0), Line::Seq(0.01, -0.0));
        assert_eq!(Line::End.place(&timeline, 100.0), Some(timeline.height() - 100.0));
    }

    #[test]
    fn what_is_around_it_is_in_order_and_once() {
        let timeline = timeline();
        let held = [timeline.key(90).unwrap(), timeline.key(31).unwrap(), timeline.key(0).unwrap()];
        let around = Around::new(&timeline, 5300.0, 50.0, 50.0, &held);
        let places: Vec<_> = around.rows.iter().map(|row| row.at).collect();
        let expected: Vec<_> = [0].into_iter().chain(26..=40).chain([90]).collect();
        assert_eq!((places, around.newest), (expected, 600));
        assert!(around.rows.iter().all(|row| row.top == timeline.top(row.at)));
    }
}
