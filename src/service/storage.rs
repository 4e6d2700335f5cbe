//! Persistent storage on the device: IndexedDB, with one object store for each of core's tables. A database key consists
//! of the scope and core's key. Errors are reported, and the chat works without storage.

use js_sys::{Array, Promise, Uint8Array};
use parlour_core::{
    model::RoomId,
    persist::{Change, KeyRange, Stored, Table, room::StoredMessages},
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

// boot/device.js. No function throws, and no promise is rejected.
#[wasm_bindgen(js_namespace = device)]
extern "C" {
    fn read(scope: &str, ranges: &Array) -> Promise;
    fn write(scope: &str, changes: &Array, lease: Option<f64>) -> Promise;
    #[wasm_bindgen(js_name = deleteLeft)]
    fn delete(scope: &str, is_left: &Closure<dyn Fn() -> bool>) -> Promise;
    #[wasm_bindgen(js_name = claimLease)]
    fn claim(scope: &str, lease: f64) -> Promise;
}

/// The result of [`persist`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The changes are persisted.
    Persisted,
    /// The storage does not work.
    Failed,
    /// Another tab has become the leader; nothing was changed.
    Superseded,
}

/// Records that this tab becomes the leader. Returns its lease number, which may be larger than the given one; `None` if
/// the storage does not work.
pub async fn claim_lease(scope: &str, lease: u64) -> Option<u64> {
    // Lease numbers are times in ms or follow one, so they are exact as f64.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    JsFuture::from(claim(scope, lease as f64)).await.ok()?.as_f64().map(|lease| lease as u64)
}

/// Deletes everything that a scope has of its account if `is_left` returns `true` when no other transaction can write any more.
/// Returns whether it was deleted.
pub async fn delete_left(scope: &str, is_left: impl Fn() -> bool + 'static) -> bool {
    let is_left = Closure::new(is_left);
    JsFuture::from(delete(scope, &is_left)).await.is_ok_and(|deleted| deleted.is_truthy())
}

/// Reads the account of a scope, its rooms without messages, and its send queue; `None` if the storage does not work.
pub async fn load(scope: &str) -> Option<Stored> {
    let [account, rooms, send_queue] = load_ranges(scope, Stored::ranges()).await?;
    Some(Stored::read(account.first().map(Vec::as_slice), &rooms, &send_queue))
}

/// Reads a room of a scope: its value in the table of rooms, if there is one, and its messages. `None` if the storage does
/// not work.
pub async fn load_room(scope: &str, room: RoomId) -> Option<[Vec<Vec<u8>>; 2]> {
    let ranges = [KeyRange::of_room(Table::Rooms, room), StoredMessages::range(room)];
    load_ranges(scope, ranges).await
}

/// Reads the drafts and the scroll positions of a scope; `None` if the storage does not work.
pub async fn load_tab_data(scope: &str) -> Option<[Vec<Vec<u8>>; 2]> {
    load_ranges(scope, [KeyRange::all(Table::Drafts), KeyRange::all(Table::Scroll)]).await
}

/// Reads the values in some ranges of keys, at one moment.
async fn load_ranges<const N: usize>(scope: &str, ranges: [KeyRange; N]) -> Option<[Vec<Vec<u8>>; N]> {
    let ranges = ranges.iter().map(encode_range).collect();
    let read: Array = JsFuture::from(read(scope, &ranges)).await.ok()?.dyn_into().ok()?;
    let values = |values: JsValue| -> Vec<Vec<u8>> {
        let values: Array = values.unchecked_into();
        values.iter().map(|value| Uint8Array::new(&value).to_vec()).collect()
    };
    read.iter().map(values).collect::<Vec<_>>().try_into().ok()
}

/// Writes changes of a scope in one transaction, after those of earlier calls. The transaction is requested by the call
/// itself; the future resolves to its result. A leader passes its lease number.
pub fn persist(scope: &str, changes: &[Change], lease: Option<u64>) -> impl Future<Output = Written> + use<> {
    #[allow(clippy::cast_precision_loss)] // as in `claim_lease`
    let written = write(scope, &changes.iter().map(encode).collect(), lease.map(|lease| lease as f64));
    async {
        match JsFuture::from(written).await.ok().and_then(|written| written.as_bool()) {
            Some(true) => Written::Persisted,
            Some(false) => Written::Superseded,
            None => Written::Failed,
        }
    }
}

/// Encodes a change as `[table, from, to, value]` for device.js.
fn encode(change: &Change) -> JsValue {
    let (range, value) = change.parts();
    let row = encode_range(&range);
    if let Some(value) = value {
        row.push(&Uint8Array::from(&value[..]));
    }
    row.into()
}

/// Encodes a range of keys as `[table, from, to]` for device.js.
fn encode_range(range: &KeyRange) -> Array {
    let bytes = |bytes: &[u8]| JsValue::from(Uint8Array::from(bytes));
    let to = range.to.as_ref().map_or(JsValue::UNDEFINED, |to| bytes(to));
    Array::of3(&JsValue::from(range.table as u32), &bytes(&range.from), &to)
}
