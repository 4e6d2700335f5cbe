//! The channel between the tabs of a user, and the lock whose holder is the leader: a `BroadcastChannel` and a Web Lock.

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

// boot/device.js.
#[wasm_bindgen(js_namespace = device)]
extern "C" {
    type Channel;
    type Leadership;
    #[wasm_bindgen(js_name = requestLeadership)]
    fn request_leadership(scope: &str, on_change: &Closure<dyn Fn(JsValue)>) -> Leadership;
    #[wasm_bindgen(method)]
    fn request(this: &Leadership);
    #[wasm_bindgen(method)]
    fn steal(this: &Leadership);
    #[wasm_bindgen(method, js_name = isHeld)]
    fn is_held(this: &Leadership) -> Promise;
    #[wasm_bindgen(method)]
    fn release(this: &Leadership);
    #[wasm_bindgen(js_name = hasLeader)]
    fn query_leader(scope: &str) -> Promise;
    #[wasm_bindgen(js_name = openTabs)]
    fn query_open_tabs(tab: &str) -> Promise;
    fn channel(scope: &str, on_message: &Closure<dyn Fn(JsValue)>) -> Channel;
    #[wasm_bindgen(method, js_name = postMessage)]
    fn post(this: &Channel, bytes: &Uint8Array);
    #[wasm_bindgen(method)]
    fn close(this: &Channel);
}

/// A change of the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockChange {
    /// This tab has acquired the lock.
    Granted,
    /// Another tab has stolen the lock.
    Lost,
    /// The browser refuses the lock.
    Refused,
}

/// Membership of this tab in the tabs of a scope. Dropping it closes the channel and releases the lock.
pub struct TabChannel {
    channel: Channel,
    leadership: Leadership,
    // JavaScript calls these for as long as the channel exists.
    _on_message: Closure<dyn Fn(JsValue)>,
    _on_change: Closure<dyn Fn(JsValue)>,
}

impl TabChannel {
    /// Joins the tabs of a scope, and requests the lock. `on_message` receives the messages of other tabs; `on_change` is
    /// called when the lock is acquired, lost or refused.
    pub fn join(
        scope: &str,
        on_message: impl Fn(Vec<u8>) + 'static,
        on_change: impl Fn(LockChange) + 'static,
    ) -> Self {
        let on_message = Closure::<dyn Fn(JsValue)>::new(move |bytes: JsValue| {
            on_message(Uint8Array::new(&bytes).to_vec());
        });
        let on_change = Closure::<dyn Fn(JsValue)>::new(move |change: JsValue| {
            // The numbers of device.js.
            on_change(match change.as_f64() {
                Some(0.0) => LockChange::Granted,
                Some(1.0) => LockChange::Lost,
                _ => LockChange::Refused,
            });
        });
        Self {
            channel: channel(scope, &on_message),
            leadership: request_leadership(scope, &on_change),
            _on_message: on_message,
            _on_change: on_change,
        }
    }

    /// Requests the lock again, after it was lost.
    pub fn request_lock(&self) {
        self.leadership.request();
    }

    /// Takes the lock from the tab that holds it. If the browser does not answer, it counts as acquired.
    pub fn steal_lock(&self) {
        self.leadership.steal();
    }

    /// Resolves to `true` if this tab still holds the lock.
    pub fn is_lock_held(&self) -> impl Future<Output = bool> + use<> {
        let held = self.leadership.is_held();
        async { JsFuture::from(held).await.is_ok_and(|held| held.is_truthy()) }
    }

    /// Posts a message to all other tabs.
    pub fn post(&self, bytes: &[u8]) {
        self.channel.post(&Uint8Array::from(bytes));
    }
}

impl Drop for TabChannel {
    fn drop(&mut self) {
        self.channel.close();
        self.leadership.release();
    }
}

/// Resolves to `true` if a scope has a leader.
pub async fn has_leader(scope: &str) -> bool {
    JsFuture::from(query_leader(scope)).await.is_ok_and(|has_leader| has_leader.is_truthy())
}

/// The ids of the open tabs, of which `tab` is one from now on; empty if the browser has no Web Locks.
pub async fn open_tabs(tab: &str) -> Vec<String> {
    let tabs = JsFuture::from(query_open_tabs(tab)).await.ok().and_then(|tabs| tabs.dyn_into::<Array>().ok());
    tabs.map(|tabs| tabs.iter().filter_map(|tab| tab.as_string()).collect()).unwrap_or_default()
}
