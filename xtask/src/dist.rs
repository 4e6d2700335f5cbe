//! `cargo xtask dist`: everything one needs to host Parlour.

use anyhow::{Result, bail};

use crate::place::Place;
use crate::sh::{self, Steps};
use crate::{bundle, table};

pub fn dist(args: &[String]) -> Result<()> {
    let place = Place::find()?;
    let connect_src = match args {
        [] => None,
        [flag, sources] if flag == "--connect-src" => Some(sources.as_str()),
        [flag] if flag.starts_with("--connect-src=") => flag.split_once('=').map(|(_, sources)| sources),
        _ => bail!("usage: cargo xtask dist [--connect-src \"wss://chat.example\"]"),
    };
    let mut steps = Steps::new(2);
    steps.next("building the page");
    bundle::build(&place, connect_src)?;
    steps.next("building the server");
    server(&place)?;
    steps.done("done");
    table::print(&place)?;
    println!("static files: {}", place.dist().display());
    println!("server, with the page inside: {}", place.server().display());
    Ok(())
}

/// The server in one file: the bundle is compiled into it.
pub fn server(place: &Place) -> Result<()> {
    let args = ["build", "--release", "--package", "parlour-server", "--features", "embed"];
    sh::run(&mut sh::cargo(place, &args), "building the server")
}
