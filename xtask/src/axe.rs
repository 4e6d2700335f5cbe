//! Finds axe-core, with which the browser tests check accessibility.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha512};

use crate::browser::{apt, is_root};
use crate::process;
use crate::workspace::{Workspace, on_path};

const VERSION: &str = "4.14.1";
/// The SHA-512 of the package, in Base64, as in lock files of npm.
const INTEGRITY: &str =
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==";

/// The script named by `PARLOUR_AXE`, or else the one in `target/tools`, into which npm downloads it.
pub fn find_or_install(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("PARLOUR_AXE").map(PathBuf::from) {
        return Ok(named);
    }
    let folder = workspace.tools().join(format!("axe-core-{VERSION}"));
    let script = folder.join("package/axe.min.js");
    if !script.is_file() {
        download(workspace, &folder)?;
    }
    Ok(script)
}

fn download(workspace: &Workspace, folder: &Path) -> Result<()> {
    if on_path(&["npm"]).is_none() && Path::new("/etc/debian_version").exists() && is_root(workspace) {
        process::run(
            apt(workspace).args(["install", "-y", "--no-install-recommends", "npm"]),
            "installing npm by apt-get",
        )?;
    }
    if on_path(&["npm"]).is_none() {
        bail!("npm is missing: install it, or set PARLOUR_AXE to axe.min.js of axe-core {VERSION}.");
    }
    eprintln!("             downloading axe-core into target/tools");
    fs::create_dir_all(folder).context("target/tools cannot be created")?;
    let name = format!("axe-core@{VERSION}");
    process::output(
        process::program(workspace, "npm").args(["pack", "--loglevel=error", &name]).current_dir(folder),
        &format!("npm pack {name}"),
    )?;
    let package = folder.join(format!("axe-core-{VERSION}.tgz"));
    let bytes = fs::read(&package).context("npm has downloaded no package")?;
    if STANDARD.encode(Sha512::digest(bytes)) != INTEGRITY {
        bail!("{} is not the expected package.", package.display());
    }
    process::run(
        process::program(workspace, "tar").arg("-xzf").arg(&package).current_dir(folder),
        "unpacking axe-core",
    )
}
