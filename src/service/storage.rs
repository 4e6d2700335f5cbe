//! The device's storage: IndexedDB, with one object store for each of core's tables. A key is the scope, which is a nick
//! on a server, and core's key. What can't be read or written is only told; the chat goes on without.

use js_sys::{Array, Promise, Uint8Array};
use parlour_core::persist::{Change, Persisted};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

// boot/device.js. Neither throws, and neither promise fails.
#[wasm_bindgen(js_namespace = device)]
extern "C" {
    fn read(scope: &str) -> Promise;
    fn write(scope: &str, changes: &Array) -> Promise;
}

/// Reads what is kept in a scope; `None` when the storage does not work.
pub async fn kept(scope: &str) -> Option<Persisted> {
    let tables: Array = JsFuture::from(read(scope)).await.ok()?.dyn_into().ok()?;
    let values = |at: u32| -> Vec<Vec<u8>> {
        let values: Array = tables.get(at).unchecked_into();
        values.iter().map(|value| Uint8Array::new(&value).to_vec()).collect()
    };
    Some(Persisted::read(values(0).first().map(Vec::as_slice), &values(1), &values(2)))
}

/// Begins to make changes in a scope, all in one transaction and after those of earlier calls. The future says
/// whether that worked.
pub fn keep(scope: &str, changes: &[Change]) -> impl Future<Output = bool> + use<> {
    let made = write(scope, &changes.iter().map(described).collect());
    async { JsFuture::from(made).await.is_ok_and(|made| made.is_truthy()) }
}

/// A change as [table, from, to, value].
fn described(change: &Change) -> JsValue {
    let bytes = |bytes: &[u8]| JsValue::from(Uint8Array::from(bytes));
    let (table, from, to, value) = match change {
        Change::Put(table, key, value) => (table, bytes(key), JsValue::UNDEFINED, bytes(value)),
        Change::Delete(table, key) => (table, bytes(key), bytes(key), JsValue::UNDEFINED),
        Change::DeleteUpTo(table, key) => (table, bytes(&[]), bytes(key), JsValue::UNDEFINED),
        Change::Clear(table) => (table, bytes(&[]), JsValue::UNDEFINED, JsValue::UNDEFINED),
    };
    Array::of4(&JsValue::from(*table as u32), &from, &to, &value).into()
}
