//! Clocks, randomness and lifecycle events of the browser.

use gloo_events::EventListener;
use parlour_core::{Clocks, model::MessageId};

/// Reads both clocks.
pub fn now() -> Clocks {
    let mono = web_sys::window().and_then(|window| window.performance()).map_or(0.0, |p| p.now());
    // Whole milliseconds of a tab's lifetime and of the calendar fit in both types by far.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Clocks { monotonic: mono as u64, unix: js_sys::Date::now() as i64 }
}

/// Makes the id of a new message.
pub fn message_id() -> MessageId {
    let unix = u64::try_from(now().unix).unwrap_or(0);
    MessageId::new(unix, random())
}

/// Draws random bytes.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let drawn = web_sys::window()
        .and_then(|window| window.crypto().ok())
        .and_then(|crypto| crypto.get_random_values_with_u8_array(&mut bytes).ok());
    if drawn.is_none() {
        // Every browser with WebAssembly has `crypto`. Ids have to be unique, not secret, so there is a fallback.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        bytes.fill_with(|| (js_sys::Math::random() * 256.0) as u8);
    }
    bytes
}

/// A change of the page's or the network's state that the browser reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifecycleEvent {
    /// The network is back, or the page resumes after it was frozen.
    Resumed,
    /// The network is gone.
    Offline,
    /// The tab was shown or hidden; see [`is_visible`].
    VisibilityChanged,
    /// The page may be discarded at any moment.
    Suspending,
}

/// Calls `handle` for every lifecycle event, until the page is closed.
pub fn on_lifecycle_event(handle: impl Fn(LifecycleEvent) + Clone + 'static) {
    let Some(window) = web_sys::window() else { return };
    let Some(document) = window.document() else { return };
    let listen = |target: &web_sys::EventTarget, name: &'static str, event: LifecycleEvent| {
        let handle = handle.clone();
        EventListener::new(target, name, move |_| handle(event)).forget();
    };
    listen(&window, "online", LifecycleEvent::Resumed);
    listen(&window, "pageshow", LifecycleEvent::Resumed);
    listen(&document, "resume", LifecycleEvent::Resumed);
    listen(&window, "offline", LifecycleEvent::Offline);
    listen(&document, "visibilitychange", LifecycleEvent::VisibilityChanged);
    listen(&window, "pagehide", LifecycleEvent::Suspending);
    listen(&document, "freeze", LifecycleEvent::Suspending);
}

/// Returns `true` if the tab is visible.
pub fn is_visible() -> bool {
    web_sys::window()
        .and_then(|window| window.document())
        .is_none_or(|document| document.visibility_state() == web_sys::VisibilityState::Visible)
}
