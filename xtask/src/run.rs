//! `cargo xtask run`: from a checkout to a page one can chat on.

use std::process::{Command, Stdio};

use anyhow::{Error, Result};

use crate::place::Place;
use crate::sh::Steps;
use crate::{bundle, dist};

pub fn run(args: &[String]) -> Result<()> {
    let place = Place::find()?;
    let server_args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    let mut steps = Steps::new(3);
    steps.next("building the page");
    bundle::build(&place, None)?;
    steps.next("building the server");
    dist::server(&place)?;
    steps.next("starting the server");
    let mut server = Command::new(place.server());
    server.args(server_args).stdin(Stdio::null());
    Err(become_it(&mut server).context("the server cannot be started"))
}

/// Replaces xtask by the server: whoever stops the one then stops the other.
#[cfg(unix)]
fn become_it(server: &mut Command) -> Error {
    use std::os::unix::process::CommandExt as _;
    server.exec().into()
}

#[cfg(not(unix))]
fn become_it(server: &mut Command) -> Error {
    match server.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error.into(),
    }
}
