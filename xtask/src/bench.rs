//! `cargo xtask bench`: the server beside other servers. Builds what is measured, fetches the others into
//! `target/bench`, and lets `parlour-bench` measure.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::place::{Place, exe_name, on_path};
use crate::sh::{self, Steps};

const USAGE: &str = "usage: cargo xtask bench [--check] [--rounds N] [--seconds N] [--only TEXT]";

/// Of npm. The newest of these: a peer that got faster is one to keep up with.
const MODULES: &[&str] = &["ws", "bun"];
/// Of Debian.
const NATS: &str = "nats-server";

pub fn bench(args: &[String]) -> Result<()> {
    let (check, rest) = wanted(args)?;
    if !cfg!(target_os = "linux") {
        bail!("the benchmark reads Linux's /proc and pins to cores; on another system it can't be run.");
    }
    let place = Place::find()?;
    let out = place.target.join("bench");
    let peers = out.join("peers");
    fs::create_dir_all(&peers).context("target/bench cannot be created")?;
    let mut steps = Steps::new(3);
    steps.next("building the server and the benchmark");
    // One after the other: together, the server would be built with what the benchmark needs of their dependencies.
    for package in ["parlour-server", "parlour-bench"] {
        let mut build = sh::cargo(&place, &["build", "--release", "--package", package]);
        sh::run(&mut build, &format!("building {package}"))?;
    }
    steps.next("fetching the servers to compare with");
    for told in [modules(&place, &peers), nats(&place, &peers)] {
        // The table has a place for those that are missing.
        if let Err(error) = told {
            eprintln!("             {error:#}; the figures will be without it.");
        }
    }
    steps.next("measuring (some minutes; the less else runs on this machine the better)");
    let mut command = sh::program(&place, place.target.join("release").join(exe_name("parlour-bench")));
    command.arg("--server").arg(place.server()).arg("--peers").arg(peers).arg("--out").arg(out).args(rest);
    if check {
        command.arg("--check").arg(place.root.join("bench").join("budgets.toml"));
    }
    sh::run(&mut command, "the benchmark")?;
    steps.times();
    Ok(())
}

/// Whether to check, and what else there is to pass on.
fn wanted(args: &[String]) -> Result<(bool, Vec<OsString>)> {
    let (mut check, mut rest) = (false, Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--check" => check = true,
            "--rounds" | "--seconds" | "--only" => {
                rest.push(arg.into());
                rest.push(args.next().context(USAGE)?.into());
            }
            _ => bail!(USAGE),
        }
    }
    Ok((check, rest))
}

/// What npm has; Bun's program is in a package too.
fn modules(place: &Place, peers: &Path) -> Result<()> {
    if MODULES.iter().all(|name| peers.join("node_modules").join(name).is_dir()) {
        return Ok(());
    }
    if on_path(&["npm"]).is_none() {
        bail!("npm is not there, by which {} are fetched", MODULES.join(" and "));
    }
    let mut npm = sh::program(place, "npm");
    npm.args(["install", "--no-audit", "--no-fund", "--no-package-lock", "--prefix"])
        .arg(peers)
        .args(MODULES);
    // The table alone goes to standard output.
    sh::output(&mut npm, "npm install").map(drop)
}

/// Debian's package, taken apart: nothing is installed.
fn nats(place: &Place, peers: &Path) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let of = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        assert_eq!(wanted(&of("")).unwrap(), (false, vec![]));
        let rest = ["--rounds", "5"].map(OsString::from).to_vec();
        assert_eq!(wanted(&of("--rounds 5 --check")).unwrap(), (true, rest));
        for wrong in ["--rounds", "--chek", "5"] {
            assert!(wanted(&of(wrong)).is_err(), "{wrong}");
        }
    }
}
