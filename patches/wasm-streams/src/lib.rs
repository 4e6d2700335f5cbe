//! Stands in for `wasm-streams`.
//!
//! Leptos depends on its server functions, and these on `wasm-streams`, for streamed bodies. Parlour has no server
//! functions, so nothing of it is ever called; but the crate exports three JavaScript classes, and an export is
//! never dead code: they and what they need stay in the module, 16 KB of it. Here is what the server functions'
//! code names, so that it compiles, without the exports. A stream made here is empty.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use wasm_bindgen::JsValue;

/// A readable stream of the browser.
#[derive(Debug)]
pub struct ReadableStream(web_sys::ReadableStream);

impl ReadableStream {
    /// Wraps a browser's stream.
    #[must_use]
    pub fn from_raw(raw: web_sys::ReadableStream) -> Self {
        Self(raw)
    }

    /// An empty stream.
    pub fn from_stream(_: impl Stream<Item = Result<JsValue, JsValue>> + 'static) -> Self {
        // A browser that has WebAssembly has these.
        Self(web_sys::ReadableStream::new().unwrap_or_else(|e| wasm_bindgen::throw_val(e)))
    }

    /// The browser's stream.
    #[must_use]
    pub fn into_raw(self) -> web_sys::ReadableStream {
        self.0
    }

    /// An empty stream.
    #[must_use]
    pub fn into_stream(self) -> Empty {
        Empty
    }
}

/// Ends at once.
#[derive(Debug)]
pub struct Empty;

impl Stream for Empty {
    type Item = Result<JsValue, JsValue>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(None)
    }
}
