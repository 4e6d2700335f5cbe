//! Counting the seconds for which a link is valid.

use gloo_timers::callback::Interval;
use js_sys::Date;
use leptos::prelude::*;

/// The time for which a link is valid, in ms.
const LIFETIME_MS: f64 = 5.0 * 60_000.0;

/// The time that is left of a link's.
#[derive(Clone, Copy)]
pub struct Countdown {
    /// The end on this device's clock, Unix ms; `None` before the first start.
    end: StoredValue<Option<f64>>,
    left: RwSignal<Option<u32>>,
    timer: StoredValue<Option<Interval>, LocalStorage>,
}

impl Countdown {
    /// A countdown that was not started.
    pub fn new() -> Self {
        Self { end: StoredValue::new(None), left: RwSignal::new(None), timer: StoredValue::new_local(None) }
    }

    /// The seconds left; `None` if there are none. Reactive.
    pub fn seconds_left(self) -> Option<u32> {
        self.left.get().filter(|left| *left > 0)
    }

    /// Returns `true` if the time is over. Reactive.
    pub fn is_over(self) -> bool {
        self.left.get() == Some(0)
    }

    /// Starts anew, for a link that expires at this time on the server's clock, Unix ms.
    pub fn start(self, expires: i64) {
        let now = Date::now();
        self.end.set_value(Some(now + lifetime(expires, now)));
        self.update();
        self.timer.set_value(Some(Interval::new(1_000, move || self.update())));
    }

    fn update(self) {
        let left = self.end.get_value().map(|end| ((end - Date::now()) / 1_000.0).ceil().max(0.0));
        // At most five minutes.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        self.left.set(left.map(|left| left as u32));
    }
}

/// The time for which a link is still valid, in ms. The clock of the server may differ from this device's: then it is the
/// whole time, because the link is new.
fn lifetime(expires: i64, now: f64) -> f64 {
    // Exact up to the year 285,000.
    #[allow(clippy::cast_precision_loss)]
    let stated = expires as f64 - now;
    if (1.0..=LIFETIME_MS).contains(&stated) { stated } else { LIFETIME_MS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_does_not_shorten_or_lengthen_the_time_beyond_its_limits() {
        let now = 1_700_000_000_000_i64;
        let left = |ms: i64| lifetime(now + ms, now as f64);
        assert_eq!(left(299_000), 299_000.0);
        assert_eq!(left(300_000), LIFETIME_MS);
        assert_eq!(left(3_600_000), LIFETIME_MS, "this clock is slow");
        assert_eq!(left(-3_600_000), LIFETIME_MS, "this clock is fast");
    }
}
