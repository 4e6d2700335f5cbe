//! The other pages of the same user in this browser: a channel that all of them hear, and a lock that the one has which
//! leads.

use js_sys::{Function, Promise, Uint8Array};
use wasm_bindgen::{JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

// boot/device.js.
#[wasm_bindgen(js_namespace = device)]
extern "C" {
    type Channel;
    fn lead(scope: &str, led: &Closure<dyn Fn(JsValue)>) -> Function;
    fn led(scope: &str) -> Promise;
    fn channel(scope: &str, heard: &Closure<dyn Fn(JsValue)>) -> Channel;
    #[wasm_bindgen(method, js_name = postMessage)]
    fn post(this: &Channel, bytes: &Uint8Array);
    #[wasm_bindgen(method)]
    fn close(this: &Channel);
}

/// The pages of one scope. Dropped, this page is not one of them any more.
pub struct Pages {
    channel: Channel,
    end: Function,
    // Called for as long as this lives.
    _heard: Closure<dyn Fn(JsValue)>,
    _led: Closure<dyn Fn(JsValue)>,
}

impl Pages {
    /// Joins them: `heard` is called with what others tell, `led` once when this page leads.
    pub fn join(scope: &str, heard: impl Fn(Vec<u8>) + 'static, led: impl Fn() + 'static) -> Self {
        let heard =
            Closure::<dyn Fn(JsValue)>::new(move |bytes: JsValue| heard(Uint8Array::new(&bytes).to_vec()));
        let led = Closure::<dyn Fn(JsValue)>::new(move |_| led());
        Self { channel: channel(scope, &heard), end: lead(scope, &led), _heard: heard, _led: led }
    }

    /// Tells the others.
    pub fn tell(&self, bytes: &[u8]) {
        self.channel.post(&Uint8Array::from(bytes));
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.channel.close();
        let _ = self.end.call0(&JsValue::NULL);
    }
}

/// Whether a page leads in a scope.
pub async fn is_led(scope: &str) -> bool {
    JsFuture::from(led(scope)).await.is_ok_and(|led| led.is_truthy())
}
