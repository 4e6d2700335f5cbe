//! Properties of the page: its address, whether it is outdated, and the time zone.

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
