//! Compiles `proto/chat.proto` with a protobuf compiler written in Rust, so that no `protoc` is needed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let proto = "../proto/chat.proto";
    println!("cargo:rerun-if-changed={proto}");
    let descriptors = protox::compile([proto], ["../proto"])?;
    prost_build::Config::new()
        // Deterministic order on the wire: golden bytes in tests, shared frames on the server.
        .btree_map(["."])
        .bytes([".parlour.Batch.frames", ".parlour.HistoryPage.frames"])
        .compile_fds(descriptors)?;
    Ok(())
}
