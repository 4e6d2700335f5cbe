//! Builds the client as a main module and parts, which the page loads later: the room after the login page, what is beside a
//! room after that, and the dialogs and the search. The modules are divided by the wasm-bindgen command in `xtask/bindgen`, which
//! Trunk runs; here is the feature that it needs, and the links to the modules in the page.

use std::fs;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::check::integrity;
use crate::fingerprint::hex;
use crate::workspace::Workspace;

/// The client's feature that marks the split points.
pub const FEATURE: &str = "split";

/// Adds the modules of the parts to the bundle, with a hash in their names, and a link to each to the page.
pub fn add_parts(workspace: &Workspace) -> Result<()> {
    let built = workspace.target.join("wasm-bindgen/release/parts");
    let list = fs::read_to_string(built.join("list.txt")).context("the client was not split")?;
    let index = workspace.dist().join("index.html");
    let mut page = fs::read_to_string(&index).context("dist/index.html cannot be read")?;
    for line in list.lines() {
        let (file, parts) = line.split_once(' ').context("a module is needed by no part")?;
        let bytes = fs::read(built.join(file)).with_context(|| format!("{file} cannot be read"))?;
        let stem = file.trim_end_matches(".wasm");
        let name = format!("{stem}-{}.wasm", &hex(&Sha256::digest(&bytes))[..16]);
        fs::write(workspace.dist().join(&name), &bytes).context("dist/ cannot be written")?;
        page = with_link(&page, &name, parts, &bytes)?;
    }
    fs::write(&index, page).context("dist/index.html cannot be written")
}

/// Adds a link to a module to the page. Browsers ignore the relation `part`. With a relation that they support, they would
/// load the module at once.
fn with_link(page: &str, name: &str, parts: &str, bytes: &[u8]) -> Result<String> {
    let (before, after) = page.split_once("</head>").context("the page has no </head>")?;
    let link = format!("<link href=./{name} integrity={} rel=part data-parts=\"{parts}\">", integrity(bytes));
    Ok(format!("{before}{link}</head>{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::tags;

    #[test]
    fn the_page_links_to_the_modules_with_an_integrity() {
        let page =
            with_link("<head><title>x</title></head><body>", "room-01.wasm", "room search", b"wasm").unwrap();
        assert!(page.ends_with("</head><body>"));
        let tags = tags(&page);
        let link = tags.iter().find(|tag| tag.attr("rel") == Some("part")).unwrap();
        assert_eq!(link.reference(), Some("./room-01.wasm"));
        assert_eq!(link.attr("integrity"), Some(&*integrity(b"wasm")));
        assert_eq!(link.attr("data-parts"), Some("room search"));
        assert!(with_link("<body>", "room-01.wasm", "room", b"wasm").is_err());
    }
}
