//! Compiles the schemas in `proto/` with a protobuf compiler written in Rust, so that no `protoc` is needed.

#[path = "build/generate.rs"]
mod generate;

use std::{error::Error, fs, path::Path};

/// What a client neither reads nor says yet. Where not even the code for it may be, as in the page, these fields are as
/// unknown as those of a later version of the schema.
const NOT_IN_THE_PAGE: [&str; 16] = [
    "ChatRequest.reply_to",
    "ChatRequest.thread",
    "ChatRequest.edited",
    "ChatRequest.attachments",
    "ChatRequest.reactions",
    "ChatRequest.edit",
    "ChatRequest.retract",
    "ChatRequest.react",
    "ChatRequest.typing",
    "ChatRequest.read",
    "ChatRequest.join_room",
    "ChatRequest.leave_room",
    "ChatRequest.room_list_request",
    "ChatRequest.room_list",
    "ChatRequest.roster_request",
    "ChatRequest.set_away",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=../proto");
    println!("cargo:rerun-if-changed=build");
    let mut descriptors = protox::compile(["../proto/chat.proto", "../proto/device.proto"], ["../proto"])?;
    let out = std::env::var("OUT_DIR")?;
    let whole = std::env::var_os("CARGO_FEATURE_WHOLE_SCHEMA").is_some();
    let left_out: &[&str] = if whole { &[] } else { &NOT_IN_THE_PAGE };
    for file in &descriptors.file {
        let name = Path::new(file.name()).with_extension("rs");
        fs::write(Path::new(&out).join(name), generate::file(file, left_out)?)?;
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
