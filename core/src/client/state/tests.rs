//! The state of a client, fed by a model server.

#[cfg(not(target_arch = "wasm32"))]
mod histories;
mod peer;
mod server;
