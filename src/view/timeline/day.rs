//! Labels with the day of messages: a line above the first message of a day, and an overlay over the viewport.

use gloo_timers::callback::Interval;
use leptos::prelude::*;

use super::scroller::Scroller;
use crate::{ctrl::use_store, i18n::time, view::shared::use_texts};

/// The interval at which the local date and the time zone are checked, in ms. Browsers report no change of either.
const DATE_CHECK_MS: u32 = 5_000;

/// The number of the current local day: days are named relative to it.
#[derive(Clone, Copy)]
struct Today(RwSignal<i64>);

/// Provides the current day to [`use_day_name`].
pub fn provide_today() {
    let store = use_store();
    time::update_time_zone();
    let today = RwSignal::new(time::today());
    provide_context(Today(today));
    let check = move || {
        if time::update_time_zone() {
            store.time_zone_changed();
        }
        let now = time::today();
        if today.get_untracked() != now {
            today.set(now);
        }
    };
    // The current owner stores the interval, and cancels it when it is disposed of.
    StoredValue::new_local(Interval::new(DATE_CHECK_MS, check));
    // Intervals stop while the device sleeps, and a hidden tab has few.
    Effect::watch(move || store.focused.get(), move |_, _, _| check(), false);
}

/// The name of the day of a Unix time in ms: follows the language and the current day.
pub fn use_day_name() -> impl Fn(i64) -> String + Copy + Send + Sync + 'static {
    let (store, t, Today(today)) = (use_store(), use_texts(), expect_context::<Today>());
    move |time| time::day(t(), store.time_locale.get(), time, today.get())
}

/// The line above the first message of a day.
#[component]
pub fn DayLine(
    /// A Unix time within the day, in ms.
    time: i64,
) -> impl IntoView {
    let day_name = use_day_name();
    view! { <h2 class="row day"><time datetime=time::machine(time)>{move || day_name(time)}</time></h2> }
}

/// The day of the uppermost message in the viewport, shown over it: the day's own line is usually above the viewport.
/// Follows [`Scroller::day`].
#[component]
pub fn DayOverlay() -> impl IntoView {
    let (scroller, day_name) = (expect_context::<Scroller>(), use_day_name());
    view! { <p class="day-overlay" aria-hidden="true">{move || scroller.day().map(day_name)}</p> }
}
