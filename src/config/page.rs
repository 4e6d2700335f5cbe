//! Properties of the page: its address, its place in the browser's history, whether it is outdated, and the time zone.

use js_sys::Promise;
use parlour_core::address::PageAddress;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

// boot/boot.js.
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_name = isOutdated)]
    fn query_outdated() -> Result<Promise, JsValue>;
}

/// The address from which the page was loaded.
#[must_use]
pub fn address() -> PageAddress {
    let Some(location) = web_sys::window().map(|window| window.location()) else {
        return PageAddress::default();
    };
    PageAddress {
        secure: location.protocol().is_ok_and(|protocol| protocol == "https:"),
        host: location.host().unwrap_or_default(),
        path: location.pathname().unwrap_or_default(),
    }
}

/// The fragment of the page's URL, with its `#`; empty if there is none.
#[must_use]
pub fn fragment() -> String {
    web_sys::window().and_then(|window| window.location().hash().ok()).unwrap_or_default()
}

/// A change of the browser's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryChange {
    /// A new entry after the current one.
    Push,
    /// The current entry is replaced.
    Replace,
}

/// Changes the fragment of the page's URL. `is_above_parent` is kept with the entry: going back from it leads to the screen
/// that it belongs to.
pub fn set_fragment(fragment: &str, change: HistoryChange, is_above_parent: bool) {
    let Some(window) = web_sys::window() else { return };
    let Ok(history) = window.history() else { return };
    let location = window.location();
    // The whole address, because without a fragment an empty one would be kept as `#`.
    let url = [location.pathname(), location.search()].map(Result::unwrap_or_default).concat() + fragment;
    let state = JsValue::from_bool(is_above_parent);
    // A browser refuses this only for another origin, or after hundreds of calls within seconds.
    let _ = match change {
        HistoryChange::Push => history.push_state_with_url(&state, "", Some(&url)),
        HistoryChange::Replace => history.replace_state_with_url(&state, "", Some(&url)),
    };
}

/// Returns `true` if the current entry of the history was made with `is_above_parent`.
#[must_use]
pub fn is_above_parent() -> bool {
    let history = web_sys::window().and_then(|window| window.history().ok());
    history.and_then(|history| history.state().ok()).and_then(|state| state.as_bool()) == Some(true)
}

/// The state of an entry that [`push_cover`] has made.
const COVER: &str = "cover";

/// Adds an entry with the same URL to the browser's history, for what covers the current screen.
pub fn push_cover() {
    let history = web_sys::window().and_then(|window| window.history().ok());
    // As above.
    let _ = history.map(|history| history.push_state_with_url(&COVER.into(), "", None));
}

/// Returns `true` if [`push_cover`] has made the current entry of the history.
#[must_use]
pub fn is_cover() -> bool {
    let history = web_sys::window().and_then(|window| window.history().ok());
    history.and_then(|history| history.state().ok()).is_some_and(|state| state == COVER)
}

/// Returns `true` if the page has set the current entry of the history before: it was reloaded, or is shown again.
#[must_use]
pub fn is_visited() -> bool {
    let history = web_sys::window().and_then(|window| window.history().ok());
    history
        .and_then(|history| history.state().ok())
        .is_some_and(|state| !state.is_null() && !state.is_undefined())
}

/// Goes back in the browser's history.
pub fn go_back() {
    // Fails only in a document that is not shown any more.
    let _ = web_sys::window().and_then(|window| window.history().ok()).map(|history| history.back());
}

/// Returns `true` if the host serves another version of the page by now, and `false` if the host does not answer.
pub async fn page_is_outdated() -> bool {
    let Ok(query) = query_outdated() else { return false };
    JsFuture::from(query).await.is_ok_and(|outdated| outdated.is_truthy())
}

/// The number of the local day of a Unix time in ms.
#[must_use]
pub fn local_day(time: i64) -> i64 {
    // Up to the year 285,000 an f64 is exact to the millisecond.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let minutes = js_sys::Date::new(&(time as f64).into()).get_timezone_offset() as i64;
    (time - minutes * 60_000).div_euclid(86_400_000)
}
