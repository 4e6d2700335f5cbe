//! The room, which the page loads after the login page: what Trunk is told so that it becomes a file of its own, and how
//! the page names that file.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256, Sha384};

use crate::fingerprint::hex;
use crate::place::Place;

/// The client's feature that marks where to cut.
pub const FEATURE: &str = "split";

/// Those of .cargo/config.toml, whose place they take, and what tells of each function whom it calls.
const RUSTFLAGS: &str = "-C link-arg=--keep-section=target_features -C link-arg=--emit-relocs";

/// Lets cargo and wasm-bindgen, called by this command, cut the room out; for that the module keeps its names until then.
pub fn cut_out<'a>(command: &'a mut Command, place: &Place) -> &'a mut Command {
    command
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", RUSTFLAGS)
        .env("CARGO_PROFILE_WASM_RELEASE_STRIP", "none")
        .env("PARLOUR_PART", cut(place))
}

/// Where wasm-bindgen puts it.
fn cut(place: &Place) -> PathBuf {
    place.target.join("room.wasm")
}

/// Puts what was cut out into the bundle, under a name that changes with it.
pub fn add(place: &Place) -> Result<()> {
    let bytes = fs::read(cut(place)).context("the room was not cut out of the page")?;
    let name = format!("room-{}.wasm", &hex(&Sha256::digest(&bytes))[..16]);
    fs::write(place.dist().join(&name), &bytes).context("dist/ cannot be written")?;
    let index = place.dist().join("index.html");
    let page = fs::read_to_string(&index).context("dist/index.html cannot be read")?;
    fs::write(&index, with_part(&page, &name, &bytes)?).context("dist/index.html cannot be written")
}

/// No `rel` that a browser knows: it would fetch it at a moment of its own choice, which may be too early or twice.
fn with_part(page: &str, name: &str, bytes: &[u8]) -> Result<String> {
    let (before, after) = page.split_once("</head>").context("the page has no </head>")?;
    let integrity = BASE64_STANDARD.encode(Sha384::digest(bytes));
    let link = format!("<link href=./{name} integrity=sha384-{integrity} rel=part>");
    Ok(format!("{before}{link}</head>{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::tags;

    #[test]
    fn the_page_names_it_with_its_integrity() {
        let page = with_part("<head><title>x</title></head><body>", "room-01.wasm", b"wasm").unwrap();
        assert!(page.ends_with("</head><body>"));
        let tags = tags(&page);
        let link = tags.iter().find(|tag| tag.attr("rel") == Some("part")).unwrap();
        assert_eq!(link.reference(), Some("./room-01.wasm"));
        let digest = BASE64_STANDARD.encode(Sha384::digest("wasm"));
        assert_eq!(link.attr("integrity"), Some(&*format!("sha384-{digest}")));
        assert!(with_part("<body>", "room-01.wasm", b"wasm").is_err());
    }
}
