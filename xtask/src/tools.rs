//! Finds the tools for a build, and installs those that are missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::install::Install;
use crate::workspace::{Workspace, exe_name, on_path};
use crate::{process, split};

/// The newest Trunk that the workspace's Rust version compiles.
const TRUNK: &str = "0.21.14";
pub const WASM: &str = "wasm32-unknown-unknown";

/// Installs the compiler's wasm32 target.
pub fn wasm_target(workspace: &Workspace) -> Result<()> {
    let mut rustc = process::program(workspace, "rustc");
    let libs = process::try_output(rustc.args(["--print", "target-libdir", "--target", WASM]));
    if libs.is_some_and(|dir| PathBuf::from(dir).is_dir()) {
        return Ok(());
    }
    if on_path(&["rustup"]).is_none() {
        bail!("Rust's {WASM} target is missing, and rustup to add it too: install rustup from rustup.rs.");
    }
    process::run(
        process::program(workspace, "rustup").args(["target", "add", WASM]),
        "adding the wasm32 target by rustup",
    )
}

/// Installs the rustup components that only `test` needs.
pub fn components(workspace: &Workspace) -> Result<()> {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if process::try_output(&mut process::cargo(workspace, &[subcommand, "--version"])).is_some() {
            continue;
        }
        if on_path(&["rustup"]).is_none() {
            bail!("cargo {subcommand} is missing: install Rust's {component}.");
        }
        process::run(
            process::program(workspace, "rustup").args(["component", "add", component]),
            "adding a rustup component",
        )?;
    }
    Ok(())
}

/// Installs Trunk and wasm-bindgen. Trunk is compiled in the background while wasm-bindgen and the client are compiled,
/// because neither alone uses two cores.
pub fn install_page_tools(workspace: &Workspace) -> Result<()> {
    fs::create_dir_all(workspace.tools_bin()).context("target/tools cannot be created")?;
    let trunk = start_trunk_install(workspace)?;
    let rest = install_wasm_bindgen(workspace)
        .and_then(|()| if trunk.is_some() { compile_split_client(workspace) } else { Ok(()) });
    if let Some(install) = trunk {
        install.finish(workspace)?;
    }
    rest
}

/// Trunk, with `target/tools/bin` first on its PATH: it uses the wasm-bindgen there instead of downloading one.
pub fn trunk(workspace: &Workspace) -> Command {
    let own = workspace.tools_bin().join(exe_name("trunk"));
    let mut command = process::program(workspace, if own.is_file() { own } else { PathBuf::from("trunk") });
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(workspace.tools_bin()).chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(dirs) {
        command.env("PATH", path);
    }
    // Trunk fails if NO_COLOR is set to anything but a boolean.
    if std::env::var_os("NO_COLOR").is_some() {
        command.env("NO_COLOR", "true");
    }
    command.env("TRUNK_SKIP_VERSION_CHECK", "true");
    command
}

fn start_trunk_install(workspace: &Workspace) -> Result<Option<Install>> {
    if process::try_output(trunk(workspace).arg("--version")).is_some_and(|text| is_compatible(&text)) {
        return Ok(None);
    }
    Install::start(workspace, "trunk", TRUNK, "two or three minutes").map(Some)
}

/// Returns `true` if this is `trunk 0.21.x`, with x at least as Trunk.toml requires.
fn is_compatible(version: &str) -> bool {
    let patch = version.strip_prefix("trunk 0.21.").map(str::trim);
    patch.and_then(|patch| patch.parse::<u32>().ok()).is_some_and(|patch| patch >= 14)
}

/// Puts the wasm-bindgen command of `xtask/bindgen` into `target/tools/bin`.
fn install_wasm_bindgen(workspace: &Workspace) -> Result<()> {
    let mut build = process::cargo(workspace, &["build", "--package", "parlour-bindgen"]);
    process::run(&mut build, "building wasm-bindgen")?;
    let built = workspace.target.join("debug").join(exe_name("parlour-bindgen"));
    let installed = workspace.tools_bin().join(exe_name("wasm-bindgen"));
    let modified = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
    if modified(&installed) < modified(&built) {
        fs::copy(built, installed).context("wasm-bindgen cannot be copied to target/tools")?;
    }
    Ok(())
}

/// Compiles the client with the options that Trunk will use, while Trunk is being installed.
fn compile_split_client(workspace: &Workspace) -> Result<()> {
    let mut cargo = compile_client(workspace);
    process::run(cargo.args(["--features", split::FEATURE]), "compiling the client")
}

/// A table of the crates' sizes in the bundle's module.
pub fn crate_sizes(workspace: &Workspace) -> Result<String> {
    compile_split_client(workspace)?;
    let module = workspace.target.join(WASM).join("wasm-release/parlour-client.wasm");
    let mut sizes = process::cargo(
        workspace,
        &["run", "--quiet", "--package", "parlour-bindgen", "--bin", "parlour-crate-sizes"],
    );
    process::output(sizes.arg("--").arg(module), "measuring the crates")
}

/// Compiles the client as `trunk serve` does, in one module.
pub fn compile_single_module(workspace: &Workspace) -> Result<()> {
    process::run(&mut compile_client(workspace), "compiling the client")
}

fn compile_client(workspace: &Workspace) -> Command {
    process::cargo(
        workspace,
        &["build", "--bin", "parlour-client", "--target", WASM, "--profile", "wasm-release"],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_patch_releases_from_the_required_one_are_compatible() {
        assert!(is_compatible("trunk 0.21.14"));
        assert!(!is_compatible("trunk 0.21.9"));
        assert!(!is_compatible("trunk 0.22.1"));
        assert!(!is_compatible(""));
    }
}
