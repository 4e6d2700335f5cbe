//! `cargo xtask size`: how large the page is, file by file and, of its code, crate by crate.

use anyhow::{Result, bail};

use crate::place::Place;
use crate::sh::Steps;
use crate::{bundle, table, tools};

pub fn size(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask size");
    }
    let place = Place::find()?;
    let mut steps = Steps::new(2);
    steps.next("building the page");
    bundle::build(&place, None)?;
    steps.next("weighing its code");
    let crates = tools::weighed_client(&place)?;
    steps.done("done");
    println!("{crates}");
    table::print(&place)
}
