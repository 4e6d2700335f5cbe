//! The channel between the tabs of a user, and the lock whose holder is the leader: a `BroadcastChannel` and a Web Lock.

use js_sys::{Array, Function, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

// boot/device.js.
#[wasm_bindgen(js_namespace = device)]
extern "C" {
    type Channel;
    #[wasm_bindgen(js_name = requestLeadership)]
    fn request_leadership(scope: &str, on_lead: &Closure<dyn Fn(JsValue)>) -> Function;
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

/// Membership of this tab in the tabs of a scope. Dropping it closes the channel and releases the lock.
pub struct TabChannel {
    channel: Channel,
    release_lock: Function,
    // JavaScript calls these for as long as the channel exists.
    _on_message: Closure<dyn Fn(JsValue)>,
    _on_lead: Closure<dyn Fn(JsValue)>,
}

impl TabChannel {
    /// Joins the tabs of a scope. `on_message` receives the messages of other tabs; `on_lead` is called once, when this
    /// tab acquires the lock.
    pub fn join(scope: &str, on_message: impl Fn(Vec<u8>) + 'static, on_lead: impl Fn() + 'static) -> Self {
        let on_message = Closure::<dyn Fn(JsValue)>::new(move |bytes: JsValue| {
            on_message(Uint8Array::new(&bytes).to_vec());
        });
        let on_lead = Closure::<dyn Fn(JsValue)>::new(move |_| on_lead());
        Self {
            channel: channel(scope, &on_message),
            release_lock: request_leadership(scope, &on_lead),
            _on_message: on_message,
            _on_lead: on_lead,
        }
    }

    /// Posts a message to all other tabs.
    pub fn post(&self, bytes: &[u8]) {
        self.channel.post(&Uint8Array::from(bytes));
    }
}

impl Drop for TabChannel {
    fn drop(&mut self) {
        self.channel.close();
        let _ = self.release_lock.call0(&JsValue::NULL);
    }
}

/// Whether a scope has a leader.
pub async fn has_leader(scope: &str) -> bool {
    JsFuture::from(query_leader(scope)).await.is_ok_and(|has_leader| has_leader.is_truthy())
}

/// The ids of the open tabs, of which `tab` is one from now on; empty if the browser has no Web Locks.
pub async fn open_tabs(tab: &str) -> Vec<String> {
    let tabs = JsFuture::from(query_open_tabs(tab)).await.ok().and_then(|tabs| tabs.dyn_into::<Array>().ok());
    tabs.map(|tabs| tabs.iter().filter_map(|tab| tab.as_string()).collect()).unwrap_or_default()
}
