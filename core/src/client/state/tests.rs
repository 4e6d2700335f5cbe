//! The state of a client, fed by a model server.

#[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "the random histories use it"))]
mod connection;
mod cursors;
mod edits;
#[cfg(not(target_arch = "wasm32"))]
mod histories;
mod list;
mod own_messages;
#[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "the random histories use it"))]
mod peer;
#[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "the random histories use it"))]
mod reactions;
mod rooms;
#[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "the random histories use it"))]
mod server;
