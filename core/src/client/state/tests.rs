//! The state of a client, fed by a model server.

mod connection;
#[cfg(not(target_arch = "wasm32"))]
mod histories;
mod list;
mod peer;
mod rooms;
mod server;
