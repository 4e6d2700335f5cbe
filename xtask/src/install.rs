//! Installs programs from crates.io into `target/tools`, because not every system has packages of them.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use anyhow::{Context, Result, bail};

use crate::process;
use crate::workspace::Workspace;

/// A `cargo install` that runs in the background.
#[derive(Debug)]
pub struct Install {
    name: &'static str,
    version: &'static str,
    child: Child,
    log: PathBuf,
}

impl Install {
    /// Starts to compile a program. `duration` is the expected time, for the message.
    pub fn start(
        workspace: &Workspace,
        name: &'static str,
        version: &'static str,
        duration: &str,
    ) -> Result<Self> {
        eprintln!("      installing {name} {version} into target/tools (only once; takes {duration})");
        fs::create_dir_all(workspace.tools_bin()).context("target/tools cannot be created")?;
        let log = workspace.tools().join(format!("{name}.log"));
        let output = File::create(&log).context("target/tools cannot be written")?;
        let mut command = process::cargo(
            workspace,
            &["install", name, "--version", version, "--locked", "--force", "--root"],
        );
        command
            .arg(workspace.tools())
            .env("CARGO_TARGET_DIR", workspace.tools().join("build"))
            // These programs run for seconds only, so compiling them fast matters most.
            .envs([
                ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
                ("CARGO_PROFILE_RELEASE_LTO", "false"),
                ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256"),
                ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
            ])
            .stdout(Stdio::null())
            .stderr(output);
        let child = command.spawn().context("cargo install cannot be started")?;
        Ok(Self { name, version, child, log })
    }

    /// Waits for the installation.
    pub fn finish(mut self, workspace: &Workspace) -> Result<()> {
        let status = self.child.wait().context("cargo install cannot be waited for")?;
        if !status.success() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("{}", lines[lines.len().saturating_sub(20)..].join("\n"));
            let Self { name, version, .. } = self;
            bail!(
                "{name} {version} cannot be installed; see the reason above. Check the network, or install it yourself."
            );
        }
        // The build files take half a gigabyte and are not needed any more. If they cannot be removed, they do no harm.
        let _ = fs::remove_dir_all(workspace.tools().join("build"));
        Ok(())
    }
}
