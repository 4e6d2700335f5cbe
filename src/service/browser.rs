//! What the browser gives a session: clocks, randomness, and word that something changed outside.

use parlour_core::{model::MessageId, session::Clocks};
use wasm_bindgen::{JsCast, closure::Closure};

/// Both clocks.
pub fn now() -> Clocks {
    let mono = web_sys::window().and_then(|window| window.performance()).map_or(0.0, |p| p.now());
    // Whole ms of a page's lifetime and of the calendar fit in both by far.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Clocks { monotonic: mono as u64, unix: js_sys::Date::now() as i64 }
}

/// A new message's id.
pub fn message_id() -> MessageId {
    let unix = u64::try_from(now().unix).unwrap_or(0);
    MessageId::new(unix, random())
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

/// What happens to a page from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// There is a network again, or the page is.
    Wake,
    /// There is no network.
    Offline,
    /// The page is looked at from now on, or not any more: see [`is_visible`].
    Look,
    /// The page may be gone any moment.
    Hide,
}

/// Calls back about what happens from outside, for as long as the page lives.
pub fn on_outside(tell: impl Fn(Outside) + 'static) {
    let Some(window) = web_sys::window() else { return };
    let Some(document) = window.document() else { return };
    let callback = Closure::<dyn Fn(web_sys::Event)>::new(move |event: web_sys::Event| {
        tell(match &*event.type_() {
            "offline" => Outside::Offline,
            "visibilitychange" => Outside::Look,
            "pagehide" | "freeze" => Outside::Hide,
            _ => Outside::Wake,
        });
    });
    let function = callback.as_ref().unchecked_ref();
    for name in ["online", "offline", "pageshow", "pagehide"] {
        let _ = window.add_event_listener_with_callback(name, function);
    }
    for name in ["visibilitychange", "freeze", "resume"] {
        let _ = document.add_event_listener_with_callback(name, function);
    }
    // Lives as long as the page.
    callback.forget();
}

/// The page is on the screen.
pub fn is_visible() -> bool {
    web_sys::window()
        .and_then(|window| window.document())
        .is_none_or(|document| document.visibility_state() == web_sys::VisibilityState::Visible)
}
