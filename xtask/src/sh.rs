//! Starting other programs, and telling how far along the work is.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::place::Place;

/// Numbered progress lines with the seconds since the start.
#[derive(Debug)]
pub struct Steps {
    total: usize,
    start: Instant,
    /// Each step so far, and when it began.
    begun: Vec<(String, Instant)>,
}

impl Steps {
    pub fn new(total: usize) -> Self {
        Self { total, start: Instant::now(), begun: Vec::new() }
    }

    pub fn next(&mut self, what: &str) {
        self.begun.push((what.to_owned(), Instant::now()));
        let seconds = self.start.elapsed().as_secs_f32();
        eprintln!("[{}/{}] {seconds:>4.0} s  {what} ...", self.begun.len(), self.total);
    }

    pub fn done(&self, what: &str) {
        eprintln!("      {:>4.0} s  {what}", self.start.elapsed().as_secs_f32());
    }

    /// How long each step took.
    pub fn times(&self) {
        let ends = self.begun.iter().skip(1).map(|(_, begun)| *begun).chain([Instant::now()]);
        for ((what, begun), end) in self.begun.iter().zip(ends) {
            eprintln!("{:>8.1} s  {what}", end.duration_since(*begun).as_secs_f32());
        }
    }
}

/// Cargo in the workspace, into the target directory xtask itself lives in.
pub fn cargo(place: &Place, args: &[&str]) -> Command {
    let mut command = program(place, std::env::var("CARGO").as_deref().unwrap_or("cargo"));
    command.args(args);
    command
}

pub fn program(place: &Place, name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(&place.root).env("CARGO_TARGET_DIR", &place.target).stdin(Stdio::null());
    command
}

/// Runs to the end, its output passed through; `what` names the work in the sentence about a failure.
pub fn run(command: &mut Command, what: &str) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(command))?;
    if !status.success() {
        bail!("{what} failed ({status}); its own words are above.");
    }
    Ok(())
}

/// As [`run`], and gives what it wrote to standard output, which is shown only when it fails.
pub fn output(command: &mut Command, what: &str) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| cannot_start(command))?;
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{what} failed ({}):\n{words}", output.status);
    }
    Ok(words)
}

/// Runs silently; its standard output, or nothing when it could not run or failed.
pub fn ask(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn cannot_start(command: &Command) -> String {
    format!("{} cannot be started: is it installed and on PATH?", command.get_program().display())
}
