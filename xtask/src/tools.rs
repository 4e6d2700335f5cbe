//! The tools a build needs, fetched when this machine lacks them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::install::Install;
use crate::place::{Place, exe_name, on_path};
use crate::{part, sh};

/// The newest Trunk that the workspace's Rust version compiles.
const TRUNK: &str = "0.21.14";
pub const WASM: &str = "wasm32-unknown-unknown";

/// The wasm32 half of the compiler.
pub fn wasm_target(place: &Place) -> Result<()> {
    let libs = sh::ask(sh::program(place, "rustc").args(["--print", "target-libdir", "--target", WASM]));
    if libs.is_some_and(|dir| PathBuf::from(dir).is_dir()) {
        return Ok(());
    }
    if on_path(&["rustup"]).is_none() {
        bail!(
            "Rust's {WASM} target is missing and so is rustup, which adds it: install rustup from rustup.rs."
        );
    }
    sh::run(sh::program(place, "rustup").args(["target", "add", WASM]), "adding the wasm32 target by rustup")
}

/// Rustup's optional parts that only `test` needs.
pub fn components(place: &Place) -> Result<()> {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if sh::ask(sh::cargo(place, &[subcommand, "--version"]).stdin(Stdio::null())).is_some() {
            continue;
        }
        if on_path(&["rustup"]).is_none() {
            bail!("cargo {subcommand} is missing: install Rust's {component}.");
        }
        sh::run(
            sh::program(place, "rustup").args(["component", "add", component]),
            "adding a rustup component",
        )?;
    }
    Ok(())
}

/// Trunk and wasm-bindgen. Trunk is compiled in the background of the rest, since neither fills two cores.
pub fn page_builders(place: &Place) -> Result<()> {
    fs::create_dir_all(place.tools_bin()).context("target/tools cannot be created")?;
    let trunk = start_trunk_install(place)?;
    let rest =
        wasm_bindgen(place).and_then(|()| if trunk.is_some() { precompile_client(place) } else { Ok(()) });
    if let Some(install) = trunk {
        install.finish(place)?;
    }
    rest
}

/// Trunk with `target/tools/bin` first on its PATH: there it finds the wasm-bindgen it must not download.
pub fn trunk(place: &Place) -> Command {
    let own = own_trunk(place);
    let mut command = sh::program(place, if own.is_file() { own } else { PathBuf::from("trunk") });
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(place.tools_bin()).chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(dirs) {
        command.env("PATH", path);
    }
    // It takes NO_COLOR for a yes-or-no question and stops at "1".
    if std::env::var_os("NO_COLOR").is_some() {
        command.env("NO_COLOR", "true");
    }
    command.env("TRUNK_SKIP_VERSION_CHECK", "true");
    command
}

fn own_trunk(place: &Place) -> PathBuf {
    place.tools_bin().join(exe_name("trunk"))
}

fn start_trunk_install(place: &Place) -> Result<Option<Install>> {
    if sh::ask(trunk(place).arg("--version")).is_some_and(|text| fits(&text)) {
        return Ok(None);
    }
    Install::start(place, "trunk", TRUNK, "two or three minutes").map(Some)
}

/// `trunk 0.21.x`, x at least what Trunk.toml asks for.
fn fits(version: &str) -> bool {
    let patch = version.strip_prefix("trunk 0.21.").map(str::trim);
    patch.and_then(|patch| patch.parse::<u32>().ok()).is_some_and(|patch| patch >= 14)
}

/// Puts our own wasm-bindgen into `target/tools/bin`: of the version in Cargo.lock, and what it writes is small.
fn wasm_bindgen(place: &Place) -> Result<()> {
    sh::run(&mut sh::cargo(place, &["build", "--package", "parlour-bindgen"]), "building wasm-bindgen")?;
    let built = place.target.join("debug").join(exe_name("parlour-bindgen"));
    let installed = place.tools_bin().join(exe_name("wasm-bindgen"));
    let modified = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
    if modified(&installed) < modified(&built) {
        fs::copy(built, installed).context("wasm-bindgen cannot be put into target/tools")?;
    }
    Ok(())
}

/// What Trunk will ask cargo for, so that the wait for Trunk is put to use.
fn precompile_client(place: &Place) -> Result<()> {
    let mut cargo = client(place);
    sh::run(part::cut_out(cargo.args(["--features", part::FEATURE]), place), "compiling the client")
}

/// What each crate weighs in the module of the bundle, as a table; after the bundle was built.
pub fn weighed_client(place: &Place) -> Result<String> {
    precompile_client(place)?;
    let module = place.target.join(WASM).join("wasm-release/parlour-client.wasm");
    let mut bindgen = sh::program(place, place.tools_bin().join(exe_name("wasm-bindgen")));
    sh::output(bindgen.arg(format!("--weigh={}", module.display())), "weighing the client")
}

/// Compiles the client as a developer's Trunk does, in one module.
pub fn whole_client(place: &Place) -> Result<()> {
    sh::run(&mut client(place), "compiling the client")
}

fn client(place: &Place) -> Command {
    sh::cargo(place, &["build", "--bin", "parlour-client", "--target", WASM, "--profile", "wasm-release"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_or_newer_trunk_does_not_fit() {
        assert!(fits("trunk 0.21.14"));
        assert!(!fits("trunk 0.21.9"));
        assert!(!fits("trunk 0.22.1"));
        assert!(!fits(""));
    }
}
