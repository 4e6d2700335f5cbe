//! Programs that cargo compiles into `target/tools`, since no package manager can be counted on to have them.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use anyhow::{Context, Result, bail};

use crate::place::Place;
use crate::sh;

/// An installation that runs in the background.
#[derive(Debug)]
pub struct Install {
    name: &'static str,
    version: &'static str,
    child: Child,
    log: PathBuf,
}

impl Install {
    /// Starts to compile a program of crates.io; `takes` tells who waits how long that is.
    pub fn start(place: &Place, name: &'static str, version: &'static str, takes: &str) -> Result<Self> {
        eprintln!("      installing {name} {version} into target/tools (once; takes {takes})");
        fs::create_dir_all(place.tools_bin()).context("target/tools cannot be created")?;
        let log = place.tools().join(format!("{name}.log"));
        let written = File::create(&log).context("target/tools cannot be written")?;
        let mut command =
            sh::cargo(place, &["install", name, "--version", version, "--locked", "--force", "--root"]);
        command
            .arg(place.tools())
            .env("CARGO_TARGET_DIR", place.tools().join("build"))
            // Compiled once to be run for seconds: the quickest build wins.
            .envs([
                ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
                ("CARGO_PROFILE_RELEASE_LTO", "false"),
                ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256"),
                ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
            ])
            .stdout(Stdio::null())
            .stderr(written);
        let child = command.spawn().context("cargo install cannot be started")?;
        Ok(Self { name, version, child, log })
    }

    /// Waits for it.
    pub fn finish(mut self, place: &Place) -> Result<()> {
        let status = self.child.wait().context("cargo install was lost")?;
        if !status.success() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("{}", lines[lines.len().saturating_sub(20)..].join("\n"));
            let Self { name, version, .. } = self;
            bail!(
                "{name} {version} could not be installed (above: why); check the network, or install it yourself."
            );
        }
        // Half a gigabyte that is never needed again; if it stays, nothing is wrong.
        let _ = fs::remove_dir_all(place.tools().join("build"));
        Ok(())
    }
}
