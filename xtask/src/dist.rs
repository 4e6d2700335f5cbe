//! `cargo xtask dist`: builds what is needed to host Parlour.

use anyhow::{Result, bail};

use crate::process::{self, Steps};
use crate::workspace::Workspace;
use crate::{bundle, size};

pub fn dist(args: &[String]) -> Result<()> {
    let workspace = Workspace::locate()?;
    let connect_src = match args {
        [] => None,
        [flag, sources] if flag == "--connect-src" => Some(sources.as_str()),
        [flag] if flag.starts_with("--connect-src=") => flag.split_once('=').map(|(_, sources)| sources),
        _ => bail!("usage: cargo xtask dist [--connect-src \"wss://chat.example\"]"),
    };
    let mut steps = Steps::new(2);
    steps.next("building the page");
    bundle::build(&workspace, connect_src)?;
    steps.next("building the server");
    build_server(&workspace)?;
    steps.done("done");
    size::print_files(&workspace)?;
    println!("static files: {}", workspace.dist().display());
    println!("server, with the page embedded: {}", workspace.server().display());
    Ok(())
}

/// Builds the server with the bundle embedded.
pub fn build_server(workspace: &Workspace) -> Result<()> {
    let args = ["build", "--release", "--package", "parlour-server", "--features", "embed"];
    process::run(&mut process::cargo(workspace, &args), "building the server")
}
