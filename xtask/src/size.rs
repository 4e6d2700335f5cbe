//! `cargo xtask size`: the size of the page by file, and of its code by crate.

use std::fs;

use anyhow::{Result, bail};

use crate::process::Steps;
use crate::workspace::Workspace;
use crate::{bundle, check, compress, fingerprint, tools};

pub fn size(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask size");
    }
    let workspace = Workspace::locate()?;
    let mut steps = Steps::new(2);
    steps.next("building the page");
    bundle::build(&workspace, None)?;
    steps.next("measuring the crates");
    let crates = tools::crate_sizes(&workspace)?;
    steps.done("done");
    println!("{crates}");
    print_files(&workspace)
}

/// Prints the sizes of the files in `dist/`, and the sums that [`check::check_size`] limits.
pub fn print_files(workspace: &Workspace) -> Result<()> {
    let dist = workspace.dist();
    println!("{:>9} {:>9} {:>9}  dist/", "bytes", "gzip", "brotli");
    for file in fingerprint::files(&dist)? {
        if file.extension().is_some_and(|ext| ext == "br" || ext == "gz") {
            continue;
        }
        let size = |file| match fs::metadata(file) {
            Ok(metadata) => metadata.len().to_string(),
            Err(_) => "-".to_owned(),
        };
        let gzip = size(compress::with_suffix(&file, "gz"));
        let brotli = size(compress::with_suffix(&file, "br"));
        let name = file.strip_prefix(&dist).unwrap_or(&file).display().to_string();
        println!("{:>9} {gzip:>9} {brotli:>9}  {name}", size(file));
    }
    println!("{:>29}  login page (HTML, styles, scripts, module)", check::first_load_size(&dist)?);
    println!("{:>29}  login page and room", check::size_with_room(&dist)?);
    for (part, bytes) in check::other_parts(&dist)? {
        println!("{bytes:>29}  {part}, loaded when it is needed");
    }
    Ok(())
}
