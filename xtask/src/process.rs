//! Runs other programs and prints progress.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// Prints numbered steps with the seconds since the start.
#[derive(Debug)]
pub struct Steps {
    total: usize,
    start: Instant,
    /// The steps so far, with the time each began.
    started: Vec<(String, Instant)>,
}

impl Steps {
    pub fn new(total: usize) -> Self {
        Self { total, start: Instant::now(), started: Vec::new() }
    }

    pub fn next(&mut self, name: &str) {
        self.started.push((name.to_owned(), Instant::now()));
        let seconds = self.start.elapsed().as_secs_f32();
        eprintln!("[{}/{}] {seconds:>4.0} s  {name} ...", self.started.len(), self.total);
    }

    pub fn done(&self, message: &str) {
        eprintln!("      {:>4.0} s  {message}", self.start.elapsed().as_secs_f32());
    }

    /// Prints the duration of each step.
    pub fn print_times(&self) {
        let ends = self.started.iter().skip(1).map(|(_, start)| *start).chain([Instant::now()]);
        for ((name, start), end) in self.started.iter().zip(ends) {
            eprintln!("{:>8.1} s  {name}", end.duration_since(*start).as_secs_f32());
        }
    }
}

/// Cargo in the workspace, with the target directory that xtask was built into.
pub fn cargo(workspace: &Workspace, args: &[&str]) -> Command {
    let mut command = program(workspace, std::env::var("CARGO").as_deref().unwrap_or("cargo"));
    command.args(args);
    command
}

/// A program in the workspace, without standard input.
pub fn program(workspace: &Workspace, name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(&workspace.root).env("CARGO_TARGET_DIR", &workspace.target).stdin(Stdio::null());
    command
}

/// Runs a program and shows its output. `name` describes the work in the error message.
pub fn run(command: &mut Command, name: &str) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(command))?;
    if !status.success() {
        bail!("{name} failed ({status}); see its output above.");
    }
    Ok(())
}

/// Runs a program and returns its standard output, which is part of the error if it fails.
pub fn output(command: &mut Command, name: &str) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| cannot_start(command))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{name} failed ({}):\n{text}", output.status);
    }
    Ok(text)
}

/// Runs a program silently and returns its standard output, or nothing if it cannot be started or fails.
pub fn try_output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn cannot_start(command: &Command) -> String {
    format!("{} cannot be started: is it installed and on PATH?", command.get_program().display())
}
