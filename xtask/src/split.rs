//! Builds the client as two modules: the main module, and the room's module, which the page loads after the login page. The
//! modules are divided by the wasm-bindgen command in `xtask/bindgen`, which Trunk runs; here are the options that it needs,
//! and the link to the room's module in the page.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::check::integrity;
use crate::fingerprint::hex;
use crate::workspace::Workspace;

/// The client's feature that marks the split point.
pub const FEATURE: &str = "split";

/// Replaces the flags of .cargo/config.toml. The splitter reads relocations to find out which function calls which.
const RUSTFLAGS: &str = "-C link-arg=--keep-section=target_features -C link-arg=--emit-relocs";

/// Sets the environment for a command that compiles the client with [`FEATURE`]. wasm-bindgen removes the names of functions,
/// which the splitter reads.
pub fn set_env(command: &mut Command) -> &mut Command {
    command
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", RUSTFLAGS)
        .env("CARGO_PROFILE_WASM_RELEASE_STRIP", "none")
}

/// Adds the room's module to the bundle, with a hash in its name, and a link to it to the page.
pub fn add_room(workspace: &Workspace) -> Result<()> {
    let built = workspace.target.join("wasm-bindgen/release/room.wasm");
    let bytes = fs::read(built).context("the client was not split")?;
    let name = format!("room-{}.wasm", &hex(&Sha256::digest(&bytes))[..16]);
    fs::write(workspace.dist().join(&name), &bytes).context("dist/ cannot be written")?;
    let index = workspace.dist().join("index.html");
    let page = fs::read_to_string(&index).context("dist/index.html cannot be read")?;
    fs::write(&index, with_room_link(&page, &name, &bytes)?).context("dist/index.html cannot be written")
}

/// Browsers ignore the relation `part`. With a relation that they support, they would load the module at once.
fn with_room_link(page: &str, name: &str, bytes: &[u8]) -> Result<String> {
    let (before, after) = page.split_once("</head>").context("the page has no </head>")?;
    let link = format!("<link href=./{name} integrity={} rel=part>", integrity(bytes));
    Ok(format!("{before}{link}</head>{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::tags;

    #[test]
    fn the_page_links_to_the_room_with_an_integrity() {
        let page = with_room_link("<head><title>x</title></head><body>", "room-01.wasm", b"wasm").unwrap();
        assert!(page.ends_with("</head><body>"));
        let tags = tags(&page);
        let link = tags.iter().find(|tag| tag.attr("rel") == Some("part")).unwrap();
        assert_eq!(link.reference(), Some("./room-01.wasm"));
        assert_eq!(link.attr("integrity"), Some(&*integrity(b"wasm")));
        assert!(with_room_link("<body>", "room-01.wasm", b"wasm").is_err());
    }
}
