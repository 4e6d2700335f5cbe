//! Finds the reverse proxies for the browser tests: nginx and Caddy, which run the examples of the README.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::browser::{apt, is_root};
use crate::process;
use crate::workspace::{Workspace, on_path};

/// The proxies, and openssl, which makes certificates for them.
#[derive(Debug)]
pub struct Proxies {
    pub nginx: PathBuf,
    pub caddy: PathBuf,
    pub openssl: PathBuf,
}

/// Finds the proxies. On Debian, missing ones are downloaded by apt and unpacked into `target/tools`: installing them would
/// start them as services.
pub fn find_or_install(workspace: &Workspace) -> Result<Proxies> {
    Ok(Proxies {
        nginx: proxy(workspace, "nginx", "NGINX", "usr/sbin/nginx", "-v")?,
        caddy: proxy(workspace, "caddy", "CADDY", "usr/bin/caddy", "version")?,
        openssl: openssl(workspace)?,
    })
}

/// The program named by a variable, or else the one on PATH or in Debian's place, or else the one in `target/tools`.
fn proxy(workspace: &Workspace, name: &str, variable: &str, path: &str, version: &str) -> Result<PathBuf> {
    let unpacked = workspace.tools().join("debian");
    let named = std::env::var_os(variable).map(PathBuf::from);
    // /usr/sbin is not on every user's PATH.
    let candidates = [named, on_path(&[name]), Some(Path::new("/").join(path)), Some(unpacked.join(path))];
    if let Some(found) = candidates.into_iter().flatten().find(|program| runs(program, version)) {
        return Ok(found);
    }
    if !Path::new("/etc/debian_version").exists() || on_path(&["apt-get"]).is_none() {
        bail!("{name} is missing: install it, and set {variable} to where it is if it is not on PATH.");
    }
    eprintln!("             downloading {name} into target/tools/debian");
    let package = download(workspace, name, &unpacked)?;
    let program = unpacked.join(path);
    if !runs(&program, version) {
        install_libraries(workspace, &package)?;
    }
    if !runs(&program, version) {
        bail!("Debian's {name} does not start, perhaps because of missing libraries: apt install {name}.");
    }
    Ok(program)
}

/// Downloads a Debian package and unpacks it into a directory. Returns the package.
fn download(workspace: &Workspace, name: &str, into: &Path) -> Result<PathBuf> {
    fs::create_dir_all(into).context("target/tools cannot be created")?;
    let fetch = || {
        process::run(
            apt(workspace).current_dir(into).args(["download", name]),
            &format!("apt-get download {name}"),
        )
    };
    // The lists of packages may be missing or old.
    if fetch().is_err() {
        if !is_root(workspace) {
            bail!("{name} cannot be downloaded: apt install {name}, or run apt update and try again.");
        }
        process::run(apt(workspace).arg("update"), "apt-get update")?;
        fetch()?;
    }
    let is_package = |file: &PathBuf| {
        let file_name = file.file_name().and_then(|it| it.to_str()).unwrap_or_default();
        file_name.starts_with(&format!("{name}_")) && file_name.ends_with(".deb")
    };
    let files = fs::read_dir(into).context("target/tools cannot be read")?;
    let package = files.filter_map(|entry| entry.ok().map(|entry| entry.path())).find(is_package);
    let package = package.with_context(|| format!("apt-get has downloaded no package {name}"))?;
    process::run(
        process::program(workspace, "dpkg-deb").arg("--extract").arg(&package).arg(into),
        &format!("unpacking {name}"),
    )?;
    Ok(package)
}

/// Installs the libraries of a package, without the package.
fn install_libraries(workspace: &Workspace, package: &Path) -> Result<()> {
    let mut query = process::program(workspace, "dpkg-deb");
    let depends = process::output(query.arg("--field").arg(package).arg("Depends"), "reading a package")?;
    let names = depends.split([',', '|']).filter_map(|entry| entry.split_whitespace().next());
    let libraries: Vec<&str> = names.filter(|name| name.starts_with("lib") || *name == "zlib1g").collect();
    if !is_root(workspace) {
        bail!("libraries are missing: apt install {}.", libraries.join(" "));
    }
    let mut install = apt(workspace);
    install.args(["install", "-y", "--no-install-recommends"]).args(libraries);
    process::run(&mut install, "installing libraries by apt-get")
}

fn openssl(workspace: &Workspace) -> Result<PathBuf> {
    if on_path(&["openssl"]).is_none() && Path::new("/etc/debian_version").exists() && is_root(workspace) {
        process::run(
            apt(workspace).args(["install", "-y", "--no-install-recommends", "openssl"]),
            "installing openssl by apt-get",
        )?;
    }
    on_path(&["openssl"]).context("openssl is missing: install it (on Debian: apt install openssl)")
}

fn runs(program: &Path, version: &str) -> bool {
    // nginx prints its version on standard error.
    program.is_file() && process::try_output(Command::new(program).arg(version)).is_some()
}
