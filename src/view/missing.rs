//! Loading what is missing where the reader is: the page that goes on from what is there, or, far from all that is, the
//! one around the place itself.

use gloo_timers::callback::Timeout;
use parlour_core::{
    limits::HISTORY_PAGE_MESSAGES,
    model::{Connection, SeekTarget},
    ranges::Gap,
};

use crate::ctrl::{Live, Store};

/// About what a page of messages is tall, in CSS pixels: within that it is read on rather than gone elsewhere.
const PAGE_HEIGHT: f64 = 4_000.0;
/// What is sought comes with so many messages before it, and as many from it on.
const HALF: u64 = HISTORY_PAGE_MESSAGES as u64 / 2;
/// A reader who flings past wants nothing from there: for so long the place has to be the same, in ms.
const SETTLED: u32 = 80;

/// What of the room is to be loaded next.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    /// The newest part of the gap that ends with this number.
    Back(u64),
    /// What goes on from before it, or around a place in it.
    Around(u64),
}

/// Loads what is missing.
#[derive(Clone, Copy)]
pub struct Fetch {
    store: Store,
    /// What was asked for last. One that could not be loaded is left to its button, or to another look.
    asked: Live<Option<Gap>>,
    settles: Live<Option<Timeout>>,
}

impl Fetch {
    pub fn new(store: Store) -> Self {
        Self { store, asked: Live::new(None), settles: Live::new(None) }
    }

    /// The reader is elsewhere: what failed may be tried again.
    pub fn moved(self) {
        self.asked.set_untracked(None);
        self.settles.set_untracked(None);
    }

    /// What is on a screen of this height, so far below the beginning of the rows, and near to it.
    pub fn near(self, y: f64, height: f64) {
        if !matches!(self.store.connection().get_untracked(), Connection::Online { .. }) {
            // It is tried when there is a connection again.
            self.moved();
            return;
        }
        let found = self.store.lay_out(|timeline| {
            let (first, last) = (timeline.index_at(y - height), timeline.index_at(y + 2.0 * height));
            let seen = |at: &usize| timeline.top(*at) < y + height && timeline.top(*at + 1) > y;
            let mut gaps = (first..=last).filter(|at| timeline.gap_at(*at).is_some());
            let at = gaps.clone().find(seen).or_else(|| gaps.next_back())?;
            let missing = timeline.gap_at(at)?;
            let (top, bottom) = (timeline.top(at), timeline.top(at + 1));
            Some((missing, next(missing.gap, top - y, bottom - y, height)))
        });
        let Some((missing, (next, at_once))) = found else { return };
        if missing.loading || self.asked.get_untracked() == Some(missing.gap) {
            return;
        }
        if at_once {
            self.ask(missing.gap, next);
        } else if self.settles.with_untracked(Option::is_none) {
            self.settles.set_untracked(Some(Timeout::new(SETTLED, move || self.ask(missing.gap, next))));
        }
    }

    fn ask(self, gap: Gap, next: Next) {
        self.settles.set_untracked(None);
        self.asked.set_untracked(Some(gap));
        match next {
            Next::Back(to) => self.store.load(to),
            Next::Around(seq) => self.store.fetch(SeekTarget::Seq(seq)),
        }
    }
}

/// What to load of a gap that begins and ends so far below the upper edge of the screen, and whether at once.
fn next(gap: Gap, top: f64, bottom: f64, height: f64) -> (Next, bool) {
    let (to_end, to_begin) = (bottom, height - top);
    if bottom <= height || to_end <= PAGE_HEIGHT || gap.to - gap.from <= HALF {
        (Next::Back(gap.to), true)
    } else if top >= 0.0 || to_begin <= PAGE_HEIGHT {
        (Next::Around(gap.from + HALF), true)
    } else {
        let part = (height / 2.0 - top) / (bottom - top);
        // A place among messages: to the nearest is near enough.
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let seq = gap.from + (part * (gap.to - gap.from) as f64) as u64 + 1;
        (Next::Around(seq.min(gap.to)), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Gap = Gap { from: 1000, to: 901_000 };

    #[test]
    fn near_what_is_there_it_is_read_on_and_elsewhere_it_is_loaded_there() {
        // Its end is on the screen, or above by less than a page is tall.
        assert_eq!(next(GAP, -9e6, 300.0, 800.0), (Next::Back(901_000), true));
        assert_eq!(next(GAP, -9e6, 3_000.0, 800.0), (Next::Back(901_000), true));
        // Its beginning is.
        assert_eq!(next(GAP, 300.0, 9e6, 800.0), (Next::Around(1050), true));
        assert_eq!(next(GAP, -2_000.0, 9e6, 800.0), (Next::Around(1050), true));
        // Right in the midst of it.
        assert_eq!(next(GAP, -9_000.0, 9_800.0, 800.0), (Next::Around(451_001), false));
        assert_eq!(next(Gap { from: 5, to: 20 }, -9_000.0, 9_800.0, 800.0), (Next::Back(20), true));
    }
}
