//! Compiles the schemas in `proto/` with a protobuf compiler written in Rust, so that no `protoc` is needed.

#[path = "build/generate.rs"]
mod generate;

use std::{error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=../proto");
    println!("cargo:rerun-if-changed=build");
    let mut descriptors = protox::compile(["../proto/chat.proto", "../proto/device.proto"], ["../proto"])?;
    let out = std::env::var("OUT_DIR")?;
    for file in &descriptors.file {
        let name = Path::new(file.name()).with_extension("rs");
        fs::write(Path::new(&out).join(name), generate::file(file)?)?;
    }
    // A library's reading of the same schema, for a test that compares.
    let oracle = Path::new(&out).join("oracle");
    fs::create_dir_all(&oracle)?;
    for file in &mut descriptors.file {
        file.source_code_info = None;
        // A map is a list of entries on the wire, and that is what ours are.
        let nested = file.message_type.iter_mut().flat_map(|message| &mut message.nested_type);
        nested.for_each(|entry| entry.options = None);
    }
    prost_build::Config::new().out_dir(oracle).compile_fds(descriptors)?;
    Ok(())
}
