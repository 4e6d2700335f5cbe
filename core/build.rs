//! Generates the types of `proto/*.proto` with prost, from descriptors that protox makes: no `protoc` is needed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=../proto");
    let descriptors = protox::compile(
        ["../proto/chat.proto", "../proto/device.proto", "../proto/request.proto"],
        ["../proto"],
    )?;
    prost_build::Config::new()
        // Sorted, so that the same members always encode to the same bytes.
        .btree_map(["."])
        // Encoded messages inside another message: shared with the queue they come from, not copied.
        .bytes([".parlour.Batch.frames"])
        .compile_fds(descriptors)?;
    Ok(())
}
