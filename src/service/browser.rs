//! What the browser gives a session: clocks, randomness, and word that something changed outside.

use parlour_core::{model::MessageId, session::Now};
use wasm_bindgen::{JsCast, closure::Closure};

/// Both clocks.
pub fn now() -> Now {
    let mono = web_sys::window().and_then(|window| window.performance()).map_or(0.0, |p| p.now());
    // Whole ms of a page's lifetime and of the calendar fit in both by far.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Now { mono: mono as u64, unix: js_sys::Date::now() as i64 }
}

/// A new message's id.
pub fn message_id() -> MessageId {
    let unix = u64::try_from(now().unix).unwrap_or(0);
    MessageId::new(unix, random())
}

/// 64 random bits.
pub fn random_u64() -> u64 {
    u64::from_le_bytes(random())
}

/// So many random bytes.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let drawn = web_sys::window()
        .and_then(|window| window.crypto().ok())
        .and_then(|crypto| crypto.get_random_values_with_u8_array(&mut bytes).ok());
    if drawn.is_none() {
        // Every browser with WebAssembly has it; ids need to be unique, not secret, so go on all the same.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        bytes.fill_with(|| (js_sys::Math::random() * 256.0) as u8);
    }
    bytes
}

/// Calls back whenever a waiting attempt or an open connection deserves a look: the network is back or gone, or
/// the page is looked at again. For as long as the page lives.
pub fn on_wake(wake: impl Fn() + 'static) {
    let Some(window) = web_sys::window() else { return };
    let Some(document) = window.document() else { return };
    let visible = document.clone();
    let callback = Closure::<dyn Fn()>::new(move || {
        if visible.visibility_state() == web_sys::VisibilityState::Visible {
            wake();
        }
    });
    let function = callback.as_ref().unchecked_ref();
    for (target, name) in [
        (window.unchecked_ref::<web_sys::EventTarget>(), "online"),
        (window.unchecked_ref(), "offline"),
        (window.unchecked_ref(), "pageshow"),
        (document.unchecked_ref(), "visibilitychange"),
    ] {
        if target.add_event_listener_with_callback(name, function).is_err() {
            tracing::warn!(name, "can't listen to this event");
        }
    }
    // Lives as long as the page.
    callback.forget();
}
