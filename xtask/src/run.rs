//! `cargo xtask run`: builds everything and starts the server.

use std::process::{Command, Stdio};

use anyhow::{Error, Result};

use crate::process::Steps;
use crate::workspace::Workspace;
use crate::{bundle, dist};

pub fn run(args: &[String]) -> Result<()> {
    let workspace = Workspace::locate()?;
    let server_args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    let mut steps = Steps::new(3);
    steps.next("building the page");
    bundle::build(&workspace, None)?;
    steps.next("building the server");
    dist::build_server(&workspace)?;
    steps.next("starting the server");
    let mut server = Command::new(workspace.server());
    server.args(server_args).stdin(Stdio::null());
    Err(exec(&mut server).context("the server cannot be started"))
}

/// Replaces xtask with the server, so that no server outlives an xtask that was killed. Returns only if it fails.
#[cfg(unix)]
fn exec(server: &mut Command) -> Error {
    use std::os::unix::process::CommandExt as _;
    server.exec().into()
}

#[cfg(not(unix))]
fn exec(server: &mut Command) -> Error {
    match server.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error.into(),
    }
}
